package event_test

import (
	"fmt"

	"github.com/omninode/trestle/runtime/event"
)

func ExampleDecode() {
	types := event.NewTypes(&analysisInfo) // those of a generated package: codegenv1.Events()...
	record := event.Record{Topic: "analyses", Value: []byte(`{"envelope_version": "1.0",
		"correlation_id": "550e8400-e29b-41d4-a716-446655440000", "session_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"event_type": "Analysis", "timestamp": "2025-10-16 12:34:56.790123", "payload": {"content": "x", "limit": 21}}`)}
	decoded, err := event.Decode(&record, types, event.DecodeOptions{})
	fmt.Println(decoded.Envelope.EventType, decoded.Envelope.Timestamp)
	fmt.Println(err)
	// Output:
	// Analysis 2025-10-16 12:34:56.790123 +0000 UTC
	// test.Analysis: limit: must be greater than or equal to 1 and less than or equal to 20, got 21 [int64.gte_lte]
}
