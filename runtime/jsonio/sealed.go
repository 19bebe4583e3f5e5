package jsonio

import (
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
	w.found.way = w.room.way[:0]
	w.found.pointer, w.found.schema = w.room.pointer[:0], w.room.schema[:0]
	w.value(typ)
}

type sealedWalk struct {
	maskWalk
	found SealedMember
	visit func(*SealedMember)
	room  struct { // for ways that are not long
		way             [8]wayStep
		pointer, schema [64]byte
	}
}

// value passes over the next value, which is described as [Mask] has it.
func (w *sealedWalk) value(described string) {
	each, isList := strings.CutPrefix(described, "[]")
	switch kind := w.r.Kind(); {
	case described == "" || described == Hidden:
		w.r.Skip()
	case kind == '[' && isList:
		w.r.BeginArray()
		for i := 0; w.r.More(); i++ {
			back := w.enter(wayStep{index: i})
			w.value(each)
			w.leave(back)
		}
	case kind == '{' && isList:
		w.r.BeginObject()
		for w.r.More() {
			back := w.enter(wayStep{w.name(), -1, true})
			w.value(each)
			w.leave(back)
		}
	case kind == '{':
		var room [1]Mask
		w.object(w.chosen(room[:0], described))
	default:
		w.r.Skip()
	}
}

// name is that of the member that the reader has come to; of one without escapes it is a view of the text.
func (w *sealedWalk) name() string {
	name := w.r.Name()
	if w.r.stack[len(w.r.stack)-1].escaped {
		name = strings.Clone(name)
	}
	return name
}

// place is how long the way was.
type place struct{ way, pointer, schema int }

// enter goes a step on, and leave goes back again.
func (w *sealedWalk) enter(s wayStep) (back place) {
	f := &w.found
	back = place{len(f.way), len(f.pointer), len(f.schema)}
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
	return back
}

func (w *sealedWalk) leave(back place) {
	f := &w.found
	f.way, f.pointer, f.schema = f.way[:back.way], f.pointer[:back.pointer], f.schema[:back.schema]
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

// object passes over an object that each of the masks may be about.
func (w *sealedWalk) object(masks []Mask) {
	w.r.BeginObject()
	for w.r.More() {
		name := w.name()
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
		described := ""
		for i := range masks {
			if described = masks[i].described(name); described != "" {
				break
			}
		}
		if described == "" {
			w.r.Skip()
			continue
		}
		back := w.enter(wayStep{name, -1, false})
		w.value(described)
		w.leave(back)
	}
}

// described describes the value of a member.
func (m *Mask) described(name string) string {
	if described, ok := m.Members[name]; ok {
		return described
	}
	return m.Others
}

func sealOf(masks []Mask, name string) (Seal, bool) {
	for i := range masks {
		if seal, ok := masks[i].Sealed[name]; ok {
			return seal, true
		}
	}
	return Seal{}, false
}

func (w *sealedWalk) sealed(seal Seal, name string, isBeside bool) {
	f := &w.r.stack[len(w.r.stack)-1]
	w.found.Seal, w.found.IsBeside, w.found.Name = seal, isBeside, Span{f.nameStart, f.nameEnd}
	isNull := w.r.Kind() == 'n'
	if start, end := w.r.Span(); w.r.Err() == nil && !isNull {
		w.found.Value = Span{start, end}
		back := w.enter(wayStep{name, -1, false})
		w.visit(&w.found)
		w.leave(back)
	}
}
