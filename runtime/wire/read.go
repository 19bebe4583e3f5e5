package wire

import (
	"strings"
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
	// Bare says that the text is no envelope but the payload itself, as some services write it: it has members that no
	// envelope has, and neither an event type nor an envelope's version. The envelope is empty then.
	Bare bool
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
	if f.Bare && r.Err() == nil {
		f.Envelope, f.Start, f.End = Envelope{Version: f.Envelope.Version}, 0, len(data)
		return f, nil // what is wrong with it is wrong with the payload
	}
	f.Zoneless = r.ZonelessTimes()
	f.Faults = r.Faults()
	for i := range f.Faults {
		f.Faults[i].Path = jsonio.JoinPath("envelope", f.Faults[i].Path)
	}
	return f, r.Err()
}

func (f *Found) readOnex(r *jsonio.Reader, partial bool) {
	r.Holding()
	if !r.BeginObject() {
		return
	}
	env := &f.Envelope
	var seen, set uint64
	others := false
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
			others = true
			set |= f.wider(r, set) << 4
		}
	}
	if f.Bare = others && !partial && seen&(1|1<<3) == 0; f.Bare {
		return
	}
	if !partial {
		missing(r, set, 1, "correlation_id")
		missing(r, set, 3, "event_type")
		missing(r, set, 4, "timestamp")
	}
	missing(r, set, 5, "payload")
}

func (f *Found) readBaseEvent(r *jsonio.Reader, partial bool) {
	r.Holding()
	if !r.BeginObject() {
		return
	}
	env := &f.Envelope
	var seen, set uint64
	others := false
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
			others = true
			f.additional(r)
		}
	}
	if f.Bare = others && !partial && seen&(1<<1|1<<3) == 0; f.Bare {
		return
	}
	if !partial {
		missing(r, set, 0, "event_id")
		missing(r, set, 1, "event_type")
		missing(r, set, 4, "source")
	}
	missing(r, set, 8, "payload")
}

// wider reads a member of the envelope that services write whose family is onex_v1 and whose envelope has more. It
// returns 1 when the member stands for the timestamp, which is still lacking in set.
func (f *Found) wider(r *jsonio.Reader, set uint64) uint64 {
	env := &f.Envelope
	switch text := r.Kind() == '"'; r.Name() {
	case "event_id":
		if text {
			f.eventID(r.String())
			return 0
		}
	case "event_timestamp":
		if text && set&(1<<4) == 0 {
			return timestamp(r, env)
		}
	case "source_service":
		if text {
			env.Source.ServiceName = r.String()
			return 0
		}
	case "source_version":
		if text {
			env.Source.ServiceVersion = r.String()
			return 0
		}
	case "source_instance":
		if text {
			env.Source.InstanceID = r.String()
			return 0
		}
	case "metadata":
		if r.Kind() == '{' {
			env.Metadata = r.Object()
			return 0
		}
	}
	f.additional(r)
	return 0
}

// eventID takes the id of an envelope whose family has none, where it can be one.
func (f *Found) eventID(id string) {
	if format.UUID(id) {
		f.Envelope.EventID = id
		return
	}
	f.Envelope.Additional = append(f.Envelope.Additional, jsonio.Member{Name: "event_id", Value: jsonio.Must(id)})
}

// additional keeps a member that the family does not have, unless it is null.
func (f *Found) additional(r *jsonio.Reader) {
	if !r.Null() {
		f.Envelope.Additional = append(f.Envelope.Additional, jsonio.Member{Name: strings.Clone(r.Name()), Value: r.Raw()})
	}
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
		r.Holding()     // what is in an event is not known here
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
