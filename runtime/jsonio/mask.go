package jsonio

import (
	"slices"
	"strconv"
	"strings"
)

// Hidden stands in output where a value is not to be shown.
const Hidden = "***"

// Masks say what of JSON objects is not to be shown, by the names of the objects' types.
type Masks map[string]Mask

// Mask says what of the objects of one type is not to be shown: nothing of it, where it is the zero value.
//
// A value is described by [Hidden], for one that is not to be shown, or by the name of its type, behind "[]" for each
// list or map that it stands in: "[]acme.v1.Line". What is empty is shown.
type Mask struct {
	// Members describe the values of members by their names.
	Members map[string]string
	// Others describes the values of members that Members does not name; empty: they are shown.
	Others string
	// Choice is the member that tells which type an object is of, and Variants are those types by its value; empty for a
	// type that is no choice.
	Choice   string
	Variants map[string]string
	// Sealed says of members by their names how they are encrypted on the wire; Members describe them as [Hidden].
	Sealed map[string]Seal
}

// Seal says how a member is encrypted on the wire.
type Seal struct {
	Key string // the class of keys with which it is
	// Deterministic says that one value is encrypted to the same text wherever it stands in events of the type.
	Deterministic bool
	// Beside says that the value, which is no text, is not there when it is encrypted: its text is in a member whose name ends in [BesideSuffix].
	Beside bool
}

// BesideSuffix follows the name of a member in that of the member with its encrypted text, and BesideNumber is added to the number of a field of protobuf in that of
// the field with its text.
const (
	BesideSuffix = "_encrypted"
	BesideNumber = 500_000_000
)

// anyType is a type whose objects name their own, as protobuf's JSON has it.
const anyType = "google.protobuf.Any"

// Span is a part of a text, from Start up to End.
type Span struct{ Start, End int }

// Spans passes over the next value of r, which each of the types may describe, and returns where in it there are values
// that are not to be shown, in order. Null says nothing, and is shown. A value that is not what the types say is not
// shown at all. What is wrong with the text stays in r.
func (m Masks) Spans(r *Reader, types ...string) []Span {
	w := maskWalk{masks: m, r: r}
	w.value(types)
	return w.found
}

// Hide returns a JSON text with "***" for each of its values that is not to be shown, and every other byte as it was.
// It is the text itself when there is none. The types are as for [Masks.Spans]. The error is an [*Error]: it is not JSON.
func (m Masks) Hide(text []byte, types ...string) ([]byte, error) {
	r := NewReader(text)
	spans := m.Spans(r, types...)
	r.End()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return Cover(text, spans), nil
}

// Shown is the way to a value in a JSON text, by names and indexes, up to the first that is not to be shown: names inside
// it may be part of it. The types are as for [Masks.Spans].
func (m Masks) Shown(text []byte, way []string, types ...string) []string {
	if len(m) == 0 {
		return way
	}
	w := maskWalk{masks: m, r: NewReader(text)}
	for i, name := range way {
		if slices.Contains(types, Hidden) {
			return way[:i]
		}
		types = w.step(name, types)
	}
	return way
}

// Cover returns a text with "***", in quotes, for each of its parts, which are in order. It is the text itself when there
// are none.
func Cover(text []byte, parts []Span) []byte {
	if len(parts) == 0 {
		return text
	}
	var b []byte
	from := 0
	for _, p := range parts {
		b = append(append(b, text[from:p.Start]...), '"')
		b = append(append(b, Hidden...), '"')
		from = p.End
	}
	return append(b, text[from:]...)
}

type maskWalk struct {
	masks Masks
	r     *Reader
	found []Span
}

// value passes over the next value.
func (w *maskWalk) value(types []string) {
	switch kind := w.r.Kind(); {
	case len(types) == 0 || kind == 'n':
		w.r.Skip()
	case slices.Contains(types, Hidden):
		w.hide()
	case kind == '{':
		w.object(types)
	case kind == '[' && !slices.ContainsFunc(types, isSingle):
		w.r.BeginArray()
		for each := elements(types); w.r.More(); {
			w.value(each)
		}
	default:
		w.hide()
	}
}

func (w *maskWalk) hide() {
	if start, end := w.r.Span(); w.r.Err() == nil {
		w.found = append(w.found, Span{start, end})
	}
}

func isSingle(described string) bool { return !strings.HasPrefix(described, "[]") }

// elements describe the elements of what is described.
func elements(types []string) []string {
	var out []string
	for _, t := range types {
		if inner, ok := strings.CutPrefix(t, "[]"); ok {
			out = append(out, inner)
		}
	}
	return out
}

func (w *maskWalk) object(types []string) {
	masks, entries := w.members(types), elements(types)
	w.r.BeginObject()
	for w.r.More() {
		w.value(member(masks, entries, w.r.Name()))
	}
}

// step goes to a member or element of the next value, and returns what describes it.
func (w *maskWalk) step(name string, types []string) []string {
	if w.r.Kind() == '[' {
		w.r.BeginArray()
		for i := 0; w.r.More() && strconv.Itoa(i) != name; i++ {
			w.r.Skip()
		}
		return elements(types)
	}
	masks := w.members(types)
	if w.r.BeginObject() {
		for w.r.More() && w.r.Name() != name {
			w.r.Skip()
		}
	}
	return member(masks, elements(types), name)
}

// members are the masks of the object that comes next.
func (w *maskWalk) members(types []string) []Mask {
	var masks []Mask
	for _, t := range types {
		if isSingle(t) {
			masks = w.chosen(masks, t)
		}
	}
	return masks
}

// member describes a member of an object.
func member(masks []Mask, entries []string, name string) []string {
	inner := slices.Clone(entries)
	for _, m := range masks {
		described, ok := m.Members[name]
		if !ok {
			described = m.Others
		}
		if described != "" && !slices.Contains(inner, described) {
			inner = append(inner, described)
		}
	}
	return inner
}

// chosen adds the mask of a type; of a choice that of the type the next object says it is, or of all of them.
func (w *maskWalk) chosen(masks []Mask, name string) []Mask {
	if name == anyType {
		url := w.r.TextAhead("@type")
		name = url[strings.LastIndexByte(url, '/')+1:]
	}
	m := w.masks[name]
	if m.Choice == "" {
		return append(masks, m)
	}
	value := w.r.TextAhead(m.Choice)
	if variant, ok := m.Variants[value]; ok {
		return append(masks, w.masks[variant])
	}
	for _, variant := range m.Variants {
		masks = append(masks, w.masks[variant])
	}
	return masks
}
