package trestle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/wire"
)

func adminOf(client *kgo.Client) *kadm.Client { return kadm.NewClient(client) }

func TestOutputsGoWithTheCommit(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	const perOrder = 30
	ids := orderIDs(20)
	c.writeOrders(t, ids, perOrder)
	book := newLedger(t)
	m := transact(t, c, newLifeline(0, false), func(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
		return book.handle(func(ctx context.Context, e *orderPlaced) error { return ship(ctx, pub, e) })(ctx, e)
	})
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(perOrder*len(ids)) })
	m.stop()
	wantOutputs(t, c.conn, shipments.Name, shippedOf(ids, perOrder, nil))
	book.wantAll(ids, perOrder)
}

// TestTransactionsAtEveryStep kills a member at the first step of its transactions, then one at the second, and so on, until one ends its
// work before it dies; and has the connections of others break there. The next one goes on with what that has left.
func TestTransactionsAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, cuts := range map[string]bool{"killed": false, "cut off": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startShipping(t)
			ids := orderIDs(4)
			perOrder, steps := 0, map[string]bool{}
			// Which step is the nth differs from life to life: more than one pass may be needed to have somebody die at each.
			for last, pass := int64(1), 1; ; last++ {
				var records []*kgo.Record
				for range 2 {
					for _, id := range ids {
						records = append(records, orderRecord(id, perOrder))
					}
					perOrder++
				}
				c.write(t, records...)
				all := int64(perOrder * len(ids))
				life := newLifeline(last, cuts)
				handle := func(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error { return ship(ctx, pub, e) }
				m := transact(t, c, life, handle)
				eventually(t, "it dies or ends its work", func() bool { return life.dead.Load() || c.committed(testGroup) == all })
				_ = m.end() // it may die at that, too
				steps[life.lastStep()] = true
				if life.step.Load() < last {
					if pass++; pass > 5 || len(missedSteps(steps)) == 0 {
						break
					}
					last = 0
				}
				if cuts {
					continue
				}
				next := transact(t, c, newLifeline(0, false), handle)
				eventually(t, "the next ends its work", func() bool { return c.committed(testGroup) == all })
				next.stop()
			}
			wantOutputs(t, c.conn, shipments.Name, shippedOf(ids, perOrder, nil))
			for _, step := range missedSteps(steps) {
				t.Errorf("nobody died where it had %s: %s", step, names(steps))
			}
		})
	}
}

// missedSteps are those of a transaction at which nobody died.
func missedSteps(steps map[string]bool) (missed []string) {
	for _, request := range []string{"InitProducerID", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"} {
		for _, when := range []string{"sent ", "answered "} {
			if !steps[when+request] {
				missed = append(missed, when+request)
			}
		}
	}
	return missed
}

// TestHandlersThatPublish has handlers end in every way that there is after they have published: only what a handler has published that
// returns nil counts.
func TestHandlersThatPublish(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	c.write(t, orderRecord("fails", 0), orderRecord("panics", 0), orderRecord("snoozes", 0), orderRecord("repeats", 0), orderRecord("retries", 0), orderRecord("late", 0))
	pub := newPublisher(t, c.brokers)
	late := make(chan error, 1)
	outcomes := newOutcomes()
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		var receipt trestle.Receipt
		err := pub.PublishAsync(ctx, shipped(e, d.Attempt-1+d.Snoozes, 9), func(r trestle.Receipt, err error) { receipt = r })
		if err != nil || receipt.EventID == "" || receipt.Offset != -1 || receipt.Topic != shipments.Name {
			t.Errorf("%s: %+v, %v", e.OrderID, receipt, err)
		}
		again := d.Attempt > 1 || d.Snoozes > 0
		switch e.OrderID {
		case "fails":
			return trestle.Permanent(errTransient)
		case "panics":
			panic("the shelf is empty")
		case "snoozes":
			if !again {
				return trestle.Snooze(1)
			}
		case "repeats":
			return trestle.ErrDuplicate
		case "retries":
			if !again {
				return errTransient
			}
		case "late":
			go func() {
				for d.Attempt > 0 {
					err := pub.Publish(ctx, shipped(e, 7, 9))
					if publishing, ok := errors.AsType[*trestle.PublishError](err); ok && publishing.Fate == trestle.NotSent {
						late <- err
						return
					}
				}
			}()
			<-time.After(10 * time.Millisecond)
			return trestle.Permanent(errTransient) // so that nothing counts that was in time
		}
		return nil
	}, trestle.WithTransactions(pub), trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 6 })
	if err := <-late; !strings.Contains(err.Error(), "its handler has returned") {
		t.Error(err)
	}
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 2, trestle.DeadLettered: 3, trestle.Duplicate: 1})
	wantOutputs(t, c.conn, shipments.Name, map[string][]string{"snoozes": {"0:1/9"}, "retries": {"0:1/9"}})

	for r, err := range kafka.Scan(deadline(t), c.conn, []string{shipments.Name}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil || wire.HeaderValue(r.Headers, trestle.HeaderCausationID) == "" || wire.HeaderValue(r.Headers, "event-id") == "" {
			t.Errorf("headers %v, %v", r, err)
		}
	}
	if err := pub.Publish(t.Context(), shipped(&orderPlaced{OrderID: "outside"}, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if got := committedOutputs(t, c.conn, shipments.Name)["outside"]; len(got) != 1 {
		t.Errorf("published outside of a handler: %v", got)
	}
}

// TestRefusedOutputs has a topic refuse outputs: of one event, of all, and in between. Events whose outputs are refused go to their dead
// letters, and the others are shipped.
func TestRefusedOutputs(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*cluster) (refused func(order string) bool, end func()){
		"a record": func(c *cluster) (func(string) bool, func()) {
			f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: shipments.Name, Err: kerr.InvalidRecord, Count: -1, When: func(r kmsg.Request) bool {
				for _, topic := range r.(*kmsg.ProduceRequest).Topics {
					for _, p := range topic.Partitions {
						if bytes.Contains(p.Records, []byte("order-3")) {
							return true
						}
					}
				}
				return false
			}})
			return func(order string) bool { return order == "order-3" }, f.Remove
		},
		"all": func(c *cluster) (func(string) bool, func()) {
			f := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: shipments.Name, Err: kerr.TopicAuthorizationFailed, Count: -1})
			return func(string) bool { return true }, f.Remove
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startShipping(t)
			const perOrder = 3
			ids := orderIDs(8)
			refused, end := refuse(c)
			c.writeOrders(t, ids, perOrder)
			all := perOrder * len(ids)
			pub := newPublisher(t, c.brokers, trestle.WithCompression(trestle.Uncompressed))
			r := consume(t, c, func(ctx context.Context, e *orderPlaced) error { return ship(ctx, pub, e) },
				trestle.WithTransactions(pub), trestle.WithRetries(1), trestle.WithoutBreaker())
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(all) })
			fails := func(e *orderPlaced) bool { return refused(e.OrderID) && outputsOf(e) > 0 }
			letters := 0
			for _, id := range ids {
				for n := range perOrder {
					if fails(&orderPlaced{OrderID: id, N: int64(n)}) {
						letters++
					}
				}
			}
			written := map[string]bool{}
			for _, l := range c.deadLetters(t) {
				written[fmt.Sprintf("%d/%d", l.Original.Partition, l.Original.Offset)] = true
				if !strings.Contains(l.Error.Message, "publish to shipments: test.OrderShipped: refused") {
					t.Errorf("dead letter says %q", l.Error.Message)
				}
			}
			if len(written) != letters {
				t.Errorf("%d events have dead letters, want %d", len(written), letters)
			}
			end()
			wantHealth(t, r, true, "")
			c.writeOrders(t, []string{"after"}, perOrder)
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(all+perOrder) })
			r.stop()
			want := shippedOf(ids, perOrder, fails)
			want["after"] = shippedOf([]string{"after"}, perOrder, nil)["after"]
			wantOutputs(t, c.conn, shipments.Name, want)
		})
	}
}

// TestLostPartitionAddsNothing has the group go on without a member whose handler still runs.
func TestLostPartitionAddsNothing(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	pub := newPublisher(t, c.brokers)
	c.write(t, orderRecord("a", 0), orderRecord("b", 0))
	hold, held := make(chan struct{}), make(chan struct{})
	zombie := newLifeline(0, false)
	first := transact(t, c, zombie, func(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
		err := pub.Publish(ctx, shipped(e, 0, 9))
		if e.OrderID == "a" {
			close(held)
			<-hold
		}
		return errors.Join(err, pub.Publish(ctx, shipped(e, 1, 9)))
	}, trestle.WithCommitInterval(time.Minute)) // so that what is done of b is not committed either
	<-held
	// Nobody hears of it any more.
	heartbeats := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID, Count: -1})
	if err := heartbeats.Wait(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	zombie.kill()
	heartbeats.Remove()
	second := consume(t, c, func(ctx context.Context, e *orderPlaced) error { return pub.Publish(ctx, shipped(e, 2, 9)) }, trestle.WithTransactions(pub))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 2 })
	zombie.dead.Store(false) // it is back
	close(hold)
	_ = first.end()
	second.stop()
	wantOutputs(t, c.conn, shipments.Name, map[string][]string{"a": {"0:2/9"}, "b": {"0:2/9"}})
}

// TestTransactionsWhileTheClusterIsAway cuts a member off for longer than its transaction lasts.
func TestTransactionsWhileTheClusterIsAway(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	ids := orderIDs(6)
	c.writeOrders(t, ids, 20)
	life := newLifeline(0, false)
	var once sync.Once
	m := transact(t, c, life, func(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
		if e.N == 10 && e.OrderID == "order-0" {
			once.Do(life.kill)
		}
		return ship(ctx, pub, e)
	})
	eventually(t, "it says so", func() bool { return strings.Contains(whatIsWrong(m), "cluster_away") })
	life.dead.Store(false)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(20*len(ids)) })
	wantHealth(t, m, true, "")
	m.stop()
	wantOutputs(t, c.conn, shipments.Name, shippedOf(ids, 20, nil))
}

// TestTransactionsThatAreNotAllowed has brokers not let the consumer use its transactional id.
func TestTransactionsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]kmsg.Key{"at first": kmsg.InitProducerID, "later": kmsg.AddOffsetsToTxn} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startShipping(t)
			c.writeOrders(t, []string{"a", "b"}, 5)
			c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, TopLevel: true, Err: kerr.TransactionalIDAuthorizationFailed, Count: -1})
			pub := newPublisher(t, c.brokers)
			r := consume(t, c, func(ctx context.Context, e *orderPlaced) error { return pub.Publish(ctx, shipped(e, 0, 1)) }, trestle.WithTransactions(pub))
			err := <-r.result
			r.result = nil
			if err == nil || !errors.Is(err, kerr.TransactionalIDAuthorizationFailed) || !strings.Contains(err.Error(), "ACL") {
				t.Errorf("Run: %v", err)
			}
			if h := r.Health(); h.Live {
				t.Errorf("%+v", h)
			}
			wantOutputs(t, c.conn, shipments.Name, map[string][]string{})
		})
	}
}

func TestTransactionOptions(t *testing.T) {
	t.Parallel()
	brokers := []string{"127.0.0.1:1"}
	for want, opts := range map[string][]trestle.ConsumerOption{
		"WithTransactions: must not be nil":                 {trestle.WithTransactions(nil)},
		"WithTransactions: the publisher has an outbox":     {trestle.WithTransactions(newPublisher(t, brokers, trestle.WithOutbox(new(keptOutbox))))},
		"WithTransactions: the publisher has a spool":       {trestle.WithTransactions(newPublisher(t, brokers, trestle.WithSpool(t.TempDir(), spool.Options{})))},
		"WithTransactions: the publisher must have AcksAll": {trestle.WithTransactions(newPublisher(t, brokers, trestle.WithAcks(trestle.AcksLeader)))},
		"WithTransactions: does not go with WithHeldKeys": {
			trestle.WithTransactions(newPublisher(t, brokers)), trestle.WithHeldKeys(orders.Name),
		},
		"WithCommitInterval: must be at most 1m with WithTransactions": {
			trestle.WithTransactions(newPublisher(t, brokers)), trestle.WithCommitInterval(time.Hour),
		},
	} {
		if _, err := trestle.NewConsumer(brokers, testGroup, opts...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestTransactionsOfAnotherCluster has the publisher be one to another cluster than the consumer's.
func TestTransactionsOfAnotherCluster(t *testing.T) {
	t.Parallel()
	c, other := startCluster(t), startCluster(t, kfake.ClusterID("other"))
	pub := newPublisher(t, other.brokers)
	r := consume(t, c, ok, trestle.WithTransactions(pub))
	if err := <-r.result; err == nil || !strings.Contains(err.Error(), "the publisher's cluster is other") {
		t.Errorf("Run: %v", err)
	}
	r.result = nil
}

// TestCallsInTransactions has a handler call a service through the publisher of its outputs: the request is sent at once.
func TestCallsInTransactions(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	for _, topic := range []string{asks.Name, prices.Name} {
		c.createTopic(t, topic, 1)
	}
	answering := newPublisher(t, c.brokers)
	service, err := trestle.NewConsumer(c.brokers, "prices", quick(trestle.WithTransactions(answering))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Answer(service, answering, func(_ context.Context, e *askPrice) (*price, error) {
		return &price{orderPlaced{OrderID: e.OrderID, N: 7}}, nil
	})
	run(t, service)
	pub := newPublisher(t, c.brokers)
	caller := newCaller(t, c, trestle.WithPublisher(pub))
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		ctx, cancel := context.WithTimeout(ctx, testPatience)
		defer cancel()
		answer, err := trestle.Call[*price](ctx, caller, ask(e.OrderID))
		if err != nil {
			return err
		}
		return pub.Publish(ctx, shipped(&orderPlaced{OrderID: e.OrderID, N: answer.N}, 0, 1))
	}, trestle.WithTransactions(pub))
	c.writeOrders(t, []string{"a"}, 1)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1 })
	r.stop()
	wantOutputs(t, c.conn, shipments.Name, map[string][]string{"a": {"7:0/1"}})
}
