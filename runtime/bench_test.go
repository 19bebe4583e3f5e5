package trestle_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// The benchmarks here compare with franz-go used directly, in the same run and against the same cluster in this
// process: `ratio` is this package's throughput in parts of franz-go's.

const benchKeys = 1000

var benchNote = strings.Repeat("an event of ordinary size ", 12)

func benchEvent(n int) *orderPlaced {
	return &orderPlaced{OrderID: fmt.Sprintf("order-%d", n%benchKeys), N: int64(n), Note: benchNote}
}

// benchRecord is what publishing benchEvent(n) puts on the topic.
func benchRecord(b *testing.B, n int) *kgo.Record {
	rec, err := trestle.Encode(benchEvent(n), nil, trestle.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	r := &kgo.Record{Topic: rec.Topic, Key: rec.Key, Value: rec.Value}
	for _, h := range rec.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader(h))
	}
	return r
}

func reportRatio(b *testing.B, raw, ours time.Duration) {
	perSecond := func(d time.Duration) float64 { return float64(b.N) / d.Seconds() }
	b.ReportMetric(perSecond(ours), "events/s")
	b.ReportMetric(perSecond(raw), "raw-events/s")
	b.ReportMetric(float64(raw)/float64(ours), "ratio")
}

func BenchmarkPublish(b *testing.B) {
	c := startCluster(b)
	records := make([]*kgo.Record, min(b.N, 10*benchKeys))
	for i := range records {
		records[i] = benchRecord(b, i)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.brokers...), kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedBytes(32<<20), kgo.MaxBufferedRecords(1<<30),
	)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	start := time.Now()
	for i := range b.N {
		r := *records[i%len(records)]
		client.Produce(b.Context(), &r, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	raw := time.Since(start)

	p := newPublisher(b, c.brokers)
	b.ReportAllocs()
	b.ResetTimer()
	start = time.Now()
	for i := range b.N {
		if err := p.PublishAsync(b.Context(), benchEvent(i), func(_ trestle.Receipt, err error) {
			if err != nil {
				b.Error(err)
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	reportRatio(b, raw, time.Since(start))
}

func BenchmarkConsume(b *testing.B) {
	c := startCluster(b)
	for i := range b.N {
		c.client.Produce(b.Context(), benchRecord(b, i), nil)
	}
	if err := c.client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}

	raw := consumeRaw(b, c)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, trestle.WithLogger(quiet))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var first sync.Once
	var start time.Time
	var handled atomic.Int64
	done := make(chan struct{})
	trestle.Handle(consumer, func(context.Context, *orderPlaced) error {
		first.Do(func() { start = time.Now() })
		if handled.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	})
	b.ReportAllocs()
	b.ResetTimer()
	r := make(chan error, 1)
	go func() { r <- consumer.Run(ctx) }()
	<-done
	took := time.Since(start)
	b.StopTimer()
	cancel()
	if err := <-r; err != nil {
		b.Fatal(err)
	}
	reportRatio(b, raw, took)
}

// consumeRaw reads all records as a group member that commits by itself, from the first record on.
func consumeRaw(b *testing.B, c *cluster) time.Duration {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumerGroup("raw"), kgo.ConsumeTopics(orders.Name))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var start time.Time
	for n := 0; n < b.N; {
		fetches := client.PollFetches(b.Context())
		if start.IsZero() {
			start = time.Now()
		}
		n += fetches.NumRecords()
	}
	return time.Since(start)
}
