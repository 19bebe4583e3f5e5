package storetest

import (
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// batchSize is a sink's default.
const batchSize = 1000

// Events returns n events of one partition from an offset on, with payloads like those of status events.
func Events(topic string, from int64, n int) []eventtrace.Event {
	events := make([]eventtrace.Event, n)
	for i := range events {
		e := event(topic, 0, from+int64(i))
		e.CorrelationID = wire.RecordID(topic, 0, e.Offset/3)
		e.SessionID = wire.RecordID(topic, 1, e.Offset/30)
		e.Payload = jsonio.Raw(`{"session_id":"` + e.SessionID + `","status":"processing","progress_percentage":45.5,` +
			`"message":"Extracting requirements from the document","timestamp":"2025-10-16T12:34:58.123456Z",` +
			`"metadata":{"requirements_extracted":15,"current_section":"User Authentication","stage":"analysis"}}`)
		events[i] = e
	}
	return events
}

// BenchmarkTraces measures Append by batches of 1000 new events, in events per second. bare, if not nil, writes a batch
// as the database can at best; it is measured in turn with Append, and the metric "ratio" is Append's rate over its.
func BenchmarkTraces(b *testing.B, store eventtrace.Store, bare func(events []eventtrace.Event) error) {
	b.Helper()
	var ours, theirs time.Duration
	offset := int64(0)
	for b.Loop() {
		b.StopTimer()
		events := Events("bench", offset, batchSize)
		offset += batchSize
		next := eventtrace.Progress{"bench": {0: offset}}
		b.StartTimer()
		began := time.Now()
		added, err := store.Append(b.Context(), events, next)
		ours += time.Since(began)
		if err != nil || added != batchSize {
			b.Fatalf("append: added %d, error %v", added, err)
		}
		if bare == nil {
			continue
		}
		b.StopTimer()
		began = time.Now()
		if err := bare(events); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(began)
		b.StartTimer()
	}
	total := float64(b.N) * batchSize
	b.ReportMetric(total/ours.Seconds(), "events/s")
	if bare != nil {
		b.ReportMetric(total/theirs.Seconds(), "bare-events/s")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
	}
}
