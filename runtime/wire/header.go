package wire

// Header is a record header. Names may repeat; a nil Value differs from an empty one.
type Header struct {
	Key   string
	Value []byte
}

// Headers of every record, in either encoding.
const (
	HeaderEventID      = "event-id"      // a UUIDv7; the same when the event is published again or replayed
	HeaderEventType    = "event-type"    // the event type
	HeaderContentType  = "content-type"  // ContentTypeJSON or ContentTypeProtobuf
	HeaderSchemaDigest = "schema-digest" // what identifies the schema in every registry: 32 hexadecimal digits; absent: not known
	HeaderSchemaID     = "schema-id"     // the registry's id of the schema, decimal; JSON only, with a registry
	HeaderTraceparent  = "traceparent"   // W3C trace context, where there is a span
)

// HeaderConfluentID is where Confluent's deserializers look for the frame before they look at the value. Ours has the registry's id, beside JSON, so that they
// read values that have no frame.
const HeaderConfluentID = "__value_schema_id"

// HeaderCausationID is the header with the id of the event whose handler published an event.
const HeaderCausationID = "causation-id"

// Headers of the records of calls.
const (
	// HeaderTimeout is how long the caller waits for the response to a request, in milliseconds from the record's time.
	HeaderTimeout = "timeout-ms"
	// HeaderCaller names the instance that waits for the response; the response carries it back.
	HeaderCaller = "caller-id"
)

// Headers of the records that a replay of dead letters writes, beside those of the original.
const (
	// HeaderAttempt is how often the event has been replayed, decimal; absent: never.
	HeaderAttempt = "attempt"
	// HeaderReplayGroup names the consumer group that an event is replayed for: those of ours skip it in every other group. Absent: it
	// is for all.
	HeaderReplayGroup = "replay-group"
	// HeaderReplaySource is where the dead letter stands: topic/partition/offset.
	HeaderReplaySource = "replay-source"
	// HeaderReplayOrigin is where the event stood first, before any replay: a [Place]. It says where the event belongs in the order of its
	// key. Absent: not known.
	HeaderReplayOrigin = "replay-origin"
)

// Headers of the records of retry topics, beside those of the original.
const (
	HeaderRetryGroup    = "retry-group"    // the consumer group that tries the event again: others pass over the record
	HeaderRetryDue      = "retry-due"      // when it is to be tried, in milliseconds of Unix time
	HeaderRetryRounds   = "retry-rounds"   // how often the event has come to a retry topic, decimal, from 1
	HeaderRetryAttempts = "retry-attempts" // how often its handler was called for it, decimal
	HeaderRetrySource   = "retry-source"   // where the original stands: topic/partition/offset
	HeaderRetryTopicID  = "retry-topic-id" // the id of the log that the original stands in, a UUID; absent: not known
	HeaderRetryTime     = "retry-time"     // the original's time, in milliseconds of Unix time
	// HeaderRetryBehind is what the event waits behind, as topic/partition/offset: it has not failed since, but its key waits. Absent: it failed.
	HeaderRetryBehind = "retry-behind"
)

// The content types.
const (
	ContentTypeJSON     = "application/json"
	ContentTypeProtobuf = "application/protobuf"
)

// HeaderValue returns the value of the first header of that name, empty when there is none.
func HeaderValue(headers []Header, name string) string { return string(HeaderBytes(headers, name)) }

// HeaderBytes is HeaderValue without memory of its own: the value is the header's.
func HeaderBytes(headers []Header, name string) []byte {
	for i := range headers {
		if headers[i].Key == name {
			return headers[i].Value
		}
	}
	return nil
}
