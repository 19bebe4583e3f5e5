package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

func TestCallLearnsThatItsRequestWentToItsDeadLetter(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	pub := newPublisher(t, c.brokers)
	answer(t, c, pub, func(_ context.Context, a *askPrice) (*price, error) {
		switch a.OrderID {
		case "refused":
			return nil, trestle.Permanent(errors.New("no such order"))
		case "invalid":
			return &price{orderPlaced{OrderID: a.OrderID, N: -1}}, nil
		}
		return &price{orderPlaced{OrderID: a.OrderID}}, nil
	})
	for order, want := range map[string]string{"refused": "no such order", "invalid": "[int64.gte]"} {
		_, err := trestle.Call[*price](deadline(t), caller, ask(order))
		unanswered, ok := errors.AsType[*trestle.UnansweredError](err)
		if !ok || !strings.Contains(err.Error(), want) || unanswered.Topic != orders.DeadLetter || unanswered.Group != testGroup {
			t.Errorf("%s: got %v", order, err)
		}
	}
	if got, err := trestle.Call[*price](deadline(t), caller, ask("a")); err != nil || got.OrderID != "a" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestDeadLettersOfGroupsThatDoNotAnswer has another group read the requests, and fail.
func TestDeadLettersOfGroupsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	audit, err := trestle.NewConsumer(c.brokers, "audit", quick()...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(audit, func(context.Context, *askPrice) error { return trestle.Permanent(errors.New("audit is full")) })
	run(t, audit)
	caller := newCaller(t, c)
	err = c.whenAsked(t, "a", func() {
		eventually(t, "the other group gave up", func() bool { return c.end(orders.DeadLetter) == 1 })
		// One that answers gave up another request: once the caller has seen that, it has seen the other group's.
		_, err := trestle.Call[*price](deadline(t), caller, ask("b"))
		if _, ok := errors.AsType[*trestle.UnansweredError](err); !ok {
			t.Errorf("got %v", err)
		}
		c.writeReply(t, conversationID, "Price", `{"order_id":"a"}`)
	}, func(ctx context.Context) error {
		answer(t, c, newPublisher(t, c.brokers), func(_ context.Context, a *askPrice) (*price, error) {
			if a.OrderID == "a" {
				<-ctx.Done() // it is answered by others
			}
			return nil, trestle.Permanent(errors.New("no such order"))
		})
		_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDeadLettersOfOtherSystems has a service in Java give a request up: its letter is the request's record, with headers of its own.
func TestDeadLettersOfOtherSystems(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	err := c.whenAsked(t, "a", func() {
		letter := *c.read(t, asks.Name)[0]
		letter.Topic, letter.Headers = orders.DeadLetter, append(letter.Headers,
			kgo.RecordHeader{Key: "kafka_dlt-original-topic", Value: []byte(asks.Name)},
			kgo.RecordHeader{Key: "kafka_dlt-exception-fqcn", Value: []byte("java.lang.IllegalStateException")},
			kgo.RecordHeader{Key: "kafka_dlt-exception-message", Value: []byte("no such order")},
		)
		c.write(t, &letter)
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, caller, ask("a"))
		return err
	})
	unanswered, ok := errors.AsType[*trestle.UnansweredError](err)
	if !ok || unanswered.Message != "no such order" || unanswered.Type != "java.lang.IllegalStateException" {
		t.Errorf("got %v", err)
	}
}

// TestDeadLettersThatOthersWrote has those of Python's services end calls: they name the request by its correlation id.
func TestDeadLettersThatOthersWrote(t *testing.T) {
	t.Parallel()
	for name, letter := range map[string]string{
		"nested": `{"original_event":%s,"error":{"error_type":"ValueError","error_message":"no such order"},"retry_count":3,"source_topic":"asks"}`,
		"flat":   `{%s,"error":"no such order","retry_count":3,"dlq_timestamp":"2025-10-16T12:34:56Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startPriceCluster(t)
			caller := newCaller(t, c)
			err := c.whenAsked(t, "a", func() {
				envelope := string(replyJSON(conversationID, "AskPrice", `{"order_id":"a"}`))
				if name == "flat" {
					envelope = strings.Trim(envelope, "{}") + "}" // the payload's is trimmed, too
				}
				c.write(t, &kgo.Record{Topic: orders.DeadLetter, Value: fmt.Appendf(nil, letter, string(replyJSON(uuid.NewString(), "AskPrice", `{}`)))},
					&kgo.Record{Topic: orders.DeadLetter, Value: fmt.Appendf(nil, letter, envelope)})
			}, func(ctx context.Context) error {
				_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
				return err
			})
			if unanswered, ok := errors.AsType[*trestle.UnansweredError](err); !ok || unanswered.Message != "no such order" || unanswered.Offset != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestCallsDoWithoutDeadLetters has no topic of dead letters.
func TestCallsDoWithoutDeadLetters(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	if err := c.DeleteTopic(orders.DeadLetter); err != nil {
		t.Fatal(err)
	}
	answer(t, c, newPublisher(t, c.brokers), echo)
	for range 2 {
		if got, err := trestle.Call[*price](deadline(t), newCaller(t, c), ask("a")); err != nil || got.OrderID != "a" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// unreadable has brokers say of a topic that nobody leads its partitions.
func (c *cluster) unreadable(topic string) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: topic, Err: kerr.LeaderNotAvailable, Count: -1})
}

// TestCallsDoWithoutDeadLettersThatAreAway has a topic of dead letters that can't be read now.
func TestCallsDoWithoutDeadLettersThatAreAway(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	c.unreadable(orders.DeadLetter)
	answer(t, c, newPublisher(t, c.brokers), echo)
	if got, err := trestle.Call[*price](deadline(t), newCaller(t, c), ask("a")); err != nil || got.OrderID != "a" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestExpiredRequestsAreNotHandled(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	now := time.Now()
	request := func(order string, at time.Time, timeout time.Duration) *kgo.Record {
		r := &kgo.Record{Topic: asks.Name, Key: []byte("same"), Timestamp: at}
		r.Value = []byte(strings.ReplaceAll(orderJSON(order, 0), "OrderPlaced", "AskPrice"))
		if timeout >= 0 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: wire.HeaderTimeout, Value: []byte(strconv.FormatInt(timeout.Milliseconds(), 10))})
		}
		return r
	}
	c.write(t,
		request("expired", now.Add(-time.Hour), time.Hour-10*time.Second),
		request("expired at once", now.Add(-time.Hour), 0),
		request("endless", now.Add(-time.Hour), -1),
		request("awaited", now.Add(-time.Hour), 2*time.Hour),
		request("longest", now.Add(-time.Hour), math.MaxInt64),
	)
	var handled []string
	outcomes := map[trestle.Result]int{}
	done := make(chan struct{})
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithObserver(func(o trestle.Outcome) {
		if outcomes[o.Result]++; outcomes[trestle.Expired]+outcomes[trestle.Handled] == 5 {
			close(done)
		}
	}))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Answer(consumer, newPublisher(t, c.brokers), func(ctx context.Context, a *askPrice) (*price, error) {
		handled = append(handled, a.OrderID)
		until, limited := ctx.Deadline()
		want := time.UnixMilli(now.UnixMilli()).Add(time.Hour + trestle.ClockTolerance)
		if limited != (a.OrderID == "awaited") || limited && !until.Equal(want) {
			t.Errorf("%s: deadline %v, %v, want %v", a.OrderID, until, limited, want)
		}
		return echo(ctx, a)
	})
	r := run(t, consumer)
	<-done
	r.stop()
	if !slices.Equal(handled, []string{"endless", "awaited", "longest"}) || outcomes[trestle.Expired] != 2 {
		t.Errorf("handled %q, outcomes %v", handled, outcomes)
	}
	if n := c.end(orders.DeadLetter); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// TestRequestsSayForHowLongTheyAreAwaited reads what a caller writes.
func TestRequestsSayForHowLongTheyAreAwaited(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := trestle.Call[*price](ctx, caller, ask("a"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	record := kafka.FromClient(c.read(t, asks.Name)[0])
	ms, err := strconv.Atoi(record.Header(wire.HeaderTimeout))
	if err != nil || ms < 0 || ms > 1000 {
		t.Errorf("timeout of %q, %v, want up to 1000 ms", record.Header(wire.HeaderTimeout), err)
	}
}

// TestCallersDecodeTheirOwnResponsesAlone counts what two instances decode, of responses by Trestle's consumers and by others.
func TestCallersDecodeTheirOwnResponsesAlone(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string]bool{"ours": false, "foreign": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startPriceCluster(t)
			var decoded atomic.Int32
			counted := priceInfo
			counted.New = func() trestle.Event { decoded.Add(1); return new(price) }
			pub, release := newPublisher(t, c.brokers), make(chan struct{})
			consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
			if err != nil {
				t.Fatal(err)
			}
			trestle.Handle(consumer, func(ctx context.Context, a *askPrice) error {
				d, _ := trestle.DeliveryFrom(ctx)
				if a.OrderID == "waits" {
					<-release
				}
				if foreign {
					c.writeReply(t, d.Envelope.CorrelationID, "Price", `{"order_id":"a"}`)
					return nil
				}
				return pub.Publish(ctx, &price{orderPlaced{OrderID: a.OrderID}})
			})
			run(t, consumer)
			first, second := newCaller(t, c), newCaller(t, c)
			call := func(caller *trestle.Caller, order string) error {
				_, err := caller.CallInfo(deadline(t), &counted, ask(order))
				return err
			}
			waits := make(chan error, 1)
			go func() { waits <- call(second, "waits") }()
			eventually(t, "the second waits", func() bool { return c.end(asks.Name) == 1 })
			const calls = 20
			for n := range calls {
				if err := call(first, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			}
			close(release)
			if err := <-waits; err != nil {
				t.Error(err)
			}
			if n := decoded.Load(); n != calls+1 {
				t.Errorf("%d responses were decoded, want the %d that were waited for", n, calls+1)
			}
		})
	}
}

// TestResponseThatIsTooLargeToBeRead has a response that only compression got past its topic's limit.
func TestResponseThatIsTooLargeToBeRead(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	caller := newCaller(t, c)
	note := fmt.Sprintf(`{"order_id":"a","note":"%s"}`, strings.Repeat("x", 2<<20))
	err := c.whenAsked(t, "a", func() {
		compressing(t, c, []*kgo.Record{{Topic: prices.Name, Key: []byte(uuid.NewString()), Value: replyJSON(conversationID, "Price", strings.Repeat(" ", 64<<20)+note)}})
		compressing(t, c, []*kgo.Record{{Topic: prices.Name, Key: []byte(conversationID), Value: replyJSON(conversationID, "Price", note)}})
	}, func(ctx context.Context) error {
		_, err := trestle.Call[*price](ctx, caller, ask("a"), trestle.WithCorrelationID(conversationID))
		return err
	})
	if oversized, ok := errors.AsType[*trestle.OversizedError](err); !ok || oversized.Bytes < 2<<20 {
		t.Errorf("got %v", err)
	}
}
