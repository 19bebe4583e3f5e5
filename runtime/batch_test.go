package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
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
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
)

type orderItem = trestle.Item[orderPlaced]

// calls notes which events a handler of batches is called with.
type calls struct {
	mu  sync.Mutex
	got [][]int64
}

func (c *calls) enter(items []orderItem) {
	numbers := make([]int64, len(items))
	for i, item := range items {
		numbers[i] = item.Event.N
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, numbers)
}

func consumeBatches(t testing.TB, c *cluster, handle func(context.Context, []orderItem) error, batch []trestle.BatchOption, opts ...trestle.ConsumerOption) *running {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleBatch(consumer, handle, batch...)
	return run(t, consumer)
}

// five has batches of five events, if they come within a minute.
var five = []trestle.BatchOption{trestle.WithMaxBatchSize(5), trestle.WithMaxBatchWait(time.Minute)}

// TestWhatFailsInABatch has a batch with five events of a key, the second of which fails, and says how it is called.
func TestWhatFailsInABatch(t *testing.T) {
	t.Parallel()
	never := func(items []orderItem, d *trestle.Delivery) bool { return true }
	firstTime := func(items []orderItem, d *trestle.Delivery) bool { return d.Attempt == 1 }
	unlessPutOff := func(items []orderItem, d *trestle.Delivery) bool { return d.Snoozes == 0 }
	failing := func(items []orderItem) int {
		return slices.IndexFunc(items, func(i orderItem) bool { return i.Event.N == 1 })
	}
	named := func(of error) func([]orderItem) error {
		return func(items []orderItem) error {
			var failed trestle.BatchError
			failed.Add(failing(items), of)
			return fmt.Errorf("insert: %w", failed.Err())
		}
	}
	whole := func(of error) func([]orderItem) error { return func([]orderItem) error { return of } }
	for name, tc := range map[string]struct {
		fails  func([]orderItem, *trestle.Delivery) bool // whether the second event does
		with   func([]orderItem) error
		want   [][]int64
		letter string // the type of its error; empty: none, as it is handled; duplicate: none, as it was
	}{
		"named, and tried again":      {firstTime, named(errTransient), [][]int64{{0, 1, 2, 3, 4}, {1}, {2, 3, 4}}, ""},
		"named, until it is given up": {never, named(errTransient), [][]int64{{0, 1, 2, 3, 4}, {1}, {1}, {2, 3, 4}}, "HandlerError"},
		"named, for good":             {never, named(trestle.Permanent(errTransient)), [][]int64{{0, 1, 2, 3, 4}}, "HandlerError"},
		"named as a duplicate":        {never, named(trestle.ErrDuplicate), [][]int64{{0, 1, 2, 3, 4}}, "duplicate"},
		"duplicate of several":        {never, whole(trestle.ErrDuplicate), [][]int64{{0, 1, 2, 3, 4}, {0}, {1}, {2}, {3}, {4}}, "duplicate"},
		"named as put off":            {unlessPutOff, named(trestle.Snooze(time.Millisecond)), [][]int64{{0, 1, 2, 3, 4}, {1, 2, 3, 4}}, ""},
		"put off":                     {unlessPutOff, whole(trestle.Snooze(0)), [][]int64{{0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}}, ""},
		"not named":                   {never, whole(errTransient), [][]int64{{0, 1, 2, 3, 4}, {0}, {1}, {1}, {1}, {2}, {3}, {4}}, "HandlerError"},
		"not named, for good":         {never, whole(trestle.Permanent(errTransient)), [][]int64{{0, 1, 2, 3, 4}, {0}, {1}, {2}, {3}, {4}}, "HandlerError"},
		"named one that is not there": {never, func([]orderItem) error {
			var failed trestle.BatchError
			failed.Add(5, trestle.Permanent(errTransient))
			return trestle.Permanent(failed.Err())
		}, [][]int64{{0, 1, 2, 3, 4}, {0}, {1}, {2}, {3}, {4}}, "BatchError"},
		"panic":  {never, func([]orderItem) error { panic("no") }, [][]int64{{0, 1, 2, 3, 4}, {0}, {1}, {2}, {3}, {4}}, "PanicError"},
		"Goexit": {never, func([]orderItem) error { runtime.Goexit(); return nil }, [][]int64{{0, 1, 2, 3, 4}, {0}, {1}, {2}, {3}, {4}}, "PanicError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.writeOrders(t, []string{"a"}, 5)
			var calls calls
			outcomes := newOutcomes()
			r := consumeBatches(t, c, func(_ context.Context, items []orderItem) error {
				calls.enter(items)
				if at := failing(items); at >= 0 && tc.fails(items, items[at].Delivery) {
					return tc.with(items)
				}
				return nil
			}, five, trestle.WithRetries(2), trestle.WithKeyWorkers(2), trestle.WithObserver(outcomes.add))
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == 5 })
			r.stop()
			if diff := cmp.Diff(tc.want, calls.got); diff != "" {
				t.Errorf("calls: %s", diff)
			}
			letters := c.deadLetters(t)
			if tc.letter == "" {
				outcomes.want(t, map[trestle.Result]int{trestle.Handled: 5})
				return
			}
			if tc.letter == "duplicate" {
				outcomes.want(t, map[trestle.Result]int{trestle.Handled: 4, trestle.Duplicate: 1})
				return
			}
			outcomes.want(t, map[trestle.Result]int{trestle.Handled: 4, trestle.DeadLettered: 1})
			if len(letters) != 1 || letters[0].Error.Type != tc.letter || !strings.Contains(string(letters[0].Original.Value), `"n": 1`) {
				t.Errorf("dead letters: %+v", letters)
			}
		})
	}
}

// TestEventThatFailedIsAloneAfterAnOutage has an event of a batch fail, and an outage begin as it is tried again, which ends with another key's: others
// of its own key are in no call with it after that either.
func TestEventThatFailedIsAloneAfterAnOutage(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"a"}, 5)
	logger, waits := whenLogged("topic waits for the end of an outage")
	var calls calls
	var begun, over atomic.Bool
	r := consumeBatches(t, c, func(_ context.Context, items []orderItem) error {
		if items[0].Event.OrderID == "b" {
			over.Store(true)
			return nil
		}
		calls.enter(items)
		var failed trestle.BatchError
		if at := slices.IndexFunc(items, func(i orderItem) bool { return i.Event.N == 1 }); !begun.Swap(true) {
			failed.Add(at, errTransient)
		} else if at >= 0 && !over.Load() {
			failed.Add(at, trestle.Unavailable(errTransient))
		}
		return failed.Err()
	}, five[:1], soon, trestle.WithRetries(2), trestle.WithLogger(logger))
	select {
	case <-waits:
	case <-deadline(t).Done():
		t.Fatal("there is no outage")
	}
	c.write(t, orderRecord("b", 0))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 6 })
	r.stop()
	for i, call := range calls.got[1:] {
		if len(call) > 1 && slices.Contains(call, 1) {
			t.Errorf("call %d is with %v", i+2, call)
		}
	}
}

// TestEventThatWaitsForItsDeadLetterIsInNoBatch has events come behind one whose handler ended its goroutine and whose dead letter can't be
// written yet.
func TestEventThatWaitsForItsDeadLetterIsInNoBatch(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	refuse := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.DeadLetter, Err: kerr.TopicAuthorizationFailed, Count: -1})
	c.writeOrders(t, []string{"a"}, 1)
	var calls calls
	r := consumeBatches(t, c, func(_ context.Context, items []orderItem) error {
		calls.enter(items)
		if items[0].Event.N == 0 {
			runtime.Goexit()
		}
		return nil
	}, nil)
	wantHealth(t, r, true, "dead_letter_refused orders")
	c.write(t, orderRecord("a", 1), orderRecord("a", 2))
	eventually(t, "they wait behind it", func() bool {
		return slices.ContainsFunc(r.Lag(), func(p trestle.PartitionLag) bool { return p.InHand == 3 })
	})
	refuse.Remove()
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
	if diff := cmp.Diff([][]int64{{0}, {1, 2}}, calls.got); diff != "" {
		t.Errorf("calls: %s", diff)
	}
}

// TestBatchesOfManyKeys has members with handlers of batches come and go, with events that fail in all the ways, and checks each key's
// order and that nothing is lost.
func TestBatchesOfManyKeys(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, testPartitions) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batchesOfManyKeys(t, start(t))
		})
	}
}

func batchesOfManyKeys(t *testing.T, c *oneTopic) {
	ids := orderIDs(40)
	stop := feed(t, c.cluster, c.topic.Name, ids)
	book := newLedger(t)
	var large, failures atomic.Int64
	one := book.handle(func(_ context.Context, e *orderPlaced) error {
		if e.N%7 == 3 && failures.Add(1)%3 != 0 {
			return errTransient
		}
		return nil
	})
	handle := func(ctx context.Context, items []orderItem) error {
		if len(items) > 1 {
			large.Add(1)
		}
		var failed trestle.BatchError
		stuck := map[string]bool{} // keys whose events are not handled any further
		for i, item := range items {
			if !stuck[item.Event.OrderID] {
				err := one(ctx, item.Event)
				failed.Add(i, err)
				stuck[item.Event.OrderID] = err != nil
			}
			if string(item.Delivery.Key) != item.Event.OrderID {
				t.Errorf("event of %s with the delivery of %s", item.Event.OrderID, item.Delivery.Key)
			}
		}
		return failed.Err()
	}
	join := func() *running {
		return c.consumeBatches(t, handle, []trestle.BatchOption{trestle.WithMaxBatchSize(20), trestle.WithMaxBatchWait(5 * time.Millisecond)},
			trestle.WithRetries(1000), trestle.WithoutBreaker())
	}
	grow := func() {
		before := book.count()
		eventually(t, "events are handled", func() bool { return book.count() > before+200 })
	}
	first := join()
	grow()
	second := join()
	c.awaitStable(t, 2)
	grow()
	first.stop()
	c.awaitStable(t, 1)
	grow()
	perOrder := stop()
	eventually(t, "all handled", func() bool { return book.count() == perOrder*len(ids) })
	eventually(t, "all committed", func() bool { return c.lag(t) == 0 })
	second.stop()
	book.wantAll(ids, perOrder)
	if large.Load() == 0 || book.repeats() > 0 {
		t.Errorf("%d batches of several; %d events were handled again", large.Load(), book.repeats())
	}
}

// TestOutageKeepsBatches has all batches wait for the end of an outage, and go on as batches behind it.
func TestOutageKeepsBatches(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"a"}, 20)
	logger, waits := whenLogged("topic waits for the end of an outage")
	outcomes := newOutcomes()
	var calls calls
	var back atomic.Bool
	r := consumeBatches(t, c, func(_ context.Context, items []orderItem) error {
		calls.enter(items)
		if !back.Load() {
			return trestle.Unavailable(errTransient)
		}
		return nil
	}, []trestle.BatchOption{trestle.WithMaxBatchSize(5), trestle.WithMaxBatchWait(time.Millisecond)}, soon, trestle.WithRetries(0), trestle.WithLogger(logger), trestle.WithObserver(outcomes.add))
	select {
	case <-waits:
	case <-deadline(t).Done():
		t.Fatal("the breaker does not open")
	}
	back.Store(true)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 20 })
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 20})
	if last := calls.got[len(calls.got)-1]; len(last) < 2 {
		t.Errorf("the last batch has %d events", len(last))
	}
}

type orderCancelled struct{ orderPlaced }

var orderCancelledInfo = trestle.EventInfo{
	Type: "OrderCancelled", FullName: "test.OrderCancelled", Envelope: orderPlacedInfo.Envelope, Topic: orders,
	New: func() trestle.Event { return new(orderCancelled) },
}

func (*orderCancelled) EventInfo() *trestle.EventInfo { return &orderCancelledInfo }

// TestOtherRecordsBesideABatch has events of another type, one that can't be read, one that came twice, and one that is not declared to
// be handled stand between those of a batch.
func TestOtherRecordsBesideABatch(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	cancelled := func(n int) *kgo.Record {
		r := orderRecord("a", n)
		r.Value = []byte(strings.Replace(string(r.Value), "OrderPlaced", "OrderCancelled", 1))
		return r
	}
	twice := func() *kgo.Record {
		r := orderRecord("a", 8)
		r.Headers = []kgo.RecordHeader{{Key: "event-id", Value: []byte("0199a0c4-5d0e-7bb8-8f6e-2f1d3a4b5c6d")}}
		return r
	}
	garbage := orderRecord("a", 6)
	garbage.Value = []byte("no JSON")
	elsewhere := orderRecord("a", 7)
	elsewhere.Headers = []kgo.RecordHeader{{Key: "replay-group", Value: []byte("shipping")}}
	c.write(t, orderRecord("a", 0), orderRecord("a", 1), cancelled(2), cancelled(3), orderRecord("a", 4), orderRecord("a", 5), garbage, elsewhere,
		twice(), twice(), orderRecord("a", 9), orderRecord("a", 10))
	outcomes := newOutcomes()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithObserver(outcomes.add), trestle.WithDeduplication(100))...)
	if err != nil {
		t.Fatal(err)
	}
	var calls calls
	trestle.HandleBatch(consumer, func(_ context.Context, items []orderItem) error {
		calls.enter(items)
		return nil
	})
	trestle.Handle(consumer, func(_ context.Context, e *orderCancelled) error {
		calls.enter([]orderItem{{Event: &e.orderPlaced}})
		return nil
	})
	r := run(t, consumer)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 12 })
	r.stop()
	want := [][]int64{{0, 1}, {2}, {3}, {4, 5}, {8}, {9, 10}}
	if diff := cmp.Diff(want, calls.got); diff != "" {
		t.Errorf("calls: %s", diff)
	}
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 9, trestle.DeadLettered: 1, trestle.Skipped: 1, trestle.Duplicate: 1})
}

func TestOverdueBatchIsReplaced(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(20)
	c.writeOrders(t, ids, 2)
	open := make(chan struct{})
	var mu sync.Mutex
	hung, handled := map[string]bool{}, map[string]int{}
	r := consumeBatches(t, c, func(ctx context.Context, items []orderItem) error {
		mu.Lock()
		hangs := len(hung) == 0 && len(items) > 1
		for _, item := range items {
			hung[item.Event.OrderID] = hung[item.Event.OrderID] || hangs
			handled[item.Event.OrderID]++
		}
		mu.Unlock()
		if hangs {
			<-open // whatever ctx says
		}
		return nil
	}, []trestle.BatchOption{trestle.WithMaxBatchSize(4), trestle.WithMaxBatchWait(time.Second)}, trestle.WithKeyWorkers(1),
		trestle.WithHandlerTimeout(10*time.Millisecond))
	eventually(t, "the other keys are handled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(ids, func(id string) bool { return !hung[id] && handled[id] < 2 })
	})
	close(open)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 40 })
	r.stop()
}

func TestWhatIsSeenOfBatches(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	spans := tracetest.NewSpanRecorder()
	tracing := trestle.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	p := newPublisher(t, c.brokers, tracing)
	for n := range int64(5) {
		if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a", N: n}); err != nil {
			t.Fatal(err)
		}
	}
	m := newMeters(t)
	var around []string
	saying := func(what string) trestle.HandlerMiddleware {
		return func(next trestle.HandlerFunc) trestle.HandlerFunc {
			return func(ctx context.Context, e trestle.Event) error {
				d, _ := trestle.DeliveryFrom(ctx)
				around = append(around, fmt.Sprintf("%s %v %d", what, e, d.Offset))
				return next(ctx, e)
			}
		}
	}
	r := consumeBatches(t, c, func(context.Context, []orderItem) error { return nil }, append(slices.Clip(five), trestle.WithBatchMiddleware(saying("inner"))),
		tracing, m, trestle.WithHandlerMiddleware(saying("outer")))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 5 })
	r.stop()
	if diff := cmp.Diff([]string{"outer <nil> 0", "inner <nil> 0"}, around); diff != "" {
		t.Errorf("middleware: %s", diff)
	}
	m.wantSums(
		metricSum{"trestle.consumer.batch.size", []string{"trestle.event.type", "OrderPlaced"}, 1},
		metricSum{"trestle.consumer.events", []string{"trestle.result", "handled"}, 5},
		metricSum{"messaging.process.duration", nil, 1},
	)
	linked := map[string]bool{}
	for _, s := range spans.Ended() {
		if s.Name() != "process orders" {
			continue
		}
		attrs := attribute.NewSet(s.Attributes()...)
		if n, _ := attrs.Value("messaging.batch.message_count"); n.AsInt64() != 5 || s.Parent().IsValid() {
			t.Errorf("span of %v, below %v", attrs, s.Parent())
		}
		for _, link := range s.Links() {
			linked[link.SpanContext.SpanID().String()] = true
		}
	}
	if len(linked) != 5 {
		t.Errorf("linked with %d spans of publishing, want 5", len(linked))
	}
}

func TestBatchOptionsAreChecked(t *testing.T) {
	t.Parallel()
	handle := func(context.Context, []orderItem) error { return nil }
	for want, opt := range map[string]trestle.BatchOption{
		"WithMaxBatchSize: must be at least 1, got 0":       trestle.WithMaxBatchSize(0),
		"WithMaxBatchBytes: must be at least 1, got -1":     trestle.WithMaxBatchBytes(-1),
		"WithMaxBatchWait: must not be negative, got -1s":   trestle.WithMaxBatchWait(-time.Second),
		"handler of test.OrderPlaced: middleware is nil":    trestle.WithBatchMiddleware(nil),
		"of topic orders has a handler already, of test.Or": nil,
	} {
		consumer := newConsumer(t)
		if opt != nil {
			trestle.HandleBatch(consumer, handle, opt)
		} else {
			trestle.HandleBatch(consumer, handle)
			trestle.Handle(consumer, ok)
		}
		if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestBatchError(t *testing.T) {
	t.Parallel()
	var failed trestle.BatchError
	failed.Add(3, nil)
	if failed.Err() != nil {
		t.Errorf("names none: got %v", failed.Err())
	}
	for i := range 5 {
		failed.Add(4-i, fmt.Errorf("row %d: %w", 4-i, errTransient))
	}
	want := "5 events of the batch failed; event 0: row 0: warehouse is away; event 1: row 1: warehouse is away; event 2: row 2: warehouse is away; …"
	if err := failed.Err(); err.Error() != want || !errors.Is(err, errTransient) {
		t.Errorf("got %v", err)
	}
}

// TestHandlerOfBatchesCostsNoMore compares what an event costs that is a batch of its own with one that comes to a handler of its own.
func TestHandlerOfBatchesCostsNoMore(t *testing.T) {
	const events = 500
	cost := func(register func(*trestle.Consumer)) float64 {
		handlers := trestletest.NewHandlers(t, register)
		record := kafka.FromClient(orderRecord("a", 0))
		return testing.AllocsPerRun(1, func() {
			for range events {
				if o := handlers.HandleRecord(record); o.Result != trestle.Handled {
					t.Fatalf("got %v", o.Result)
				}
			}
		}) / events
	}
	single := cost(func(c *trestle.Consumer) { trestle.Handle(c, ok) })
	batch := cost(func(c *trestle.Consumer) {
		trestle.HandleBatch(c, func(context.Context, []orderItem) error { return nil })
	})
	if batch > single+0.5 { // one more would be all of one; pools differ by some
		t.Errorf("a batch of one allocates %v times, an event %v times", batch, single)
	}
}
