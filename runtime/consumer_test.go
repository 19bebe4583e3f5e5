package trestle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/wire"
)

func TestConsumerHandlesEveryEventOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(30)
	c.writeOrders(t, ids, 20)
	book := newLedger(t)
	first := consume(t, c, book.handle(ok))
	eventually(t, "all events handled", func() bool { return book.count() == 600 })
	eventually(t, "all committed while running", func() bool { return c.committed(testGroup) == 600 })
	first.stop()
	book.wantAll(ids, 20)

	second := consume(t, c, book.handle(ok))
	c.writeOrders(t, []string{"one-more"}, 1)
	eventually(t, "the new event handled", func() bool { return book.count() == 601 })
	second.stop()
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
	if got := c.committed(testGroup); got != 601 {
		t.Errorf("got commits up to %d, want 601", got)
	}
}

func TestSlowKeyHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(20)
	c.writeOrders(t, ids, 5)
	book := newLedger(t)
	var others atomic.Int32
	allOthers := make(chan struct{})
	r := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		if e.OrderID == ids[0] {
			select {
			case <-allOthers:
			case <-ctx.Done():
				return ctx.Err()
			}
		} else if others.Add(1) == 95 {
			close(allOthers)
		}
		return nil
	}), trestle.WithKeyWorkers(2))
	eventually(t, "all events handled", func() bool { return book.count() == 100 })
	r.stop()
	book.wantAll(ids, 5)
}

func TestRecordsWithoutAKeyRunInOrder(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "unused"))
	var records []*kgo.Record
	for n := range 50 {
		records = append(records, &kgo.Record{Topic: orders.Name, Value: []byte(orderJSON("keyless", n))})
	}
	c.client.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	book := newLedger(t)
	r := consume(t, c, book.handle(ok))
	eventually(t, "all events handled", func() bool { return book.count() == 50 })
	r.stop()
}

func TestFailingEventIsTriedAgainInItsPlace(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(5)
	c.writeOrders(t, ids, 4)
	book := newLedger(t)
	var mu sync.Mutex
	attempts := map[string][]int{}
	r := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		d, ok := trestle.DeliveryFrom(ctx)
		if !ok {
			t.Error("no delivery in the handler's context")
		}
		mu.Lock()
		defer mu.Unlock()
		attempts[eventName(e)] = append(attempts[eventName(e)], d.Attempt)
		if e.N == 1 && d.Attempt < 3 {
			return errTransient
		}
		return nil
	}), trestle.WithoutBreaker())
	eventually(t, "all events handled", func() bool { return book.count() == 20 })
	r.stop()
	book.wantAll(ids, 4)
	for _, id := range ids {
		if diff := cmp.Diff([]int{1, 2, 3}, attempts[id+"#1"]); diff != "" {
			t.Errorf("attempts at %s#1: %s", id, diff)
		}
	}
	if n := c.end(orders.DeadLetter); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// outcomes counts what a consumer's observer is told.
type outcomes struct {
	mu   sync.Mutex
	n    map[trestle.Result]int
	last map[trestle.Result]trestle.Outcome
}

func newOutcomes() *outcomes {
	return &outcomes{n: map[trestle.Result]int{}, last: map[trestle.Result]trestle.Outcome{}}
}

func (o *outcomes) add(outcome trestle.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n[outcome.Result]++
	o.last[outcome.Result] = outcome
}

func (o *outcomes) count(r trestle.Result) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n[r]
}

func (o *outcomes) want(t *testing.T, want map[trestle.Result]int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if diff := cmp.Diff(want, o.n); diff != "" {
		t.Errorf("outcomes: %s", diff)
	}
}

func TestDeclaredTypeWithoutHandlerIsSkipped(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.write(t, &kgo.Record{Topic: orders.Name, Key: []byte("a"), Value: []byte(strings.Replace(orderJSON("a", 0), "OrderPlaced", "OrderCancelled", 1))})
	c.writeOrders(t, []string{"a"}, 1)
	outcomes := newOutcomes()
	r := consume(t, c, ok, trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 2 })
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 1, trestle.Skipped: 1})
	if got := outcomes.last[trestle.Skipped].EventType; got != "OrderCancelled" {
		t.Errorf("skipped event has type %q", got)
	}
}

func TestFullConsumerStaysInItsGroup(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(10)
	c.writeOrders(t, ids, 10)
	book := newLedger(t)
	var began atomic.Int32
	open := make(chan struct{})
	r := consume(t, c, book.handle(func(context.Context, *orderPlaced) error {
		began.Add(1)
		<-open
		return nil
	}), trestle.WithMaxInFlight(4), trestle.WithKeyWorkers(100), trestle.WithSessionTimeout(time.Second))
	eventually(t, "the consumer is full", func() bool { return began.Load() >= 1 })
	before, err := c.WaitGroupStable(deadline(t), testGroup, 1)
	if err != nil {
		t.Fatal(err)
	}
	beats := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: testGroup, Observe: true, Count: -1, TopLevel: true})
	if err := beats.Wait(deadline(t), 50); err != nil { // more than two session timeouts
		t.Fatal(err)
	}
	if n := began.Load(); n > 4 {
		t.Errorf("%d events in hand, at most 4 allowed", n)
	}
	after := c.GroupInfo(testGroup)
	if after.Epoch != before.Epoch || len(after.Members) != 1 || after.Members[0].MemberID != before.Members[0].MemberID {
		t.Errorf("membership changed from %+v to %+v", before, after)
	}
	close(open)
	eventually(t, "all events handled", func() bool { return book.count() == 100 })
	r.stop()
	book.wantAll(ids, 10)
}

func TestPartitionDoesNotRunAheadWithoutBound(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"slow"}, 1)
	ids := orderIDs(30)
	c.writeOrders(t, ids, 20)
	book := newLedger(t)
	open := make(chan struct{})
	r := consume(t, c, book.handle(func(_ context.Context, e *orderPlaced) error {
		if e.OrderID == "slow" {
			<-open
		}
		return nil
	}), trestle.WithMaxUncommitted(20), trestle.WithMaxInFlight(10))
	slow := c.read(t, orders.Name)[0]
	for _, rec := range c.read(t, orders.Name) {
		if string(rec.Key) == "slow" {
			slow = rec
		}
	}
	others := 0
	for _, p := range c.PartitionInfos(orders.Name) {
		if p.Partition != slow.Partition {
			others += int(p.HighWatermark)
		}
	}
	eventually(t, "the other partitions are done", func() bool { return book.count() >= others })
	if limit := others + 20 + 10; book.count() > limit {
		t.Errorf("%d events handled, at most %d allowed", book.count(), limit)
	}
	close(open)
	eventually(t, "all events handled", func() bool { return book.count() == 601 })
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 601 })
	r.stop()
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
}

func TestStartIsCommittedBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, orderIDs(6), 1) // before the group
	book := newLedger(t)
	latest := trestle.WithStart(trestle.Latest)
	first := consume(t, c, book.handle(ok), latest)
	eventually(t, "the start is committed", func() bool { return c.committed(testGroup) == 6 })
	first.stop()
	c.writeOrders(t, []string{"meanwhile"}, 5)
	second := consume(t, c, book.handle(ok), latest)
	eventually(t, "what came in between handled", func() bool { return book.count() == 5 })
	second.stop()
	book.wantAll([]string{"meanwhile"}, 5)
}

func TestShutdownFinishesWhatIsRunning(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(8)
	c.writeOrders(t, ids, 50)
	book := newLedger(t)
	var began atomic.Int32
	open, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	logger, draining := whenLogged("finishing what has started")
	r := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		if began.Add(1) > 40 {
			once.Do(func() { close(ended) })
			<-open
		}
		return ctx.Err()
	}), trestle.WithKeyWorkers(4), trestle.WithLogger(logger))
	<-ended
	r.cancel()
	<-draining
	close(open)
	if err := r.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if n, want := c.committed(testGroup), int64(book.count()); n != want {
		t.Errorf("%d committed, %d handled", n, want)
	}
	if book.count() == 400 {
		t.Error("everything queued was handled, not only what had started")
	}
	second := consume(t, c, book.handle(ok))
	eventually(t, "all events handled", func() bool { return book.count() == 400 })
	second.stop()
	book.wantAll(ids, 50)
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
}

func TestShutdownGivesUpOnAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"hangs"}, 1)
	began := make(chan struct{})
	cause := make(chan error, 1)
	r := consume(t, c, func(ctx context.Context, _ *orderPlaced) error {
		close(began)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return trestle.Permanent(ctx.Err()) // and even so no dead letter: it isn't over for the event
	}, trestle.WithDrainTimeout(50*time.Millisecond))
	<-began
	err := r.end()
	if err == nil || !strings.Contains(err.Error(), "1 records, among them orders/") {
		t.Errorf("Run says %v, want what is unfinished", err)
	}
	if got := <-cause; got == nil || errors.Is(got, context.Canceled) {
		t.Errorf("the handler's context ended with %v, want a reason", got)
	}
	if n := c.committed(testGroup); n > 0 {
		t.Errorf("%d committed", n)
	}
	if n := c.end(orders.DeadLetter); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestCommitsSurviveACoordinatorThatIsAway(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Topic: orders.Name, Err: kerr.UnknownServerError, Count: 3})
	c.writeOrders(t, orderIDs(5), 4)
	book := newLedger(t)
	r := consume(t, c, book.handle(ok))
	if err := fault.Wait(deadline(t), 3); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 20 })
	r.stop()
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
}

func TestRunReportsWhatCannotWork(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Group: testGroup, TopLevel: true, Err: kerr.GroupAuthorizationFailed, Count: -1})
	r := consume(t, c, ok)
	select {
	case err := <-r.result:
		r.result = nil
		if !errors.Is(err, kerr.GroupAuthorizationFailed) || !strings.Contains(err.Error(), testGroup) {
			t.Errorf("Run says %v", err)
		}
	case <-deadline(t).Done():
		t.Fatal("Run goes on")
	}
}

// TestReplayForAnotherGroupIsSkipped has a record for this group, one for another, and one for another that can't even be read.
func TestReplayForAnotherGroupIsSkipped(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	replayed := func(group string, r *kgo.Record) *kgo.Record {
		r.Headers = []kgo.RecordHeader{{Key: wire.HeaderReplayGroup, Value: []byte(group)}, {Key: wire.HeaderEventType, Value: []byte("OrderPlaced")}}
		return r
	}
	broken := orderRecord("c", 0)
	broken.Value = []byte("{")
	c.write(t, replayed(testGroup, orderRecord("a", 0)), replayed("shipping", orderRecord("b", 0)), replayed("shipping", broken))
	outcomes := newOutcomes()
	book := newLedger(t)
	r := consume(t, c, book.handle(ok), trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 1, trestle.Skipped: 2})
	if got := outcomes.last[trestle.Skipped].EventType; got != "OrderPlaced" {
		t.Errorf("skipped event has type %q", got)
	}
	if book.count() != 1 || book.handled["a#0"] != 1 {
		t.Errorf("handled %v", book.handled)
	}
}
