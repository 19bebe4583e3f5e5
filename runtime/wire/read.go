package wire

import (
	"sync"

	"github.com/omninode/trestle/runtime/genapi/format"
	"github.com/omninode/trestle/runtime/jsonio"
)

// ReadOptions say how strictly an envelope is read.
type ReadOptions struct {
	// Partial takes envelopes that lack members they must have, as in events that are still to be published.
	Partial bool
	// StrictTime makes a timestamp without a zone a fault; otherwise it is UTC and counted.
	StrictTime bool
}

// Found is what [ReadEnvelope] found.
type Found struct {
	Envelope Envelope
	// Start and End are where the payload stands in the text; both 0 when there is none. It is JSON, and an object.
	Start, End int
	// Faults are what is wrong with the envelope, their paths under `envelope.`.
	Faults []jsonio.Fault
	// Zoneless counts timestamps without a zone.
	Zoneless int
}

// readers are kept because a reader outlives no call and each would allocate its stack anew.
var readers = sync.Pool{New: func() any { return jsonio.NewReader(nil) }}

// ReadEnvelope reads an envelope of that kind; for [None] the whole text is the payload. What the text lacks stays
// empty, except for the version. The error is a [jsonio.Error]: the text is not JSON, or has a member twice.
func ReadEnvelope(data []byte, kind Kind, opts ReadOptions) (Found, error) {
	r := readers.Get().(*jsonio.Reader)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	r.Reset(data)
	r.StrictTime(opts.StrictTime)
	var f Found
	switch kind {
	case OnexV1:
		f.Envelope.Version = OnexVersion
		f.readOnex(r, opts.Partial)
	case BaseEvent:
		f.Envelope.Version = BaseEventVersion
		f.readBaseEvent(r, opts.Partial)
	default:
		f.Start, f.End = payload(r)
	}
	r.End()
	f.Zoneless = r.ZonelessTimes()
	f.Faults = r.Faults()
	for i := range f.Faults {
		f.Faults[i].Path = jsonio.JoinPath("envelope", f.Faults[i].Path)
	}
	return f, r.Err()
}

func (f *Found) readOnex(r *jsonio.Reader, partial bool) {
	if !r.BeginObject() {
		return
	}
	env := &f.Envelope
	var seen, set uint64
	for r.More() {
		switch r.Name() {
		case "envelope_version":
			r.Once(&seen, 0)
			optional(r, &env.Version)
		case "correlation_id":
			r.Once(&seen, 1)
			set |= id(r, "string.uuid", &env.CorrelationID) << 1
		case "session_id":
			r.Once(&seen, 2)
			id(r, "string.uuid", &env.SessionID)
		case "event_type":
			r.Once(&seen, 3)
			set |= filled(r, &env.EventType) << 3
		case "timestamp":
			r.Once(&seen, 4)
			set |= timestamp(r, env) << 4
		case "payload":
			r.Once(&seen, 5)
			set |= f.payload(r) << 5
		default:
			r.Skip()
		}
	}
	if !partial {
		missing(r, set, 1, "correlation_id")
		missing(r, set, 3, "event_type")
		missing(r, set, 4, "timestamp")
	}
	missing(r, set, 5, "payload")
}

func (f *Found) readBaseEvent(r *jsonio.Reader, partial bool) {
	if !r.BeginObject() {
		return
	}
	env := &f.Envelope
	var seen, set uint64
	for r.More() {
		switch r.Name() {
		case "event_id":
			r.Once(&seen, 0)
			set |= id(r, "format", &env.EventID)
		case "event_type":
			r.Once(&seen, 1)
			set |= filled(r, &env.EventType) << 1
		case "timestamp":
			r.Once(&seen, 2)
			timestamp(r, env)
		case "version":
			r.Once(&seen, 3)
			optional(r, &env.Version)
		case "source":
			r.Once(&seen, 4)
			set |= source(r, &env.Source, partial) << 4
		case "correlation_id":
			r.Once(&seen, 5)
			id(r, "format", &env.CorrelationID)
		case "trace_id":
			r.Once(&seen, 6)
			optional(r, &env.TraceID)
		case "metadata":
			r.Once(&seen, 7)
			if !r.Null() {
				env.Metadata = r.Object()
			}
		case "payload":
			r.Once(&seen, 8)
			set |= f.payload(r) << 8
		default:
			r.Skip()
		}
	}
	if !partial {
		missing(r, set, 0, "event_id")
		missing(r, set, 1, "event_type")
		missing(r, set, 4, "source")
	}
	missing(r, set, 8, "payload")
}

// The functions below read one member that may be null, and return 1 when it was not.

func optional(r *jsonio.Reader, to *string) uint64 {
	if r.Null() {
		return 0
	}
	*to = r.String()
	return 1
}

// filled is optional for a member that says nothing when it is empty.
func filled(r *jsonio.Reader, to *string) uint64 {
	isText := r.Kind() == '"'
	there := optional(r, to)
	if isText && *to == "" {
		return 0
	}
	return there
}

func id(r *jsonio.Reader, rule string, to *string) uint64 {
	if r.Null() {
		return 0
	}
	if r.Kind() != '"' {
		_ = r.StringView() // records the fault
		return 1
	}
	if *to = r.String(); !format.UUID(*to) {
		r.Fault(rule, "must be a valid UUID", *to)
	}
	return 1
}

func timestamp(r *jsonio.Reader, env *Envelope) uint64 {
	if r.Null() {
		return 0
	}
	env.Timestamp = r.Time()
	return 1
}

func source(r *jsonio.Reader, to *Source, partial bool) uint64 {
	if r.Null() {
		return 0
	}
	if !r.BeginObject() {
		return 1
	}
	var seen, set uint64
	for r.More() {
		switch r.Name() {
		case "service_name":
			r.Once(&seen, 0)
			set |= optional(r, &to.ServiceName)
		case "service_version":
			r.Once(&seen, 1)
			set |= optional(r, &to.ServiceVersion) << 1
		case "instance_id":
			r.Once(&seen, 2)
			set |= optional(r, &to.InstanceID) << 2
		default:
			r.Skip()
		}
	}
	if !partial {
		missing(r, set, 0, "service_name")
		missing(r, set, 1, "service_version")
		missing(r, set, 2, "instance_id")
	}
	return 1
}

func (f *Found) payload(r *jsonio.Reader) uint64 {
	if r.Null() {
		return 0
	}
	f.Start, f.End = payload(r)
	return 1
}

// payload passes over an object, or records that it is none.
func payload(r *jsonio.Reader) (start, end int) {
	if kind := r.Kind(); kind != '{' && kind != 0 {
		r.BeginObject() // records the fault
		return 0, 0
	}
	return r.Span()
}

func missing(r *jsonio.Reader, set uint64, bit uint, name string) {
	if set&(1<<bit) == 0 {
		r.Missing(name)
	}
}

// EventType returns the `event_type` of the object in data, empty when there is none or data is no JSON object.
func EventType(data []byte) string {
	r := readers.Get().(*jsonio.Reader)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	r.Reset(data)
	if r.Kind() != '{' || !r.BeginObject() {
		return ""
	}
	for r.More() {
		if r.Name() == "event_type" && r.Kind() == '"' {
			return r.String()
		}
		r.Skip()
	}
	return ""
}
