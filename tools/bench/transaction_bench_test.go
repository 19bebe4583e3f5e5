package bench

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
)

// BenchmarkTransactions has handlers publish an event for each that they handle: with WithTransactions; with Publish alone, which waits for
// the cluster; and with PublishAsync, which loses what is not acknowledged when the process dies. Joining the group and leaving it is part of it.
func BenchmarkTransactions(b *testing.B) {
	eachCluster(b, keeps, func(b *testing.B, brokers []string) {
		const events = 20_000
		fill(b, brokers, events)
		status := (*codegenv1.CodegenStatusEvent)(nil).EventInfo().Topic
		makeTopics(b, brokers, status.Name)
		took := measured(b, events, answering(b, brokers)...)
		wall := func(c cost) float64 { return c.wall }
		cpu := func(c cost) float64 { return c.cpu }
		for _, other := range []string{"publish", "async"} {
			b.ReportMetric(median(took[other], wall)/median(took["transactions"], wall), "x-"+other)
			b.ReportMetric(median(took["transactions"], cpu)/median(took[other], cpu), "x-"+other+"-cpu")
		}
	})
}

func answering(b *testing.B, brokers []string) []way {
	pub, err := trestle.NewPublisher(brokers, trestle.WithLogger(nobody))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := pub.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	consume := func(n int, publish func(context.Context, trestle.Event) error, opts ...trestle.ConsumerOption) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		c, err := trestle.NewConsumer(brokers, "bench-"+uuid.NewString(), append(opts, trestle.WithLogger(nobody))...)
		if err != nil {
			b.Fatal(err)
		}
		var done atomic.Int64
		trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenAnalysisRequest) error {
			err := publish(ctx, &codegenv1.CodegenStatusEvent{
				SessionId: e.GetSessionId(), Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, ProgressPercentage: new(float64(50)),
				Message: new("analyzing"),
			})
			if err != nil {
				b.Error(err)
				cancel()
			}
			if done.Add(1) == int64(n) {
				cancel()
			}
			return err
		})
		if err := c.Run(ctx); err != nil {
			b.Fatal(err)
		}
	}
	publish := func(ctx context.Context, e trestle.Event) error { return pub.Publish(ctx, e) }
	return []way{
		{"transactions", func(n int) { consume(n, publish, trestle.WithTransactions(pub)) }},
		{"publish", func(n int) { consume(n, publish) }},
		{"async", func(n int) {
			consume(n, func(ctx context.Context, e trestle.Event) error {
				return pub.PublishAsync(ctx, e, func(_ trestle.Receipt, err error) {
					if err != nil {
						b.Error(err)
					}
				})
			})
			if err := pub.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}},
	}
}
