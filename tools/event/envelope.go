package event

import (
	"strings"
	"time"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
)

// payload gives access to what an event and its envelope may share, whatever holds the event.
type payload interface {
	// text returns the string at a path of JSON names; there is false where it is absent.
	text(path []string) (s string, there bool)
	setText(f *schema.Field, s string)
	time(f *schema.Field) (t time.Time, there bool)
	setTime(f *schema.Field, t time.Time)
}

// sharedIDs are the ids that the payload of a family may carry beside its envelope.
func sharedIDs(kind wire.Kind, env *trestle.Envelope) map[string]*string {
	switch kind {
	case wire.OnexV1:
		return map[string]*string{"correlation_id": &env.CorrelationID, "session_id": &env.SessionID}
	case wire.BaseEvent:
		return map[string]*string{"correlation_id": &env.CorrelationID, "trace_id": &env.TraceID}
	}
	return nil
}

// shareEnvelope fills payload and envelope from each other, in the order of the payload's fields.
func shareEnvelope(p payload, m *schema.Message, kind wire.Kind, env *trestle.Envelope, v *trestle.Violations) {
	ids := sharedIDs(kind, env)
	for _, name := range []string{"correlation_id", "session_id", "trace_id"} {
		f, member := m.Field(name), ids[name]
		if member == nil || f == nil || f.Oneof != nil || f.Type.Kind != schema.String {
			continue
		}
		have, there := p.text([]string{name})
		switch {
		case !there:
			if *member != "" {
				p.setText(f, *member)
			}
		case *member == "":
			*member = have
		case !strings.EqualFold(have, *member):
			var found any = have
			if f.Sensitive {
				found = nil
			}
			v.Add(name, "envelope.equal", "must equal the envelope's "+name, found)
		}
	}
	f := m.Field("timestamp")
	if kind != wire.OnexV1 || f == nil || f.Oneof != nil || f.Type.Kind != schema.Timestamp {
		return
	}
	have, there := p.time(f)
	switch {
	case !there:
		if !env.Timestamp.IsZero() {
			p.setTime(f, env.Timestamp)
		}
	case env.Timestamp.IsZero():
		env.Timestamp = have
	}
}

// partitionKey is the first key of the event that is set, in the payload, else in the envelope.
func partitionKey(p payload, e *schema.Event, env *trestle.Envelope) string {
	inEnvelope := map[string]string{
		"correlation_id": env.CorrelationID, "session_id": env.SessionID, "event_id": env.EventID, "trace_id": env.TraceID,
		"event_type": env.EventType, "source.service_name": env.Source.ServiceName,
		"source.service_version": env.Source.ServiceVersion, "source.instance_id": env.Source.InstanceID,
	}
	for _, key := range e.Key {
		if s, _ := p.text(strings.Split(key, ".")); s != "" {
			return s
		}
		if s := inEnvelope[key]; s != "" && e.Envelope != schema.EnvelopeNone {
			return s
		}
	}
	return ""
}
