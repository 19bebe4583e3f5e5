package event

import (
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// Types are the event types that records are decoded to. They may be used from many goroutines.
type Types struct {
	byType  map[string][]*EventInfo
	byTopic map[string][]*EventInfo
}

// NewTypes returns the types of those events, such as those of a generated package's Events. Where two packages
// declare the same event type for the same topic, the first counts.
func NewTypes(events ...*EventInfo) *Types {
	t := &Types{byType: map[string][]*EventInfo{}, byTopic: map[string][]*EventInfo{}}
	for _, e := range events {
		t.byType[e.Type] = append(t.byType[e.Type], e)
		if e.Topic != nil {
			t.byTopic[e.Topic.Name] = append(t.byTopic[e.Topic.Name], e)
		}
	}
	return t
}

// Find returns the event of that type on the topic: the one declared for it, else the only one of that type, such as
// a dead letter's. It is nil when there is none, or several on other topics.
func (t *Types) Find(topic, eventType string) *EventInfo {
	events := t.byType[eventType]
	for _, e := range events {
		if e.Topic != nil && e.Topic.Name == topic {
			return e
		}
	}
	if len(events) == 1 {
		return events[0]
	}
	return nil
}

// name is an event type as a string, the same one each time where it is known.
func (t *Types) name(eventType []byte) string {
	if events := t.byType[string(eventType)]; len(events) > 0 {
		return events[0].Type
	}
	return string(eventType)
}

// Only returns the topic's event when it has one alone, as declared and as known, else nil: what a record without an
// envelope and without a header is.
func (t *Types) Only(topic string) *EventInfo {
	if events := t.byTopic[topic]; len(events) == 1 && len(events[0].Topic.EventTypes) <= 1 {
		return events[0]
	}
	return nil
}

// envelope returns the kind of envelope that a topic's events stand in, None when that isn't known.
func (t *Types) envelope(topic string) wire.Kind {
	for _, e := range t.byTopic[topic] {
		if e.Envelope != wire.None {
			return e.Envelope
		}
	}
	return wire.None
}

// AtIndexes returns the topic's event that stands at that place of its schema file, nil when none does, or several do.
func (t *Types) AtIndexes(topic string, indexes []int) *EventInfo {
	var found *EventInfo
	for _, e := range t.byTopic[topic] {
		if slices.Equal(e.MessageIndexes, indexes) {
			if found != nil {
				return nil
			}
			found = e
		}
	}
	return found
}

func (t *Types) unknown(topic, eventType string) error {
	err := &UnknownEventTypeError{Topic: topic, EventType: eventType}
	if events := t.byTopic[topic]; len(events) > 0 {
		err.Declared = events[0].Topic.EventTypes
	}
	return err
}

// concealed is err without what stands where a record stops being JSON, if the record is an event that holds what is
// sensitive, or may be one: that may be part of it. With a nil info, it may be any of the topic.
func (t *Types) concealed(topic string, info *EventInfo, err error) error {
	holds := func(e *EventInfo) bool { return len(e.Masks) > 0 }
	if info != nil && !holds(info) || info == nil && !slices.ContainsFunc(t.byTopic[topic], holds) {
		return err
	}
	return jsonio.Concealed(err)
}
