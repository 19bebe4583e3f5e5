package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// usage knows which events carry a message or an enum.
type usage struct {
	parents   map[*schema.Message][]*schema.Message
	enumUsers map[*schema.Enum][]*schema.Message
	events    map[*schema.Message]*schema.Event
	// choosers have a field that a message is one of several for. It is compared by itself.
	choosers map[*schema.Message][]*schema.Message
}

func newUsage(s *schema.Set) *usage {
	u := &usage{
		parents:   map[*schema.Message][]*schema.Message{},
		enumUsers: map[*schema.Enum][]*schema.Message{},
		events:    map[*schema.Message]*schema.Event{},
		choosers:  map[*schema.Message][]*schema.Message{},
	}
	for _, e := range s.Events() {
		u.events[e.Message] = e
	}
	for _, m := range allMessages(s) {
		for _, f := range m.Fields {
			u.add(m, f.Type)
		}
		u.add(m, m.Rest)
	}
	return u
}

func (u *usage) add(m *schema.Message, t *schema.Type) {
	for ; t != nil; t = t.Elem {
		switch t.Kind {
		case schema.Record:
			u.parents[t.Message] = append(u.parents[t.Message], m)
		case schema.EnumKind:
			u.enumUsers[t.Enum] = append(u.enumUsers[t.Enum], m)
		}
		if t.Union != nil {
			for _, v := range t.Union.Variants {
				u.choosers[v.Message] = append(u.choosers[v.Message], m)
			}
		}
	}
}

// referenced says whether another message has a field of the type.
func (u *usage) referenced(m *schema.Message) bool {
	return slices.ContainsFunc(u.parents[m], func(p *schema.Message) bool { return p != m })
}

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
	for len(ms) > 0 {
		m := ms[len(ms)-1]
		ms = ms[:len(ms)-1]
		if m == nil || seen[m] {
			continue
		}
		seen[m] = true
		if e := u.events[m]; e != nil {
			out = append(out, e)
		}
		ms = append(append(ms, u.parents[m]...), u.choosers[m]...)
	}
	return out
}
