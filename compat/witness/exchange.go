package witness

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Exchange lets one side of a pair of messages write an event, the old one with backward, and the other read it. It
// returns what goes wrong: the reader rejects the event, misreads a value, or loses one. A field that only the new
// side has is nothing that the old one loses. It is nil where nothing goes wrong, and ok is false where the sides
// cannot be run, or where the writer writes no such event in that encoding.
func (f *Finder) Exchange(old, new *schema.Message, backward bool, event map[string]any, enc schema.Encoding) (w *Witness, ok bool) {
	d := Trail{Old: old, New: new}.forward()
	writerSet, readerSet := f.new, f.old
	if backward {
		d = Trail{Old: old, New: new}.backward()
		writerSet, readerSet = f.old, f.new
	}
	writer, err := f.side(writerSet, d.writer)
	if err != nil {
		return nil, false
	}
	reader, err := f.side(readerSet, d.reader)
	if err != nil {
		return nil, false
	}
	written, got, data, err := carry(event, writer, reader, enc)
	w = &Witness{WrittenBy: d.name, Bytes: data}
	switch {
	case err == errNotWritten:
		return nil, false
	case err != nil:
		w.Outcome, w.Detail = Rejected, err.Error()
	default:
		c := comparison{whole: backward, binary: enc == schema.EncodingProtobuf}
		if w.Outcome, w.Detail = c.message("", d.writer, d.reader, written, got); w.Outcome == "" {
			return nil, true
		}
	}
	text, err := values.Render(d.writer, event)
	if err != nil {
		return nil, false
	}
	w.Event = json.RawMessage(text)
	return w, true
}

// comparison compares an event as it was written with what was read of it.
type comparison struct {
	whole  bool // the reader knows, or should, every field of the writer
	binary bool // fields and values of enums meet by number
}

func (c comparison) message(at string, w, r *schema.Message, written, got map[string]any) (Outcome, string) {
	if w == nil || r == nil {
		return "", ""
	}
	for _, from := range w.Fields {
		before := written[from.JSONName]
		name := strings.TrimPrefix(at+"."+from.JSONName, ".")
		to := c.counterpart(r, from)
		if to == nil {
			if c.whole && !nothing(from, before) {
				return Dropped, fmt.Sprintf("%s is %s as written, and the reader has no such field", name, short(before))
			}
			continue
		}
		if outcome, detail := c.field(name, from, to, before, got[to.JSONName]); outcome != "" {
			return outcome, detail
		}
	}
	return "", ""
}

// counterpart is the reader's field for what the writer writes in one of its own.
func (c comparison) counterpart(r *schema.Message, from *schema.Field) *schema.Field {
	if !c.binary {
		return r.Field(from.JSONName)
	}
	if i := slices.IndexFunc(r.Fields, func(f *schema.Field) bool { return f.Number == from.Number }); i >= 0 {
		return r.Fields[i]
	}
	return nil
}

func (c comparison) field(name string, from, to *schema.Field, before, after any) (Outcome, string) {
	switch nowhere, nowAbsent := nothing(from, before), nothing(to, after); {
	case before != nil && after != nil && objects(from.Type, to.Type):
		// What is in it tells: an empty message is not an absent one.
	case nowhere && nowAbsent, equal(before, after):
		return "", ""
	case nowhere:
		// A reader may fill in what the writer has no default for.
		if from.Default == "" && to.Default != "" {
			return "", ""
		}
		return Misread, fmt.Sprintf("%s is absent as written, and %s as read", name, short(after))
	case nowAbsent && nothing(to, before) && filledIn(to, before):
		return "", "" // absent means to the reader what was written
	case nowAbsent && to.Default == "" && !c.whole && filledIn(from, before):
		return "", "" // a reader of before there was a default has absent for it
	case nowAbsent && after == nil && !(c.binary && sameOnWire(from.Type, to.Type, before, after)):
		return Dropped, fmt.Sprintf("%s is %s as written, and absent as read", name, short(before))
	}
	return c.value(name, from.Type, to.Type, before, after)
}

// objects says whether both types are of objects, and one at least has fields.
func objects(a, b *schema.Type) bool {
	is := func(t *schema.Type) bool { return t.Kind == schema.MessageKind || t.Kind == schema.Map }
	return is(a) && is(b) && (a.Kind == schema.MessageKind || b.Kind == schema.MessageKind)
}

// filledIn says whether a value is what is filled in for an absent one.
func filledIn(f *schema.Field, v any) bool {
	d, ok := DefaultOf(f)
	return ok && covers(v, d)
}

func (c comparison) value(name string, w, r *schema.Type, before, after any) (Outcome, string) {
	if c.binary && (w.Kind == schema.Map) != (r.Kind == schema.Map) {
		return "", "" // a map is written as the list of its entries
	}
	switch x := before.(type) {
	case map[string]any:
		y, ok := after.(map[string]any)
		switch {
		case ok && w.Kind == schema.MessageKind && r.Kind == schema.MessageKind && !values.OwnForm(w.Message):
			return c.message(name, w.Message, r.Message, x, y)
		case ok && w.Kind == schema.MessageKind && r.Kind != schema.MessageKind && !c.binary:
			return c.entries(name, w.Message, r, x, y)
		case ok && (w.Kind == schema.Map) != (r.Kind == schema.Map):
			// Entries are members of an object, which may fill in others.
			if covers(y, x) {
				return "", ""
			}
		case ok && w.Kind == schema.Map && r.Kind == schema.Map && len(x) == len(y):
			for _, k := range slices.Sorted(maps.Keys(x)) {
				if outcome, detail := c.value(fmt.Sprintf("%s[%q]", name, k), w.Elem, r.Elem, x[k], y[k]); outcome != "" {
					return outcome, detail
				}
			}
			return "", ""
		}
	case []any:
		y, ok := after.([]any)
		if ok && w.Kind == schema.List && r.Kind == schema.List && len(x) == len(y) {
			for i, e := range x {
				if outcome, detail := c.value(fmt.Sprintf("%s[%d]", name, i), w.Elem, r.Elem, e, y[i]); outcome != "" {
					return outcome, detail
				}
			}
			return "", ""
		}
	}
	if equal(before, after) || c.binary && sameOnWire(w, r, before, after) {
		return "", ""
	}
	return Misread, fmt.Sprintf("%s is %s as written, and %s as read", name, short(before), short(after))
}

// entries compares the members of a message with an object that declares none.
func (c comparison) entries(at string, w *schema.Message, r *schema.Type, written, got map[string]any) (Outcome, string) {
	for _, key := range slices.Sorted(maps.Keys(written)) {
		name, from, before, after := at+"."+key, w.Field(key), written[key], got[key]
		switch {
		case from == nil || r.Elem == nil:
			if !covers(after, before) && !(from != nil && after == nil && !c.whole && filledIn(from, before)) {
				return Misread, fmt.Sprintf("%s is %s as written, and %s as read", name, short(before), short(after))
			}
		case after == nil && (before == nil || !c.whole && filledIn(from, before)):
			// A reader of before there was a default has absent for it.
		default:
			if outcome, detail := c.value(name, from.Type, r.Elem, before, after); outcome != "" {
				return outcome, detail
			}
		}
	}
	return "", ""
}

// sameOnWire says whether two values are written alike in binary, where a name of an enum is its number, true is 1 and
// text is bytes.
func sameOnWire(w, r *schema.Type, before, after any) bool {
	return equal(onWire(w, before), onWire(r, after))
}

func onWire(t *schema.Type, v any) any {
	switch v.(type) {
	case nil:
		return json.Number("0") // the zero of an enum that has no name for it
	case bool, string:
		return values.InBinary(t, v)
	}
	return v
}
