package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
)

// What a consumer keeps in memory beyond what the client keeps: heap that is live after a collection, of a consumer and of a client
// in a group that has the same partitions and holds the same records.

const (
	waitingKeys    = 100_000
	manyPartitions = 1000
)

// BenchmarkMemoryOfKeys has a consumer hold a record of each of many keys, since the first ones' handlers hang.
func BenchmarkMemoryOfKeys(b *testing.B) {
	brokers := onEmbedded(b, keeps)
	makeTopics(b, brokers, analysisInfo.Topic.Name, analysisInfo.Topic.DeadLetter)
	client := newClient(b, brokers)
	for i := range waitingKeys {
		client.Produce(b.Context(), &kgo.Record{
			Topic: analysisInfo.Topic.Name, Key: fmt.Appendf(nil, "key-%d", i), Value: make([]byte, 100),
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	client.Close()
	for b.Loop() {
		holds := func(c *trestle.Consumer) bool {
			held := 0
			for _, lag := range c.Lag() {
				held += lag.InHand
			}
			return held == waitingKeys
		}
		reportMemory(b, "key", waitingKeys, clientHeap(b, brokers, waitingKeys), consumerHeap(b, brokers, holds))
	}
}

// BenchmarkMemoryOfPartitions has a consumer assigned many partitions, of which none has a record.
func BenchmarkMemoryOfPartitions(b *testing.B) {
	brokers := onEmbedded(b, keeps)
	makeTopics(b, brokers, analysisInfo.Topic.DeadLetter)
	client := newClient(b, brokers)
	if made, err := kadm.NewClient(client).CreateTopics(b.Context(), manyPartitions, 1, nil, analysisInfo.Topic.Name); err != nil || made.Error() != nil {
		b.Fatal(err, made.Error())
	}
	client.Close()
	for b.Loop() {
		fetched := func(c *trestle.Consumer) bool {
			lags := c.Lag()
			return len(lags) == manyPartitions && !slices.ContainsFunc(lags, func(l trestle.PartitionLag) bool { return l.Records != 0 })
		}
		clientHeap(b, brokers, 0) // once for nothing: what a process has once
		reportMemory(b, "partition", manyPartitions, clientHeap(b, brokers, 0), consumerHeap(b, brokers, fetched))
	}
}

func reportMemory(b *testing.B, of string, n int, raw, ours int64) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(raw)/1e6, "raw-MB")
	b.ReportMetric(float64(ours)/1e6, "trestle-MB")
	b.ReportMetric(float64(ours-raw)/float64(n), "added-B/"+of)
}

// liveHeap is what is in use after a collection, in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // pools are emptied in two steps
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// clientHeap is what a client takes that was assigned all partitions and holds so many records.
func clientHeap(b *testing.B, brokers []string, records int) int64 {
	before := liveHeap()
	assigned := make(chan struct{}, 1)
	client := newClient(b, brokers, kgo.ConsumerGroup(fmt.Sprint("raw-", time.Now().UnixNano())), kgo.ConsumeTopics(analysisInfo.Topic.Name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned <- struct{}{} }))
	defer client.Close()
	<-assigned
	if records == 0 {
		ctx, cancel := context.WithTimeout(b.Context(), 6*time.Second) // as long as the consumer takes to learn where all partitions end
		defer cancel()
		client.PollRecords(ctx, 1)
	}
	held := make([]*kgo.Record, 0, records)
	for len(held) < records {
		fetches := client.PollRecords(b.Context(), 1000)
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		held = append(held, fetches.Records()...)
	}
	heap := liveHeap() - before
	runtime.KeepAlive(held)
	return heap
}

// consumerHeap is what a consumer takes once holds says so. Its handlers hang until it ends.
func consumerHeap(b *testing.B, brokers []string, holds func(*trestle.Consumer) bool) int64 {
	before := liveHeap()
	consumer, err := trestle.NewConsumer(brokers, fmt.Sprint("trestle-", time.Now().UnixNano()), trestle.WithLogger(nobody),
		trestle.WithMaxInFlight(8*waitingKeys), trestle.WithMaxInFlightBytes(4<<30), trestle.WithMaxUncommitted(8*waitingKeys),
		trestle.WithDrainTimeout(time.Second))
	if err != nil {
		b.Fatal(err)
	}
	trestle.HandleRaw[codegenv1.CodegenAnalysisRequest](consumer, func(ctx context.Context, _ *trestle.Record) error {
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		_ = consumer.Run(ctx) // it says that handlers were cut off
		close(ended)
	}()
	for limit := time.Now().Add(time.Minute); !holds(consumer); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			b.Fatalf("the consumer does not hold what it should: %+v", consumer.Lag()[:min(3, len(consumer.Lag()))])
		}
	}
	heap := liveHeap() - before
	cancel()
	<-ended
	return heap
}
