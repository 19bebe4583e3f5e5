package compat

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Judging shows every element to the rules that have a check of its kind. Each problem they report becomes a candidate,
// and everything that differs a change; nothing is left out here.
//
// Messages are visited in breadth, from events down, so that the first way to reach a pair of them is the shortest; each
// pair is visited once.

// candidate is a problem that a rule reported about an element: a finding, unless a later step takes it out.
type candidate struct {
	Problem // with what the rule says where the problem itself says nothing
	rule    *Rule
	about   *element
	// shown are the witnesses that were found, one for each direction at most.
	shown map[Direction]*Witness
	// doubtful are the directions that neither an event nor the algebra shows.
	doubtful Direction
}

// breaksData says that events can show the candidate.
func (k *candidate) breaksData() bool { return !k.Policy && !k.Encrypted && k.Severity == Error }

// visit is a pair of messages on the way of an event.
type visit struct {
	old, new *schema.Message
	trail    witness.Trail
}

// judgedRoots are the pairs of messages that judging began with.
type judgedRoots [][2]*schema.Message

// judge shows everything to the rules. It returns the messages that it began with, but for those of schemas that were
// compared as sets of values.
func (c *comparison) judge() judgedRoots {
	sides, err := c.references()
	if err != nil {
		c.fail(err)
		return nil
	}
	whole := c.pairWholeSchemas(sides)
	for _, s := range whole.pairs {
		c.wholeSchema(s[0], s[1])
	}
	p := pairRoots(c.old, c.new, c.oldUse, c.newUse, whole.compared)
	c.pairs = p.events
	c.countCompared(p, whole)
	for _, e := range p.events {
		c.event(e[0], e[1])
	}
	// What travels as a part of others is come upon in those first, so that a trail begins at an event.
	for _, part := range []bool{false, true} {
		for _, m := range p.messages {
			if !whole.hold(m[0], m[1]) && c.travelsInOthers(m) == part {
				c.root(m[0], m[1])
			}
		}
	}
	for _, e := range c.deferredEnums {
		c.enum(e.at, e.old, e.new)
	}
	c.unusedEnums()
	c.judgeDeclarations(p, whole, sides)
	c.changesBySource(p, whole)
	for _, t := range pairBy(c.old.Topics, c.new.Topics, func(t *schema.Topic) string { return t.Name }) {
		c.topic(t[0], t[1])
	}
	for _, g := range pairBy(c.old.Groups, c.new.Groups, func(g *schema.Group) string { return g.Name }) {
		c.group(g[0], g[1])
	}
	for _, p := range pairBy(c.old.Packages, c.new.Packages, func(p *schema.Package) string { return p.Name }) {
		c.packages(p[0], p[1])
	}
	return slices.DeleteFunc(p.all(), func(m [2]*schema.Message) bool { return whole.hold(m[0], m[1]) })
}

// travelsInOthers says that both sides of a pair of messages are parts of others only.
func (c *comparison) travelsInOthers(m [2]*schema.Message) bool {
	return m[0] != nil && m[1] != nil && c.oldUse.partOfRoot(m[0]) && c.newUse.partOfRoot(m[1])
}

// show shows both sides of an element to the rules that have a check of its kind.
func show[T any](c *comparison, at *element, checkOf func(*Rule) func(*Check, *T, *T), old, new *T) {
	for i := range c.rules {
		if check := checkOf(&c.rules[i]); check != nil {
			check(&Check{c, &c.rules[i], at}, old, new)
		}
	}
}

// report adds a candidate.
func (c *comparison) report(r *Rule, at *element, p Problem) {
	p.Severity, p.Breaks = cmp.Or(p.Severity, r.Severity), cmp.Or(p.Breaks, r.Breaks)
	if p.Encodings == nil {
		p.Encodings = r.Encodings
	}
	p.Encodings = at.encodings(p.Encodings)
	p.Acceptance, p.Policy = p.Acceptance || r.Acceptance, p.Policy || r.Policy
	c.candidates = append(c.candidates, &candidate{Problem: p, rule: r, about: at})
}

func eventMessage(e *schema.Event) *schema.Message {
	if e == nil {
		return nil
	}
	return e.Message
}

// wholeSchema judges a pair of JSON Schemas as sets of values.
func (c *comparison) wholeSchema(old, new *wholeSchema) {
	at := schemaElement(old, new)
	if old == nil {
		c.added(at, "schema "+new.path(), "", false)
		c.checkSource(c.new, new)
	}
	if new == nil {
		c.checkSource(c.old, old)
	}
	if old != nil && new != nil && c.sameText(old, new) && !c.sourcesDiffer() {
		return
	}
	show(c, at, func(r *Rule) func(*Check, *wholeSchema, *wholeSchema) { return r.Schema }, old, new)
	if old != nil && new != nil && !c.sameText(old, new) {
		c.changes = append(c.changes, change{about: at, kind: Changed, text: "schema " + new.path() + " changed, and both versions take the same", unlessFound: true})
	}
}

// event judges a pair of events, and what they carry.
func (c *comparison) event(old, new *schema.Event) {
	at := eventElement(old, new)
	if old == nil {
		c.added(at, "event "+new.Type, "deploy its consumers before its producers", false)
	}
	show(c, at, func(r *Rule) func(*Check, *schema.Event, *schema.Event) { return r.Event }, old, new)
	addChanges(c, at, eventAspects, old, new)
	if old != nil && new != nil {
		c.root(old.Message, new.Message)
	}
}

// judgeEventsLast shows events to the rules that judge what became of them as a whole. They see the remaining
// candidates, and what was noted.
func (c *comparison) judgeEventsLast() {
	dataChanged := map[string]bool{}
	add := func(s Subject) {
		if s.DataChanged {
			for _, t := range s.Events {
				dataChanged[t] = true
			}
		}
	}
	for _, k := range c.candidates {
		add(c.subject(k.about, k.Kind))
	}
	for i := range c.notes {
		add(c.notes[i].Subject)
	}
	for _, e := range c.pairs {
		at := eventElement(e[0], e[1])
		at.dataChanged = e[0] != nil && dataChanged[e[0].Type] || e[1] != nil && dataChanged[e[1].Type]
		show(c, at, func(r *Rule) func(*Check, *schema.Event, *schema.Event) { return r.EventLast }, e[0], e[1])
	}
}

// root judges a pair of messages that begins a trail, and all that they are made of, or a message without a counterpart.
func (c *comparison) root(old, new *schema.Message) {
	if old == nil || new == nil {
		at := messageElement(old, new)
		if old == nil {
			c.added(at, "message "+new.Name, "", false)
		}
		show(c, at, func(r *Rule) func(*Check, *schema.Message, *schema.Message) { return r.Message }, old, new)
		return
	}
	c.enqueue(visit{old, new, witness.Trail{Old: old, New: new}}, nil)
	for len(c.queue) > 0 {
		next := c.queue[0]
		c.queue = c.queue[1:]
		c.message(next)
	}
}

// enqueue has a pair visited, of a root or of the field of an element, unless it is one of the same or was visited.
func (c *comparison) enqueue(v visit, in *element) {
	key := [2]*schema.Message{v.old, v.new}
	if v.old == nil || v.new == nil || c.sameKeys && (sameDescriptor(v.old, v.new) || c.sameSchema(v.old, v.new)) {
		return
	}
	if in != nil {
		c.places.add(in, pairOf(key))
	}
	if c.visited[key] {
		return
	}
	c.visited[key] = true
	c.queue = append(c.queue, v)
}

// sameDescriptor says that two messages are one in protobuf, as those of versions are that were loaded together
// (load.WithShared) and have the same text, down to what they import: there is nothing to say of them, nor of what they
// are made of.
func sameDescriptor(old, new *schema.Message) bool { return old.Proto != nil && old.Proto == new.Proto }

// sameSchema says that two messages are one JSON Schema, in files of the same text that refer to no others: likewise.
func (c *comparison) sameSchema(old, new *schema.Message) bool {
	if old.Proto != nil || new.Proto != nil || old.File == nil || new.File == nil || old.Pointer != new.Pointer || old.FullName != new.FullName {
		return false
	}
	files := [2]*schema.File{old.File, new.File}
	same, known := c.sameFiles[files]
	if !known {
		same = bytes.Equal(old.File.Source, new.File.Source) && refersOnlyToItself(new.File.Tree())
		c.sameFiles[files] = same
	}
	return same
}

// refersOnlyToItself says that no reference in a schema leads out of its file.
func refersOnlyToItself(v *jsontree.Value) bool {
	if v == nil {
		return false
	}
	for _, m := range v.Members {
		if strings.HasSuffix(m.Name, "Ref") || m.Name == "$ref" {
			if m.Value.Kind == jsontree.String && !strings.HasPrefix(m.Value.Text, "#") {
				return false
			}
		}
		if !refersOnlyToItself(m.Value) {
			return false
		}
	}
	return !slices.ContainsFunc(v.Items, func(e *jsontree.Value) bool { return !refersOnlyToItself(e) })
}

func (c *comparison) message(v visit) {
	at := messageElement(v.old, v.new)
	at.trail, at.fields = v.trail.AtMessage(), pairFields(v.old, v.new)
	at.constraints = messageConstraintChanges(at.fields, v.old, v.new)
	show(c, at, func(r *Rule) func(*Check, *schema.Message, *schema.Message) { return r.Message }, v.old, v.new)
	addChanges(c, at, messageAspects, v.old, v.new)
	owner := at.within()
	owner.trail = v.trail
	for _, p := range at.fields.list {
		c.field(owner, p)
	}
}

func (c *comparison) field(owner *element, p fieldPair) {
	if unchanged(p.old, p.new) {
		if p.new.Type.Kind == schema.MessageKind {
			at := owner.field(p)
			c.enqueue(visit{p.old.Type.Message, p.new.Type.Message, at.trail}, at)
		}
		return
	}
	at := owner.field(p)
	show(c, at, func(r *Rule) func(*Check, *schema.Field, *schema.Field) { return r.Field }, p.old, p.new)
	switch {
	case p.old == nil:
		c.added(at, "field "+p.new.Name+" ("+fieldSketch(p.new)+")", "either side may deploy first", true)
	case p.new != nil:
		c.types(at, p.old.Type, p.new.Type, at)
		addChanges(c, at, fieldAspects, p.old, p.new)
	}
}

// types judges a pair of types, and what is in them, and follows references.
func (c *comparison) types(at *element, old, new *schema.Type, field *element) {
	if old == nil || new == nil {
		return
	}
	typed := at.within()
	typed.ofField = field
	typed.trail = at.trail.Present()
	c.compareTypes(typed, old, new)
	show(c, typed, func(r *Rule) func(*Check, *schema.Type, *schema.Type) { return r.Type }, old, new)
	if old.Kind != new.Kind {
		return
	}
	inner := func(suffix string) *element {
		in := at.within()
		in.path += suffix
		in.trail = at.trail.Inner()
		in.inside = append(slices.Clip(at.inside), new.Kind)
		return in
	}
	switch new.Kind {
	case schema.List:
		c.types(inner("[]"), old.Elem, new.Elem, field)
	case schema.Map:
		key := inner("{key}")
		key.isKey = true
		c.types(key, old.Key, new.Key, field)
		c.algebra.learnKeys(old.Key, new.Key)
		c.types(inner("{}"), old.Elem, new.Elem, field)
	case schema.MessageKind:
		if sameForm(old.Message, new.Message) {
			c.enqueue(visit{old.Message, new.Message, at.trail}, at)
		}
	case schema.JSONObject:
		c.union(at, old.Union, new.Union)
	case schema.EnumKind:
		if c.oldUse.definedOnly[old.Enum] && !old.Constraints.DefinedOnly {
			c.deferredEnums = append(c.deferredEnums, deferredEnum{at, old.Enum, new.Enum})
			return
		}
		c.enum(at, old.Enum, new.Enum)
	}
}

// union follows the messages of a union that both sides have, paired by the value that tells them apart.
func (c *comparison) union(at *element, old, new *schema.Union) {
	if old == nil || new == nil || old.Property != new.Property {
		return
	}
	byValue := map[string]*schema.Message{}
	for _, v := range old.Variants {
		for _, value := range v.Values {
			byValue[value] = v.Message
		}
	}
	for _, v := range new.Variants {
		for _, value := range v.Values {
			c.enqueue(visit{byValue[value], v.Message, at.trail}, at)
		}
	}
}

// deferredEnum is an enum reached by a field that takes any number, while another field takes only those that are
// declared: it is judged as the latter's, whose readers reject more, if that is reached at all.
type deferredEnum struct {
	at       *element
	old, new *schema.Enum
}

func (c *comparison) enum(at *element, old, new *schema.Enum) {
	key := [2]*schema.Enum{old, new}
	if old == nil || new == nil {
		return
	}
	if at.messages != [2]*schema.Message{} {
		c.places.add(at, pairOf(key))
	}
	if c.visitedEnums[key] {
		return
	}
	c.visitedEnums[key] = true
	of := at.enum(old, new)
	show(c, of, func(r *Rule) func(*Check, *schema.Enum, *schema.Enum) { return r.Enum }, old, new)
	addChanges(c, of, enumAspects, old, new)
	for _, p := range pairEnumValues(old, new) {
		value := of.value(p[0], p[1])
		show(c, value, func(r *Rule) func(*Check, *schema.EnumValue, *schema.EnumValue) { return r.EnumValue }, p[0], p[1])
		if p[0] == nil {
			c.added(value, "value "+valueText(p[1]), "either side may deploy first", true)
		}
		addChanges(c, value, enumValueAspects, p[0], p[1])
	}
}

// unusedEnums judges the enums of protobuf that no field leads to.
func (c *comparison) unusedEnums() {
	for _, e := range pairBy(allEnums(c.old), allEnums(c.new), func(e *schema.Enum) string { return e.FullName }) {
		switch old, new := e[0], e[1]; {
		case old == nil:
		case new == nil:
			if len(c.oldUse.enumUsers[old]) == 0 {
				of := (&element{}).enum(old, nil)
				show(c, of, func(r *Rule) func(*Check, *schema.Enum, *schema.Enum) { return r.Enum }, old, nil)
			}
		case old.Proto != new.Proto:
			c.enum(&element{}, old, new)
		}
	}
}

// packages looks at what changed about a package itself. That one came or went is told by what is in it.
func (c *comparison) packages(old, new *schema.Package) {
	if old != nil && new != nil {
		addChanges(c, packageElement(old, new), packageAspects, old, new)
	}
}

func (c *comparison) topic(old, new *schema.Topic) {
	at := topicElement(old, new)
	if old == nil {
		c.added(at, "topic "+new.Name, "create it before its producers deploy", false)
	}
	show(c, at, func(r *Rule) func(*Check, *schema.Topic, *schema.Topic) { return r.Topic }, old, new)
	addChanges(c, at, topicAspects, old, new)
}

func (c *comparison) group(old, new *schema.Group) {
	at := groupElement(old, new)
	if old == nil {
		c.added(at, "consumer group "+new.Name, "", false)
	}
	show(c, at, func(r *Rule) func(*Check, *schema.Group, *schema.Group) { return r.Group }, old, new)
	addChanges(c, at, groupAspects, old, new)
}
