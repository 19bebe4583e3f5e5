package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"buf.build/go/protovalidate"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxEvents limits the events that are tried for one finding and direction.
const maxEvents = 160

// Finder finds witnesses between two sets. It compiles each side of a message once. It is not safe for concurrent use.
type Finder struct {
	old, new *schema.Set
	sides    map[*schema.Message]side
	// compilers are those of the sets' JSON Schemas.
	compilers map[*schema.Set]*jsonschema.Compiler
	// validator is shared: it keys what it compiles by descriptor, and those of both sets differ.
	validator protovalidate.Validator
	builder   *values.Maker
	shapes    Shapes
}

// NewFinder returns a finder for findings between two sets. Nothing is compiled before it is needed. Where simple events
// show nothing, those that the algebra finds may; shapes is nil where there is none to ask.
func NewFinder(old, new *schema.Set, shapes Shapes) *Finder {
	return &Finder{
		old: old, new: new, sides: map[*schema.Message]side{}, compilers: map[*schema.Set]*jsonschema.Compiler{},
		builder: values.NewMaker(), shapes: shapes,
	}
}

// Find looks for a witness for the element at the end of the trail, backward before forward, and in JSON before the
// binary form. It returns nil when running both sides confirms none.
func (f *Finder) Find(t Trail, backward, forward bool, encodings []schema.Encoding) *Witness {
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
	ways := []func(d direction, writer, reader side, enc schema.Encoding) *Witness{
		func(d direction, writer, reader side, enc schema.Encoding) *Witness {
			return search(f.builder, d, writer, reader, enc)
		},
	}
	if f.shapes != nil {
		ways = append(ways, func(d direction, writer, reader side, enc schema.Encoding) *Witness {
			return d.guided(f.builder, f.shapes, writer, reader, enc)
		})
	}
	for _, try := range ways {
		for _, enc := range []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf} {
			if !slices.Contains(encodings, enc) {
				continue
			}
			if backward {
				if w := try(t.backward(), old, new, enc); w != nil {
					return w
				}
			}
			if forward {
				if w := try(t.forward(), new, old, enc); w != nil {
					return w
				}
			}
		}
	}
	return nil
}

func (f *Finder) side(set *schema.Set, m *schema.Message) (side, error) {
	if s, ok := f.sides[m]; ok {
		if s == nil {
			return nil, fmt.Errorf("%s cannot be run", m.FullName)
		}
		return s, nil
	}
	s, err := f.newSide(set, m)
	if err != nil {
		f.sides[m] = nil
		return nil, err
	}
	f.sides[m] = s
	return s, nil
}

func (f *Finder) newSide(set *schema.Set, m *schema.Message) (side, error) {
	if m.Language() == schema.JSONSchema {
		c, ok := f.compilers[set]
		if !ok {
			var err error
			if c, err = newJSONCompiler(set); err != nil {
				return nil, err
			}
			f.compilers[set] = c
		}
		return newJSONSide(c, m)
	}
	if f.validator == nil {
		v, err := newValidator()
		if err != nil {
			return nil, err
		}
		f.validator = v
	}
	return newProtoSide(m, f.validator)
}

// search tries events of a direction, small and readable ones first, and returns the first that shows a break.
func search(b *values.Maker, d direction, writer, reader side, enc schema.Encoding) *Witness {
	for _, event := range d.events(b) {
		if w := d.show(event, writer, reader, enc); w != nil {
			return w
		}
	}
	return nil
}

// show tries an event, and keeps it where it shows a break.
func (d direction) show(event map[string]any, writer, reader side, enc schema.Encoding) *Witness {
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
func (d direction) try(event map[string]any, writer, reader side, enc schema.Encoding) *Witness {
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

var errNotWritten = errors.New("the writer writes no such event")

// carry has the reader read what the writer writes of an event; data is its binary form, where that is what is read.
func carry(event map[string]any, writer, reader side, enc schema.Encoding) (written, got map[string]any, data []byte, err error) {
	write := func() (map[string]any, error) { return writer.read(event) }
	read := func() (map[string]any, error) { return reader.read(event) }
	if enc == schema.EncodingProtobuf {
		w, okW := writer.(binarySide)
		r, okR := reader.(binarySide)
		if !okW || !okR {
			return nil, nil, nil, errNotWritten
		}
		if data, err = w.write(event); err != nil {
			return nil, nil, nil, errNotWritten
		}
		write = func() (map[string]any, error) { return w.readBytes(data) }
		read = func() (map[string]any, error) { return r.readBytes(data) }
	}
	if written, err = write(); err != nil || !covers(written, event) {
		return nil, nil, nil, errNotWritten
	}
	got, err = read()
	return written, got, data, err
}

// blame returns the cause of a rejection that is about the element; ok is false when every cause is about another one,
// which has a finding of its own.
func (d direction) blame(err error) (detail string, ok bool) {
	r, ok := errors.AsType[*rejection](err)
	if !ok {
		return err.Error(), len(d.rules) == 0
	}
	if d.message || len(d.steps) == 0 {
		i := slices.IndexFunc(r.causes, d.concerns)
		if i < 0 {
			return "", false
		}
		return r.causes[i], true
	}
	last := d.steps[len(d.steps)-1]
	for _, cause := range r.causes {
		for _, f := range []*schema.Field{last.writer, last.reader} {
			if f != nil && d.concerns(cause) && (mentions(cause, f.JSONName, d.inner) || mentions(cause, f.Name, d.inner) ||
				f.Oneof != nil && mentions(cause, f.Oneof.Name, false)) {
				return cause, true
			}
		}
	}
	return "", false
}

// concerns says whether a cause names one of the rules that the trail is about.
func (d direction) concerns(cause string) bool {
	i := strings.LastIndexByte(cause, '[')
	return len(d.rules) == 0 || i >= 0 && slices.ContainsFunc(d.rules, func(r string) bool { return strings.Contains(cause[i:], r) })
}

// differ compares the element at the end of the steps in what both sides have, wherever it occurs.
func (d direction) differ(written, got map[string]any) (outcome Outcome, detail string) {
	for w, g := range pairsAlong(d.steps[:len(d.steps)-1], written, got) {
		if outcome, detail = differAt(d.steps[len(d.steps)-1], w, g); outcome != "" {
			break
		}
	}
	return outcome, detail
}

func differAt(s way, written, got map[string]any) (Outcome, string) {
	if s.writer == nil {
		return "", ""
	}
	name := s.writer.JSONName
	before, was := written[name]
	if s.reader == nil {
		if !was || nothing(s.writer, before) {
			return "", ""
		}
		return Dropped, fmt.Sprintf("%s is %s as written, and the reader has no such field", name, short(before))
	}
	after, is := got[s.reader.JSONName]
	switch {
	case was && is && equal(before, after):
		return "", ""
	case was && !nothing(s.writer, before) && nothing(s.reader, after):
		return Dropped, fmt.Sprintf("%s is %s as written, and absent as read", name, short(before))
	case was && is && !nothing(s.writer, before):
		return Misread, fmt.Sprintf("%s is %s as written, and %s as read", name, short(before), short(after))
	case !nothing(s.reader, after):
		return Misread, fmt.Sprintf("%s is absent as written, and %s as read", name, short(after))
	}
	return "", ""
}

// nothing says whether a field's value is as good as absent: empty, or zero where the field has no presence.
func nothing(f *schema.Field, v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return !f.Explicit && (x == "" || f.Type.Kind == schema.EnumKind && isZero(f.Type.Enum, x))
	case bool:
		return !f.Explicit && !x
	case json.Number:
		return !f.Explicit && equal(x, json.Number("0"))
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

// isZero says whether a name is that of an enum's value 0.
func isZero(e *schema.Enum, name string) bool {
	return slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.Number == 0 && v.JSONName == name })
}

func short(v any) string {
	const most = 60
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}

// events returns what a direction's writer may write with the element in question varied: small events first, then
// the same in events with everything set.
func (d direction) events(b *values.Maker) []map[string]any {
	small := b.Smallest(d.writer)
	if small == nil {
		return nil
	}
	bases := []map[string]any{small, b.Full(d.writer)}
	var out []map[string]any
	for _, base := range bases {
		for _, v := range d.values(b) {
			if event, ok := d.with(b, base, v); ok && len(out) < maxEvents {
				out = append(out, event)
			}
		}
	}
	return out
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
		return d.only(append(fieldVariants(b, d.steps), d.trials()...))
	}
	undeclared := way{writer: &schema.Field{JSONName: "undeclared"}}
	out := []variant{{}}
	for _, v := range []any{"a", json.Number("1")} {
		out = append(out, variant{append(slices.Clone(d.steps), undeclared), v})
	}
	writer, reader := d.writer, d.reader
	if n := len(d.steps); n > 0 {
		last := d.steps[n-1]
		if last.writer == nil || last.reader == nil {
			return out
		}
		writer, reader = values.Innermost(last.writer.Type), values.Innermost(last.reader.Type)
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

// trials are the values that are to be tried, in the list or map that the element is in.
func (d direction) trials() []variant {
	last := d.steps[len(d.steps)-1].writer
	if last == nil {
		return nil
	}
	var out []variant
	for _, v := range d.tried {
		if d.inner {
			v = values.Wrap(last.Type, v)
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
		out = append(out, variant{steps, values.Wrap(last.writer.Type, b.Full(inner))})
	}
	if last.writer.Nullable {
		out = append(out, variant{steps, nil})
	}
	return out
}
