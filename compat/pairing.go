package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// rootPairs are the beginnings of the walk. A nil side was removed or added.
type rootPairs struct {
	events   [][2]*schema.Event
	messages [][2]*schema.Message
}

// all returns the messages of all pairs, events first.
func (p rootPairs) all() [][2]*schema.Message {
	var out [][2]*schema.Message
	for _, e := range p.events {
		out = append(out, [2]*schema.Message{eventMessage(e[0]), eventMessage(e[1])})
	}
	return append(out, p.messages...)
}

// pairRoots pairs what the two files describe that were asked for alone, events by message name, then by event type; other
// messages by name, or as the roots of files that are versions of each other. Two sets that hold one root each
// are two versions of one document, whatever its names are.
//
// A message that other messages refer to is judged where they refer to it, under whatever name it has there; it is
// neither removed nor added on its own.
func pairRoots(old, new *schema.Set, oldUse, newUse *usage, files [][2]*schema.File) rootPairs {
	var p rootPairs
	newByName := map[string]*schema.Event{}
	newByType := map[string]*schema.Event{}
	for _, e := range new.Events() {
		newByName[e.Message.FullName] = e
		newByType[e.Type] = e
	}
	taken := map[*schema.Event]bool{}
	partner := map[*schema.Event]*schema.Event{}
	take := func(o, n *schema.Event) {
		if n != nil && partner[o] == nil && !taken[n] {
			partner[o], taken[n] = n, true
		}
	}
	oldMain, newMain := rootMessage(old.MainFile()), rootMessage(new.MainFile())
	mains := oldMain != nil && newMain != nil
	if mains {
		take(oldUse.events[oldMain], newUse.events[newMain])
		mains = oldUse.events[oldMain] == nil && newUse.events[newMain] == nil
	}
	for _, o := range old.Events() {
		take(o, newByName[o.Message.FullName])
	}
	for _, o := range old.Events() {
		take(o, newByType[o.Type])
	}
	oldMessages, newMessages := allMessages(old), allMessages(new)
	single := len(old.Events()) == 1 && len(new.Events()) == 1
	if single {
		take(old.Events()[0], new.Events()[0])
	}
	inEvent := map[*schema.Message]bool{}
	for _, o := range old.Events() {
		p.events = append(p.events, [2]*schema.Event{o, partner[o]})
		inEvent[o.Message] = true
	}
	for _, n := range new.Events() {
		if !taken[n] {
			p.events = append(p.events, [2]*schema.Event{nil, n})
		}
		inEvent[n.Message] = true
	}

	byName := map[string]*schema.Message{}
	for _, m := range newMessages {
		byName[m.FullName] = m
	}
	known := map[string]bool{}
	if mains {
		p.messages = append(p.messages, [2]*schema.Message{oldMain, newMain})
		delete(byName, newMain.FullName)
		known[newMain.FullName] = true
	}
	var gone, fresh []*schema.Message
	for _, m := range oldMessages {
		if mains && m == oldMain {
			continue
		}
		known[m.FullName] = true
		switch n := byName[m.FullName]; {
		case n != nil:
			p.messages = append(p.messages, [2]*schema.Message{m, n})
		case !inEvent[m] && oldUse.standsAlone(m):
			gone = append(gone, m)
		}
	}
	for _, m := range newMessages {
		if !known[m.FullName] && !inEvent[m] && newUse.standsAlone(m) {
			fresh = append(fresh, m)
		}
	}
	if oldUse.roots(oldMessages) == 1 && newUse.roots(newMessages) == 1 && len(gone) == 1 && len(fresh) == 1 {
		p.messages = append(p.messages, [2]*schema.Message{gone[0], fresh[0]})
		return p
	}
	for _, f := range files {
		o, n := rootMessage(f[0]), rootMessage(f[1])
		i, k := slices.Index(gone, o), slices.Index(fresh, n)
		if o != nil && n != nil && i >= 0 && k >= 0 {
			p.messages = append(p.messages, [2]*schema.Message{o, n})
			gone, fresh = slices.Delete(gone, i, i+1), slices.Delete(fresh, k, k+1)
		}
	}
	for _, m := range gone {
		p.messages = append(p.messages, [2]*schema.Message{m, nil})
	}
	for _, m := range fresh {
		p.messages = append(p.messages, [2]*schema.Message{nil, m})
	}
	return p
}

// rootMessage is what a file as a whole describes; nil where that is no message, or may be null.
func rootMessage(f *schema.File) *schema.Message {
	if f == nil || f.Root == nil || f.NullableRoot {
		return nil
	}
	return f.Root.Message
}

func allMessages(s *schema.Set) []*schema.Message {
	var out []*schema.Message
	var add func(ms []*schema.Message)
	add = func(ms []*schema.Message) {
		for _, m := range ms {
			out = append(out, m)
			add(m.Messages)
		}
	}
	for _, p := range s.Packages {
		add(p.Messages)
	}
	return out
}

// allEnums are those of protobuf: those of JSON Schemas are judged with what has them.
func allEnums(s *schema.Set) []*schema.Enum {
	var out []*schema.Enum
	for _, p := range s.Packages {
		if p.Language == schema.Protobuf {
			out = append(out, p.Enums...)
		}
	}
	for _, m := range allMessages(s) {
		if m.Language() == schema.Protobuf {
			out = append(out, m.Enums...)
		}
	}
	return out
}

// fieldPair is a field in two versions; a nil side was removed or added.
type fieldPair struct{ old, new *schema.Field }

// fieldPairs are the fields of a pair of messages.
type fieldPairs struct {
	list  []fieldPair
	toOld map[*schema.Field]*schema.Field
	toNew map[*schema.Field]*schema.Field
}

// pairFields pairs fields by name and, in protobuf, those without a partner by number: a field with the same name is the same
// field, and one with the same number and another name was renamed. The order is the new one, with fields that are
// gone at the end.
func pairFields(old, new *schema.Message) *fieldPairs {
	p := &fieldPairs{toOld: map[*schema.Field]*schema.Field{}, toNew: map[*schema.Field]*schema.Field{}}
	link := func(o, n *schema.Field) {
		if o != nil && n != nil && p.toNew[o] == nil && p.toOld[n] == nil {
			p.toNew[o], p.toOld[n] = n, o
		}
	}
	pairOn := func(key func(*schema.Field) any) {
		byKey := map[any]*schema.Field{}
		for _, n := range new.Fields {
			if k := key(n); k != nil && p.toOld[n] == nil {
				byKey[k] = n
			}
		}
		for _, o := range old.Fields {
			if k := key(o); k != nil {
				link(o, byKey[k])
			}
		}
	}
	if old.HasNumbers() && new.HasNumbers() {
		pairOn(func(f *schema.Field) any { return f.Name })
		pairOn(func(f *schema.Field) any {
			if f.Number == 0 {
				return nil
			}
			return f.Number
		})
		pairOn(func(f *schema.Field) any { return f.JSONName })
	} else {
		pairOn(func(f *schema.Field) any { return f.JSONName })
	}
	for _, n := range new.Fields {
		p.list = append(p.list, fieldPair{p.toOld[n], n})
	}
	for _, o := range old.Fields {
		if p.toNew[o] == nil {
			p.list = append(p.list, fieldPair{o, nil})
		}
	}
	return p
}

// pairEnumValues pairs values by name, then by number where both sides have numbers.
func pairEnumValues(old, new *schema.Enum) [][2]*schema.EnumValue {
	name := func(v *schema.EnumValue) string { return v.Name }
	numbered := old.HasNumbers() && new.HasNumbers()
	if !numbered {
		name = func(v *schema.EnumValue) string { return v.JSONName }
	}
	var gone []*schema.EnumValue
	var out [][2]*schema.EnumValue
	fresh := map[int32]int{} // number → index in out
	for _, p := range pairBy(old.Values, new.Values, name) {
		if p[1] == nil {
			gone = append(gone, p[0])
			continue
		}
		if p[0] == nil && numbered {
			fresh[p[1].Number] = len(out)
		}
		out = append(out, p)
	}
	for _, v := range gone {
		if i, ok := fresh[v.Number]; ok && numbered && out[i][0] == nil {
			out[i][0] = v
			continue
		}
		out = append(out, [2]*schema.EnumValue{v, nil})
	}
	return out
}

// pairBy pairs by key: in new's order, then what is gone in old's order.
func pairBy[T any](old, new []*T, key func(*T) string) [][2]*T {
	byKey := make(map[string]*T, len(old))
	for _, o := range old {
		byKey[key(o)] = o
	}
	var out [][2]*T
	seen := make(map[string]bool, len(new))
	for _, n := range new {
		k := key(n)
		seen[k] = true
		out = append(out, [2]*T{byKey[k], n})
	}
	for _, o := range old {
		if !seen[key(o)] {
			out = append(out, [2]*T{o, nil})
		}
	}
	return out
}
