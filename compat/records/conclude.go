package records

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/witness"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
)

// Conclude adds what was found to a report. Nothing may be examined meanwhile.
func (x *Examiner) Conclude(r *compat.Report) {
	var findings []*compat.Finding
	for _, t := range x.found {
		findings = append(findings, x.finding(t))
	}
	r.AddRecords(x.topicRecords(), findings, x.notes())
}

func (x *Examiner) topicRecords() []compat.TopicRecords {
	var out []compat.TopicRecords
	var names []string
	x.topics.Range(func(name, _ any) bool {
		names = append(names, name.(string))
		return true
	})
	slices.Sort(names)
	for _, name := range names {
		t := x.topic(name, false)
		one := compat.TopicRecords{Topic: name, DeadLetters: t.deadLetters, Read: t.read.Load(), Refused: t.refused.Load(), Lost: t.lost.Load(), By: x.by(name)}
		for reason, n := range t.skipped {
			one.Skipped = append(one.Skipped, compat.Counted{Name: reason, Records: n})
		}
		sortCounted(one.Skipped)
		if t.sampled {
			one.Sample = &compat.Sample{Of: t.of, RefusedBelow: Below(one.Refused, one.Read), LostBelow: Below(one.Lost, one.Read), Confidence: Confidence}
		}
		out = append(out, one)
	}
	return out
}

// by says whose records of a topic break a rule or lose something, and where.
func (x *Examiner) by(topic string) []compat.ProducerRecords {
	counts := map[[2]string]int64{}
	for _, t := range x.found {
		if t.topic != topic {
			continue
		}
		for name, n := range t.producers.names {
			counts[[2]string{name, t.field}] += n
		}
	}
	out := []compat.ProducerRecords{}
	for k, n := range counts {
		out = append(out, compat.ProducerRecords{Producer: k[0], Path: k[1], Count: n})
	}
	slices.SortFunc(out, func(a, b compat.ProducerRecords) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Producer, b.Producer), cmp.Compare(a.Path, b.Path))
	})
	return out
}

func sortCounted(list []compat.Counted) {
	slices.SortFunc(list, func(a, b compat.Counted) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.Name, b.Name))
	})
}

func (x *Examiner) finding(t *tally) *compat.Finding {
	rule := compat.RecordRules()[slices.IndexFunc(compat.RecordRules(), func(r compat.Rule) bool { return (r.ID == compat.RecordRefused) == t.refused })]
	stored := &compat.Stored{
		Topic: t.topic, EventType: t.eventType, Field: t.field, Broken: t.broken, Records: t.records, Before: t.before,
		First: t.first.String(), Last: t.last.String(),
	}
	stored.Producers, stored.OtherProducers = t.producers.shown()
	if stored.Values, stored.OtherValues = t.values.shown(); len(stored.Values) == 0 {
		stored.Values = nil
	}
	if m := x.menders[[2]string{t.topic, t.eventType}]; t.mended > 0 && m != nil {
		stored.Repair = &compat.StoredRepair{Text: m.current.Text(), Valid: t.mended, Of: t.records}
	}
	f := &compat.Finding{
		Rule: rule.ID, Severity: rule.Severity, Breaks: rule.Breaks, Encodings: []schema.Encoding{t.encoding},
		Consequence: fmt.Sprintf(rule.Backward, t.source), Stored: stored,
		Subject: compat.Subject{Kind: compat.Changed, DataChanged: true},
	}
	if t.eventType != "" {
		f.Events = []string{t.eventType}
	}
	what := t.field
	if t.spot.message != nil {
		f.Path, f.Pos = t.spot.element(x.next.set)
		f.Owner, f.Package = t.spot.message.FullName, t.spot.message.Package.Name
	} else {
		f.Path = t.source
		if topic := x.next.set.Topic(t.source); topic != nil {
			f.Pos, f.Owner = inRoot(x.next.set, topic.Pos), topic.Name
		}
	}
	switch number := lastOf(what); {
	case what == "":
		what = cmp.Or(t.eventType, t.source)
	case strings.Trim(number, "0123456789") == "": // of a binary form
		what = strings.TrimSuffix(what, number) + "field " + number
	}
	of := x.topic(t.topic, false)
	noun := "records"
	if of.deadLetters {
		noun = "dead letters"
		f.Consequence = fmt.Sprintf("consumers of %s with the new schema refuse them again when they are replayed", t.source)
	}
	if t.refused {
		f.Change = fmt.Sprintf("%s: %d of %d %s of %s are refused: %s [%s]", what, t.records, of.read.Load(), noun, t.topic, t.message, t.broken)
		f.Fix = fmt.Sprintf(rule.Fix, t.topic)
	} else {
		verb := "lose it"
		if t.broken == string(witness.Misread) {
			verb = "have another value"
		}
		f.Change = fmt.Sprintf("%s: %d of %d %s of %s %s when they are read", what, t.records, of.read.Load(), noun, t.topic, verb)
		f.Fix = fmt.Sprintf(rule.Fix, lastOf(what))
		if of.deadLetters {
			f.Consequence = fmt.Sprintf("consumers of %s with the new schema go on without it when they are replayed", t.source)
		}
	}
	f.Witness = x.example(t)
	return f
}

func lastOf(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// example shows the part of a record that a tally is about; nil where that can't be shown.
func (x *Examiner) example(t *tally) *compat.Witness {
	if t.example == nil || t.field == "" {
		return nil
	}
	payload := x.shown(t.example, t.eventType)
	name, _, _ := strings.Cut(t.field, "[")
	name, _, _ = strings.Cut(name, ".")
	event := map[string]json.RawMessage{}
	if value, there := payload[name]; there {
		event[name] = value
	} else if !t.refused {
		return nil
	}
	text, err := json.Marshal(event)
	if err != nil || len(text) > shownExample || payload == nil {
		return nil
	}
	w := &compat.Witness{Event: text, WrittenBy: "old", Outcome: witness.Rejected, Detail: t.last.String() + ": " + t.field + ": " + t.message}
	if !t.refused {
		w.Outcome, w.Detail = witness.Outcome(t.broken), t.last.String()+": "+t.field
	}
	return w
}

// shown are the members of a record's payload, as they may be shown; nil where it cannot be read.
func (x *Examiner) shown(r *trestle.Record, eventType string) map[string]json.RawMessage {
	frame, err := wire.Unframe(r.Value, r.Headers)
	if err != nil {
		return nil
	}
	text := frame.Body
	mask := func(text []byte) ([]byte, error) { return x.masker.Record(r.Topic, eventType, text) }
	if frame.Protobuf {
		decoded, _ := trestle.Decode(r, x.next.types, trestle.DecodeOptions{})
		if decoded.Event == nil {
			return nil
		}
		if text, err = decoded.Event.AppendJSON(nil); err != nil {
			return nil
		}
		mask = func(text []byte) ([]byte, error) { return x.masker.Payload(r.Topic, eventType, text) }
	}
	if x.masker != nil {
		if text, err = mask(text); err != nil {
			return nil
		}
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	info := x.next.types.Find(r.Topic, eventType)
	if inner, enveloped := members["payload"]; enveloped && !frame.Protobuf && info != nil && info.Envelope != wire.None {
		members = nil
		if json.Unmarshal(inner, &members) != nil {
			return nil
		}
	}
	return members
}

// plainName is a name as a record has it, short and on one line.
func plainName(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "\uFFFD")), " ")
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	return name
}
