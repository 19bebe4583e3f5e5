package records

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/compat"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// watch counts the records that have what a finding about the schemas is about.
type watch struct {
	finding *compat.Finding
	field   *schema.Field // of the old schemas; nil: it is about a value
	enum    *schema.Enum
	value   string // the enum's value in JSON

	looked, have atomic.Int64
}

// watcher is what is looked for in the events of one type.
type watcher struct {
	event   *schema.Event // of the old schemas
	typ     *event.Type
	watches []*watch
	// leads are the messages that lead to what is looked for.
	leads map[*schema.Message]bool
}

// Watch has an examiner with old schemas count which records have the fields and values that findings about an edit are about, and note those edits that are safe for
// what is stored. It is called before any record is examined.
func (x *Examiner) Watch(findings []*compat.Finding) {
	if x.old.set == nil {
		return
	}
	var all []*watch
	for _, f := range findings {
		if f.Stored == nil && f.DataChanged && f.Breaks&compat.Backward != 0 {
			if w := x.watchOf(f); w != nil {
				all = append(all, w)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	readers := event.New(x.old.set)
	for _, e := range x.old.set.Events() {
		w := &watcher{event: e, leads: map[*schema.Message]bool{}}
		for _, one := range all {
			if one.below(e.Message, w.leads, map[*schema.Message]bool{}) {
				w.watches = append(w.watches, one)
			}
		}
		if len(w.watches) == 0 {
			continue
		}
		var err error
		if w.typ, err = readers.Type(e.Message); err == nil {
			x.watchers[e.Type] = append(x.watchers[e.Type], w)
		}
	}
	x.watches = all
}

// watchOf finds what a finding is about in the old schemas; nil where that is no field, and no value of an enum.
func (x *Examiner) watchOf(f *compat.Finding) *watch {
	dot := strings.LastIndexByte(f.Path, '.')
	if dot < 0 {
		return nil
	}
	owner, name := f.Path[:dot], f.Path[dot+1:]
	found := &watch{finding: f}
	seen := map[*schema.Message]bool{}
	var in func(m *schema.Message) bool
	in = func(m *schema.Message) bool {
		if seen[m] {
			return false
		}
		seen[m] = true
		for _, field := range m.Fields {
			if m.FullName == owner && field.Name == name {
				found.field = field
				return true
			}
			for t := field.Type; t != nil; t = t.Elem {
				if t.Kind == schema.EnumKind && t.Enum.FullName == owner {
					for _, v := range t.Enum.Values {
						if v.Name == name && v.JSONName != "" {
							found.enum, found.value = t.Enum, v.JSONName
							return true
						}
					}
				}
				if t.Kind == schema.MessageKind && in(t.Message) {
					return true
				}
			}
		}
		return false
	}
	for _, e := range x.old.set.Events() {
		if in(e.Message) {
			return found
		}
	}
	return nil
}

// is says whether a field is what is looked for, or of the enum of which a value is.
func (w *watch) is(f *schema.Field) bool {
	if w.field != nil {
		return f == w.field
	}
	for t := f.Type; t != nil; t = t.Elem {
		if t.Kind == schema.EnumKind && t.Enum == w.enum {
			return true
		}
	}
	return false
}

// below says whether a message leads to what is looked for, and notes which do.
func (w *watch) below(m *schema.Message, leads, seen map[*schema.Message]bool) (found bool) {
	if seen[m] {
		return leads[m]
	}
	seen[m] = true
	for _, f := range m.Fields {
		found = w.is(f) || found
		for t := f.Type; t != nil; t = t.Elem {
			if t.Kind == schema.MessageKind && w.below(t.Message, leads, seen) {
				found = true
			}
		}
	}
	leads[m] = leads[m] || found
	return found
}

// look counts what a record has of what is watched.
func (x *Examiner) look(r *trestle.Record, eventType string) {
	for _, w := range x.watchers[eventType] {
		if w.event.Topic != nil && w.event.Topic.Name != r.Topic {
			continue
		}
		payload := w.payload(r)
		if payload == nil {
			continue
		}
		have := map[*watch]bool{}
		w.message(w.event.Message, payload, have)
		for _, one := range w.watches {
			one.looked.Add(1)
			if have[one] {
				one.have.Add(1)
			}
		}
	}
}

// payload is that of a record as the old schema has it, without what it lacks; nil where it cannot be read.
func (w *watcher) payload(r *trestle.Record) map[string]any {
	frame, err := wire.Unframe(r.Value, r.Headers)
	if err != nil {
		return nil
	}
	if !frame.Protobuf {
		found, err := wire.ReadEnvelope(frame.Body, envelopes[w.event.Envelope], wire.ReadOptions{})
		if err != nil || found.End <= found.Start {
			return nil
		}
		out, err := parse(frame.Body[found.Start:found.End])
		if err != nil {
			return nil
		}
		return out
	}
	b, ok := w.typ.New().(event.Binary)
	if !ok {
		return nil
	}
	u, ok := b.(interface{ UnmarshalBinary([]byte) error })
	if !ok || u.UnmarshalBinary(frame.Body) != nil {
		return nil
	}
	text, err := b.AppendBinaryJSON(nil)
	if err != nil {
		return nil
	}
	out, err := parse(text)
	if err != nil {
		return nil
	}
	return out
}

var envelopes = map[schema.Envelope]wire.Kind{
	schema.EnvelopeNone: wire.None, schema.EnvelopeOnexV1: wire.OnexV1, schema.EnvelopeBaseEvent: wire.BaseEvent,
}

// message finds what is watched in a message.
func (w *watcher) message(m *schema.Message, members map[string]any, have map[*watch]bool) {
	for _, f := range m.Fields {
		value, there := members[f.JSONName]
		if !there || absent(f, value) {
			continue
		}
		for _, one := range w.watches {
			if one.is(f) && (one.field != nil || holdsValue(value, one.value)) {
				have[one] = true
			}
		}
		w.value(f.Type, value, have)
	}
}

func (w *watcher) value(t *schema.Type, value any, have map[*watch]bool) {
	switch v := value.(type) {
	case map[string]any:
		if t.Kind == schema.MessageKind && w.leads[t.Message] {
			w.message(t.Message, v, have)
		}
		if t.Kind == schema.Map {
			for _, each := range v {
				w.value(t.Elem, each, have)
			}
		}
	case []any:
		if t.Kind == schema.List {
			for _, each := range v {
				w.value(t.Elem, each, have)
			}
		}
	}
}

// absent says whether a value is as good as none: null, or zero where the field does not tell that apart.
func absent(f *schema.Field, value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return !f.Explicit && v == ""
	case bool:
		return !f.Explicit && !v
	case json.Number:
		n, err := v.Float64()
		return !f.Explicit && err == nil && n == 0
	case []any:
		return !f.Explicit && len(v) == 0
	case map[string]any:
		return !f.Explicit && len(v) == 0
	}
	return false
}

// holdsValue says whether a value is that of an enum, or a list or map with it.
func holdsValue(value any, wanted string) bool {
	switch v := value.(type) {
	case string:
		return v == wanted
	case []any:
		return slices.ContainsFunc(v, func(each any) bool { return holdsValue(each, wanted) })
	case map[string]any:
		for _, each := range v {
			if holdsValue(each, wanted) {
				return true
			}
		}
	}
	return false
}

// notes say which of the edits are safe for what is stored.
func (x *Examiner) notes() []compat.Note {
	var out []compat.Note
	for _, w := range x.watches {
		f := w.finding
		if x.touched(f.Path) {
			continue
		}
		what := "field"
		if w.field == nil {
			what = "value"
		}
		looked, have := w.looked.Load(), w.have.Load()
		var text string
		switch {
		case looked == 0:
			text = fmt.Sprintf("%s: no record of these events is stored%s: the edit is safe for what is there", f.Path, x.since())
		case have == 0:
			text = fmt.Sprintf("%s: no record%s has this %s (%d looked at%s): the edit is safe for what is there", f.Path, x.since(), what, looked, x.bound(looked))
		default:
			text = fmt.Sprintf("%s: %d of %d records%s have this %s, and none of them is refused or loses it%s: the edit is safe for what is there", f.Path, have, looked, x.since(), what, x.bound(looked))
		}
		out = append(out, compat.Note{Subject: f.Subject, Path: f.Path, Pos: f.Pos, Text: text})
	}
	return out
}

// touched says whether records were found that are refused or lose something at a place, or that could not be counted apart.
func (x *Examiner) touched(path string) bool {
	for _, t := range x.found {
		if t.spot.message == nil {
			return true
		}
		if at, _ := t.spot.element(x.next.set); at == path || t.broken == "json" || t.broken == "event" {
			return true
		}
		if f := t.spot.field; f != nil { // of an enum, whose values findings are about
			for ty := f.Type; ty != nil; ty = ty.Elem {
				if ty.Kind == schema.EnumKind && strings.HasPrefix(path, ty.Enum.FullName+".") {
					return true
				}
			}
		}
	}
	return false
}

// bound says, of a sample, how many of all may have what none has that was looked at.
func (x *Examiner) bound(looked int64) string {
	sampled := false
	x.topics.Range(func(_, t any) bool {
		tally := t.(*topicTally)
		sampled = sampled || tally.sampled && tally.read.Load() < tally.of
		return true
	})
	if !sampled {
		return ""
	}
	return fmt.Sprintf("; of all, less than %.3g %% at 95 %% confidence", 100*Below(0, looked))
}

// since says from when on records were looked at.
func (x *Examiner) since() string {
	if x.opts.Since.IsZero() {
		return ""
	}
	return " since " + x.opts.Since.UTC().Format(time.DateOnly)
}
