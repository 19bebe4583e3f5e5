package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
)

const targetSeconds = 10

// BenchmarkGuideTargets goes by the figures that OmniNode's guide names for its topics, on Kafka: events are published at the
// rate of the topic, and handled, for ten seconds. `…-p95-ms` are times; each `…-of-target` is such a time in parts of the one
// that the guide allows, or a rate in parts of the one that it demands.
func BenchmarkGuideTargets(b *testing.B) {
	brokers := onKafka(b)
	requests := manyAnalyses(manyKeys)
	for _, topic := range []struct {
		name       string
		like       trestle.Event
		partitions int32
		rate       int // events a second
		event      func(n int) trestle.Event
	}{
		{"requests", requests[0], 3, 3000, func(n int) trestle.Event { return requests[n%len(requests)] }},
		{"status", status(), 6, 6000, func(n int) trestle.Event {
			e := status()
			e.SessionId = requests[n%len(requests)].GetCorrelationId()
			return e
		}},
	} {
		b.Run(topic.name, func(b *testing.B) {
			for b.Loop() {
				names := guideTopics(b, brokers, topic.partitions, topic.like.EventInfo())
				published, handled, rate := paced(b, brokers, names, topic.like.EventInfo(), topic.rate, topic.event)
				b.ReportMetric(0, "ns/op")
				reportTarget(b, "publish", published, 100*time.Millisecond)
				reportTarget(b, "publish-to-handler", handled, 150*time.Millisecond) // 100 ms for the producer, 50 ms for the consumer
				b.ReportMetric(rate, "events/s")
				b.ReportMetric(rate/float64(topic.rate), "rate-of-target")
			}
		})
	}
	b.Run("calls", func(b *testing.B) {
		for b.Loop() {
			took := answered(b, brokers)
			b.ReportMetric(0, "ns/op")
			reportTarget(b, "call", took, 5*time.Second)
		}
	})
}

// guideTopics makes the topics of events, with their dead letters, under names of their own.
func guideTopics(b *testing.B, brokers []string, partitions int32, events ...*trestle.EventInfo) trestle.Names {
	b.Helper()
	names := trestle.Names{Prefix: fmt.Sprintf("targets%d.", time.Now().UnixNano())}
	client := newClient(b, brokers)
	defer client.Close()
	topics := map[string]int32{}
	for _, e := range events {
		topics[e.Topic.Name], topics[e.Topic.DeadLetter] = partitions, 1
	}
	for topic, n := range topics {
		if _, err := kadm.NewClient(client).CreateTopic(b.Context(), n, 1, nil, names.Prefix+topic); err != nil {
			b.Fatal(err)
		}
	}
	return names
}

// paced publishes events at a rate and handles them. It returns for each how long it took until the cluster had it, and until a
// handler had it, and the rate at which events were handled.
func paced(b *testing.B, brokers []string, names trestle.Names, like *trestle.EventInfo, rate int, event func(int) trestle.Event) (published, handled []time.Duration, reached float64) {
	b.Helper()
	total := rate * targetSeconds
	published, handled = make([]time.Duration, total), make([]time.Duration, 0, total)
	var mu sync.Mutex
	done := make(chan time.Time, 1)
	c, err := trestle.NewConsumer(brokers, "targets", trestle.WithNames(names), trestle.WithLogger(nobody))
	if err != nil {
		b.Fatal(err)
	}
	trestle.HandleInfo(c, like, func(ctx context.Context, _ trestle.Event) error {
		now := time.Now()
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		if handled = append(handled, now.Sub(d.Timestamp)); len(handled) == total {
			done <- now
		}
		return nil
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	p, err := trestle.NewPublisher(brokers, trestle.WithNames(names), trestle.WithLogger(nobody))
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(b.Context())

	begun := time.Now()
	for n := range total {
		if ahead := time.Until(begun.Add(time.Duration(n) * time.Second / time.Duration(rate))); ahead > time.Millisecond {
			time.Sleep(ahead)
		}
		sent := time.Now()
		if err := p.PublishAsync(b.Context(), event(n), func(_ trestle.Receipt, err error) {
			if published[n] = time.Since(sent); err != nil {
				b.Error(err)
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case last := <-done:
		return published, handled, float64(total) / last.Sub(begun).Seconds()
	case err := <-ended:
		ended <- err
		b.Fatal("the consumer has ended: ", err)
	case <-time.After(time.Minute):
		b.Fatal("not all events were handled")
	}
	return nil, nil, 0
}

// answered calls a service that answers at once, from 16 goroutines, and returns how long each call took.
func answered(b *testing.B, brokers []string) []time.Duration {
	b.Helper()
	request, response := (*codegenv1.CodegenPatternRequest)(nil).EventInfo(), (*codegenv1.CodegenPatternResponse)(nil).EventInfo()
	names := trestle.WithNames(guideTopics(b, brokers, 3, request, response))
	p, err := trestle.NewPublisher(brokers, names, trestle.WithLogger(nobody))
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(b.Context())
	c, err := trestle.NewConsumer(brokers, "targets", names, trestle.WithLogger(nobody))
	if err != nil {
		b.Fatal(err)
	}
	trestle.Handle(c, func(ctx context.Context, r *codegenv1.CodegenPatternRequest) error {
		return p.Publish(ctx, &codegenv1.CodegenPatternResponse{
			CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(), TotalMatches: new(int64(1)), ProcessingTimeMs: new(int64(1)),
			PatternResult: []*trestlev1.JsonObject{{Json: `{"pattern":"outbox","score":0.91}`}},
		})
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	caller, err := trestle.NewCaller(brokers, names, trestle.WithLogger(nobody))
	if err != nil {
		b.Fatal(err)
	}
	calls := codegenv1.NewCalls(caller)
	call := func() time.Duration {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if _, err := calls.CodegenPattern(ctx, &codegenv1.CodegenPatternRequest{
			CorrelationId: uuid.NewString(), SessionId: uuid.NewString(), NodeDescription: new("writes orders to the ledger"),
			NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
		}); err != nil {
			b.Error(err)
		}
		return time.Since(begun)
	}
	call() // which waits for the group
	var took []time.Duration
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 200 {
				d := call()
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	if err := caller.Close(b.Context()); err != nil {
		b.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	return took
}

// reportTarget reports the 95th percentile of times.
func reportTarget(b *testing.B, name string, times []time.Duration, target time.Duration) {
	slices.Sort(times)
	p95 := times[len(times)*95/100]
	b.ReportMetric(float64(p95)/float64(time.Millisecond), name+"-p95-ms")
	b.ReportMetric(float64(p95)/float64(target), name+"-of-target")
}
