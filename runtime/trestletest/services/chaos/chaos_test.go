package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/trestletest"
)

var seedFlag = flag.Uint64("seed", 0, "of the order of faults and of what they hit; 0: a fresh one")

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

// TestChaos has faults of the embedded cluster and of the network, members that come and go, new partitions and new topics.
func TestChaos(t *testing.T) {
	t.Parallel()
	const brokers = 3
	c := trestletest.NewCluster(t, nil, trestletest.WithBrokers(brokers))
	w := newWorld(t, seed(), c.Brokers(), 1, 4, 40, 60)
	w.role.Every, w.role.Session, w.role.Refresh = 40*time.Millisecond, time.Second, 400*time.Millisecond
	w.rewinds = true // when a leader has moved this cluster may say that the log was cut off at its start, which it was not
	w.people(2, 3)
	const short = 100 * time.Millisecond
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
