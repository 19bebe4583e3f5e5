package schema

import (
	"maps"
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Sensitivity says of the messages of a set which of them hold what must not be shown. It may be used from many goroutines.
type Sensitivity struct {
	holds  map[*Message]bool // in a field of theirs, or further below
	inside map[*Message]bool // stand in a field that is sensitive, or further below
	any    bool              // there is one that holds something
}

// anyMessage is the well-known type that may hold any message.
const anyMessage = "google.protobuf.Any"

// NewSensitivity looks through the messages of a set, and those that they lead to.
func NewSensitivity(set *Set) *Sensitivity {
	s := &Sensitivity{holds: map[*Message]bool{}, inside: map[*Message]bool{}}
	users := map[*Message][]*Message{}
	seen := map[*Message]bool{}
	var holders, enclosed, anys []*Message
	var visit func(m *Message)
	visit = func(m *Message) {
		if seen[m] {
			return
		}
		seen[m] = true
		if m.FullName == anyMessage {
			anys = append(anys, m)
		}
		for _, f := range m.Fields {
			if f.Sensitive {
				holders = append(holders, m)
			}
			for _, inner := range f.Type.messages() {
				if users[inner] = append(users[inner], m); f.Sensitive {
					enclosed = append(enclosed, inner)
				}
				visit(inner)
			}
		}
		for _, inner := range m.Undeclared.messages() {
			users[inner] = append(users[inner], m)
			visit(inner)
		}
		for _, nested := range m.Messages {
			visit(nested)
		}
	}
	for _, pkg := range set.Packages {
		for _, m := range pkg.Messages {
			visit(m)
		}
		for _, u := range pkg.Unions {
			for _, v := range u.Variants {
				visit(v.Message)
			}
		}
	}
	if s.any = len(holders) > 0; s.any {
		holders = append(holders, anys...)
	}
	mark(s.holds, holders, func(m *Message) []*Message { return users[m] })
	mark(s.inside, enclosed, (*Message).below)
	return s
}

// mark marks messages and whatever they lead to.
func mark(marked map[*Message]bool, from []*Message, next func(*Message) []*Message) {
	for len(from) > 0 {
		m := from[len(from)-1]
		if from = from[:len(from)-1]; !marked[m] {
			marked[m] = true
			from = append(from, next(m)...)
		}
	}
}

// below are the messages that a message's fields hold.
func (m *Message) below() []*Message {
	out := m.Undeclared.messages()
	for _, f := range m.Fields {
		out = append(out, f.Type.messages()...)
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

// Any says whether the set has a sensitive field at all.
func (s *Sensitivity) Any() bool { return s.any }

// Holds says whether a message may hold what must not be shown, in a field of its own or of a message in it.
func (s *Sensitivity) Holds(m *Message) bool { return s.holds[m] }

// HoldsType is [Sensitivity.Holds] for a value of a type.
func (s *Sensitivity) HoldsType(t *Type) bool {
	for _, m := range t.messages() {
		if s.holds[m] {
			return true
		}
	}
	return false
}

// Inside says whether a message may stand in a field that is sensitive, so that nothing of it must be shown there.
func (s *Sensitivity) Inside(m *Message) bool { return s.inside[m] }

// Masks say what of messages is not to be shown, by their full names: of those that are given and what they lead to.
func (s *Sensitivity) Masks(messages ...*Message) jsonio.Masks {
	masks := jsonio.Masks{}
	messages = slices.Clone(messages)
	for len(messages) > 0 {
		m := messages[len(messages)-1]
		messages = messages[:len(messages)-1]
		if _, ok := masks[m.FullName]; ok || !s.holds[m] {
			continue
		}
		if m.FullName == anyMessage { // its objects name their types, which may be any
			masks[anyMessage] = jsonio.Mask{}
			messages = slices.AppendSeq(messages, maps.Keys(s.holds))
			continue
		}
		mask := jsonio.Mask{Members: map[string]string{}, Others: s.describe(m.Undeclared, masks)}
		for _, f := range m.Fields {
			described := s.describe(f.Type, masks)
			if f.Sensitive {
				described = jsonio.Hidden
			}
			if described != "" || mask.Others != "" {
				mask.Members[f.JSONName] = described
			}
		}
		masks[m.FullName] = mask
		messages = append(messages, m.below()...)
	}
	return masks
}

// describe says of a value of a type what of it is not to be shown, and adds the mask of a choice.
func (s *Sensitivity) describe(t *Type, masks jsonio.Masks) string {
	if t == nil || !s.HoldsType(t) {
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
