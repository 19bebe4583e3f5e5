package trestle

import "github.com/omninode/trestle/runtime/event"

// The nouns of package event, which needs no client and no telemetry, under the names that programs with both know.
type (
	// Event is a generated event type. Application code uses the types, not this interface; only the generator
	// implements it.
	Event = event.Event
	// EventInfo is the static description of an event type.
	EventInfo = event.EventInfo
	// TopicInfo is the static description of a topic.
	TopicInfo = event.TopicInfo
	// RetryTopic is a topic in which events wait that a handler has failed on, to be handled again.
	RetryTopic = event.RetryTopic
	// Group is a consumer group, such as those that generated packages have.
	Group = event.Group
	// Start says where a group begins with a topic that it has not read yet.
	Start = event.Start
	// Envelope is what surrounds an event on the wire.
	Envelope = event.Envelope
	// Source says which service instance an event comes from.
	Source = event.Source
	// Record is an event as it stands on a topic, of no particular Kafka client.
	Record = event.Record
	// Header is a record header. Names may repeat; a nil Value differs from an empty one.
	Header = event.Header
	// Violation is one rule that an event breaks.
	Violation = event.Violation
	// ValidationError says that the data is wrong: retrying cannot help.
	ValidationError = event.ValidationError
	// TooLargeError says that an event is larger than its topic takes; nothing was sent.
	TooLargeError = event.TooLargeError
	// RegistryAwayError says that an event's schema has an id which nobody has told yet, as the registry is away.
	RegistryAwayError = event.RegistryAwayError
	// OversizedError says what of a log was not read, because it is larger than its topic takes.
	OversizedError = event.OversizedError
	// UnknownEventTypeError says that a record's event type is none that the program knows.
	UnknownEventTypeError = event.UnknownEventTypeError
	// PublishOption says something about one event that is published.
	PublishOption = event.PublishOption
	// CallOption says something about one call. Every [PublishOption] is one, and counts for the request.
	CallOption = event.CallOption
	// Types are the event types that records are decoded to. They may be used from many goroutines.
	Types = event.Types
	// EncodeOptions are what [Encode] cannot know from the event.
	EncodeOptions = event.EncodeOptions
	// DecodeOptions say how strictly records are read.
	DecodeOptions = event.DecodeOptions
	// Decoded is what [Decode] made of a record.
	Decoded = event.Decoded
)

// Where to start.
const (
	Earliest = event.Earliest // with the oldest record there is
	Latest   = event.Latest   // with what is published from now on
)

// Encode makes the record of an event, for those who bring a client of their own: see [event.Encode].
func Encode(e Event, env *Envelope, opts EncodeOptions) (Record, error) {
	return event.Encode(e, env, opts)
}

// Decode reads the event in a record, for those who bring a client of their own: see [event.Decode].
func Decode(rec *Record, types *Types, opts DecodeOptions) (Decoded, error) {
	return event.Decode(rec, types, opts)
}

// NewTypes returns the types of those events, such as those of a generated package's Events: see [event.NewTypes].
func NewTypes(events ...*EventInfo) *Types { return event.NewTypes(events...) }
