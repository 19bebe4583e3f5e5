package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// askPrice is answered by price; priceStatus is told meanwhile.
type (
	askPrice    struct{ orderPlaced }
	price       struct{ orderPlaced }
	priceStatus struct{ orderPlaced }
)

var (
	asks     = &trestle.TopicInfo{Name: "asks", DeadLetter: orders.DeadLetter, EventTypes: []string{"AskPrice"}}
	prices   = &trestle.TopicInfo{Name: "prices", DeadLetter: orders.DeadLetter, EventTypes: []string{"Price", "PriceNote"}}
	statuses = &trestle.TopicInfo{Name: "statuses", DeadLetter: orders.DeadLetter, EventTypes: []string{"PriceStatus"}}

	askPriceInfo = trestle.EventInfo{
		Type: "AskPrice", FullName: "test.AskPrice", Role: event.RoleRequest, Reply: "Price", Envelope: wire.OnexV1, Topic: asks,
		New: func() trestle.Event { return new(askPrice) },
	}
	priceInfo = trestle.EventInfo{
		Type: "Price", FullName: "test.Price", Role: event.RoleResponse, Envelope: wire.OnexV1, Topic: prices,
		New: func() trestle.Event { return new(price) }, KeyedByCorrelation: true,
	}
	priceStatusInfo = trestle.EventInfo{
		Type: "PriceStatus", FullName: "test.PriceStatus", Role: event.RoleStatus, Envelope: wire.OnexV1, Topic: statuses,
		New: func() trestle.Event { return new(priceStatus) },
	}
)

func (*askPrice) EventInfo() *trestle.EventInfo    { return &askPriceInfo }
func (*price) EventInfo() *trestle.EventInfo       { return &priceInfo }
func (*priceStatus) EventInfo() *trestle.EventInfo { return &priceStatusInfo }

func (*price) PartitionKey(env *trestle.Envelope) string { return env.CorrelationID }

func ask(order string) *askPrice { return &askPrice{orderPlaced{OrderID: order}} }

func startPriceCluster(t testing.TB) *cluster {
	t.Helper()
	return startCluster(t, kfake.SeedTopics(testPartitions, asks.Name, prices.Name, statuses.Name))
}

func newCaller(t testing.TB, c *cluster, opts ...trestle.CallerOption) *trestle.Caller {
	t.Helper()
	caller, err := trestle.NewCaller(c.brokers, append([]trestle.CallerOption{trestle.WithLogger(quiet), c.option}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caller.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return caller
}

// answer runs a consumer of requests.
func answer(t testing.TB, c *cluster, pub *trestle.Publisher, f func(context.Context, *askPrice) (*price, error)) *running {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(c.option)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Answer(consumer, pub, f)
	return run(t, consumer)
}

func echo(_ context.Context, a *askPrice) (*price, error) {
	return &price{orderPlaced{OrderID: a.OrderID, N: a.N}}, nil
}

// writeReply writes a record to the topic of responses as a foreign responder would.
func (c *cluster) writeReply(t testing.TB, correlationID, eventType, payload string) {
	t.Helper()
	c.write(t, &kgo.Record{Topic: prices.Name, Value: replyJSON(correlationID, eventType, payload)})
}

func replyJSON(correlationID, eventType, payload string) []byte {
	return fmt.Appendf(nil, `{"envelope_version":"1.0","correlation_id":%q,"session_id":null,"event_type":%q,`+
		`"timestamp":"2025-10-16T12:34:56Z","payload":%s}`, correlationID, eventType, payload)
}

// TestEveryCallGetsItsOwnAnswer answers calls of two instances in a random order, among answers that are nobody's, and
// some twice.
func TestEveryCallGetsItsOwnAnswer(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	pub := newPublisher(t, c.brokers)
	const instances, calls = 2, 150
	type request struct {
		correlationID string
		a             *askPrice
	}
	var mu sync.Mutex
	var requests []request
	all := make(chan struct{})
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(ctx context.Context, a *askPrice) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, request{d.Envelope.CorrelationID, a})
		if len(requests) == instances*calls {
			close(all)
		}
		return nil
	})
	r := run(t, consumer)

	ledger := map[string][]string{} // what each call got
	var wg sync.WaitGroup
	for i := range instances {
		caller := newCaller(t, c)
		for n := range calls {
			wg.Go(func() {
				name := fmt.Sprintf("order-%d-%d", i, n)
				got, err := trestle.Call[*price](deadline(t), caller, ask(name))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				ledger[name] = append(ledger[name], got.OrderID)
			})
		}
	}
	<-all
	rand.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	for i, q := range requests {
		publish := func(correlationID, order string) {
			err := pub.PublishAsync(deadline(t), &price{orderPlaced{OrderID: order}}, func(_ trestle.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
			}, trestle.WithCorrelationID(correlationID))
			if err != nil {
				t.Error(err)
			}
		}
		publish(uuid.NewString(), "foreign")
		publish(strings.ToUpper(q.correlationID), q.a.OrderID)
		if i%3 == 0 {
			publish(q.correlationID, q.a.OrderID)
		}
	}
	wg.Wait()
	r.stop()
	if len(ledger) != instances*calls {
		t.Errorf("%d calls were answered, want %d", len(ledger), instances*calls)
	}
	for name, got := range ledger {
		if !slices.Equal(got, []string{name}) {
			t.Errorf("%s got %v", name, got)
		}
	}
}

func TestCallWithoutAnswerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
	failed, ok := errors.AsType[*trestle.CallError](err)
	if !ok || failed.EventType != "test.AskPrice" || failed.CorrelationID != conversationID || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if want := "call test.AskPrice (correlation id " + conversationID + "): no response: context deadline exceeded"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}

	c.writeReply(t, conversationID, "Price", `{"order_id":"late"}`)
	answer(t, c, newPublisher(t, c.brokers), echo)
	if got, err := trestle.Call[*price](deadline(t), caller, ask("b")); err != nil || got.OrderID != "b" {
		t.Errorf("the next call got %+v, %v", got, err)
	}
}

func TestWhatMakesAnAnswerFail(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	cases := map[string]struct {
		write func(id string) []byte
		is    func(error) bool
		want  string
	}{
		"invalid": {
			func(id string) []byte { return replyJSON(id, "Price", `{"order_id":"a","n":-1}`) },
			func(err error) bool { _, ok := errors.AsType[*trestle.ValidationError](err); return ok },
			"[int64.gte]",
		},
		"wrong type": {
			func(id string) []byte { return replyJSON(id, "OrderPlaced", `{"order_id":"a"}`) },
			func(err error) bool { _, ok := errors.AsType[*trestle.UnknownEventTypeError](err); return ok },
			`unknown event type "OrderPlaced"`,
		},
		"no payload": {
			func(id string) []byte { return replyJSON(id, "Price", `null`) },
			func(error) bool { return true },
			"payload",
		},
		"no JSON": {
			func(string) []byte { return []byte(`{"envelope_version":`) },
			func(error) bool { return true },
			"at byte 20",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := uuid.NewString()
			err := c.whenAsked(t, name, func() {
				c.write(t, &kgo.Record{Topic: prices.Name, Key: []byte(id), Value: tc.write(id)})
			}, func(ctx context.Context) error {
				_, err := trestle.Call[*price](ctx, caller, ask(name), trestle.WithCorrelationID(id))
				return err
			})
			failed, ok := errors.AsType[*trestle.CallError](err)
			if !ok || failed.CorrelationID != id || !tc.is(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// whenAsked makes a call, and calls react once its request has been written.
func (c *cluster) whenAsked(t testing.TB, order string, react func(), call func(context.Context) error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call(deadline(t)) }()
	eventually(t, "the request is written", func() bool {
		return slices.ContainsFunc(c.read(t, asks.Name), func(r *kgo.Record) bool { return string(r.Key) == order })
	})
	react()
	return <-done
}

func TestOtherTypesOfTheTopicArePassedOver(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	err := c.whenAsked(t, "a", func() {
		c.writeReply(t, conversationID, "PriceNote", `{}`)
		c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
	}, func(ctx context.Context) error {
		got, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
		if err == nil && got.OrderID != "a" {
			t.Errorf("got %+v", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnswerMayComeBeforeTheAcknowledgement(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	held, release := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if first.CompareAndSwap(false, true) {
			close(held)
			c.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	caller := newCaller(t, c)
	t.Cleanup(func() { close(release) })
	done := make(chan error, 1)
	go func() {
		_, err := trestle.Call[*price](deadline(t), caller, ask("a"), trestle.WithCorrelationID(conversationID))
		done <- err
	}()
	<-held
	c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStatusesOfTheConversationAreTold(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	pub := newPublisher(t, c.brokers)
	tell := func(note string, opts ...trestle.PublishOption) {
		if err := pub.Publish(deadline(t), &priceStatus{orderPlaced{OrderID: "same", Note: note}}, opts...); err != nil {
			t.Error(err)
		}
	}
	var got []string
	err := c.whenAsked(t, "a", func() {
		tell("foreign", trestle.WithSessionID(uuid.NewString()))
		tell("by session", trestle.WithSessionID(ourSessionID))
		c.write(t, &kgo.Record{Topic: statuses.Name, Key: []byte("same"), Value: replyJSON(conversationID, "PriceStatus", `{"n":-1}`)}) // invalid
		tell("by correlation", trestle.WithCorrelationID(conversationID))
	}, func(ctx context.Context) error {
		watch := trestle.WithStatus(func(_ context.Context, s *priceStatus) {
			if got = append(got, s.Note); len(got) == 2 {
				c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
			}
		})
		_, err := trestle.Call[*price](ctx, caller, ask("a"), watch,
			trestle.WithCorrelationID(conversationID), trestle.WithSessionID(ourSessionID))
		return err
	})
	if err != nil || !slices.Equal(got, []string{"by session", "by correlation"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPartitionsAddedLaterAreRead(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	err := c.whenAsked(t, "a", func() {
		if _, err := kadm.NewClient(c.client).CreatePartitions(deadline(t), 1, prices.Name); err != nil {
			t.Error(err)
		}
		manual, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Error(err)
			return
		}
		defer manual.Close()
		if err := manual.ProduceSync(deadline(t), &kgo.Record{
			Topic: prices.Name, Partition: testPartitions, Value: replyJSON(conversationID, "Price", `{"order_id":"a"}`),
		}).FirstErr(); err != nil {
			t.Error(err)
		}
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCallsSurviveBrokenConnections(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	var broken atomic.Int32
	for _, key := range []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets} {
		c.ControlKey(key.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if rand.IntN(2) == 0 {
				return nil, nil, false
			}
			broken.Add(1)
			return nil, errTransient, true
		})
	}
	for n := range int64(6) {
		id, done := uuid.NewString(), make(chan error, 1)
		go func() {
			_, err := trestle.Call[*price](deadline(t), caller, ask("a"), trestle.WithCorrelationID(id))
			done <- err
		}()
		eventually(t, "the request is written", func() bool { return c.end(asks.Name) == n+1 })
		c.writeReply(t, id, "Price", `{"order_id":"a"}`)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if broken.Load() == 0 {
		t.Error("no connection was broken")
	}
}

func TestTopicOfAnswersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		c := startPriceCluster(t)
		if err := c.DeleteTopic(prices.Name); err != nil {
			t.Fatal(err)
		}
		_, err := trestle.Call[*price](deadline(t), newCaller(t, c), ask("a"))
		if _, ok := errors.AsType[*trestle.CallError](err); !ok || !strings.HasSuffix(err.Error(), "run trestle topics apply?") {
			t.Errorf("got %v", err)
		}
		if n := c.end(asks.Name); n != 0 {
			t.Errorf("%d requests were written all the same", n)
		}
	})
	t.Run("not authorised", func(t *testing.T) {
		t.Parallel()
		c := startPriceCluster(t)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: prices.Name, Err: kerr.TopicAuthorizationFailed, Count: -1})
		_, err := trestle.Call[*price](deadline(t), newCaller(t, c), ask("a"))
		if _, ok := errors.AsType[*trestle.CallError](err); !ok || !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRequestThatIsNotPublished(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	_, err := trestle.Call[*price](deadline(t), caller, &askPrice{orderPlaced{N: -1}})
	if _, ok := errors.AsType[*trestle.ValidationError](err); !ok {
		t.Errorf("invalid: got %v", err)
	}
	if err := c.DeleteTopic(asks.Name); err != nil {
		t.Fatal(err)
	}
	_, err = trestle.Call[*price](deadline(t), caller, ask("a"))
	if _, ok := errors.AsType[*trestle.PublishError](err); !ok {
		t.Errorf("no such topic: got %v", err)
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	_, err := trestle.Call[*price](deadline(t), caller, &orderPlaced{})
	if err == nil || err.Error() != "call test.OrderPlaced: it is no request: its schema names no reply" {
		t.Errorf("no request: got %v", err)
	}
	_, err = trestle.Call[*orderPlaced](deadline(t), caller, ask("a"))
	if err == nil || !strings.HasSuffix(err.Error(), "it is answered by Price, not by OrderPlaced") {
		t.Errorf("wrong pair: got %v", err)
	}
	err = c.whenAsked(t, "a", func() {
		_, err := trestle.Call[*price](deadline(t), caller, ask("b"), trestle.WithCorrelationID(conversationID))
		if err == nil || !strings.Contains(err.Error(), "another call for Price") {
			t.Errorf("same correlation id: got %v", err)
		}
		c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCloseWaitsForCallsOrGivesThemUp(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	waits, err := trestle.NewCaller(c.brokers, trestle.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	err = c.whenAsked(t, "a", func() {
		go func() { closed <- waits.Close(deadline(t)) }()
		eventually(t, "new calls are refused", func() bool {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := trestle.Call[*price](ctx, waits, ask("b"))
			return errors.Is(err, trestle.ErrCallerClosed)
		})
		c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, waits, ask("a"), trestle.WithCorrelationID(conversationID))
		return err
	})
	if err != nil {
		t.Errorf("a call that was under way: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := waits.Close(deadline(t)); err != nil {
		t.Errorf("close again: %v", err)
	}

	hasty, err := trestle.NewCaller(c.brokers, trestle.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	err = c.whenAsked(t, "c", func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		closed <- hasty.Close(ctx)
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, hasty, ask("c"))
		return err
	})
	if _, ok := errors.AsType[*trestle.CallError](err); !ok || !errors.Is(err, trestle.ErrCallerClosed) {
		t.Errorf("a call that was given up: %v", err)
	}
	if err := <-closed; err == nil || !strings.Contains(err.Error(), "calls given up") {
		t.Errorf("close: %v", err)
	}
}

func TestCallerOptionsAreChecked(t *testing.T) {
	t.Parallel()
	cases := map[string]trestle.CallerOption{
		"WithLogger":    trestle.WithLogger(nil),
		"WithPublisher": trestle.WithPublisher(nil),
		"WithMaxCalls":  trestle.WithMaxCalls(0),
	}
	for name, opt := range cases {
		if _, err := trestle.NewCaller([]string{"localhost:9092"}, opt); err == nil || !strings.HasPrefix(err.Error(), "new caller: "+name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := trestle.NewCaller(nil); err == nil || !strings.Contains(err.Error(), "no brokers") {
		t.Errorf("no brokers: got %v", err)
	}
	if _, err := trestle.NewCaller([]string{""}); err == nil || !strings.Contains(err.Error(), "the address of broker 1 of 1 is empty") {
		t.Errorf("an empty address: got %v", err)
	}
}

func TestMaxCallsAndASharedPublisher(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	pub := newPublisher(t, c.brokers)
	caller := newCaller(t, c, trestle.WithPublisher(pub), trestle.WithMaxCalls(1))
	err := c.whenAsked(t, "a", func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := trestle.Call[*price](ctx, caller, ask("b")); err == nil || !strings.Contains(err.Error(), "too many calls") {
			t.Errorf("one call too many: %v", err)
		}
		c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := caller.Close(deadline(t)); err != nil {
		t.Error(err)
	}
	if err := pub.Publish(deadline(t), ask("c")); err != nil {
		t.Errorf("the publisher was closed too: %v", err)
	}
}

// TestRequestThatMiddlewarePublishesTwice has its outcome come twice; the race detector says whether the call minds.
func TestRequestThatMiddlewarePublishesTwice(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	pub := newPublisher(t, c.brokers, trestle.WithPublishMiddleware(func(next trestle.PublishFunc) trestle.PublishFunc {
		return func(ctx context.Context, e trestle.Event, done func(trestle.Receipt, error), opts ...trestle.PublishOption) error {
			return errors.Join(next(ctx, e, done, opts...), next(ctx, e, done, opts...))
		}
	}))
	answer(t, c, newPublisher(t, c.brokers), echo)
	caller := newCaller(t, c, trestle.WithPublisher(pub))
	for range 20 {
		if got, err := trestle.Call[*price](deadline(t), caller, ask("a")); err != nil || got.OrderID != "a" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
}
