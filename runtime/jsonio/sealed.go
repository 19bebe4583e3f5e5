package jsonio

import (
	"slices"
	"strconv"
	"strings"
)

// SealedMember is a member of an object that a schema has encrypted on the wire. It holds for the time that [Masks.Sealed] shows it.
type SealedMember struct {
	Seal Seal
	// IsBeside says that it is the member with the encrypted text of a value that is no text: the value itself is under the name without [BesideSuffix].
	IsBeside bool
	// Name, without its quotes, and Value are where these stand in the text.
	Name, Value Span

	way             []wayStep
	pointer, schema []byte
}

// wayStep leads from an object or a list to what it holds.
type wayStep struct {
	name    string
	index   int  // in a list; -1: it is in an object
	isEntry bool // of a map
}

// Pointer is the JSON Pointer (RFC 6901) to the value.
func (m *SealedMember) Pointer() string { return stringOf(m.pointer) }

// SchemaPointer is the pointer with "*" for each index of a list and each key of a map.
func (m *SealedMember) SchemaPointer() string { return stringOf(m.schema) }

// Path is the value's as faults have it: `lines[2].note`.
func (m *SealedMember) Path() string {
	var b []byte
	for _, s := range m.way {
		switch {
		case s.index >= 0:
			b = appendIndex(b, s.index)
		case s.isEntry:
			b = appendKey(b, s.name)
		default:
			b = appendName(b, s.name)
		}
	}
	return string(b)
}

// Sealed passes over the next value of r, which is of that type, and calls visit for each member that the masks say is encrypted, unless it is null. What is
// wrong with the text stays in r.
func (m Masks) Sealed(r *Reader, typ string, visit func(*SealedMember)) {
	w := sealedWalk{maskWalk: maskWalk{masks: m, r: r}, visit: visit}
	w.value([]string{typ})
}

type sealedWalk struct {
	maskWalk
	found SealedMember
	visit func(*SealedMember)
}

func (w *sealedWalk) value(types []string) {
	switch kind := w.r.Kind(); {
	case len(types) == 0 || slices.Contains(types, Hidden):
		w.r.Skip()
	case kind == '{':
		w.object(types)
	case kind == '[':
		each := elements(types)
		w.r.BeginArray()
		for i := 0; w.r.More(); i++ {
			if len(each) == 0 {
				w.r.Skip()
				continue
			}
			w.within(wayStep{index: i}, func() { w.value(each) })
		}
	default:
		w.r.Skip()
	}
}

// within does something on the way behind a step.
func (w *sealedWalk) within(s wayStep, do func()) {
	f := &w.found
	pointer, schema := len(f.pointer), len(f.schema)
	f.way = append(f.way, s)
	switch {
	case s.index >= 0:
		f.pointer = strconv.AppendInt(append(f.pointer, '/'), int64(s.index), 10)
		f.schema = append(f.schema, "/*"...)
	case s.isEntry:
		f.pointer = AppendPointer(f.pointer, s.name)
		f.schema = append(f.schema, "/*"...)
	default:
		f.pointer, f.schema = AppendPointer(f.pointer, s.name), AppendPointer(f.schema, s.name)
	}
	do()
	f.way, f.pointer, f.schema = f.way[:len(f.way)-1], f.pointer[:pointer], f.schema[:schema]
}

// AppendPointer appends a step to a JSON Pointer (RFC 6901): a member's name, or a map's key.
func AppendPointer(b []byte, name string) []byte {
	b = append(b, '/')
	for i := range len(name) {
		switch name[i] {
		case '~':
			b = append(b, "~0"...)
		case '/':
			b = append(b, "~1"...)
		default:
			b = append(b, name[i])
		}
	}
	return b
}

func (w *sealedWalk) object(types []string) {
	masks, entries := w.members(types), elements(types)
	w.r.BeginObject()
	for w.r.More() {
		name := w.r.Name()
		if seal, ok := sealOf(masks, name); ok {
			w.sealed(seal, name, false)
			continue
		}
		if base, ok := strings.CutSuffix(name, BesideSuffix); ok {
			if seal, ok := sealOf(masks, base); ok && seal.Beside {
				w.sealed(seal, base, true)
				continue
			}
		}
		inner := member(masks, entries, name)
		if len(inner) == 0 {
			w.r.Skip()
			continue
		}
		w.within(wayStep{strings.Clone(name), -1, len(masks) == 0}, func() { w.value(inner) })
	}
}

func sealOf(masks []Mask, name string) (Seal, bool) {
	for _, m := range masks {
		if seal, ok := m.Sealed[name]; ok {
			return seal, true
		}
	}
	return Seal{}, false
}

func (w *sealedWalk) sealed(seal Seal, name string, isBeside bool) {
	f := &w.r.stack[len(w.r.stack)-1]
	w.found.Seal, w.found.IsBeside, w.found.Name = seal, isBeside, Span{f.nameStart, f.nameEnd}
	w.within(wayStep{strings.Clone(name), -1, false}, func() {
		isNull := w.r.Kind() == 'n'
		if start, end := w.r.Span(); w.r.Err() == nil && !isNull {
			w.found.Value = Span{start, end}
			w.visit(&w.found)
		}
	})
}
