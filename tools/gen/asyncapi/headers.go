package asyncapi

import (
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
)

// Header describes one header of an event's records.
type Header struct {
	Name, Description string
	// Format, Const and Pattern are what JSON Schema says of the value; empty for nothing.
	Format, Const, Pattern string
}

// Headers lists the headers that we write with an event, in their order.
func Headers(e *schema.Event) []Header {
	out := []Header{
		{Name: wire.HeaderEventID, Description: "The event's identity, a UUIDv7. A replay keeps it.", Format: "uuid"},
		{Name: wire.HeaderEventType, Description: "What the record holds.", Const: e.Type},
		{Name: wire.HeaderContentType, Description: "The format of the record's value.", Const: contentType(e)},
	}
	out = append(out, Header{
		Name: wire.HeaderSchemaDigest, Description: "What identifies the value's schema in every registry, and without one; old records lack it.",
		Pattern: "^[0-9a-f]{32}$",
	})
	trace := Header{Name: wire.HeaderTraceparent, Description: "W3C trace context, where the event is part of a trace."}
	if e.Encoding != schema.EncodingProtobuf {
		return append(out,
			Header{Name: wire.HeaderSchemaID, Description: "The registry's id of the value's schema, decimal, where a registry is in use.", Pattern: "^[0-9]+$"},
			Header{Name: wire.HeaderConfluentID, Description: "The same as Confluent's deserializers look for it: a zero byte, and the id as 4 bytes, big-endian."},
			trace)
	}
	return append(out, trace,
		Header{Name: wire.HeaderCESpecVersion, Description: "Version of CloudEvents.", Const: wire.CESpecVersion},
		Header{Name: wire.HeaderCEID, Description: "The event's identity."},
		Header{Name: wire.HeaderCEType, Description: "The event type.", Const: e.Type},
		Header{Name: wire.HeaderCESource, Description: "The service and its instance that published the event."},
		Header{Name: wire.HeaderCETime, Description: "When the event was made, UTC.", Format: "date-time"},
		Header{Name: wire.HeaderCECorrelationID, Description: "Joins what one request has caused."},
		Header{Name: wire.HeaderCESessionID, Description: "The session that the event belongs to."},
		Header{Name: wire.HeaderCETraceID, Description: "Id of the distributed trace that the event belongs to."},
		Header{Name: wire.HeaderCEEnvelopeVersion, Description: "Version of the envelope's format."},
		Header{Name: wire.HeaderCEServiceVersion, Description: "Version of the service that published the event."},
		Header{Name: wire.HeaderCEMetadata, Description: "What the publisher says beside the payload: a JSON object."},
	)
}
