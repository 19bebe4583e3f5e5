package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// maxEvents limits the events that are tried for one finding and direction.
const maxEvents = 160

// Finder finds witnesses between two sets. It compiles each side of a message once. It is not safe for concurrent use.
type Finder struct {
	old, new *schema.Set
	schemas  map[*schema.Set]*event.Schemas
	texts    map[*schema.Set]*values.Documents
	sides    map[*schema.Message]*side
	closed   map[*schema.Message]*schema.Message // by the ones that they are made of
	builder  *values.Maker
	shapes   Shapes
}

// NewFinder returns a finder for findings between two sets. Nothing is compiled before it is needed. Where simple events
// show nothing, those that the algebra finds may; shapes is nil where there is none to ask.
func NewFinder(old, new *schema.Set, shapes Shapes) *Finder {
	f := &Finder{
		old: old, new: new, sides: map[*schema.Message]*side{}, schemas: map[*schema.Set]*event.Schemas{},
		texts:   map[*schema.Set]*values.Documents{},
		builder: values.NewMaker(), shapes: shapes,
	}
	f.builder.JudgedBy(f.broken)
	return f
}

// broken returns the paths of what is wrong with an object for readers of its message; nothing where they cannot be asked.
func (f *Finder) broken(m *schema.Message, object map[string]any) []string {
	set := f.old
	if slices.Contains(f.new.Packages, m.Package) {
		set = f.new
	}
	reader, err := f.side(set, m)
	if err != nil {
		return nil
	}
	if _, err = reader.read(object); err == nil {
		return nil
	}
	r, ok := errors.AsType[*rejection](err)
	if !ok {
		return []string{""}
	}
	out := make([]string, len(r.causes))
	for i, cause := range r.causes {
		out[i] = cause.Path
	}
	return out
}

// Find looks for a witness for the element at the end of the trail, of what the old side writes with backward, else the new
// one: in JSON before the binary form. It returns nil when running both sides confirms none.
func (f *Finder) Find(t Trail, backward bool, encodings []schema.Encoding) *Witness {
	if t.Old == nil || t.New == nil {
		return nil
	}
	old, err := f.side(f.old, t.Old)
	if err != nil {
		return nil // without both readers nothing can be shown
	}
	new, err := f.side(f.new, t.New)
	if err != nil {
		return nil
	}
	if t.closed {
		if backward {
			return nil // what the new side has and the old one lacks
		}
		if old, err = f.closedSide(f.old, old); err != nil {
			return nil
		}
	}
	d, writer, reader := t.forward(), new, old
	if backward {
		d, writer, reader = t.backward(), old, new
	}
	ways := []func(e schema.Encoding) *Witness{
		func(e schema.Encoding) *Witness { return search(f.builder, d, writer, reader, e) },
	}
	if f.shapes != nil {
		ways = append(ways, func(e schema.Encoding) *Witness { return d.guided(f.builder, f.shapes, writer, reader, e) })
	}
	for _, try := range ways {
		for _, e := range []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf} {
			if !slices.Contains(encodings, e) {
				continue
			}
			if w := try(e); w != nil {
				return w
			}
		}
	}
	return nil
}

// Rejection lets one side of a trail write an event in JSON, the old one with backward, and the other read it. It returns
// a witness where the reader rejects it; about says that it does so by one of the rules that the trail is about, in the
// element.
func (f *Finder) Rejection(t Trail, backward bool, event map[string]any) (w *Witness, about bool) {
	d, writerSet, readerSet := t.forward(), f.new, f.old
	if backward {
		d, writerSet, readerSet = t.backward(), f.old, f.new
	}
	writer, err := f.side(writerSet, d.writer)
	if err != nil {
		return nil, false
	}
	reader, err := f.side(readerSet, d.reader)
	if err != nil {
		return nil, false
	}
	_, _, _, err = carry(event, writer, reader, schema.EncodingJSON)
	if err == nil || err == errNotWritten {
		return nil, false
	}
	detail, about := d.blame(err)
	if !about {
		detail = err.Error()
	}
	text, err := values.Render(d.writer, event)
	if err != nil {
		return nil, false
	}
	return &Witness{Event: json.RawMessage(text), WrittenBy: d.name, Outcome: Rejected, Detail: detail}, about
}

// Shows lets one side of a trail write an event in an encoding, the old one with backward, and the other read it. It returns a
// witness where what becomes of the element shows a break, nil where it does not.
func (f *Finder) Shows(t Trail, backward bool, event map[string]any, e schema.Encoding) *Witness {
	d, writerSet, readerSet := t.forward(), f.new, f.old
	if backward {
		d, writerSet, readerSet = t.backward(), f.old, f.new
	}
	writer, err := f.side(writerSet, d.writer)
	if err != nil {
		return nil
	}
	reader, err := f.side(readerSet, d.reader)
	if err != nil {
		return nil
	}
	return d.show(event, writer, reader, e)
}

func (f *Finder) side(set *schema.Set, m *schema.Message) (*side, error) {
	if s, ok := f.sides[m]; ok {
		if s == nil {
			return nil, fmt.Errorf("%s cannot be run", m.FullName)
		}
		return s, nil
	}
	s, err := newSide(f.of(set), m)
	f.sides[m] = s
	return s, err
}

// of returns the readers of a set.
func (f *Finder) of(set *schema.Set) *event.Schemas {
	if f.schemas[set] == nil {
		f.schemas[set] = newSchemas(set)
	}
	return f.schemas[set]
}

// search tries events of a direction, small and readable ones first, and returns the first that shows a break.
func search(b *values.Maker, d direction, writer, reader *side, enc schema.Encoding) *Witness {
	for event := range d.events(b) {
		if w := d.show(event, writer, reader, enc); w != nil {
			return w
		}
	}
	return nil
}

// show tries an event, and keeps it where it shows a break.
func (d direction) show(event map[string]any, writer, reader *side, enc schema.Encoding) *Witness {
	w := d.try(event, writer, reader, enc)
	if w == nil {
		return nil
	}
	text, err := values.Render(d.writer, event)
	if err != nil {
		return nil
	}
	w.Event, w.WrittenBy = json.RawMessage(text), d.name
	return w
}

// try lets the writer write an event and the reader read it.
func (d direction) try(event map[string]any, writer, reader *side, enc schema.Encoding) *Witness {
	written, got, data, err := carry(event, writer, reader, enc)
	if err == errNotWritten {
		return nil
	}
	if err != nil {
		if detail, ok := d.blame(err); ok {
			return &Witness{Outcome: Rejected, Detail: detail, Bytes: data}
		}
		return nil
	}
	if d.message || len(d.steps) == 0 || len(d.rules) > 0 {
		return nil
	}
	outcome, detail := d.differ(written, got)
	if outcome == "" {
		return nil
	}
	return &Witness{Outcome: outcome, Detail: detail, Bytes: data}
}

// events yields what a direction's writer may write with the element in question varied: small events first, then the
// same in events with everything set.
func (d direction) events(b *values.Maker) iter.Seq[map[string]any] {
	return func(yield func(map[string]any) bool) {
		small := b.Smallest(d.writer)
		if small == nil {
			return
		}
		ways := []func(variant) (map[string]any, bool){
			func(v variant) (map[string]any, bool) { return d.with(b, small, v) },
			func(v variant) (map[string]any, bool) { return d.with(b, b.Full(d.writer), v) },
			func(v variant) (map[string]any, bool) { return inFull(b, b.Full(d.writer), v) },
		}
		variants, tried := d.values(b), 0
		for _, with := range ways {
			for _, v := range variants {
				event, ok := with(v)
				if !ok || tried == maxEvents {
					continue
				}
				if tried++; !yield(event) {
					return
				}
			}
		}
	}
}

// inFull is a variant of an event in which the message that has the element has everything set, too; ok is false where
// that is the event itself.
func inFull(b *values.Maker, full map[string]any, v variant) (event map[string]any, ok bool) {
	n := len(v.steps)
	if n < 2 || slices.ContainsFunc(v.steps, func(s way) bool { return s.writer == nil }) {
		return nil, false
	}
	var path []*schema.Field
	for _, s := range v.steps {
		path = append(path, s.writer)
	}
	holder := path[n-2].Type
	inner := values.Innermost(holder)
	if inner == nil || values.OwnForm(inner) {
		return nil, false
	}
	child, ok := b.With(b.Full(inner), path[n-1:], v.value)
	if !ok {
		return nil, false
	}
	return b.With(full, path[:n-1], b.Wrap(holder, child))
}

// variant is a value for the element, or for one of its fields.
type variant struct {
	steps []way
	value any
}

func (d direction) with(b *values.Maker, base map[string]any, v variant) (map[string]any, bool) {
	if len(v.steps) == 0 {
		return base, true
	}
	path := make([]*schema.Field, len(v.steps))
	for i, s := range v.steps {
		path[i] = s.writer
	}
	return b.With(base, path, v.value)
}

// values returns what the element may be. For a message these are values of each of its fields.
func (d direction) values(b *values.Maker) []variant {
	if !d.message {
		if len(d.steps) == 0 {
			return []variant{{}}
		}
		return d.likelyFirst(b, d.only(append(fieldVariants(b, d.steps), d.trials(b)...)))
	}
	writer, reader := d.writer, d.reader
	others := []any{"a", json.Number("1")}
	out := []variant{{}}
	if n := len(d.steps); n > 0 {
		last := d.steps[n-1]
		if last.writer == nil || last.reader == nil {
			return out
		}
		writer, reader = values.Innermost(last.writer.Type), values.Innermost(last.reader.Type)
	}
	if writer != nil && writer.Undeclared != nil {
		others = append(others, b.Candidates(writer.Undeclared, nil)...)
	}
	for _, name := range []string{"undeclared", shortName(writer, reader)} {
		for _, v := range others {
			out = append(out, variant{append(slices.Clone(d.steps), way{writer: &schema.Field{JSONName: name}}), v})
		}
	}
	if writer == nil || reader == nil {
		return out
	}
	for _, f := range writer.Fields {
		steps := append(slices.Clone(d.steps), way{f, reader.Field(f.JSONName)})
		out = append(out, fieldVariants(b, steps)...)
	}
	return out
}

// shortName is a name that neither of two messages has a field of, as short as one can be: schemas may limit names.
func shortName(a, b *schema.Message) string {
	for c := 'a'; c <= 'z'; c++ {
		if name := string(c); (a == nil || a.Field(name) == nil) && (b == nil || b.Field(name) == nil) {
			return name
		}
	}
	return "_"
}

// likelyFirst puts the values first that the writer's constraints allow and the reader's do not, where a rejection by rules
// is looked for: most searches end with the first event, and an event takes as long to read as its message has fields.
func (d direction) likelyFirst(b *values.Maker, all []variant) []variant {
	last := d.steps[len(d.steps)-1]
	if len(d.rules) == 0 || last.writer == nil || last.reader == nil {
		return all
	}
	var likely, others []variant
	for _, v := range all {
		if b.Fits(last.writer.Type, v.value) && !b.Fits(last.reader.Type, v.value) {
			likely = append(likely, v)
		} else {
			others = append(others, v)
		}
	}
	return append(likely, others...)
}

// trials are the values that are to be tried, in the list or map that the element is in.
func (d direction) trials(b *values.Maker) []variant {
	last := d.steps[len(d.steps)-1].writer
	if last == nil {
		return nil
	}
	var out []variant
	for _, v := range d.tried {
		if d.inner {
			v = b.Wrap(last.Type, v)
		}
		out = append(out, variant{d.steps, v})
	}
	return out
}

// only keeps the variants in which the element is there, where that is wanted, and in which one of the wanted strings
// occurs, where some are.
func (d direction) only(all []variant) []variant {
	if d.present && d.steps[len(d.steps)-1].writer != nil {
		all = slices.DeleteFunc(all, func(v variant) bool { _, gone := v.value.(values.Absent); return gone })
	}
	if len(d.wanted) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(v variant) bool {
		text, err := json.Marshal(v.value)
		return err != nil || !slices.ContainsFunc(d.wanted, func(s string) bool {
			quoted, err := json.Marshal(s)
			return err == nil && strings.Contains(string(text), string(quoted))
		})
	})
}

func fieldVariants(b *values.Maker, steps []way) []variant {
	last := steps[len(steps)-1]
	out := []variant{{steps, values.Absent{}}}
	if last.writer == nil {
		return out
	}
	var other *schema.Type
	if last.reader != nil {
		other = last.reader.Type
	}
	for _, v := range b.Candidates(last.writer.Type, other) {
		out = append(out, variant{steps, v})
	}
	if inner := values.Innermost(last.writer.Type); inner != nil && !values.OwnForm(inner) {
		out = append(out, variant{steps, b.Wrap(last.writer.Type, b.Full(inner))})
	}
	if last.writer.Nullable {
		out = append(out, variant{steps, nil})
	}
	return out
}
