package trestle_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

// TestTransactionLedger has three members handle events while they are killed, cut off and joined by others, handlers fail, snooze and panic
// after they have published, and brokers refuse steps of transactions. In the end each event's outputs are there once, in the order of its
// key, and of those that went to their dead letters none.
func TestTransactionLedger(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]trestle.ConsumerOption{
		"classic":  nil,
		"consumer": {trestle.WithConsumerProtocol()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			c := startCluster(t, kfake.NumBrokers(3), kfake.BrokerConfigs(map[string]string{
				"group.consumer.heartbeat.interval.ms": "50", "group.consumer.session.timeout.ms": "500",
			}))
			c.createTopic(t, shipments.Name, testPartitions)
			const perOrder = 40
			ids := orderIDs(40)
			total := int64(perOrder * len(ids))
			c.writeOrders(t, ids, perOrder)
			w := &shippingWorld{t: t, c: c, opts: opts, random: rand.New(rand.NewPCG(seed, 0)), attempts: map[string]int{}, calm: make(chan struct{})}
			for range 3 {
				w.members = append(w.members, w.join())
			}
			for range 20 {
				w.disturb()
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(50+w.random.IntN(250))*time.Millisecond)
				<-ctx.Done()
				cancel()
			}
			close(w.calm)
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == total })
			for _, m := range w.members {
				_ = m.end() // its group may have gone on without it just then
			}
			wantOutputs(t, c.conn, shipments.Name, shippedOf(ids, perOrder, failsForGood))
			letters := map[string]bool{}
			for _, l := range c.deadLetters(t) {
				letters[fmt.Sprintf("%d/%d", l.Original.Partition, l.Original.Offset)] = true
			}
			want := 0
			for _, id := range ids {
				for n := range perOrder {
					if failsForGood(&orderPlaced{OrderID: id, N: int64(n)}) {
						want++
					}
				}
			}
			if len(letters) != want {
				t.Errorf("%d events have dead letters, want %d", len(letters), want)
			}
			t.Logf("%d handler calls for %d events; %v", w.calls, total, w.did)
		})
	}
}

// shippingWorld is a group of members to whom things happen.
type shippingWorld struct {
	t       *testing.T
	c       *cluster
	opts    []trestle.ConsumerOption
	random  *rand.Rand
	members []*transactional
	did     []string

	calm     chan struct{} // closed when nothing more happens
	mu       sync.Mutex
	attempts map[string]int
	calls    int
}

func (w *shippingWorld) join() *transactional {
	return transact(w.t, w.c, newLifeline(0, false), w.handle, append(w.opts, trestle.WithoutBreaker())...)
}

// handle publishes all of an event's outputs first, so that what fails afterwards has to take them back.
func (w *shippingWorld) handle(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
	w.mu.Lock()
	w.calls++
	w.attempts[eventName(e)]++
	attempt := w.attempts[eventName(e)]
	w.mu.Unlock()
	if err := ship(ctx, pub, e); err != nil {
		return err
	}
	if draw("slow", e, 10) == 0 {
		time.Sleep(time.Duration(draw("time", e, 40)) * time.Millisecond)
	}
	switch {
	case failsForGood(e):
		return trestle.Permanent(errTransient)
	case attempt%2 == 1 && draw("retries", e, 15) == 0:
		return errTransient
	case attempt%2 == 1 && draw("snoozes", e, 15) == 0:
		return trestle.Snooze(5 * time.Millisecond)
	case attempt%2 == 1 && draw("outlives", e, 100) == 0:
		select { // it is done when its partition has been given up
		case <-ctx.Done():
		case <-w.calm:
		}
	}
	return nil
}

// disturb has something happen.
func (w *shippingWorld) disturb() {
	i := w.random.IntN(len(w.members))
	m := w.members[i]
	switch what := w.random.IntN(8); what {
	case 0:
		m.die()
		w.members[i] = w.join()
		w.did = append(w.did, "killed")
	case 1:
		m.cut()
		w.did = append(w.did, "cut")
	case 2:
		_ = m.end() // it may leave what hangs
		w.members[i] = w.join()
		w.did = append(w.did, "restarted")
	case 3:
		w.members = append(w.members, w.join())
		w.did = append(w.did, "joined")
	case 4:
		if len(w.members) > 2 {
			_ = m.end()
			w.members = append(w.members[:i], w.members[i+1:]...)
			w.did = append(w.did, "left")
		}
	case 5:
		// Not those of the events: the cluster takes their records for lost then, and has them read from the beginning.
		if err := w.c.MoveTopicPartition(shipments.Name, w.random.Int32N(testPartitions), w.random.Int32N(3)); err != nil {
			w.t.Error(err)
		}
		w.did = append(w.did, "moved")
	default:
		step := []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.AddOffsetsToTxn, kmsg.InitProducerID}[w.random.IntN(5)]
		refusal := []*kerr.Error{
			kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.UnknownServerError, kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions,
			kerr.NotEnoughReplicas, kerr.RequestTimedOut,
		}[w.random.IntN(7)]
		fault := kfake.Fault{Keys: []kmsg.Key{step}, Err: refusal, Count: 1 + w.random.IntN(2)}
		if step == kmsg.Produce {
			fault.Topic = shipments.Name
		} else {
			fault.TopLevel = step != kmsg.TxnOffsetCommit
		}
		w.c.Fault(fault)
		w.did = append(w.did, step.Name()+" "+refusal.Message)
	}
}
