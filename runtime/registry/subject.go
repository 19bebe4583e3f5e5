package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/omninode/trestle/runtime/event"
)

// SchemaType is a registry's word for a schema language.
type SchemaType string

// The schema languages that Trestle registers.
const (
	JSON     SchemaType = "JSON"
	Protobuf SchemaType = "PROTOBUF"
)

// Subject is a schema as it is declared for a subject.
type Subject struct {
	Name   string
	Type   SchemaType
	Schema string
	// References are the schemas that this one names.
	References []Reference
	// Digest identifies the schema in every registry, for those who read a plan; empty: it is not known.
	Digest string
}

// Reference ties a name used inside a schema (an import path, a $ref) to the subject that holds it.
type Reference struct {
	Name    string
	Subject string
}

// SubjectName returns the subject of an event type's schema: `<topic>-value` where the topic has one event type,
// `<topic>-<event type>` where it has several.
func SubjectName(topic *event.TopicInfo, eventType string) string {
	if len(topic.EventTypes) > 1 {
		return topic.Name + "-" + eventType
	}
	return topic.Name + "-value"
}

// SubjectStrategy says which subject holds an event type's schema, by the name that Confluent's serializers have for the rule. Its zero value is
// the rule of [SubjectName].
type SubjectStrategy string

// The strategies of Confluent's serializers.
const (
	TopicNameStrategy       SubjectStrategy = "TopicNameStrategy"       // <topic>-value: of a topic with one event type
	RecordNameStrategy      SubjectStrategy = "RecordNameStrategy"      // the full name, whatever the topic
	TopicRecordNameStrategy SubjectStrategy = "TopicRecordNameStrategy" // <topic>-<full name>
)

// Validate fails for what is no strategy.
func (s SubjectStrategy) Validate() error {
	switch s {
	case "", TopicNameStrategy, RecordNameStrategy, TopicRecordNameStrategy:
		return nil
	}
	return fmt.Errorf("subject strategy %q is none: there are %s, %s and %s, and without one a topic's events have its name and, where they are of several types, theirs",
		string(s), TopicNameStrategy, RecordNameStrategy, TopicRecordNameStrategy)
}

// Subject returns the subject of an event type's schema. The event has a topic.
func (s SubjectStrategy) Subject(e *event.EventInfo) string {
	switch s {
	case TopicNameStrategy:
		return e.Topic.Name + "-value"
	case RecordNameStrategy:
		return e.FullName
	case TopicRecordNameStrategy:
		return e.Topic.Name + "-" + e.FullName
	}
	return SubjectName(e.Topic, e.Type)
}

// sameText says whether two schemas of a type are the same but for layout.
func sameText(t SchemaType, a, b string) bool {
	if t != JSON {
		return strings.TrimSpace(a) == strings.TrimSpace(b)
	}
	ca, errA := canonical(a)
	cb, errB := canonical(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return bytes.Equal(ca, cb)
}

// canonical renders JSON with sorted keys and without white space, its numbers as they were written.
func canonical(text string) ([]byte, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// referencesFirst orders subjects so that each comes after those it refers to, else by name. It fails on a cycle; a
// reference to a subject that is not among them is left to the registry to know.
func referencesFirst(subjects []Subject) ([]Subject, error) {
	byName := make(map[string]Subject, len(subjects))
	for _, s := range subjects {
		if _, twice := byName[s.Name]; twice {
			return nil, fmt.Errorf("subject %s is declared twice", s.Name)
		}
		byName[s.Name] = s
	}
	const visiting, done = 1, 2
	state := make(map[string]int, len(subjects))
	out := make([]Subject, 0, len(subjects))
	var visit func(name string) error
	visit = func(name string) error {
		s, ok := byName[name]
		if !ok || state[name] == done {
			return nil
		}
		if state[name] == visiting {
			return fmt.Errorf("subject %s refers to itself through its references", name)
		}
		state[name] = visiting
		for _, r := range s.References {
			if err := visit(r.Subject); err != nil {
				return err
			}
		}
		state[name] = done
		out = append(out, s)
		return nil
	}
	for _, name := range sortedNames(byName) {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
