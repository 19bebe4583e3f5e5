package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
)

// What a handler publishes goes with the commit of the event that it handles: both happen, or neither does. A call that fails takes back what
// it has published.
func ExampleWithTransactions() {
	t := example()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	check(cluster.Publisher().Publish(context.Background(), patternRequest(3)))

	pub := cluster.Publisher()
	consumer, err := trestle.NewConsumer(cluster.Brokers(), "planner", trestle.WithTransactions(pub), trestle.WithBackoff(time.Millisecond, time.Millisecond))
	check(err)
	trestle.Handle(consumer, func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) error {
		d, _ := trestle.DeliveryFrom(ctx)
		if err := pub.Publish(ctx, progress(float64(d.Attempt))); err != nil { // returns once it is taken
			return err
		}
		if d.Attempt == 1 {
			return errors.New("the index is locked")
		}
		return nil
	})
	stop := trestletest.Run(t, consumer)
	cluster.AwaitDone("planner")
	stop()
	for record, err := range kafka.Scan(context.Background(), cluster.Connection(), []string{"omninode_codegen_status_session_v1"}, kafka.FromStart(), kafka.ToEnd()) {
		check(err)
		decoded, err := trestle.Decode(record, trestle.NewTypes(codegenv1.Events()...), trestle.DecodeOptions{})
		check(err)
		fmt.Println(decoded.Event.(*codegenv1.CodegenStatusEvent).GetProgressPercentage())
	}
	// Output:
	// 2
}

// What a handler of batches publishes for one of its events is published with the item's context.
func ExampleItem_Context() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t)
	pub := rec.Publisher()
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.HandleBatch(c, func(ctx context.Context, items []trestle.Item[codegenv1.CodegenPatternRequest]) error {
			var failed trestle.BatchError
			for i, item := range items {
				failed.Add(i, pub.Publish(item.Context(ctx), progress(float64(item.Event.GetLimit()))))
			}
			return failed.Err()
		})
	}, trestle.WithTransactions(pub))
	fmt.Println(handlers.Handle(patternRequest(3)).Result, len(rec.Sent()))
	// Output:
	// handled 1
}

// Middleware that remembers elsewhere which events were handled refuses consumers whose transactions may take that back.
func ExampleIsInTransaction() {
	t := example()
	defer t.Close()
	remembering := func(next trestle.HandlerFunc) trestle.HandlerFunc {
		return func(ctx context.Context, e trestle.Event) error {
			if trestle.IsInTransaction(ctx) {
				return trestle.Permanent(errors.New("handled events can't be remembered here"))
			}
			return next(ctx, e)
		}
	}
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenStatusEvent) error { return nil })
	}, trestle.WithTransactions(trestletest.NewRecorder(t).Publisher()), trestle.WithHandlerMiddleware(remembering))
	fmt.Println(handlers.Handle(progress(50)).Result)
	// Output:
	// dead-lettered
}
