package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	trestle "github.com/omninode/trestle/runtime"
)

// Publish an event, and handle it elsewhere. The type is a generated one.
func Example() {
	ctx := context.Background()
	brokers := []string{"localhost:9092"}

	pub, err := trestle.NewPublisher(brokers, trestle.WithSource(trestle.Source{ServiceName: "omniclaude"}))
	if err != nil {
		log.Fatal(err)
	}
	err = pub.Publish(ctx, &analysis{Content: "# PRD: New Feature"})
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
		log.Fatal(invalid.Violations) // retrying cannot help
	}

	c, err := trestle.NewConsumer(brokers, "omniarchon_codegen_intelligence")
	if err != nil {
		log.Fatal(err)
	}
	trestle.Handle(c, func(_ context.Context, e *analysis) error {
		log.Println("analyse", e.Content)
		return nil
	})
	log.Fatal(c.Run(ctx))
}

func ExampleDecode() {
	types := trestle.NewTypes(&analysisInfo) // those of a generated package: codegenv1.Events()...
	record := trestle.Record{Topic: "analyses", Value: []byte(`{"envelope_version": "1.0",
		"correlation_id": "550e8400-e29b-41d4-a716-446655440000", "session_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"event_type": "Analysis", "timestamp": "2025-10-16 12:34:56.790123", "payload": {"content": "x", "limit": 21}}`)}
	decoded, err := trestle.Decode(&record, types, trestle.DecodeOptions{})
	fmt.Println(decoded.Envelope.EventType, decoded.Envelope.Timestamp)
	fmt.Println(err)
	// Output:
	// Analysis 2025-10-16 12:34:56.790123 +0000 UTC
	// test.Analysis: limit: must be greater than or equal to 1 and less than or equal to 20, got 21 [int64.gte_lte]
}
