package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

// A handler is called with events of its type, one after the other for each key. nil counts the event as done.
func ExampleHandle() {
	t := example()
	defer t.Close()
	dashboard := map[string]float64{}
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) { // c is that of trestle.NewConsumer in a service
		trestle.Handle(c, func(_ context.Context, e *codegenv1.CodegenStatusEvent) error {
			dashboard[e.GetSessionId()] = e.GetProgressPercentage()
			return nil
		})
	})

	fmt.Println(handlers.Handle(progress(50)).Result, handlers.Handle(progress(75)).Result)
	fmt.Println(dashboard)
	// Output:
	// handled handled
	// map[7c9e6679-7425-40de-944b-e07fc1f90ae7:75]
}

// A handler may get many events at once, and name those that failed: they are tried again, the others are done.
func ExampleHandleBatch() {
	t := example()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	pub := cluster.Publisher()
	for _, percent := range []float64{25, 50, 75, 100} {
		check(pub.Publish(context.Background(), progress(percent)))
	}
	consumer, err := trestle.NewConsumer(cluster.Brokers(), "dashboard", trestle.WithBackoff(time.Millisecond, time.Millisecond))
	check(err)
	timed := func(next trestle.HandlerFunc) trestle.HandlerFunc { // around each call, not each event
		return func(ctx context.Context, e trestle.Event) error {
			defer fmt.Println("called")
			return next(ctx, e)
		}
	}
	trestle.HandleBatch(consumer, func(_ context.Context, items []trestle.Item[codegenv1.CodegenStatusEvent]) error {
		var failed trestle.BatchError
		for i, item := range items {
			if item.Event.GetProgressPercentage() == 100 && item.Delivery.Attempt == 1 {
				failed.Add(i, errors.New("the dashboard is locked"))
				continue
			}
			fmt.Print(item.Event.GetProgressPercentage(), " ")
		}
		return failed.Err()
	}, trestle.WithMaxBatchSize(4), trestle.WithMaxBatchBytes(1<<20), trestle.WithMaxBatchWait(time.Minute), trestle.WithBatchMiddleware(timed))
	stop := trestletest.Run(t, consumer)
	cluster.AwaitDone("dashboard")
	stop()
	// Output:
	// 25 50 75 called
	// 100 called
}

// A program that learns of its event types when it runs handles them by their descriptions.
func ExampleHandleInfo() {
	t := example()
	defer t.Close()
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		for _, info := range codegenv1.Events() {
			if info.Topic == nil {
				continue // a dead letter's
			}
			trestle.HandleInfo(c, info, func(_ context.Context, e trestle.Event) error {
				fmt.Println(e.EventInfo().FullName)
				return nil
			})
		}
	})
	handlers.Handle(progress(50))
	handlers.Handle(patternRequest(3))
	// Output:
	// omninode.codegen.v1.CodegenStatusEvent
	// omninode.codegen.v1.CodegenPatternRequest
}

// Deletions on a compacted topic have a handler of their own, which is called in order with the events of the key.
func ExampleHandleDeletion() {
	t := example()
	defer t.Close()
	stock := map[string]int64{}
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, e *stockKept) error {
			stock[e.OrderID] = e.N
			return nil
		})
		trestle.HandleDeletion[stockKept](c, func(_ context.Context, key string) error {
			delete(stock, key)
			return nil
		})
	})
	handlers.Handle(&stockKept{orderPlaced{OrderID: "ord_81", N: 3}})
	handlers.Handle(&stockKept{orderPlaced{OrderID: "ord_82", N: 5}})
	handlers.Delete(&stockKept{orderPlaced{OrderID: "ord_81"}})
	fmt.Println(stock)
	// Output:
	// map[ord_82:5]
}

// A handler learns of its context which record it is called for.
func ExampleDeliveryFrom() {
	t := example()
	defer t.Close()
	handle := func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) error {
		d, _ := trestle.DeliveryFrom(ctx)
		fmt.Println(d.Topic, string(d.Key), "attempt", d.Attempt)
		fmt.Println("in session", d.Envelope.SessionID)
		return nil
	}
	trestletest.Handle(t, handle, patternRequest(3))
	// Output:
	// omninode_codegen_request_pattern_v1 550e8400-e29b-41d4-a716-446655440000 attempt 1
	// in session 7c9e6679-7425-40de-944b-e07fc1f90ae7
}

// A handler that keeps a list of its own of what it has handled; package dedup does so in the database in which the handler works.
func ExampleIdentityFrom() {
	t := example()
	defer t.Close()
	seen := map[string]bool{}
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(ctx context.Context, _ *codegenv1.CodegenStatusEvent) error {
			id, _ := trestle.IdentityFrom(ctx)
			if seen[id] {
				return trestle.ErrDuplicate
			}
			seen[id] = true
			return nil
		})
	})
	again := trestle.WithEventID("0199a5c4-0000-7000-8000-000000000001")
	fmt.Println(handlers.Handle(progress(50), again).Result)
	fmt.Println(handlers.Handle(progress(50), again).Result)
	// Output:
	// handled
	// duplicate
}

// Middleware stands around the handlers of all events, or around one.
func ExampleWithHandlerMiddleware() {
	t := example()
	defer t.Close()
	saying := func(what string) trestle.HandlerMiddleware {
		return func(next trestle.HandlerFunc) trestle.HandlerFunc {
			return func(ctx context.Context, e trestle.Event) error {
				fmt.Println(what, "begins")
				defer fmt.Println(what, "ends")
				return next(ctx, e)
			}
		}
	}
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenStatusEvent) error {
			fmt.Println("handled")
			return nil
		}, saying("authorization"))
	}, trestle.WithHandlerMiddleware(saying("audit")))
	handlers.Handle(progress(50))
	// Output:
	// audit begins
	// authorization begins
	// handled
	// authorization ends
	// audit ends
}

// An event that its producer sent twice, with one id, is handled once by a consumer that remembers ids.
func ExampleWithDeduplication() {
	t := example()
	defer t.Close()
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenStatusEvent) error { return nil })
	}, trestle.WithDeduplication(10_000))

	again := trestle.WithEventID("0199a5c4-0000-7000-8000-000000000001")
	fmt.Println(handlers.Handle(progress(50), again).Result)
	fmt.Println(handlers.Handle(progress(50), again).Result)
	// Output:
	// handled
	// duplicate
}

// An observer is told what became of each event.
func ExampleWithObserver() {
	t := example()
	defer t.Close()
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, e *codegenv1.CodegenStatusEvent) error {
			if e.GetProgressPercentage() > 50 {
				return trestle.Permanent(errors.New("the session has ended"))
			}
			return nil
		})
	}, trestle.WithObserver(func(o trestle.Outcome) { fmt.Println(o.EventType, o.Result, o.Err) }))
	handlers.Handle(progress(50))
	handlers.Handle(progress(75))
	// Output:
	// CodegenStatusEvent handled <nil>
	// CodegenStatusEvent dead-lettered the session has ended
}

// A time that names no zone is taken as UTC, unless a consumer is strict.
func ExampleWithStrictTime() {
	t := example()
	defer t.Close()
	record := trestle.Record{Topic: "omninode_codegen_status_session_v1", Value: []byte(`{
		"envelope_version": "1.0", "session_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"correlation_id": "550e8400-e29b-41d4-a716-446655440000",
		"event_type": "CodegenStatusEvent", "timestamp": "2025-10-16 12:34:56",
		"payload": {"status": "processing", "progress_percentage": 50, "message": ""}
	}`)}
	for _, opts := range [][]trestle.ConsumerOption{nil, {trestle.WithStrictTime()}} {
		o := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
			trestle.Handle(c, func(_ context.Context, e *codegenv1.CodegenStatusEvent) error {
				fmt.Println(e.GetTimestamp().AsTime())
				return nil
			})
		}, opts...).HandleRecord(record)
		fmt.Println(o.Result)
	}
	// Output:
	// 2025-10-16 12:34:56 +0000 UTC
	// handled
	// dead-lettered
}

// A group that the schemas declare is a value in generated code, with its topics, its start and its timeouts; options override
// what it says. The constructor checks them, and contacts nothing.
func ExampleNewConsumer() {
	brokers := []string{"kafka-1:9092", "kafka-2:9092"}
	_, err := trestle.NewConsumer(brokers, codegenv1.GroupOmniclaudeCodegenConsumer,
		trestle.WithStart(trestle.Earliest), // with the oldest record, where the group has read nothing yet
		trestle.WithKeyWorkers(32),          // keys of a topic that are handled at once
		trestle.WithMaxInFlight(1_000),      // records in hand
		trestle.WithMaxInFlightBytes(16<<20),
		trestle.WithMaxUncommitted(10_000), // of a partition, before its oldest record that is not done
		trestle.WithCommitInterval(5*time.Second),
		trestle.WithDrainTimeout(10*time.Second), // for handlers to finish when Run is to end
		trestle.WithInstanceID("dashboard-1"),    // restarted, it gets its partitions back
		trestle.WithSessionTimeout(20*time.Second), trestle.WithHeartbeatInterval(5*time.Second),
		trestle.WithRebalanceTimeout(30*time.Second),
	)
	check(err)

	_, err = trestle.NewConsumer(brokers, "dashboard", trestle.WithConsumerProtocol(), trestle.WithKeyWorkers(0))
	fmt.Println(err)
	// Output:
	// new consumer: WithKeyWorkers: must be at least 1, got 0
}

// A topic that is paused keeps its place in the group, and goes on when it is resumed.
func ExampleConsumer_Pause() {
	t := example()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	consumer, err := trestle.NewConsumer(cluster.Brokers(), "dashboard")
	check(err)
	const topic = "omninode_codegen_status_session_v1"
	paused := true
	trestle.Handle(consumer, func(_ context.Context, e *codegenv1.CodegenStatusEvent) error {
		fmt.Println(e.GetProgressPercentage(), "while paused:", paused)
		return nil
	})
	trestle.Handle(consumer, func(context.Context, *codegenv1.CodegenPatternRequest) error {
		paused = false
		consumer.Resume(topic)
		return nil
	})
	consumer.Pause(topic)
	stop := trestletest.Run(t, consumer)

	pub := cluster.Publisher()
	check(pub.Publish(context.Background(), progress(50)))
	check(pub.Publish(context.Background(), patternRequest(3)))
	cluster.AwaitDone("dashboard")
	stop()
	// Output:
	// 50 while paused: false
}

// Carry a topic's records elsewhere as they are. The type says which topic.
func ExampleHandleRaw() {
	t := example()
	defer t.Close()
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.HandleRaw[codegenv1.CodegenStatusEvent](c, func(_ context.Context, r *trestle.Record) error {
			fmt.Println(r.Topic, string(r.Key), len(r.Value) > 0)
			return nil
		})
	})
	handlers.Handle(progress(50))
	// Output:
	// omninode_codegen_status_session_v1 7c9e6679-7425-40de-944b-e07fc1f90ae7 true
}
