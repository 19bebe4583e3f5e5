package compat

import (
	"maps"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// usage knows which events carry a message or an enum.
type usage struct {
	parents   map[*schema.Message][]*schema.Message
	enumUsers map[*schema.Enum][]*schema.Message
	events    map[*schema.Message]*schema.Event
	// messages are those that a file declares.
	messages map[*schema.File][]*schema.Message
	// definedOnly are the enums of which some field takes only the numbers that are declared.
	definedOnly map[*schema.Enum]bool
	// undeclared are the messages that may stand for what others do not declare.
	undeclared map[*schema.Message]bool
	// distinct are the messages that are items, or in lists and maps that are items, of which none may be there twice, and
	// those that are part of them.
	distinct map[*schema.Message]bool
	// carried are the messages that are part of an event, or of one that no other refers to.
	carried map[*schema.Message]bool
}

func newUsage(s *schema.Set) *usage {
	u := &usage{
		parents:     map[*schema.Message][]*schema.Message{},
		enumUsers:   map[*schema.Enum][]*schema.Message{},
		events:      map[*schema.Message]*schema.Event{},
		messages:    map[*schema.File][]*schema.Message{},
		definedOnly: map[*schema.Enum]bool{},
		undeclared:  map[*schema.Message]bool{},
		distinct:    map[*schema.Message]bool{},
	}
	for _, e := range s.Events() {
		u.events[e.Message] = e
	}
	all := allMessages(s)
	for _, m := range all {
		u.messages[m.File] = append(u.messages[m.File], m)
		for _, f := range m.Fields {
			u.add(m, f.Type)
		}
		u.add(m, m.Undeclared)
		for t := m.Undeclared; t != nil; t = t.Elem {
			u.undeclared[t.Message] = true
			if t.Union != nil {
				for _, v := range t.Union.Variants {
					u.undeclared[v.Message] = true
				}
			}
		}
	}
	parts := u.parts()
	u.distinct = reached(slices.Collect(maps.Keys(u.distinct)), parts)
	var carriers []*schema.Message
	for _, m := range all {
		if u.events[m] != nil || !u.referenced(m) {
			carriers = append(carriers, parts[m]...)
		}
	}
	u.carried = reached(carriers, parts)
	return u
}

// parts are the messages that each message refers to, but for itself.
func (u *usage) parts() map[*schema.Message][]*schema.Message {
	parts := make(map[*schema.Message][]*schema.Message, len(u.parents))
	for m, parents := range u.parents {
		for _, p := range parents {
			if m != nil && m != p {
				parts[p] = append(parts[p], m)
			}
		}
	}
	return parts
}

// reached are messages, their parts, and the parts of those.
func reached(from []*schema.Message, parts map[*schema.Message][]*schema.Message) map[*schema.Message]bool {
	seen := map[*schema.Message]bool{}
	for todo := from; len(todo) > 0; {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[m] {
			seen[m] = true
			todo = append(todo, parts[m]...)
		}
	}
	return seen
}

func (u *usage) add(m *schema.Message, t *schema.Type) {
	distinct := false
	for ; t != nil; t = t.Elem {
		distinct = distinct || t.Kind == schema.List && t.Constraints.Unique
		switch t.Kind {
		case schema.MessageKind:
			u.refer(m, t.Message, distinct)
		case schema.EnumKind:
			u.enumUsers[t.Enum] = append(u.enumUsers[t.Enum], m)
			u.definedOnly[t.Enum] = u.definedOnly[t.Enum] || t.Constraints.DefinedOnly
		}
		if t.Union != nil {
			for _, v := range t.Union.Variants {
				u.refer(m, v.Message, distinct)
			}
		}
	}
}

func (u *usage) refer(m, part *schema.Message, distinct bool) {
	u.parents[part] = append(u.parents[part], m)
	if distinct {
		u.distinct[part] = true
	}
}

// partOfDistinct says whether a message is, or is part of, an item that may not be there twice.
func (u *usage) partOfDistinct(m *schema.Message) bool { return u.distinct[m] }

// referenced says whether another message has a field of the type.
func (u *usage) referenced(m *schema.Message) bool {
	return slices.ContainsFunc(u.parents[m], func(p *schema.Message) bool { return p != m })
}

// standsAlone says whether no event carries a message, and no message that stands alone itself: messages that only refer to
// one another all do.
func (u *usage) standsAlone(m *schema.Message) bool {
	return u.events[m] == nil && !(u.referenced(m) && u.partOfRoot(m))
}

// partOfRoot says whether a message travels as part of another: of an event, or of a message that no other refers to.
func (u *usage) partOfRoot(m *schema.Message) bool { return u.events[m] == nil && u.carried[m] }

// roots counts the messages that no other refers to.
func (u *usage) roots(ms []*schema.Message) int {
	n := 0
	for _, m := range ms {
		if !u.referenced(m) {
			n++
		}
	}
	return n
}

// eventsOf returns the events that carry one of the messages, in no particular order.
func (u *usage) eventsOf(ms ...*schema.Message) []*schema.Event {
	var out []*schema.Event
	seen := map[*schema.Message]bool{}
	todo := slices.Clone(ms) // what is passed stays as it is
	for len(todo) > 0 {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if m == nil || seen[m] {
			continue
		}
		seen[m] = true
		if e := u.events[m]; e != nil {
			out = append(out, e)
		}
		todo = append(todo, u.parents[m]...)
	}
	return out
}
