package event

import (
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// Envelope is what surrounds an event on the wire.
type Envelope = wire.Envelope

// Source says which service instance an event comes from.
type Source = wire.Source

// Event is a generated event type. Application code uses the types, not this interface; only the generator
// implements it.
type Event interface {
	// EventInfo returns the type's static description; it works on a nil receiver.
	EventInfo() *EventInfo
	// Validate reports every rule the event breaks, as a *ValidationError, or nil. It does not change the event.
	Validate() error
	// SetDefaults fills fields that are absent and have a default, now for those whose default is the present.
	SetDefaults(now time.Time)
	// ShareEnvelope gives the payload what it lacks and the envelope has, and the envelope what it lacks and the
	// payload has. Where both carry an id and they differ, it adds a violation.
	ShareEnvelope(env *Envelope, v *Violations)
	// PartitionKey returns the record's key, empty for none. Called after ShareEnvelope.
	PartitionKey(env *Envelope) string
	// AppendJSON appends the payload as JSON. The error is a *jsonio.Error with the path of the field that has no
	// JSON form: NaN, infinity, invalid UTF-8, free-form text that is not JSON.
	AppendJSON(b []byte) ([]byte, error)
	// DecodeJSON reads the payload from r, which keeps the first error and all violations. Fields not in the JSON are
	// left as they are; unknown ones are passed over, or kept where the schema says so.
	DecodeJSON(r *jsonio.Reader)
}

// EventInfo is the static description of an event type.
type EventInfo struct {
	Type     string // on the wire: "CodegenAnalysisRequest"
	FullName string // "omninode.codegen.v1.CodegenAnalysisRequest"
	Role     Role
	Envelope wire.Kind
	Encoding Encoding
	// Topic is nil for an event that has no topic of its own (a dead letter).
	Topic *TopicInfo
	// Reply is the event type that answers this request; empty otherwise.
	Reply string
	// SchemaDigest identifies the event's schema in every registry, and without one: 32 hexadecimal digits. docs/formats.md says of what they are. Empty: it is
	// not known.
	SchemaDigest string
	// MessageIndexes is the Confluent index path of the protobuf message in its file; nil for JSON Schema events.
	MessageIndexes []int
	// New returns an empty event of the type.
	New func() Event
	// Masks say what of the payload's JSON is sensitive, its type being FullName; nil: nothing is.
	Masks jsonio.Masks
	// SensitiveKey says that the record's key may be what is sensitive.
	SensitiveKey bool
	// SealedKeys are the classes of keys by which fields of the event are encrypted, sorted, as Masks say; nil: none is. DataSubject returns whom the event is
	// about, who has a key of his own then; it is nil where the schema does not say, and empty where the event does not.
	SealedKeys  []string
	DataSubject func(Event) string
	// KeyedByCorrelation says that the key of its records is the event's correlation id, wherever it has one.
	KeyedByCorrelation bool
	// RuledTimes says that rules may see times of the event: it is valid as JSON if it is with these as JSON has them, cut to microseconds.
	RuledTimes bool
	// SchemaVersion is the version of its schema, "1.0", where the event carries such; VersionOf then returns what an event of
	// the type carries, empty where that is absent.
	SchemaVersion string
	VersionOf     func(Event) string
}

// Key is a record's key as errors and logs may have it: "***" where it is sensitive.
func (i *EventInfo) Key(key string) string {
	if i.SensitiveKey && key != "" {
		return jsonio.Hidden
	}
	return key
}

// hides says that a member of the payload is sensitive: so is what the envelope says in its place.
func (i *EventInfo) hides(member string) bool {
	return i.Masks[i.FullName].Members[member] == jsonio.Hidden
}

// TopicInfo is the static description of a topic.
type TopicInfo struct {
	Name            string
	DeadLetter      string       // its dead-letter topic; empty: none
	Retries         []RetryTopic // where events wait that fail, before they are dead letters
	EventTypes      []string     // declared for the topic, sorted
	MaxMessageBytes int          // 0: the broker's default
	Compacted       bool         // keeps the last record of each key; one without a value deletes its key
	Partitions      int32        // declared for the topic; a cluster may have more of them
	// Config holds the declared settings by their Kafka names, such as retention.ms.
	Config map[string]string
}

// RetryTopic is a topic in which events wait that a handler has failed on, to be handled again.
type RetryTopic struct {
	Name     string
	Delay    time.Duration // how long an event waits there
	Attempts int           // how often an event comes there; 0: once
}

// Encoding names the format of a record's value.
type Encoding uint8

// The encodings.
const (
	JSON Encoding = iota
	Protobuf
)

// Role is the part an event plays in a conversation.
type Role uint8

// The roles, named as schemas name them.
const (
	RoleEvent Role = iota
	RoleRequest
	RoleResponse
	RoleStatus
	RoleDeadLetter
)
