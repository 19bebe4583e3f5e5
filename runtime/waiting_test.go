package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/replay"
)

var waitingKeys = trestle.WithWaitingKeys(orders.Name)

// handleRetried is handle with errors that are tried again.
func (b *keyBook) handleRetried(ctx context.Context, e *orderPlaced) error {
	if err := b.handle(ctx, e); err != nil {
		return errTransient
	}
	return nil
}

// startWaiting is startHeld with retry topics.
func startWaiting(t *testing.T) *cluster {
	t.Helper()
	c := startWithRetries(t)
	c.createTopic(t, replay.ResolutionsTopic, 1)
	return c
}

// awaitRetried waits until the group has committed all of the retry topics, too.
func (c *cluster) awaitRetried(t testing.TB) {
	t.Helper()
	eventually(t, "all is done", func() bool {
		for _, topic := range []string{orders.Name, retrySoon, retryLater} {
			if c.committedOn(testGroup, topic) != c.end(topic) {
				return false
			}
		}
		return true
	})
}

// TestKeysWaitForRetries has an event fail in both retry topics and a restart between: its key waits for it, through all, and
// others go on.
func TestKeysWaitForRetries(t *testing.T) {
	t.Parallel()
	c := startWaiting(t)
	const perOrder = 8
	ids := orderIDs(5)
	book, outcomes := newKeyBook(t), newOutcomes()
	book.fail("order-1#2", 6) // twice in place, and twice in each round but the last
	book.fail("order-1#5", 2)
	opts := []trestle.ConsumerOption{
		waitingKeys, trestle.WithRetries(1), trestle.WithoutBreaker(), retryOpts(500*time.Millisecond, time.Second), trestle.WithObserver(outcomes.add),
	}
	c.writeOrders(t, ids, perOrder)
	first := consume(t, c, book.handleRetried, opts...)
	other, err := trestle.NewConsumer(c.brokers, "shipping", quick()...)
	if err != nil {
		t.Fatal(err)
	}
	theirs := newKeyBook(t)
	trestle.Handle(other, theirs.handle)
	run(t, other)
	c.awaitCommitted(t, testGroup)
	for _, id := range ids {
		if id != "order-1" {
			book.want(id, upTo(perOrder)...)
		}
	}
	if n := c.end(retrySoon); n < 1 {
		t.Errorf("%d records have waited", n)
	}
	first.stop()
	second := consume(t, c, book.handleRetried, opts...)
	c.writeOrder(t, "order-1", perOrder)
	c.awaitCommitted(t, testGroup)
	eventually(t, "the key goes on", func() bool { return book.count("order-1") == perOrder+1 })
	c.awaitRetried(t)
	c.writeOrder(t, "order-1", perOrder+1)
	before := c.end(retrySoon)
	eventually(t, "later events are handled", func() bool { return book.count("order-1") == perOrder+2 })
	second.stop()
	book.want("order-1", upTo(perOrder+2)...)
	if c.end(retrySoon) != before {
		t.Error("an event came to a retry topic although nothing waits there")
	}
	if n := book.called("order-1#2"); n != 7 {
		t.Errorf("the event that failed was tried %d times, want 7", n)
	}
	if outcomes.count(trestle.DeadLettered) != 0 || outcomes.count(trestle.Retried) != 4 || outcomes.count(trestle.Held) == 0 {
		t.Errorf("outcomes %v", outcomes.n)
	}
	eventually(t, "the other group handles all", func() bool { return theirs.count("order-1") == perOrder+2 })
	theirs.want("order-1", upTo(perOrder+2)...)
}

// TestKeysGoOnAfterTheLastRetry has an event go to its dead letter after all its retries: its key goes on, or is held there until
// a replay.
func TestKeysGoOnAfterTheLastRetry(t *testing.T) {
	t.Parallel()
	for name, more := range map[string][]trestle.ConsumerOption{"goes on": nil, "is held": {heldKeys}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startWaiting(t)
			book := newKeyBook(t)
			book.fail("a#1", always)
			c.writeOrder(t, "a", upTo(5)...)
			r := consume(t, c, book.handleRetried, append(more, waitingKeys, trestle.WithRetries(0), trestle.WithoutBreaker(),
				retryOpts(50*time.Millisecond, 50*time.Millisecond))...)
			eventually(t, "the dead letter", func() bool { return c.end(orders.DeadLetter) > 0 })
			c.awaitRetried(t)
			if book.called("a#1") != 4 {
				t.Errorf("the event that fails was tried %d times", book.called("a#1"))
			}
			if len(more) == 0 {
				c.wantLetters(t, 1, 0)
				book.want("a", 0, 2, 3, 4)
				r.stop()
				return
			}
			c.wantLetters(t, 4, 3)
			book.want("a", 0)
			book.fail("a#1", 2) // the replay waits in the retry topics once more
			c.replayFailed(t)
			c.writeOrder(t, "a", 5)
			eventually(t, "all is handled", func() bool { return book.count("a") == 6 })
			c.awaitRetried(t)
			r.stop()
			book.want("a", upTo(6)...)
			c.wantLetters(t, 0, 0)
		})
	}
}

// TestWaitingKeysThroughRebalances has members come and go while some events fail several times, and new ones come.
func TestWaitingKeysThroughRebalances(t *testing.T) {
	t.Parallel()
	c := startWaiting(t)
	const keys, perKey = 12, 40
	ids := orderIDs(keys)
	book := newKeyBook(t)
	for i, id := range ids {
		for n := range perKey {
			if (n*7+i)%11 == 0 {
				book.failures[fmt.Sprintf("%s#%d", id, n)] = 1 + n%3
			}
		}
	}
	outcomes := newOutcomes()
	opts := []trestle.ConsumerOption{
		waitingKeys, heldKeys, trestle.WithRetries(0), trestle.WithoutBreaker(), retryOpts(30*time.Millisecond, 60*time.Millisecond),
		trestle.WithObserver(outcomes.add), trestle.WithSessionTimeout(30 * time.Second), // none is lost, whose events would be handled again
	}
	var others sync.WaitGroup
	others.Go(func() {
		for n := range perKey {
			for _, id := range ids {
				c.writeOrder(t, id, int64(n))
			}
		}
	})
	members := []*running{consume(t, c, book.handleRetried, opts...), consume(t, c, book.handleRetried, opts...)}
	for range 3 {
		before := outcomes.count(trestle.Held)
		eventually(t, "keys wait", func() bool {
			return outcomes.count(trestle.Held) > before || outcomes.count(trestle.Handled) == keys*perKey
		})
		members = append(members, consume(t, c, book.handleRetried, opts...))
		members[0].stop()
		members = members[1:]
	}
	others.Wait()
	all := func() (n int) {
		for _, id := range ids {
			n += book.count(id)
		}
		return n
	}
	eventually(t, "all is handled", func() bool { return all() >= keys*perKey })
	c.awaitRetried(t)
	for _, m := range members {
		m.stop()
	}
	for _, id := range ids {
		book.want(id, upTo(perKey)...)
	}
	c.wantLetters(t, 0, 0)
	t.Logf("outcomes %v", outcomes.n)
}

// TestRetriesThatWereWrittenAreNotWrittenAgain has a process die after it has written to a retry topic, and before it commits.
func TestRetriesThatWereWrittenAreNotWrittenAgain(t *testing.T) {
	t.Parallel()
	c := startWaiting(t)
	book := newKeyBook(t)
	book.fail("a#1", 1)
	c.writeOrder(t, "a", upTo(5)...)
	var dies atomic.Bool
	dies.Store(true)
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, errors.New("the process has died"), dies.Load()
	})
	opts := []trestle.ConsumerOption{
		waitingKeys, trestle.WithRetries(0), trestle.WithoutBreaker(), trestle.WithDrainTimeout(100 * time.Millisecond), retryOpts(time.Hour, time.Hour),
	}
	first := consume(t, c, book.handleRetried, opts...)
	eventually(t, "four events wait", func() bool { return c.end(retrySoon) == 4 })
	if err := first.end(); err == nil {
		t.Error("it has committed")
	}
	dies.Store(false)
	outcomes := newOutcomes()
	second := consume(t, c, book.handleRetried, append(opts, trestle.WithObserver(outcomes.add))...)
	c.awaitCommitted(t, testGroup)
	second.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 1, trestle.Retried: 1, trestle.Held: 3})
	if n := c.end(retrySoon); n != 4 || book.called("a#1") != 1 {
		t.Errorf("%d records of four events, the one that failed was tried %d times", n, book.called("a#1"))
	}
}

// TestBatchesOfWaitingKeys has single events of batches fail, of which the handler had what follows in hand.
func TestBatchesOfWaitingKeys(t *testing.T) {
	t.Parallel()
	c := startWaiting(t)
	const perOrder = 12
	ids := orderIDs(5)
	c.writeOrders(t, ids, perOrder)
	var mu sync.Mutex
	failed, last := map[string]bool{}, map[string]int64{}
	outcomes := newOutcomes()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(waitingKeys, trestle.WithRetries(0), trestle.WithoutBreaker(),
		retryOpts(200*time.Millisecond, time.Second), trestle.WithObserver(func(o trestle.Outcome) {
			outcomes.add(o)
			if o.Result != trestle.Handled {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if before, some := last[string(o.Delivery.Key)]; some && o.Delivery.Offset <= before {
				t.Errorf("%s: offset %d was done after %d", o.Delivery.Key, o.Delivery.Offset, before)
			}
			last[string(o.Delivery.Key)] = o.Delivery.Offset
		}))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleBatch(consumer, func(_ context.Context, items []trestle.Item[orderPlaced]) error {
		mu.Lock()
		defer mu.Unlock()
		var errs trestle.BatchError
		for i, item := range items {
			if name := eventName(item.Event); item.Event.N == 4 && !failed[name] {
				failed[name] = true
				errs.Add(i, errTransient)
			}
		}
		return errs.Err()
	}, trestle.WithMaxBatchSize(20))
	r := run(t, consumer)
	eventually(t, "all is handled", func() bool { return outcomes.count(trestle.Handled) == len(ids)*perOrder })
	c.awaitRetried(t)
	r.stop()
	if outcomes.count(trestle.Retried) != len(ids) || outcomes.count(trestle.DeadLettered) != 0 {
		t.Errorf("outcomes %v", outcomes.n)
	}
}

// TestWaitingKeysThatDoNotFit are an error.
func TestWaitingKeysThatDoNotFit(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{"refunds": "no handler reads topic refunds", orders.Name: "has no retry topics"} {
		consumer, err := trestle.NewConsumer([]string{"127.0.0.1:1"}, testGroup, trestle.WithWaitingKeys(topic))
		if err != nil {
			t.Fatal(err)
		}
		trestle.Handle(consumer, ok)
		if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "WithWaitingKeys: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("Run: %v", err)
		}
	}
}

// TestWaitingKeysOnEitherCluster has an event fail twice, while others of its key come, through a restart.
func TestWaitingKeysOnEitherCluster(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			retries := c.topic.Name + "_retry"
			c.createTopic(t, retries, 2)
			book := newKeyBook(t)
			book.fail("order-1#3", 2)
			member := func() *running {
				consumer, err := trestle.NewConsumer(c.brokers, c.group, trestle.WithLogger(quiet), trestle.WithHeartbeatInterval(100*time.Millisecond), trestle.WithRetries(0),
					trestle.WithRetryTopics(c.topic.Name, trestle.RetryTopic{Name: retries, Delay: 2 * time.Second, Attempts: 3}), trestle.WithWaitingKeys(c.topic.Name))
				if err != nil {
					t.Fatal(err)
				}
				trestle.HandleInfo(consumer, c.info, asEvent(book.handleRetried))
				return run(t, consumer)
			}
			ids := orderIDs(5)
			written := &rounds{topic: c, ids: ids}
			written.more(t, 10)
			first, second := member(), member()
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 })
			first.stop()
			written.more(t, 5)
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 })
			third := member()
			second.stop()
			eventually(t, "the key goes on", func() bool { return book.count("order-1") == written.perOrder })
			written.more(t, 3)
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 && book.count("order-1") == written.perOrder })
			third.stop()
			for _, id := range ids {
				book.want(id, upTo(written.perOrder)...)
			}
		})
	}
}
