package integration_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/deadletter"
)

var buried atomic.Int64

// bury writes dead letters of n events that a group could not handle.
func bury(t *testing.T, brokers []string, topic, deadLetters, group string, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range n {
		number := buried.Add(1)
		id := fmt.Sprintf("550e8400-e29b-41d4-a716-%012d", number)
		d := deadletter.DeadLetter{
			Original: deadletter.Original{Key: []byte(id), Offset: number, Value: fmt.Appendf(nil, `{"envelope_version":"1.0","correlation_id":%q,`+
				`"session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","event_type":"CodegenPatternRequest","timestamp":"2025-10-16T12:00:00Z",`+
				`"payload":{"correlation_id":%q,"session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","node_description":"a","node_type":"effect"}}`, id, id)},
			Error:      deadletter.Error{Type: "HandlerError", Message: fmt.Sprintf("order %d not found", number), Timestamp: time.Now()},
			RetryCount: 3, SourceTopic: topic, ConsumerGroup: group, Timestamp: time.Now(),
		}
		record := &kgo.Record{Topic: deadLetters, Key: d.Original.Key, Value: d.AppendJSON(nil)}
		for _, h := range d.Headers() {
			record.Headers = append(record.Headers, kgo.RecordHeader(h))
		}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}
