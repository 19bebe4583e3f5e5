package wire

import (
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Kind names the envelope around an event.
type Kind uint8

// The envelopes. None puts the event itself into the record's value.
const (
	None Kind = iota
	OnexV1
	BaseEvent
)

// Envelope is what surrounds an event, of either family; a member that a family lacks stays empty.
//
// The strings that are ids are UUIDs in their canonical form. Timestamp is in UTC.
type Envelope struct {
	Version       string // envelope_version ("1.0") or version ("1.0.0")
	EventID       string // UUIDv7 unless the producer chose another
	EventType     string
	CorrelationID string // empty: none
	SessionID     string // empty: none; onex_v1 only
	TraceID       string // base_event only
	Timestamp     time.Time
	// Source and Metadata are written by base_event only; they are also read of services that write a wider onex_v1
	// envelope. Metadata is an object's text; empty means {}.
	Source   Source
	Metadata jsonio.Raw
	// Additional are the members that were read and that the family's schema does not have, in their order. They are
	// never written: readers may refuse what their schema does not have.
	Additional []jsonio.Member
}

// Source says which service instance an event comes from.
type Source struct {
	ServiceName    string
	ServiceVersion string
	InstanceID     string
}
