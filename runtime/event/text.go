package event

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// TextOptions say how [ReadText] reads.
type TextOptions struct {
	// KnownOnly makes a violation of what the payload has and the schema does not name, where the event would go on without
	// it: whoever publishes learns of a misspelt field. Readers pass over it, since newer events may have more.
	KnownOnly bool
}

// ReadText reads an event of that type that was written by hand or by a tool: as it is on the wire, or that with
// what an envelope needs left out (`{"event_type":…,"payload":…}`), or the bare payload. What is there is kept, also
// what is wrong; ids, times and defaults that are missing are filled in as [Encode] does, and so is the session id of an
// event that must have one. The source of the publisher is left to Encode.
//
// The error is a [*ValidationError] when the event is invalid even so, or wraps a [*jsonio.Error]; the event and its
// envelope are returned beside a ValidationError too.
func ReadText(info *EventInfo, text []byte, o TextOptions) (Event, Envelope, error) {
	kinds := []wire.Kind{wire.None}
	if info.Envelope != wire.None {
		shape, err := shapeOf(text)
		if err != nil {
			return nil, Envelope{}, fmt.Errorf("read %s: %w", info.FullName, scanned(info, err))
		}
		switch {
		case shape.enveloped():
			kinds = []wire.Kind{info.Envelope, wire.None}
		case shape.payload:
			kinds = []wire.Kind{wire.None, info.Envelope}
		}
	}
	var first *decoder
	var firstErr error
	for _, kind := range kinds {
		d, err := readText(info, text, kind, o)
		if err == nil {
			return d.Event, d.Envelope, nil
		}
		if first == nil {
			first, firstErr = d, err
		}
	}
	return first.Event, first.Envelope, firstErr
}

// scanned is an error of reading a text without its type, as it may be shown.
func scanned(info *EventInfo, err error) error {
	if len(info.Masks) > 0 {
		return jsonio.Concealed(err)
	}
	return err
}

// shape is what can be told of a document by the names of its members.
type shape struct {
	payload   bool // there is one, and it is an object
	eventType bool // there is one, and it is a string
	others    bool // members that no envelope has
}

// enveloped says whether the document looks like an envelope. A payload may have members of those names too, so that
// looking is not the last word.
func (s shape) enveloped() bool { return s.payload && (s.eventType || !s.others) }

func shapeOf(text []byte) (shape, error) {
	var s shape
	r := jsonio.NewReader(text)
	for ok := r.BeginObject(); ok && r.More(); {
		switch r.Name() {
		case "payload":
			s.payload = s.payload || r.Kind() == '{'
		case "event_type":
			s.eventType = s.eventType || r.Kind() == '"'
		case "envelope_version", "correlation_id", "session_id", "timestamp", "event_id", "version", "source", "trace_id", "metadata":
		default:
			s.others = true
		}
		r.Skip()
	}
	r.End()
	return s, r.Err()
}

// readText reads a document in that envelope, and completes and checks it.
func readText(info *EventInfo, text []byte, kind wire.Kind, o TextOptions) (*decoder, error) {
	d, err := decodeText(info, text, kind, o)
	if err != nil {
		return d, fmt.Errorf("read %s: %w", info.FullName, err)
	}
	var v Violations
	v.AddFaults(d.faults)
	if inside := d.Envelope.EventType; inside != "" && inside != info.Type {
		v.Add("envelope.event_type", "string.const", "must equal "+info.Type, inside)
	}
	if d.Event == nil {
		return d, v.Err(info.FullName)
	}
	written := d.Envelope
	err = d.completeText()
	if lacksSession(err) && written.SessionID == "" && !faulted(d.faults, "envelope.session_id") {
		if d, err = decodeText(info, text, kind, o); err == nil {
			d.Envelope.SessionID = uuid.NewString()
			err = d.completeText()
		}
	}
	if _, invalid := err.(*ValidationError); err != nil && !invalid {
		return d, fmt.Errorf("read %s: %w", info.FullName, err)
	}
	v.AddUnfaulted(err, d.faults)
	return d, v.Err(info.FullName)
}

// completeText completes and checks what was read, with any source in place of the publisher's.
func (d *decoder) completeText() error {
	source := d.Envelope.Source
	var v Violations
	complete(d.Event, &d.Envelope, &EncodeOptions{Source: anySource}, &v)
	d.Envelope.Source = source
	v.AddUnfaulted(d.Event.Validate(), nil)
	return v.Err(d.Event.EventInfo().FullName)
}

// lacksSession says whether the event is invalid for want of a session id, which Encode does not make up: a publisher
// that forgot its session would seem to have a new one for each event.
func lacksSession(err error) bool {
	invalid, ok := err.(*ValidationError)
	return ok && slices.ContainsFunc(invalid.Violations, func(v Violation) bool { return v.Path == "session_id" && v.Found == "" })
}

// anySource stands for the source that the publisher will give.
var anySource = Source{ServiceName: "trestle", ServiceVersion: "0", InstanceID: "trestle"}

func decodeText(info *EventInfo, text []byte, kind wire.Kind, o TextOptions) (*decoder, error) {
	d := &decoder{knownOnly: o.KnownOnly}
	found, err := wire.ReadEnvelope(text, kind, wire.ReadOptions{Partial: true})
	if err != nil {
		return d, scanned(info, err)
	}
	d.Envelope, d.faults, d.ZonelessTimes = found.Envelope, found.Faults, found.Zoneless
	if kind == wire.None {
		d.faults = nil // what is wrong with the whole is wrong with the payload, which says it itself
		return d, d.payload(info, text, 0, len(text))
	}
	if found.End == 0 {
		return d, nil
	}
	return d, jsonio.At(d.payload(info, text, found.Start, found.End), "payload")
}
