package chaos

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// short is how long a fault lasts on the embedded cluster, and how long it is quiet between two.
const short = 100 * time.Millisecond

// TestChaos has faults of the embedded cluster and of the network, members that come and go, new partitions and new topics.
func TestChaos(t *testing.T) {
	t.Parallel()
	const brokers = 3
	c := trestletest.NewCluster(t, nil, trestletest.WithBrokers(brokers))
	w := newWorld(t, seed(), c.Brokers(), 1)
	w.role.Session, w.role.Refresh = time.Second, 400*time.Millisecond
	w.rewinds = true // see evidence
	w.withSteps(4, 40, 60)
	w.people(publishes, 2, 40*time.Millisecond)
	w.people(consumes, 3, 0)
	until := func(d time.Duration, begin func()) func() {
		return func() {
			begin()
			w.pass(d)
			c.Heal()
		}
	}
	refused := func(name string, key kmsg.Key, count int, err *kerr.Error, topLevel bool) fault {
		return fault{name, func() { c.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{key}, Count: count, Err: err, TopLevel: topLevel}) }}
	}
	w.suffer(0, short, []fault{
		{"leaders move", c.Fake().ShufflePartitionLeaders},
		{"coordinators move", c.Fake().RehashCoordinators},
		{"one broker is cut off", until(short, func() { c.Cut(w.random.Int32N(brokers)) })},
		{"all brokers are cut off", until(2*short, func() { c.Cut() })},
		{"acknowledgements are late", until(2*short, c.HoldAcknowledgements)},
		{"acknowledgements are lost", func() { c.LoseAcknowledgements(3) }},
		refused("too few replicas are in sync", kmsg.Produce, 20, kerr.NotEnoughReplicas, false),
		refused("too few replicas after the write", kmsg.Produce, 5, kerr.NotEnoughReplicasAfterAppend, false),
		refused("publishers ask a broker that leads no more", kmsg.Produce, 5, kerr.NotLeaderForPartition, false),
		refused("consumers ask a broker that leads no more", kmsg.Fetch, 5, kerr.NotLeaderForPartition, false),
		refused("commits meet a coordinator that is none", kmsg.OffsetCommit, 3, kerr.NotCoordinator, false),
		refused("a member is forgotten", kmsg.Heartbeat, 1, kerr.UnknownMemberID, true),
		{"a consumer goes, another comes", func() {
			i := w.random.IntN(len(w.crew[consumes]))
			if err := w.crew[consumes][i].end(); err != nil { // it could not commit, or leave the group, because of what happened before
				t.Log(err)
			}
			w.again(consumes, i, 0)
		}},
		{"a publisher goes, another comes", func() {
			i := w.random.IntN(len(w.crew[publishes]))
			if err := w.crew[publishes][i].end(); err != nil {
				t.Fatal(err)
			}
			w.again(publishes, i, 0)
		}},
		{"partitions are added", func() { w.addPartitions(1) }},
		{"the topic is made anew", func() { w.quiet(func() { w.recreate(4) }) }},
	})
	w.judge()
}

// TestChaosOfStores has processes that write into outboxes and spools, relay, handle once, in batches and with retry topics, and replay, while they,
// the database and connections to the embedded cluster die.
func TestChaosOfStores(t *testing.T) {
	t.Parallel()
	db := services.OwnPostgres(t)
	c := trestletest.NewCluster(t, nil, trestletest.WithBrokers(2))
	w := newWorld(t, seed(), c.Brokers(), 1)
	w.processes, w.settles = true, true
	w.role.Session, w.role.Refresh, w.role.Room = time.Second, 400*time.Millisecond, 32<<10
	w.withStores(db.DSN(), 2, 10, 60)
	w.peopleOfStores(150 * time.Millisecond)
	cut := func() { c.Cut() }
	w.suffer(0, short, append(w.faultsOfStores(db, cut, c.Heal, short),
		fault{"acknowledgements are lost", func() { c.LoseAcknowledgements(3) }},
	))
	w.judge()
}

// peopleOfStores starts those who publish orders and notes, an event of each key every so often, and those who do something with them.
func (w *world) peopleOfStores(every time.Duration) {
	w.people(transacts, 2, every)
	w.people(spools, 2, every)
	w.people(relays, 2, 0)
	w.people(batches, 2, 0)
	w.people(effects, 2, 0)
	w.people(replays, 2, 0)
}

// faultsOfStores are what may happen to them. cut takes the cluster away, and heal brings it back.
func (w *world) faultsOfStores(db *services.PostgresServer, cut, heal func(), pause time.Duration) []fault {
	return []fault{
		{"the database is killed", func() {
			db.Kill()
			w.pass(pause)
			db.Start()
		}},
		{"relays die at their steps", func() { w.dieAtSteps(relays, 3) }},
		{"operators die at their steps", func() { w.dieAtSteps(replays, 3) }},
		{"spools are full", func() { w.fillSpools(cut, heal) }},
		{"a publisher with a spool is killed", func() { w.killSpooling(cut, heal) }},
		{"one of each kind is killed", func() { w.killOne(pause, transacts, spools, relays, batches, effects, replays) }},
		{"a consumer of each kind is killed", func() { w.killOne(pause, batches, effects) }},
		{"one that writes into the outbox is killed", func() { w.killOne(0, transacts) }},
	}
}
