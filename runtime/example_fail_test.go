package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
)

// A handler's error is tried again, later and later, while other keys go on. Then the event goes to its dead letter.
func ExampleWithRetries() {
	t := example()
	defer t.Close()
	calls := 0
	handle := func(context.Context, *codegenv1.CodegenPatternRequest) error {
		calls++
		return fmt.Errorf("the model is away, call %d", calls)
	}
	done := trestletest.Handle(t, handle, patternRequest(3),
		trestle.WithRetries(2), trestle.WithBackoff(time.Second, time.Minute))

	letter := trestletest.RequireDeadLettered(t, done)
	fmt.Println(letter.Error.Message, "after", letter.RetryCount, "retries")
	for _, wait := range done.Waits { // less a random part of up to a half
		fmt.Println("waited at most", wait.Round(time.Second) <= 2*time.Second)
	}
	// Output:
	// the model is away, call 3 after 2 retries
	// waited at most true
	// waited at most true
}

// An error that trying again can't help is marked so: the event goes to its dead letter at once.
func ExamplePermanent() {
	t := example()
	defer t.Close()
	handle := func(context.Context, *codegenv1.CodegenPatternRequest) error {
		return trestle.Permanent(errors.New("this tenant has been closed"))
	}
	done := trestletest.Handle(t, handle, patternRequest(3))
	fmt.Println(done.Result, "after", done.Attempts, "attempt:", done.Err)
	fmt.Println(trestle.IsPermanent(done.Err))
	// Output:
	// dead-lettered after 1 attempt: this tenant has been closed
	// true
}

// An outage of what a handler depends on is no fault of its events. They wait for its end instead of becoming dead letters.
func ExampleUnavailable() {
	t := example()
	defer t.Close()
	var away atomic.Bool // handlers are called by other goroutines
	away.Store(true)
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenPatternRequest) error {
			if away.Load() {
				return trestle.Unavailable(errors.New("the model is away"))
			}
			return nil
		})
	})
	fmt.Println("waits:", handlers.Handle(patternRequest(3)).Waiting)
	away.Store(false)
	fmt.Println(handlers.Handle(patternRequest(3)).Result)
	// Output:
	// waits: true
	// handled
}

// When handlers fail all over, as in an outage, their topic waits. How much that takes can be set, or that it never does.
func ExampleWithBreaker() {
	t := example()
	defer t.Close()
	register := func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenPatternRequest) error { return errors.New("the model is away") })
	}
	soon := trestletest.NewHandlers(t, register, trestle.WithBreaker(trestle.Breaker{Window: 4, Failures: 1, Keys: 1}))
	never := trestletest.NewHandlers(t, register, trestle.WithoutBreaker())

	fmt.Println("soon:", soon.Handle(patternRequest(3)).Waiting)
	fmt.Println("never:", never.Handle(patternRequest(3)).Waiting)
	// Output:
	// soon: true
	// never: false
}

// A handler's context ends with its deadline; what the handler returns then is an error like any other.
func ExampleWithHandlerTimeout() {
	t := example()
	defer t.Close()
	handle := func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) error {
		<-ctx.Done() // what it waits for goes on for longer
		return context.Cause(ctx)
	}
	done := trestletest.Handle(t, handle, patternRequest(3), trestle.WithHandlerTimeout(10*time.Millisecond), trestle.WithRetries(0))
	fmt.Println(done.Err)
	// Output:
	// the handler took more than 10ms
}

// A dead letter has the original's bytes, and says why and where it failed. It is read like any other record.
func Example_deadLetters() {
	t := example()
	defer t.Close()
	ctx := context.Background()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	consumer, err := trestle.NewConsumer(cluster.Brokers(), "omniarchon", trestle.WithLogger(quiet))
	check(err)
	trestle.Handle(consumer, func(context.Context, *codegenv1.CodegenPatternRequest) error {
		return trestle.Permanent(errors.New("this tenant has been closed"))
	})
	trestletest.Run(t, consumer)
	check(cluster.Publisher().Publish(ctx, patternRequest(3)))
	cluster.AwaitDone("omniarchon")

	topics := []string{"omninode_codegen_dlq_pattern_v1"}
	for record, err := range kafka.Scan(ctx, cluster.Connection(), topics, kafka.FromStart(), kafka.ToEnd()) {
		check(err)
		letter, err := deadletter.Parse(record)
		check(err)
		fmt.Println(letter.ConsumerGroup, "gave up", letter.SourceTopic, "at offset", letter.Original.Offset)
		fmt.Println(letter.Error.Message)

		original := trestle.Record{Topic: letter.SourceTopic, Value: letter.Original.Value, Headers: letter.Original.Headers}
		decoded, err := trestle.Decode(&original, trestle.NewTypes(codegenv1.Events()...), trestle.DecodeOptions{})
		check(err)
		fmt.Println(decoded.Event.(*codegenv1.CodegenPatternRequest).GetNodeDescription())
	}
	// Output:
	// omniarchon gave up omninode_codegen_request_pattern_v1 at offset 0
	// this tenant has been closed
	// writes orders to the ledger
}

// A handler puts an event off that it can't handle yet. That is no failure, and takes none of its attempts.
func ExampleSnooze() {
	t := example()
	defer t.Close()
	handle := func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) error {
		d, _ := trestle.DeliveryFrom(ctx)
		if d.Snoozes == 0 {
			return trestle.Snooze(30 * time.Second) // the model's quota is used up until then
		}
		fmt.Println("attempt", d.Attempt)
		return nil
	}
	done := trestletest.Handle(t, handle, patternRequest(3))
	fmt.Println(done.Result, "after waiting", done.Waits)
	// Output:
	// attempt 1
	// handled after waiting [30s]
}

// What trying again at once does not help may go well in an hour. The event waits in a retry topic, through restarts, and its key goes on.
func ExampleWithRetryTopics() {
	t := example()
	defer t.Close()
	handle := func(context.Context, *codegenv1.CodegenPatternRequest) error {
		return errors.New("the model is being replaced")
	}
	request := patternRequest(3)
	done := trestletest.Handle(t, handle, request, trestle.WithRetries(1),
		trestle.WithRetryTopics(request.EventInfo().Topic.Name,
			trestle.RetryTopic{Name: "pattern_retry_10m", Delay: 10 * time.Minute},
			trestle.RetryTopic{Name: "pattern_retry_6h", Delay: 6 * time.Hour, Attempts: 4}))
	fmt.Println(done.Result, "after", done.Attempts, "attempts:", done.Err)
	// Output:
	// retried after 2 attempts: the model is being replaced
}

// After a dead letter the key's later events may depend on what the event did not do. Where keys are held they wait behind it, to be replayed with it.
func ExampleWithHeldKeys() {
	t := example()
	defer t.Close()
	request := patternRequest(3)
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, r *codegenv1.CodegenPatternRequest) error {
			if r.GetLimit() == 3 {
				return trestle.Permanent(errors.New("this tenant has been closed"))
			}
			return nil
		})
	}, trestle.WithHeldKeys(request.EventInfo().Topic.Name))
	fmt.Println(handlers.Handle(request).Result)
	next := handlers.Handle(patternRequest(4))
	fmt.Println(next.Result.String()+":", next.Err)

	another := patternRequest(5)
	another.CorrelationId = "4f8a9f6e-5d3a-4c53-8a3f-0f4d1c8b7a6e"
	fmt.Println(handlers.Handle(another).Result)
	// Output:
	// dead-lettered
	// held: its key is held: dead letter omninode_codegen_dlq_pattern_v1/0/0 comes before it
	// handled
}

// An event that waits in a retry topic for hours can have its key wait with it, so that handlers see the key's events in their order.
func ExampleWithWaitingKeys() {
	t := example()
	defer t.Close()
	request := patternRequest(3)
	topic := request.EventInfo().Topic.Name
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, r *codegenv1.CodegenPatternRequest) error {
			if r.GetLimit() == 3 {
				return errors.New("the model is being replaced")
			}
			return nil
		})
	}, trestle.WithRetries(0), trestle.WithWaitingKeys(topic),
		trestle.WithRetryTopics(topic, trestle.RetryTopic{Name: "pattern_retry_6h", Delay: 6 * time.Hour}))
	fmt.Println(handlers.Handle(request).Result)
	next := handlers.Handle(patternRequest(4))
	fmt.Println(next.Result.String()+":", next.Err)
	// Output:
	// retried
	// held: its key is held: retry pattern_retry_6h/0/0 comes before it
}
