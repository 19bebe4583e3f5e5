package eventtrace

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// Reader reads what a record says: event id, correlation and session id, event type, timestamp, and the payload or
// what is wrong. Place, log time, key and what the record does not say are the sink's to fill in. A reader does not
// fail: of a record that it can't read, it sets Invalid and Value.
//
// The event may share memory with the record. A sink calls its reader from one goroutine.
type Reader func(record *kafka.Record) Event

// ReaderOption configures [Envelopes].
type ReaderOption interface{ applyReader(*envelopeReader) }

type readerOption func(*envelopeReader)

func (o readerOption) applyReader(r *envelopeReader) { o(r) }

// WithProtobuf sets how the value of a record in protobuf becomes JSON; by default its bytes are kept and it has no
// payload. An error of decode makes the event invalid. The event type is that of the record's headers.
func WithProtobuf(decode func(record *kafka.Record, eventType string) (jsonio.Raw, error)) ReaderOption {
	return readerOption(func(r *envelopeReader) { r.decode = decode })
}

// WithTypes sets the event types of the topics, so that a payload without an envelope, on a topic of one event type, is
// traced under that type; by default such a record has no type.
func WithTypes(types *event.Types) ReaderOption {
	return readerOption(func(r *envelopeReader) { r.types = types })
}

// Envelopes returns the reader for records as Trestle and its Python counterparts write them, in JSON or protobuf.
// kindOf says which envelope the JSON of a topic has; wire.None for dead-letter topics and events without one.
//
// Ids that an envelope lacks are taken from the payload. A dead letter has the ids of the event that died, so that it
// shows up in its conversation; its payload is the whole dead letter. One of another system's (deadletter.Systems) has it in the shape
// that Trestle's own have.
func Envelopes(kindOf func(topic string) wire.Kind, opts ...ReaderOption) Reader {
	r := &envelopeReader{kindOf: kindOf}
	for _, opt := range opts {
		opt.applyReader(r)
	}
	return r.read
}

type envelopeReader struct {
	types  *event.Types
	kindOf func(topic string) wire.Kind
	decode func(record *kafka.Record, eventType string) (jsonio.Raw, error)
}

func (r *envelopeReader) read(record *kafka.Record) Event {
	e := r.readValue(record)
	e.CausationID = uuidOf(wire.HeaderValue(record.Headers, wire.HeaderCausationID))
	if e.EventType != deadletter.EventType { // a letter has the headers of what died
		e.Deadline = deadline(record)
	}
	return e
}

// deadline is until when the caller of a request waits; zero where the record does not say.
func deadline(record *kafka.Record) time.Time {
	after, err := strconv.ParseInt(wire.HeaderValue(record.Headers, wire.HeaderTimeout), 10, 64)
	if err != nil || after < 0 || after > math.MaxInt64/int64(time.Millisecond) {
		return time.Time{}
	}
	return bounded(record.Timestamp.Add(time.Duration(after) * time.Millisecond))
}

func (r *envelopeReader) readValue(record *kafka.Record) Event {
	headers := record.Headers
	if record.Oversized != nil {
		e := fromHeaders(headers)
		e.refuse(record, record.Oversized.Error())
		return e
	}
	if r.isForeignLetter(record) {
		return readForeignLetter(record)
	}
	frame, err := wire.Unframe(record.Value, headers)
	switch {
	case record.Value == nil, len(record.Value) == 0 && !frame.Protobuf:
		e := fromHeaders(headers)
		e.refuse(record, "the record has no value")
		return e
	case frame.Protobuf:
		return r.readProtobuf(record, headers)
	case err != nil:
		e := fromHeaders(headers)
		e.refuse(record, err.Error())
		return e
	}
	return r.readJSON(record, headers, frame.Body)
}

func (r *envelopeReader) readProtobuf(record *kafka.Record, headers []wire.Header) Event {
	e := fromHeaders(headers)
	if faults := wire.ReadCloudEvent(headers, wire.ReadOptions{}).Faults; len(faults) > 0 {
		e.refuse(record, describe(faults))
	}
	if r.decode == nil {
		e.Value = record.Value
		return e
	}
	payload, err := r.decode(record, e.EventType)
	if err != nil {
		e.refuse(record, err.Error())
		return e
	}
	e.Payload = payload
	return e
}

func (r *envelopeReader) readJSON(record *kafka.Record, headers []wire.Header, text []byte) Event {
	e := fromHeaders(headers)
	kind := r.kindOf(record.Topic)
	found, err := wire.ReadEnvelope(text, kind, wire.ReadOptions{})
	e.take(found.Envelope)
	if err != nil {
		e.refuse(record, err.Error())
		return e
	}
	e.Payload = jsonio.Raw(text[found.Start:found.End])
	if len(found.Faults) > 0 {
		e.refuse(record, describe(found.Faults))
	}
	switch {
	case found.Bare:
		r.payloadAlone(&e, record.Topic, text)
	case kind == wire.None:
		e.readBare(record, text)
	default:
		e.lackingIDs(text[found.Start:found.End])
	}
	return e
}

// payloadAlone takes what an envelope would say from a payload that stands without one.
func (r *envelopeReader) payloadAlone(e *Event, topic string, payload []byte) {
	if e.EventType == "" && r.types != nil {
		if info := r.types.Only(topic); info != nil {
			e.EventType = info.Type
		}
	}
	e.lackingIDs(payload)
	in := jsonio.NewReader(payload)
	for ok := in.BeginObject(); ok && in.More(); {
		if in.Name() != "timestamp" || in.Kind() != '"' {
			in.Skip()
			continue
		}
		if at, _, err := jsonio.ParseTime(in.String()); err == nil {
			e.Timestamp = at
		}
	}
}

// readBare reads what has no envelope: a dead letter, or an event that is its own envelope.
func (e *Event) readBare(record *kafka.Record, text []byte) {
	if e.EventType != "" && e.EventType != deadletter.EventType {
		e.lackingIDs(text)
		return
	}
	letter, err := deadletter.Parse(&kafka.Record{Key: record.Key, Value: text, Headers: record.Headers})
	if err != nil {
		if e.EventType == deadletter.EventType && e.Invalid == "" {
			e.refuse(record, err.Error())
		}
		if e.EventType == "" {
			e.EventType = wire.EventType(text)
		}
		e.lackingIDs(text)
		return
	}
	e.takeLetter(letter)
}

// isForeignLetter says whether a record is a dead letter that another system wrote. One of a type that its topic declares is an event
// that somebody put back with the headers that its letter had.
func (r *envelopeReader) isForeignLetter(record *kafka.Record) bool {
	if r.kindOf(record.Topic) != wire.None || deadletter.System(record) == "" {
		return false
	}
	if r.types == nil {
		return true
	}
	info := r.types.Only(record.Topic)
	if eventType := wire.HeaderValue(record.Headers, wire.HeaderEventType); eventType != "" {
		info = r.types.Find(record.Topic, eventType)
	}
	return info == nil || info.Topic == nil || info.Topic.Name != record.Topic || info.Type == deadletter.EventType
}

// readForeignLetter reads a dead letter of another system's. The headers are the original's, but for the system's own.
func readForeignLetter(record *kafka.Record) Event {
	e := fromHeaders(record.Headers)
	letter, err := deadletter.Parse(record)
	if err != nil {
		e.EventType, e.Timestamp = deadletter.EventType, time.Time{}
		e.refuse(record, err.Error())
		return e
	}
	e.takeLetter(letter)
	e.Payload = jsonio.Raw(letter.AppendJSON(nil))
	return e
}

// takeLetter takes what a dead letter says, and of the ids that e lacks those of its original.
func (e *Event) takeLetter(letter *deadletter.DeadLetter) {
	e.EventType = deadletter.EventType
	e.Timestamp = letter.Timestamp
	if e.EventID == "" {
		e.EventID = uuidOf(letter.EventID())
	}
	original := letter.Original
	if frame, err := wire.Unframe(original.Value, original.Headers); err == nil && !frame.Protobuf {
		original.Value = frame.Body
	}
	if object := original.JSON(); object != "" {
		e.lackingIDs([]byte(object))
	}
	if e.CorrelationID == "" {
		e.CorrelationID = uuidOf(letter.Original.Header(wire.HeaderCECorrelationID))
	}
	if e.SessionID == "" {
		e.SessionID = uuidOf(letter.Original.Header(wire.HeaderCESessionID))
	}
}

// take takes what an envelope says and the headers did not.
func (e *Event) take(env wire.Envelope) {
	if e.EventID == "" {
		e.EventID = uuidOf(env.EventID)
	}
	if env.EventType != "" {
		e.EventType = env.EventType
	}
	if id := uuidOf(env.CorrelationID); id != "" {
		e.CorrelationID = id
	}
	if id := uuidOf(env.SessionID); id != "" {
		e.SessionID = id
	}
	if !env.Timestamp.IsZero() {
		e.Timestamp = env.Timestamp
	}
}

// lackingIDs takes the ids that e lacks from the members of an object, else of the payload in it.
func (e *Event) lackingIDs(object []byte) {
	start, end := e.membersIDs(object)
	e.membersIDs(object[start:end])
}

// membersIDs takes the ids that e lacks from the members of an object, and returns where its payload stands.
func (e *Event) membersIDs(object []byte) (start, end int) {
	if e.CorrelationID != "" && e.SessionID != "" {
		return 0, 0
	}
	r := jsonio.NewReader(object)
	if r.Kind() != '{' || !r.BeginObject() {
		return 0, 0
	}
	var correlation, session string
	for r.More() {
		switch name := r.Name(); {
		case name == "correlation_id" && r.Kind() == '"':
			correlation = uuidOf(r.String())
		case name == "session_id" && r.Kind() == '"':
			session = uuidOf(r.String())
		case name == "payload" && r.Kind() == '{':
			start, end = r.Span()
		default:
			r.Skip()
		}
	}
	if e.CorrelationID == "" {
		e.CorrelationID = correlation
	}
	if e.SessionID == "" {
		e.SessionID = session
	}
	return start, end
}

// refuse says what is wrong with the record, and keeps its bytes.
func (e *Event) refuse(record *kafka.Record, why string) {
	e.Invalid, e.Value = why, record.Value
}

// fromHeaders returns what the headers alone say.
func fromHeaders(headers []wire.Header) Event {
	e := Event{
		EventID:   uuidOf(wire.HeaderValue(headers, wire.HeaderEventID)),
		EventType: wire.HeaderValue(headers, wire.HeaderEventType),
	}
	for i := range headers {
		if strings.HasPrefix(headers[i].Key, "ce_") {
			eventType := e.EventType
			e.take(wire.ReadCloudEvent(headers, wire.ReadOptions{}).Envelope)
			if eventType != "" {
				e.EventType = eventType
			}
			break
		}
	}
	return e
}

// uuidOf returns the canonical form of an id, "" when it is no UUID.
func uuidOf(s string) string {
	if s == "" || canonical(s) {
		return s
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return ""
	}
	return id.String()
}

func describe(faults []jsonio.Fault) string {
	texts := make([]string, len(faults))
	for i, f := range faults {
		texts[i] = f.Path + ": " + f.Message
		if f.Found != "" {
			texts[i] += ", got " + f.Found
		}
	}
	return strings.Join(texts, "; ")
}
