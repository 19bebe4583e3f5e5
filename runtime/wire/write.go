package wire

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Versions of the envelopes' own formats, written where an envelope names none.
const (
	OnexVersion      = "1.0"
	BaseEventVersion = "1.0.0"
)

// Payload is an event that can write itself; [jsonio.Error] paths begin in the event.
type Payload interface {
	AppendJSON(b []byte) ([]byte, error)
}

// AppendEnvelope appends the envelope with the payload inside, as compact JSON, its members in the order of the
// family's schema; for [None] the payload alone. A member that is empty is null, or what its schema gives it by
// default. The error is a [jsonio.Error], its path under `payload.` or `envelope.`; for [None] it begins in the event.
func AppendEnvelope(b []byte, kind Kind, env *Envelope, payload Payload) ([]byte, error) {
	w := writer{b: b}
	switch kind {
	case OnexV1:
		w.text(`{"envelope_version":`, "envelope_version", or(env.Version, OnexVersion))
		w.text(`,"correlation_id":`, "correlation_id", env.CorrelationID)
		w.nullable(`,"session_id":`, "session_id", env.SessionID)
		w.text(`,"event_type":`, "event_type", env.EventType)
		w.timestamp(env)
	case BaseEvent:
		w.text(`{"event_id":`, "event_id", env.EventID)
		w.text(`,"event_type":`, "event_type", env.EventType)
		w.timestamp(env)
		w.text(`,"version":`, "version", or(env.Version, BaseEventVersion))
		w.text(`,"source":{"service_name":`, "source.service_name", env.Source.ServiceName)
		w.text(`,"service_version":`, "source.service_version", env.Source.ServiceVersion)
		w.text(`,"instance_id":`, "source.instance_id", env.Source.InstanceID)
		w.nullable(`},"correlation_id":`, "correlation_id", env.CorrelationID)
		w.nullable(`,"trace_id":`, "trace_id", env.TraceID)
		w.metadata(env.Metadata)
	default:
		return payload.AppendJSON(b)
	}
	if w.err != nil {
		return w.b, w.err
	}
	out, err := payload.AppendJSON(append(w.b, `,"payload":`...))
	if err != nil {
		return out, jsonio.At(err, "payload")
	}
	return append(out, '}'), nil
}

// writer appends members; its first error sticks.
type writer struct {
	b   []byte
	err error
}

func (w *writer) text(before, field, s string) {
	b, err := jsonio.AppendString(append(w.b, before...), s)
	w.done(b, field, err)
}

func (w *writer) nullable(before, field, s string) {
	if s != "" {
		w.text(before, field, s)
		return
	}
	w.b = append(append(w.b, before...), "null"...)
}

func (w *writer) timestamp(env *Envelope) {
	b, err := jsonio.AppendTime(append(w.b, `,"timestamp":`...), env.Timestamp)
	w.done(b, "timestamp", err)
}

func (w *writer) metadata(object jsonio.Raw) {
	b, err := jsonio.AppendObject(append(w.b, `,"metadata":`...), string(object))
	w.done(b, "metadata", err)
}

func (w *writer) done(b []byte, field string, err error) {
	w.b = b
	if err == nil || w.err != nil {
		return
	}
	for _, name := range slices.Backward(strings.Split(field, ".")) {
		err = jsonio.At(err, name)
	}
	w.err = jsonio.At(err, "envelope")
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
