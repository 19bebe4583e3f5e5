package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "of the order of faults and of what they hit; 0: a fresh one")
	eventsFlag = flag.Int("events", 0, "events that TestChaosOnKafka publishes; 0: it does not run")
)

func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64()
}

// fault is something that goes wrong, and right again before it returns.
type fault struct {
	name string
	do   func()
}

// suffer has faults happen in turns of random order, each at least once, for so long or until all is published. Then the rest is
// published without them.
func (w *world) suffer(long, pause time.Duration, faults []fault) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		w.lookEvery(ctx, pause)
	}()
	defer func() {
		cancel()
		<-looked
	}()
	over := func(start time.Time) bool { return w.arePublished() || time.Since(start) > long }
	for start, turn := time.Now(), 0; turn == 0 || !over(start); turn++ {
		for _, i := range w.random.Perm(len(faults)) {
			if turn > 0 && over(start) {
				break
			}
			begun := time.Now()
			faults[i].do()
			w.t.Logf("%-40s %v", faults[i].name, time.Since(begun).Round(time.Millisecond))
			if w.t.Failed() {
				w.t.FailNow()
			}
			w.pass(pause)
		}
	}
	begun := time.Now()
	for _, a := range w.publishers {
		fmt.Fprintln(a.in, "hurry")
	}
	w.eventually("all is published", func(context.Context) error {
		if !w.arePublished() {
			return errors.New("publishers have not finished")
		}
		return nil
	})
	w.drain()
	w.t.Logf("%-40s %v", "the rest, without faults", time.Since(begun).Round(time.Millisecond))
}

// pass lets time pass in which actors go on.
func (w *world) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.t.Context().Done():
	}
}

// proxies stand before all brokers.
func (w *world) proxies() []*proxy {
	w.t.Helper()
	w.role.Routes = map[string]string{}
	var all []*proxy
	for _, broker := range w.role.Brokers {
		p := startProxy(w.t, broker)
		all = append(all, p)
		w.role.Routes[broker] = p.address()
	}
	return all
}

// cut lets nothing through some proxies for a while.
func (w *world) cut(d time.Duration, proxies ...*proxy) {
	for _, p := range proxies {
		p.setCut(true)
	}
	w.pass(d)
	for _, p := range proxies {
		p.setCut(false)
	}
}

// TestChaos has faults of the embedded cluster and of the network, members that come and go, new partitions and new topics.
func TestChaos(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.GroupMinSessionTimeout(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := newWorld(t, seed(), c.ListenAddrs(), 1, 4, 40, 60)
	w.role.Every, w.role.Session, w.role.Refresh = 40*time.Millisecond, time.Second, 400*time.Millisecond
	w.rewinds = true // when a leader has moved this cluster may say that the log was cut off at its start, which it was not
	proxies := w.proxies()
	w.people(2, 3)
	const short = 100 * time.Millisecond
	refused := func(name string, key kmsg.Key, count int, err *kerr.Error, topLevel bool) fault {
		return fault{name, func() { c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Count: count, Err: err, TopLevel: topLevel}) }}
	}
	w.suffer(0, short, []fault{
		{"leaders move", c.ShufflePartitionLeaders},
		{"coordinators move", c.RehashCoordinators},
		{"one broker is cut off", func() { w.cut(short, proxies[w.random.IntN(len(proxies))]) }},
		{"all brokers are cut off", func() { w.cut(2*short, proxies...) }},
		refused("too few replicas are in sync", kmsg.Produce, 20, kerr.NotEnoughReplicas, false),
		refused("too few replicas after the write", kmsg.Produce, 5, kerr.NotEnoughReplicasAfterAppend, false),
		refused("publishers ask a broker that leads no more", kmsg.Produce, 5, kerr.NotLeaderForPartition, false),
		refused("consumers ask a broker that leads no more", kmsg.Fetch, 5, kerr.NotLeaderForPartition, false),
		refused("commits meet a coordinator that is none", kmsg.OffsetCommit, 3, kerr.NotCoordinator, false),
		refused("a member is forgotten", kmsg.Heartbeat, 1, kerr.UnknownMemberID, true),
		{"a consumer goes, another comes", func() {
			i := w.random.IntN(len(w.consumers))
			if err := w.consumers[i].end(); err != nil { // it could not commit, or leave the group, because of what happened before
				t.Log(err)
			}
			w.again(w.consumers, i)
		}},
		{"a publisher goes, another comes", func() {
			i := w.random.IntN(len(w.publishers))
			if err := w.publishers[i].end(); err != nil {
				t.Fatal(err)
			}
			w.again(w.publishers, i)
		}},
		{"partitions are added", func() { w.addPartitions(1) }},
		{"the topic is made anew", func() { w.quiet(func() { w.recreate(4, 1) }) }},
	})
	w.judge()
}

// memoryBound is how much memory an actor's process may take, in bytes: what a consumer may have in hand, several times over for
// what is being fetched and for garbage, and what a program takes that does nothing.
const memoryBound = 192 << 20

// TestChaosOnKafka is what TestChaos is, on three brokers that are killed and paused, with actors that are, too.
func TestChaosOnKafka(t *testing.T) {
	if *eventsFlag == 0 {
		t.Skip("without -events; make chaos runs it")
	}
	const nodes, replicas, keys = 3, 3, 500
	cluster := services.Kafka(t, services.WithNodes(nodes))
	perKey := max(1, *eventsFlag/keys)
	w := newWorld(t, seed(), cluster.Brokers(), replicas, 6, keys, perKey)
	w.processes, w.patience = true, 4*time.Minute
	w.role.Session = 6 * time.Second // the least that brokers take
	long := max(80*time.Second, time.Duration(*eventsFlag)*time.Second/4000)
	w.role.Every = long / time.Duration(perKey)
	proxies := w.proxies()
	w.people(2, 3)
	node := func() int { return 1 + w.random.IntN(nodes) }
	outage := func(ids ...int) {
		cluster.Kill(ids...)
		w.pass(2 * time.Second)
		cluster.Start(ids...)
	}
	w.suffer(long, time.Second, []fault{
		{"a broker is killed", func() { outage(node()) }},
		{"a broker stands still", func() {
			id := node()
			cluster.Pause(id)
			w.pass(5 * time.Second)
			cluster.Resume(id)
		}},
		{"two brokers are killed: too few in sync", func() {
			first := node()
			outage(first, first%nodes+1)
		}},
		{"the group's coordinator is killed", func() { outage(w.coordinator()) }},
		{"leaders move", w.moveLeaders},
		{"one broker is cut off", func() { w.cut(2*time.Second, proxies[w.random.IntN(nodes)]) }},
		{"all brokers are cut off", func() { w.cut(3*time.Second, proxies...) }},
		{"a consumer is killed", func() { w.killOne(w.consumers) }},
		{"a publisher is killed", func() { w.killOne(w.publishers) }},
		{"a consumer stands still", func() { w.pauseOne(w.consumers, w.role.Session+2*time.Second) }},
		{"a publisher stands still", func() { w.pauseOne(w.publishers, 3*time.Second) }},
		{"partitions are added", func() { w.addPartitions(2) }},
		{"the topic is made anew", func() { w.quiet(func() { w.recreate(6, replicas) }) }},
	})
	w.judge()
	if w.peak > memoryBound {
		t.Errorf("an actor took %d MiB of memory, want at most %d", w.peak>>20, memoryBound>>20)
	}
}

// killOne kills one of several actors and starts another in its place.
func (w *world) killOne(actors []*actor) {
	i := w.random.IntN(len(actors))
	actors[i].kill()
	w.pass(time.Second)
	w.again(actors, i)
}

// pauseOne stops one of several actors where it is, for a while.
func (w *world) pauseOne(actors []*actor, d time.Duration) {
	w.t.Helper()
	a := actors[w.random.IntN(len(actors))]
	if err := a.proc.Signal(process.Pause); err != nil {
		w.t.Fatal(err)
	}
	w.pass(d)
	if err := a.proc.Signal(process.Resume); err != nil {
		w.t.Fatal(err)
	}
}

// coordinator is the group's.
func (w *world) coordinator() (id int) {
	w.t.Helper()
	w.eventually("the group has a coordinator", func(ctx context.Context) error {
		found := w.admin.FindGroupCoordinators(ctx, group)
		if err := found.Error(); err != nil {
			return err
		}
		id = int(found[group].NodeID)
		return nil
	})
	return id
}

// moveLeaders has another replica lead each partition, the next in turn.
func (w *world) moveLeaders() {
	w.t.Helper()
	var moves kadm.AlterPartitionAssignmentsReq
	w.eventually("the topic's leaders are known", func(ctx context.Context) error {
		listed, err := w.admin.ListTopics(ctx, steps.Name)
		if err != nil {
			return err
		}
		if err := listed.Error(); err != nil {
			return err
		}
		moves = kadm.AlterPartitionAssignmentsReq{}
		for id, p := range listed[steps.Name].Partitions {
			at := slices.Index(p.Replicas, p.Leader)
			if at < 0 {
				return fmt.Errorf("partition %d has no leader", id)
			}
			moves.Assign(steps.Name, id, append(slices.Clone(p.Replicas[at+1:]), p.Replicas[:at+1]...))
		}
		return nil
	})
	w.eventually("the first replicas lead", func(ctx context.Context) error {
		if _, err := w.admin.AlterPartitionAssignments(ctx, moves); err != nil {
			return err
		}
		_, err := w.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, nil)
		return err
	})
}
