package event

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// Masker hides what the schemas of a set mark sensitive from who is shown records. It may be used from many goroutines.
//
// What a record is may be unknown: its type undeclared, its value no event. Then all that it may be counts, so that more
// is hidden rather than less.
type Masker struct {
	set    *schema.Set
	events []*schema.Event
	masks  jsonio.Masks
}

// NewMasker returns the masker for records of a set's events.
func NewMasker(set *schema.Set) *Masker {
	m := &Masker{set: set, events: set.Events()}
	var types []*schema.Type
	for _, e := range m.events {
		types = append(types, typeOf(e.Message))
	}
	m.masks = set.Masks(types...)
	return m
}

// typeOf is the type of a message's values.
func typeOf(m *schema.Message) *schema.Type {
	return &schema.Type{Kind: schema.MessageKind, Message: m}
}

// Record returns the JSON of a record with "***" for what is sensitive and every other byte as it was: of an event in its
// envelope or without one, and of a dead letter, the event in it included. named is the event type that the record's
// headers name, empty for none. The error is a [jsonio.Error]: the text is not JSON.
func (m *Masker) Record(topic, named string, text []byte) ([]byte, error) {
	if len(m.masks) == 0 {
		return text, nil
	}
	w := recordWalk{masker: m, text: text}
	if err := w.record(jsonio.Span{End: len(text)}, topic, named, m.candidates(topic, named)); err != nil {
		return nil, err
	}
	return w.covered(), nil
}

// Payload is [Masker.Record] for a payload alone, or a whole dead letter.
func (m *Masker) Payload(topic, eventType string, text []byte) ([]byte, error) {
	if len(m.masks) == 0 {
		return text, nil
	}
	w := recordWalk{masker: m, text: text}
	members, err := w.members(jsonio.Span{End: len(text)})
	if err != nil {
		return nil, err
	}
	events := m.candidates(topic, eventType)
	own := slices.ContainsFunc(events, func(e *schema.Event) bool { return e.Message.Field("payload") != nil })
	if members.has("payload") && (!own || members.has("event_type")) || m.isLetter(topic, eventType, members) { // a whole record after all
		if err := w.record(jsonio.Span{End: len(text)}, topic, eventType, events); err != nil {
			return nil, err
		}
	}
	w.spans(jsonio.Span{End: len(text)}, events)
	return w.covered(), nil
}

// Conceals says whether records of a topic and type may hold what is sensitive, so that nothing of one that cannot be
// read is to be shown.
func (m *Masker) Conceals(topic, named string) bool {
	events := m.candidates(topic, named)
	if t := m.set.Topic(topic); t != nil && len(t.DeadLetterOf) > 0 || named == deadletter.EventType {
		events = m.originals(topic, "")
	}
	return m.anyHolds(events)
}

// ConcealsMember says whether a member of the payloads of a topic's records, such as correlation_id, is sensitive.
func (m *Masker) ConcealsMember(topic, named, name string) bool {
	return slices.ContainsFunc(m.candidates(topic, named), func(e *schema.Event) bool { return e.Message.SensitivePath([]string{name}) })
}

// ConcealsKey says whether the key of a topic's records may be read from a field that is sensitive.
func (m *Masker) ConcealsKey(topic, named string) bool {
	events := m.candidates(topic, named)
	if t := m.set.Topic(topic); t != nil && len(t.DeadLetterOf) > 0 {
		events = m.originals(topic, "")
	}
	return m.anyKey(events)
}

func (m *Masker) anyHolds(events []*schema.Event) bool {
	return slices.ContainsFunc(events, func(e *schema.Event) bool { return e.Message.HoldsSensitive })
}

func (m *Masker) anyKey(events []*schema.Event) bool {
	return slices.ContainsFunc(events, func(e *schema.Event) bool {
		return slices.ContainsFunc(e.Key, func(key string) bool { return e.Message.SensitivePath(strings.Split(key, ".")) })
	})
}

// named are the events of a type.
func (m *Masker) named(eventType string) []*schema.Event {
	return slices.DeleteFunc(slices.Clone(m.events), func(e *schema.Event) bool { return e.Type != eventType })
}

// candidates are the events that a record may be: those of the type, on that topic where it is declared there, else all
// of the topic.
func (m *Masker) candidates(topic, eventType string) []*schema.Event {
	named := m.named(eventType)
	there := slices.DeleteFunc(slices.Clone(named), func(e *schema.Event) bool { return e.Topic == nil || e.Topic.Name != topic })
	switch t := m.set.Topic(topic); {
	case len(there) > 0:
		return there
	case len(named) > 0 || t == nil:
		return named
	default:
		return t.Events
	}
}

// originals are the events that the dead letters of a topic may be about: those of the topic that one names as its source,
// else of the topics whose dead letters it takes, else all.
func (m *Masker) originals(topic, source string) []*schema.Event {
	if t := m.set.Topic(source); t != nil {
		return t.Events
	}
	var out []*schema.Event
	if t := m.set.Topic(topic); t != nil {
		for _, of := range t.DeadLetterOf {
			out = append(out, of.Events...)
		}
	} else if t := m.set.Topic(strings.TrimSuffix(topic, ".dlq")); t != nil {
		out = t.Events
	}
	if len(out) == 0 {
		out = m.events
	}
	return out
}

// isLetter says whether a text is a dead letter.
func (m *Masker) isLetter(topic, named string, members textMembers) bool {
	t := m.set.Topic(topic)
	return named == deadletter.EventType || t != nil && len(t.DeadLetterOf) > 0 ||
		members.has("original_event", "error") || members.has("original_topic", "original_data")
}

// recordWalk finds what is not to be shown of one text.
type recordWalk struct {
	masker *Masker
	text   []byte
	found  []jsonio.Span
	depth  int
}

// textMembers are the members of an object, by name; of several of one name all.
type textMembers map[string][]jsonio.Span

func (t textMembers) has(names ...string) bool {
	for _, name := range names {
		if len(t[name]) == 0 {
			return false
		}
	}
	return true
}

// members returns where the members' values are; nil when the value is no object.
func (w *recordWalk) members(at jsonio.Span) (textMembers, error) {
	r := jsonio.NewReader(nil)
	r.ResetSpan(w.text, at.Start, at.End)
	var out textMembers
	if r.Kind() == '{' && r.BeginObject() {
		out = textMembers{}
		for r.More() {
			name := strings.Clone(r.Name())
			start, end := r.Span()
			out[name] = append(out[name], jsonio.Span{Start: start, End: end})
		}
	} else {
		r.Skip()
	}
	r.End()
	return out, r.Err()
}

// string is the text of the first member of a name, empty where it is no string.
func (w *recordWalk) string(members textMembers, name string) string {
	var s string
	if spans := members[name]; len(spans) > 0 && json.Unmarshal(w.text[spans[0].Start:spans[0].End], &s) != nil {
		return ""
	}
	return s
}

// spans finds what is not to be shown of a payload that may be of any of the events.
func (w *recordWalk) spans(at jsonio.Span, events []*schema.Event) {
	var types []string
	for _, e := range events {
		if e.Message.HoldsSensitive {
			types = append(types, e.Message.FullName)
		}
	}
	r := jsonio.NewReader(nil)
	r.ResetSpan(w.text, at.Start, at.End)
	w.found = append(w.found, w.masker.masks.Spans(r, types...)...)
	if r.Err() != nil { // nested too deeply
		w.found = append(w.found, at)
	}
}

// maxLetters bounds how many dead letters stand in one another.
const maxLetters = 16

// record finds what is not to be shown of a record's JSON, which is one of the events unless it names its own type.
func (w *recordWalk) record(at jsonio.Span, topic, named string, events []*schema.Event) error {
	members, err := w.members(at)
	if err != nil {
		return err
	}
	if w.depth++; w.depth > maxLetters {
		w.found = append(w.found, at)
		return nil
	}
	defer func() { w.depth-- }()
	if own := w.string(members, "event_type"); len(w.masker.named(own)) > 0 {
		events = w.masker.candidates(topic, own)
	}
	if w.masker.isLetter(topic, named, members) {
		source := cmp.Or(w.string(members, "source_topic"), w.string(members, "original_topic"))
		originals := w.masker.originals(topic, source)
		if !w.letter(members, source, originals) { // of the flat shape: it is the event itself, and more
			events = originals
		}
		if w.masker.anyHolds(originals) {
			w.reasons(members)
		}
	}
	var bare, enveloped []*schema.Event
	for _, e := range events {
		if e.Envelope != schema.EnvelopeNone && members.has("payload") {
			enveloped = append(enveloped, e)
		} else {
			bare = append(bare, e)
		}
	}
	if len(bare) > 0 {
		w.spans(at, bare)
	}
	for _, payload := range members["payload"] {
		w.spans(payload, enveloped)
	}
	for _, name := range []string{"correlation_id", "session_id", "trace_id"} {
		if slices.ContainsFunc(enveloped, func(e *schema.Event) bool { return e.Message.SensitivePath([]string{name}) }) {
			w.found = append(w.found, members[name]...)
		}
	}
	return nil
}

// letter finds what is not to be shown of the event in a dead letter; there is false when none stands in it.
func (w *recordWalk) letter(members textMembers, source string, originals []*schema.Event) (there bool) {
	for _, name := range []string{"original_event", "original_data", "original_value_base64", "envelope"} {
		for _, at := range members[name] {
			if there = true; name != "original_value_base64" {
				w.original(at, source, originals)
			}
		}
	}
	if w.masker.anyHolds(originals) {
		w.found = append(w.found, members["original_value_base64"]...)
	}
	if w.masker.anyKey(originals) {
		w.found = append(w.found, members["original_key"]...)
	}
	return there
}

// reasons hides what a dead letter says of why the event died, but for the error's type and time: it may quote what is sensitive, in
// whatever spelling.
func (w *recordWalk) reasons(members textMembers) {
	for _, name := range []string{"error", "failure_reason"} {
		for _, at := range members[name] {
			w.said(at)
		}
	}
}

// original finds what is not to be shown of an event in a dead letter, which may stand there as text in a string: then
// it is shown as a whole or not at all.
func (w *recordWalk) original(at jsonio.Span, source string, originals []*schema.Event) {
	switch w.text[at.Start] {
	case '{':
		_ = w.record(at, source, "", originals) // that it is JSON is known by now
	case '"':
		inner := recordWalk{masker: w.masker, depth: w.depth}
		var text string
		if json.Unmarshal(w.text[at.Start:at.End], &text) == nil {
			inner.text = []byte(text)
		}
		err := inner.record(jsonio.Span{End: len(inner.text)}, source, "", originals)
		if err != nil && w.masker.anyHolds(originals) || len(inner.found) > 0 {
			w.found = append(w.found, at)
		}
	default:
		w.spans(at, originals)
	}
}

// said hides the texts of an error.
func (w *recordWalk) said(at jsonio.Span) {
	members, err := w.members(at)
	switch {
	case err != nil:
	case w.text[at.Start] == '"' || w.text[at.Start] == '[':
		w.found = append(w.found, at)
	default:
		for name, inner := range members {
			if name != "error_type" && name != "timestamp" {
				for _, at := range inner {
					w.said(at)
				}
			}
		}
	}
}

// covered is the text with what was found hidden.
func (w *recordWalk) covered() []byte {
	slices.SortFunc(w.found, func(a, b jsonio.Span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)) })
	var parts []jsonio.Span
	for _, s := range w.found {
		if len(parts) > 0 && s.Start < parts[len(parts)-1].End || string(w.text[s.Start:s.End]) == "null" {
			continue
		}
		parts = append(parts, s)
	}
	return jsonio.Cover(w.text, parts)
}
