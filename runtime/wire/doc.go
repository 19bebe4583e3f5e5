// Package wire is what a record is made of around an event: the envelopes in JSON, the Confluent framing in front of
// protobuf, and the headers. It knows bytes and envelopes; event types are the business of the package above.
//
// An event in JSON stands inside its envelope, in the record's value:
//
//	value, err := wire.AppendEnvelope(nil, wire.OnexV1, &env, event)
//	found, err := wire.ReadEnvelope(value, wire.OnexV1, wire.ReadOptions{})
//	payload := value[found.Start:found.End]
//
// An event in protobuf is the value itself, framed, and its envelope travels in CloudEvents headers:
//
//	value := append(wire.AppendConfluent(nil, schemaID, indexes), message...)
//	headers := wire.AppendCloudEvent(nil, &env)
package wire
