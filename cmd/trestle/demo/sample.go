package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/schema"
)

// conversation is what the events of one conversation share.
type conversation struct{ correlationID, sessionID string }

func newConversation() conversation { return conversation{uuid.NewString(), uuid.NewString()} }

// sample is an event type with an example, and what is no event of it.
type sample struct {
	info    *trestle.EventInfo
	reply   string                     // full name of the event that answers it; empty: none
	value   map[string]json.RawMessage // the record's
	invalid []byte
}

// newSamples makes the samples of all event types that can be published and consumed, and says why others can't.
func newSamples(set *schema.Set, infos []*trestle.EventInfo) (out []*sample, leftOut []string, err error) {
	maker := example.New(set)
	byName := make(map[string]*trestle.EventInfo, len(infos))
	for _, info := range infos {
		byName[info.FullName] = info
	}
	for _, e := range set.Events() {
		info := byName[e.Message.FullName]
		switch {
		case info == nil || info.Role == event.RoleDeadLetter:
			continue
		case info.Topic == nil || info.Topic.DeadLetter == "":
			leftOut = append(leftOut, fmt.Sprintf("%s is left out: it has no topic with a dead-letter topic", info.Type))
			continue
		}
		s, err := newSample(info, maker.Record(e))
		if err != nil {
			leftOut = append(leftOut, fmt.Sprintf("%s is left out: %v", info.Type, err))
			continue
		}
		if e.Reply != nil {
			s.reply = e.Reply.Message.FullName
		}
		out = append(out, s)
	}
	return out, leftOut, nil
}

func newSample(info *trestle.EventInfo, record []byte) (*sample, error) {
	if record == nil {
		return nil, errors.New("no example is found that its rules allow")
	}
	s := &sample{info: info}
	if err := json.Unmarshal(record, &s.value); err != nil {
		return nil, err
	}
	if _, _, err := event.ReadText(info, s.document(newConversation()), event.TextOptions{}); err != nil {
		return nil, fmt.Errorf("the example that is found breaks a rule: %w", err)
	}
	s.invalid = s.spoil(record)
	return s, nil
}

// document is the example as an event of a conversation: what the publisher fills in is left out.
func (s *sample) document(c conversation) []byte {
	value := maps.Clone(s.value)
	if s.info.Envelope != wire.None {
		for _, name := range []string{"event_id", "timestamp", "source", "trace_id"} {
			delete(value, name)
		}
		setID(value, "correlation_id", c.correlationID)
		setID(value, "session_id", c.sessionID)
	}
	payload := s.payload(value)
	setID(payload, "correlation_id", c.correlationID)
	setID(payload, "session_id", c.sessionID)
	return s.join(value, payload)
}

// setID exchanges an id that the example has.
func setID(object map[string]json.RawMessage, name, id string) {
	if old := object[name]; len(old) > 0 && old[0] == '"' && id != "" {
		object[name] = json.RawMessage(`"` + id + `"`)
	}
}

// payload returns a copy of the payload's members.
func (s *sample) payload(value map[string]json.RawMessage) map[string]json.RawMessage {
	if s.info.Envelope == wire.None {
		return maps.Clone(value)
	}
	var payload map[string]json.RawMessage
	if json.Unmarshal(value["payload"], &payload) != nil || payload == nil {
		return map[string]json.RawMessage{}
	}
	return payload
}

// join puts a payload into the value that it is of.
func (s *sample) join(value, payload map[string]json.RawMessage) []byte {
	text, err := json.Marshal(payload)
	if err == nil && s.info.Envelope != wire.None {
		value = maps.Clone(value)
		value["payload"] = text
		text, err = json.Marshal(value)
	}
	if err != nil {
		panic("demo: " + err.Error()) // it was JSON before
	}
	return text
}

// spoil returns the record with one member of its payload wrong: a rule broken if any can be, else a wrong type, else no
// object at all.
func (s *sample) spoil(record []byte) []byte {
	var mistyped []byte
	for _, name := range slices.Sorted(maps.Keys(s.payload(s.value))) {
		if name == "correlation_id" || name == "session_id" || name == "timestamp" { // the conversation's
			continue
		}
		for _, other := range []string{"", `""`, "-1", "0", "1000000", `[]`, `"no such value"`, "true"} {
			payload := s.payload(s.value)
			if payload[name] = json.RawMessage(other); other == "" {
				delete(payload, name)
			}
			text := s.join(s.value, payload)
			switch rule := s.rule(text); {
			case rule == "type":
				if mistyped == nil {
					mistyped = text
				}
			case rule != "":
				return text
			}
		}
	}
	if mistyped != nil {
		return mistyped
	}
	if s.info.Envelope == wire.None {
		return []byte("[]")
	}
	value := maps.Clone(s.value)
	value["payload"] = json.RawMessage("[]")
	text, err := json.Marshal(value)
	if err != nil {
		return record[:len(record)/2] // no JSON either
	}
	return text
}

// rule is the first one that a record breaks, empty when it breaks none.
func (s *sample) rule(text []byte) string {
	rec := trestle.Record{
		Topic: s.info.Topic.Name, Value: text,
		Headers: []trestle.Header{{Key: wire.HeaderEventType, Value: []byte(s.info.Type)}},
	}
	_, err := trestle.Decode(&rec, trestle.NewTypes(s.info), trestle.DecodeOptions{})
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok && len(invalid.Violations) > 0 {
		return invalid.Violations[0].Rule
	}
	return ""
}
