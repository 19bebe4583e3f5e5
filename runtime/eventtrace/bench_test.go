package eventtrace_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// BenchmarkSink follows a topic into a new SQLite store, from its start to its end.
func BenchmarkSink(b *testing.B) {
	const total = 20_000
	cluster := startKafka(b, kfake.SeedTopics(1, "a"))
	publish(b, producer(b, cluster), "a", 0, 0, total)
	for b.Loop() {
		sink := newSink(b, cluster, []string{"a"}, openStore(b))
		untilEnd(b, sink)
		if stats := sink.Stats(); stats.Stored != total {
			b.Fatalf("stats: %+v", stats)
		}
	}
	b.ReportMetric(float64(b.N)*total/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkEnvelopes(b *testing.B) {
	read := eventtrace.Envelopes(onex)
	record := &kafka.Record{
		Topic: "a", Value: status(1), Key: []byte(session),
		Headers: []kafka.Header{
			{Key: wire.HeaderEventID, Value: []byte(uuid.NewString())},
			{Key: wire.HeaderEventType, Value: []byte("CodegenStatusEvent")},
			{Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)},
		},
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(record.Value)))
	for b.Loop() {
		if e := read(record); e.Invalid != "" {
			b.Fatal(e.Invalid)
		}
	}
}

// BenchmarkSort puts a long session into order.
func BenchmarkSort(b *testing.B) {
	var events []eventtrace.Event
	for n := range int64(10_000) {
		events = append(events, eventtrace.Event{Topic: fmt.Sprint("topic ", n%5), Partition: int32(n % 3), Offset: n * 7919 % 10_007})
	}
	for b.Loop() {
		eventtrace.Sort(events)
	}
}
