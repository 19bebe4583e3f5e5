package trestle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

// variant is an order event whose description a test can bend.
type variant struct{ orderPlaced }

var variantInfo trestle.EventInfo

func (*variant) EventInfo() *trestle.EventInfo { return &variantInfo }

func TestRunNamesWhatIsWrongWithItsHandlers(t *testing.T) {
	// not parallel: variantInfo
	topic := func(change func(*trestle.TopicInfo)) *trestle.TopicInfo {
		info := *orders
		change(&info)
		return &info
	}
	cases := map[string]struct {
		info trestle.EventInfo
		want string
	}{
		"the same type twice": {orderPlacedInfo, "event type OrderPlaced of topic orders has a handler already, of test.OrderPlaced"},
		"no topic":            {trestle.EventInfo{Type: "A", FullName: "test.A"}, "handler of test.A: the event type has no topic"},
		"no dead letter": {
			trestle.EventInfo{Type: "A", FullName: "test.A", Topic: topic(func(i *trestle.TopicInfo) { i.DeadLetter = "" })},
			"topic orders has no dead-letter topic",
		},
		"two dead letters": {
			trestle.EventInfo{Type: "A", FullName: "test.A", Topic: topic(func(i *trestle.TopicInfo) { i.DeadLetter = "other" })},
			"dead-letter topic other here and orders_dlq elsewhere",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newConsumer(t)
			trestle.Handle(c, ok)
			variantInfo = tc.info
			trestle.Handle(c, func(context.Context, *variant) error { return nil })
			if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "consumer group billing: ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("nil", func(t *testing.T) {
		c := newConsumer(t)
		trestle.Handle[orderPlaced](c, nil)
		if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "handler of test.OrderPlaced: is nil") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("none", func(t *testing.T) {
		if err := newConsumer(t).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no handlers") {
			t.Errorf("got %v", err)
		}
	})
}

func newConsumer(t *testing.T) *trestle.Consumer {
	t.Helper()
	c, err := trestle.NewConsumer([]string{"localhost:1"}, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHandleInfoTakesTypesByTheirDescription(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	book := newLedger(t)
	handle := book.handle(ok)
	trestle.HandleInfo(consumer, &orderPlacedInfo, func(ctx context.Context, e trestle.Event) error {
		return handle(ctx, e.(*orderPlaced))
	})
	r := run(t, consumer)
	c.writeOrders(t, orderIDs(3), 2)
	eventually(t, "all events handled", func() bool { return book.count() == 6 })
	r.stop()
}

func TestHandlerThatComesTooLateEndsRun(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, orderIDs(1), 1)
	began := make(chan struct{})
	r := consume(t, c, func(context.Context, *orderPlaced) error { close(began); return nil })
	<-began
	trestle.Handle(r.Consumer, ok)
	select {
	case err := <-r.result:
		r.result = nil
		if err == nil || !strings.Contains(err.Error(), "registered after Run began") {
			t.Errorf("got %v", err)
		}
	case <-deadline(t).Done():
		t.Fatal("Run goes on")
	}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "a consumer runs once") {
		t.Errorf("a second run: %v", err)
	}
}

// TestHandlerThatComesTooLateIsNotCalled has workers that run see nothing of a handler that is registered then.
func TestHandlerThatComesTooLateIsNotCalled(t *testing.T) {
	t.Parallel()
	var consumer *trestle.Consumer
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		consumer = c
		trestle.Handle(c, func(context.Context, *stockKept) error { return nil })
	})
	trestle.HandleDeletion[stockKept](consumer, func(context.Context, string) error { return nil })
	if o := handlers.Delete(&stockKept{orderPlaced{OrderID: "a"}}); o.Result != trestle.Skipped {
		t.Errorf("a deletion was %v", o.Result)
	}
}

func TestConsumerOptionsAreChecked(t *testing.T) {
	t.Parallel()
	cases := map[string]trestle.ConsumerOption{
		"WithLogger":            trestle.WithLogger(nil),
		"WithKeyWorkers":        trestle.WithKeyWorkers(0),
		"WithMaxInFlight":       trestle.WithMaxInFlight(0),
		"WithBreaker":           trestle.WithBreaker(trestle.Breaker{Share: 2}),
		"WithHandlerTimeout":    trestle.WithHandlerTimeout(-1),
		"WithMaxInFlightBytes":  trestle.WithMaxInFlightBytes(0),
		"WithMaxUncommitted":    trestle.WithMaxUncommitted(0),
		"WithCommitInterval":    trestle.WithCommitInterval(0),
		"WithRetries":           trestle.WithRetries(-1),
		"WithBackoff":           trestle.WithBackoff(time.Second, time.Millisecond),
		"WithStart":             trestle.WithStart(9),
		"WithDrainTimeout":      trestle.WithDrainTimeout(-1),
		"WithHeartbeatInterval": trestle.WithHeartbeatInterval(0),
		"WithSessionTimeout":    trestle.WithSessionTimeout(time.Second),
		"WithRebalanceTimeout":  trestle.WithRebalanceTimeout(time.Second),
		"WithObserver":          trestle.WithObserver(nil),
	}
	for name, opt := range cases {
		_, err := trestle.NewConsumer([]string{"localhost:9092"}, testGroup, opt)
		if err == nil || !strings.HasPrefix(err.Error(), "new consumer: "+name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := trestle.NewConsumer(nil, ""); err == nil || !strings.Contains(err.Error(), "no brokers") || !strings.Contains(err.Error(), "no group") {
		t.Errorf("no brokers, no group: got %v", err)
	}
}

func TestConsumerSaysOnceThatTimesHaveNoZone(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, orderIDs(3), 1)
	logger, warned := whenLogged("a producer writes times without a zone; they are taken as UTC")
	outcomes := newOutcomes()
	meters := &meterRecorder{}
	r := consume(t, c, ok, trestle.WithLogger(logger), trestle.WithObserver(outcomes.add), trestle.WithMeterProvider(meters))
	<-warned
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
	if got := meters.counted("trestle.consumer.zoneless_times"); got != 3 {
		t.Errorf("trestle.consumer.zoneless_times counted %d, want 3", got)
	}
	if d := outcomes.last[trestle.Handled].Delivery; d.ZonelessTimes != 1 || d.EventID == "" {
		t.Errorf("got %+v", d)
	}

	strict := startCluster(t)
	strict.writeOrders(t, orderIDs(3), 1)
	r = consume(t, strict, ok, trestle.WithStrictTime())
	eventually(t, "all committed", func() bool { return strict.committed(testGroup) == 3 })
	r.stop()
	if n := len(strict.deadLetters(t)); n != 3 {
		t.Errorf("got %d dead letters of times without a zone, want 3", n)
	}
}

func TestPermanent(t *testing.T) {
	t.Parallel()
	if trestle.Permanent(nil) != nil {
		t.Error("Permanent(nil) is an error")
	}
	err := trestle.Permanent(errTransient)
	if !trestle.IsPermanent(err) || !errors.Is(err, errTransient) || err.Error() != errTransient.Error() || trestle.IsPermanent(errTransient) {
		t.Errorf("got %v", err)
	}
}

// meterRecorder is a meter provider that adds up counters, by name.
type meterRecorder struct {
	noop.MeterProvider
	mu   sync.Mutex
	sums map[string]int64
}

func (m *meterRecorder) counted(name string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sums[name]
}

func (m *meterRecorder) Meter(string, ...metric.MeterOption) metric.Meter {
	return recordingMeter{recorder: m}
}

type recordingMeter struct {
	noop.Meter
	recorder *meterRecorder
}

func (m recordingMeter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return recordingCounter{name: name, recorder: m.recorder}, nil
}

type recordingCounter struct {
	noop.Int64Counter
	name     string
	recorder *meterRecorder
}

func (c recordingCounter) Add(_ context.Context, n int64, _ ...metric.AddOption) {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	if c.recorder.sums == nil {
		c.recorder.sums = map[string]int64{}
	}
	c.recorder.sums[c.name] += n
}
