// Package event turns events into records and back, and says what is wrong with them: all of the runtime that needs no
// Kafka client, no telemetry, no database and no schema compiler. Generated types implement its [Event]; whoever brings a
// client of his own, or only checks and encodes, needs nothing else:
//
//	record, err := event.Encode(&codegenv1.CodegenPatternRequest{…}, nil, event.EncodeOptions{})
//	...
//	decoded, err := event.Decode(&record, event.NewTypes(codegenv1.Events()...), event.DecodeOptions{})
//	if invalid, ok := errors.AsType[*event.ValidationError](err); ok {
//		return invalid // every violation, with its path and its rule
//	}
//
// The package above, trestle, has these types under the same names, and publishes and consumes.
package event
