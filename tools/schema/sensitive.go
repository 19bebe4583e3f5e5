package schema

import (
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
)

// anyMessage is the well-known type that may hold any message.
const anyMessage = "google.protobuf.Any"

// MarkSensitive notes of a set's messages which hold what is sensitive or encrypted, which stand in what is sensitive, and which do not, or elsewhere, too.
// Loading does it.
func (s *Set) MarkSensitive() {
	users, openly := map[*Message][]*Message{}, map[*Message][]*Message{} // the latter not in what is encrypted
	var all, holders, encrypted, enclosed, anys []*Message
	s.EachMessage(func(m *Message) {
		all = append(all, m)
		if m.FullName == anyMessage {
			anys = append(anys, m)
		}
		for _, f := range m.Fields {
			inner := f.Type.messages()
			if f.Sensitive {
				holders, enclosed = append(holders, m), append(enclosed, inner...)
			}
			if f.EncryptionKey != "" && !s.OnWire {
				encrypted = append(encrypted, m)
			}
			for _, i := range inner {
				users[i] = append(users[i], m)
				if f.EncryptionKey == "" {
					openly[i] = append(openly[i], m)
				}
			}
		}
		for _, i := range m.Undeclared.messages() {
			users[i], openly[i] = append(users[i], m), append(openly[i], m)
		}
	})
	if len(holders) > 0 {
		holders = append(holders, anys...)
	}
	if len(encrypted) > 0 {
		encrypted = append(encrypted, anys...)
	}
	spread(encrypted, func(m *Message) *bool { return &m.HoldsEncrypted }, func(m *Message) []*Message { return openly[m] })
	spread(holders, func(m *Message) *bool { return &m.HoldsSensitive }, func(m *Message) []*Message { return users[m] })
	spread(enclosed, func(m *Message) *bool { return &m.InSensitive }, (*Message).below)
	exposed := slices.DeleteFunc(all, func(m *Message) bool { return m.InSensitive })
	for _, e := range s.Events() {
		exposed = append(exposed, e.Message)
	}
	spread(exposed, func(m *Message) *bool { return &m.Exposed }, func(m *Message) []*Message {
		return m.belowFields(func(f *Field) bool { return !f.Sensitive })
	})
}

// spread marks messages and whatever they lead to.
func spread(from []*Message, mark func(*Message) *bool, next func(*Message) []*Message) {
	for len(from) > 0 {
		m := from[len(from)-1]
		from = from[:len(from)-1]
		if marked := mark(m); !*marked {
			*marked = true
			from = append(from, next(m)...)
		}
	}
}

// EachMessage calls visit once for each message of the set and those of libraries that they lead to.
func (s *Set) EachMessage(visit func(*Message)) {
	seen := map[*Message]bool{}
	var walk func(list []*Message)
	walk = func(list []*Message) {
		for _, m := range list {
			if !seen[m] {
				seen[m] = true
				visit(m)
				walk(m.Messages)
				walk(m.below())
			}
		}
	}
	for _, pkg := range s.Packages {
		walk(pkg.Messages)
	}
}

// below are the messages that a message's fields hold.
func (m *Message) below() []*Message { return m.belowFields(func(*Field) bool { return true }) }

// belowFields are those that some of its fields hold, and members that it does not declare.
func (m *Message) belowFields(of func(*Field) bool) []*Message {
	out := m.Undeclared.messages()
	for _, f := range m.Fields {
		if of(f) {
			out = append(out, f.Type.messages()...)
		}
	}
	return out
}

// messages are those that a value of the type may be, or hold as items or entries.
func (t *Type) messages() []*Message {
	for t != nil && t.Elem != nil {
		t = t.Elem
	}
	switch {
	case t == nil:
		return nil
	case t.Message != nil:
		return []*Message{t.Message}
	case t.Union != nil:
		var out []*Message
		for _, v := range t.Union.Variants {
			if v.Message != nil {
				out = append(out, v.Message)
			}
		}
		return out
	}
	return nil
}

// HoldsSensitive says whether a value of the type may hold what is sensitive, in a field of a message in it.
func (t *Type) HoldsSensitive() bool {
	return slices.ContainsFunc(t.messages(), func(m *Message) bool { return m.HoldsSensitive })
}

// HoldsSensitive says whether any of a union's messages holds what is sensitive.
func (u *Union) HoldsSensitive() bool { return (&Type{Union: u}).HoldsSensitive() }

// SensitivePath says whether a field on a path of JSON names is sensitive.
func (m *Message) SensitivePath(path []string) bool {
	for _, name := range path {
		if m == nil {
			return false
		}
		f := m.Field(name)
		if f == nil {
			return false
		}
		if f.Sensitive {
			return true
		}
		m = f.Type.Message
	}
	return false
}

// Masks say what of types is not to be shown, by their full names: of those that are given and what they lead to.
func (s *Set) Masks(types ...*Type) jsonio.Masks {
	masks := jsonio.Masks{}
	var next []*Message
	for _, t := range types {
		describe(t, masks)
		next = append(next, t.messages()...)
	}
	for len(next) > 0 {
		m := next[len(next)-1]
		next = next[:len(next)-1]
		if _, ok := masks[m.FullName]; ok || !m.HoldsSensitive {
			continue
		}
		if m.FullName == anyMessage { // its objects name their types, which may be any
			masks[anyMessage] = jsonio.Mask{}
			s.EachMessage(func(m *Message) { next = append(next, m) })
			continue
		}
		masks[m.FullName] = m.mask(masks)
		next = append(next, m.below()...)
	}
	return masks
}

func (m *Message) mask(masks jsonio.Masks) jsonio.Mask {
	mask := jsonio.Mask{Members: map[string]string{}, Others: describe(m.Undeclared, masks)}
	for _, f := range m.Fields {
		described := describe(f.Type, masks)
		if f.Sensitive {
			described = jsonio.Hidden
		}
		if described != "" || mask.Others != "" {
			mask.Members[f.JSONName] = described
		}
		if f.EncryptionKey != "" {
			if mask.Sealed == nil {
				mask.Sealed = map[string]jsonio.Seal{}
			}
			mask.Sealed[f.JSONName] = f.seal()
		}
	}
	return mask
}

// Described says of values of the type what of them is not to be shown, as [jsonio.Mask] has it; empty: nothing.
func (t *Type) Described() string { return describe(t, jsonio.Masks{}) }

// describe says of a value of a type what of it is not to be shown, and adds the mask of a union.
func describe(t *Type, masks jsonio.Masks) string {
	if t == nil || !t.HoldsSensitive() {
		return ""
	}
	lists := ""
	for ; t.Elem != nil; t = t.Elem {
		lists += "[]"
	}
	if t.Union == nil {
		return lists + t.Message.FullName
	}
	mask := jsonio.Mask{Choice: t.Union.Property, Variants: map[string]string{}}
	for _, v := range t.Union.Variants {
		for _, value := range v.Values {
			mask.Variants[value] = v.Message.FullName
		}
	}
	masks[t.Union.FullName] = mask
	return lists + t.Union.FullName
}
