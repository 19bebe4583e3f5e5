package compat

import (
	"slices"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// comparison walks two sets side by side. Message pairs are visited in breadth, from events down, so that the first
// way to reach a pair is the shortest; each pair is visited once.
type comparison struct {
	opts     Options
	old, new *schema.Set
	rules    []Rule
	findings []*Finding
	notes    []Note
	pairs    [][2]*schema.Event
	// undescribed says that a side has no descriptions to compare.
	undescribed bool
	// known are findings of comparisons before, by fingerprint: their witness stands, and none is looked for again.
	known map[string]*Finding

	queue   []visit
	visited map[[2]*schema.Message]bool
	enums   map[[2]*schema.Enum]bool
	// later are enums where a field leads to them that shows less than another does.
	later []func()

	oldUse, newUse *usage
	witnesses      *witness.Finder
	proof          *values.Prover
	parsed         map[*schema.Set]*values.Documents
	// broken are the breaks that the rules found.
	broken []broken
	alike  *alike
	// err says why the sets cannot be compared.
	err error
}

// visit is a pair of messages on the way of an event.
type visit struct {
	old, new *schema.Message
	trail    witness.Trail
}

// place is where a check stands.
type place struct {
	path     string
	old, new schema.Position
	trail    witness.Trail
	// Both sides of what carries the element, for the events that are affected.
	messages [2]*schema.Message
	enums    [2]*schema.Enum
	events   [2]*schema.Event
	topics   [2]*schema.Topic
	files    [2]*schema.File // JSON Schemas that are judged as a whole
	pkg      *schema.Package // of what is told about a package itself
	fields   *fieldPairs
	// constraints are the changes between the types that are being checked.
	constraints []constraintChange
	// key says that the types are those of a map's keys.
	key      bool
	oldField *schema.Field
	newField *schema.Field
	// reshaped says, of an event, that other data is written or read as it than before.
	reshaped bool
}

func newComparison(old, new *schema.Set, newUse *usage, opts Options) *comparison {
	c := &comparison{
		opts: opts, old: old, new: new, rules: Rules(),
		visited: map[[2]*schema.Message]bool{}, enums: map[[2]*schema.Enum]bool{},
		oldUse: newUsage(old), newUse: newUse,
		alike: newAlike(), undescribed: undescribed(old) || undescribed(new),
	}
	c.witnesses = witness.NewFinder(old, new, shapes{c})
	return c
}

func (c *comparison) run() {
	if c.opts.Profile == Confluent {
		c.registryVerdict()
		return
	}
	apart := map[*schema.File]bool{}
	for _, d := range c.documents() {
		apart[d[0]], apart[d[1]] = true, true
		c.document(d[0], d[1])
	}
	delete(apart, nil)
	p := pairRoots(c.old, c.new, c.oldUse, c.newUse)
	for _, e := range p.events {
		c.event(e[0], e[1], inFiles(apart, eventMessage(e[0]), eventMessage(e[1])))
	}
	for _, m := range p.messages {
		if !inFiles(apart, m[0], m[1]) {
			c.root(m[0], m[1])
		}
	}
	c.drain()
	for _, f := range c.later {
		f()
	}
	c.tell(p, apart)
	c.hold(slices.DeleteFunc(p.all(), func(m [2]*schema.Message) bool { return inFiles(apart, m[0], m[1]) }))
	for _, t := range pairBy(c.old.Topics, c.new.Topics, func(t *schema.Topic) string { return t.Name }) {
		c.topic(t[0], t[1])
	}
	for _, g := range pairBy(c.old.Groups, c.new.Groups, func(g *schema.Group) string { return g.Name }) {
		c.group(g[0], g[1])
	}
	for _, p := range pairBy(c.old.Packages, c.new.Packages, func(p *schema.Package) string { return p.Name }) {
		c.packages(p[0], p[1])
	}
	c.pairs = p.events
	c.settle()
	sortNotes(c.notes)
}

// settle shows events to the rules that judge what became of them as a whole.
func (c *comparison) settle() {
	reshaped := map[string]bool{}
	for _, f := range c.findings {
		reshaped = addReshaped(reshaped, f.Subject)
	}
	for i := range c.notes {
		reshaped = addReshaped(reshaped, c.notes[i].Subject)
	}
	for _, e := range c.pairs {
		at := eventPlace(e[0], e[1])
		at.reshaped = e[0] != nil && reshaped[e[0].Type] || e[1] != nil && reshaped[e[1].Type]
		check := &Check{cmp: c, at: at}
		for i := range c.rules {
			if check.rule = &c.rules[i]; check.rule.Settled != nil {
				check.rule.Settled(check, e[0], e[1])
			}
		}
	}
}

func addReshaped(types map[string]bool, s Subject) map[string]bool {
	if s.Shape {
		for _, t := range s.Events {
			types[t] = true
		}
	}
	return types
}

func eventMessage(e *schema.Event) *schema.Message {
	if e == nil {
		return nil
	}
	return e.Message
}

func inFiles(files map[*schema.File]bool, messages ...*schema.Message) bool {
	return slices.ContainsFunc(messages, func(m *schema.Message) bool { return m != nil && files[m.File] })
}

func eventPlace(old, new *schema.Event) place {
	at := place{events: [2]*schema.Event{old, new}}
	if old != nil {
		at.path, at.old = old.Message.FullName, old.Pos
	}
	if new != nil {
		at.path, at.new = new.Message.FullName, new.Pos
	}
	return at
}

// event shows a pair of events to the rules, and what they carry unless that is judged apart.
func (c *comparison) event(old, new *schema.Event, apart bool) {
	at, before := eventPlace(old, new), len(c.findings)
	if old == nil {
		c.note(at, Added, "event "+new.Type+" was added", "deploy its consumers before its producers")
	}
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Event != nil {
			check.rule.Event(check, old, new)
		}
	}
	tellAspects(c, at, c.findings[before:], eventAspects, old, new)
	if old != nil && new != nil && !apart {
		c.root(old.Message, new.Message)
	}
}

// root queues a pair that begins a trail, or reports a message that is gone.
func (c *comparison) root(old, new *schema.Message) {
	if old != nil && new != nil {
		c.enqueue(visit{old, new, witness.Trail{Old: old, New: new}})
		c.drain()
		return
	}
	at := place{messages: [2]*schema.Message{old, new}}
	if old != nil {
		at.path, at.old = old.FullName, old.Pos
	} else {
		at.path, at.new = new.FullName, new.Pos
		c.note(at, Added, "message "+new.Name+" was added", "")
	}
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Message != nil {
			check.rule.Message(check, old, new)
		}
	}
}

func (c *comparison) enqueue(v visit) {
	key := [2]*schema.Message{v.old, v.new}
	if v.old == nil || v.new == nil || c.visited[key] {
		return
	}
	c.visited[key] = true
	c.queue = append(c.queue, v)
}

func (c *comparison) drain() {
	for len(c.queue) > 0 {
		v := c.queue[0]
		c.queue = c.queue[1:]
		c.message(v)
	}
}

func (c *comparison) message(v visit) {
	pairs, before := pairFields(v.old, v.new), len(c.findings)
	at := place{
		path: v.new.FullName, old: v.old.Pos, new: v.new.Pos,
		trail: v.trail.AtMessage(), messages: [2]*schema.Message{v.old, v.new}, fields: pairs,
	}
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Message != nil {
			check.rule.Message(check, v.old, v.new)
		}
	}
	tellAspects(c, at, c.findings[before:], messageAspects, v.old, v.new)
	at.trail = v.trail
	for _, p := range pairs.list {
		c.field(at, p)
	}
}

func (c *comparison) field(at place, p fieldPair) {
	if unchanged(p.old, p.new) {
		if p.new.Type.Kind == schema.MessageKind {
			c.enqueue(visit{p.old.Type.Message, p.new.Type.Message, at.trail.Step(p.old, p.new)})
		}
		return
	}
	at.trail = at.trail.Step(p.old, p.new)
	at.oldField, at.newField = p.old, p.new
	at.old, at.new = schema.Position{}, schema.Position{}
	owner := at.path
	if p.old != nil {
		at.path, at.old = owner+"."+p.old.Name, p.old.Pos
	}
	if p.new != nil {
		at.path, at.new = owner+"."+p.new.Name, p.new.Pos
	}
	before := len(c.findings)
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Field != nil {
			check.rule.Field(check, p.old, p.new)
		}
	}
	switch {
	case p.old == nil && len(c.findings) == before:
		deploy := "either side may deploy first"
		if c.rules == nil {
			deploy = "" // the whole is judged
		}
		c.note(at, Added, "field "+p.new.Name+" ("+fieldSketch(p.new)+") was added", deploy)
	case p.old != nil && p.new != nil:
		c.types(at, p.old.Type, p.new.Type)
		tellAspects(c, at, c.findings[before:], fieldAspects, p.old, p.new)
	}
}

// types shows a pair of types and what is in them to the rules, and follows references.
func (c *comparison) types(at place, old, new *schema.Type) {
	if old == nil || new == nil {
		return
	}
	typed := at
	typed.trail = at.trail.Present()
	typed.constraints = constraintChanges(c.prover(), old, new)
	check := &Check{cmp: c, at: typed}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Type != nil {
			check.rule.Type(check, old, new)
		}
	}
	if old.Kind != new.Kind {
		return
	}
	field := at.path
	switch new.Kind {
	case schema.List:
		at.trail = at.trail.Inner()
		at.path = field + "[]"
		c.types(at, old.Elem, new.Elem)
	case schema.Map:
		at.trail = at.trail.Inner()
		at.path, at.key = field+"{key}", true
		c.types(at, old.Key, new.Key)
		c.tellKeys(old.Key, new.Key)
		at.key = false
		at.path = field + "{}"
		c.types(at, old.Elem, new.Elem)
	case schema.MessageKind:
		if sameForm(old.Message, new.Message) {
			c.enqueue(visit{old.Message, new.Message, at.trail})
		}
	case schema.EnumKind:
		if c.oldUse.checked[old.Enum] && !old.Constraints.DefinedOnly {
			c.later = append(c.later, func() { c.enum(at, old.Enum, new.Enum) })
			return
		}
		c.enum(at, old.Enum, new.Enum)
	}
}

func (c *comparison) enum(at place, old, new *schema.Enum) {
	key := [2]*schema.Enum{old, new}
	if old == nil || new == nil || c.enums[key] {
		return
	}
	c.enums[key] = true
	at.path, at.old, at.new = new.FullName, old.Pos, new.Pos
	at.messages = [2]*schema.Message{}
	at.enums = key
	before := len(c.findings)
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Enum != nil {
			check.rule.Enum(check, old, new)
		}
	}
	tellAspects(c, at, c.findings[before:], enumAspects, old, new)
	for _, p := range pairEnumValues(old, new) {
		v := at
		v.old, v.new = schema.Position{}, schema.Position{}
		if p[0] != nil {
			v.path, v.old = at.path+"."+p[0].Name, p[0].Pos
		}
		if p[1] != nil {
			v.path, v.new = at.path+"."+p[1].Name, p[1].Pos
		}
		v.trail = at.trail.With(jsonNames(p)...)
		before := len(c.findings)
		check := &Check{cmp: c, at: v}
		for i := range c.rules {
			if check.rule = &c.rules[i]; check.rule.EnumValue != nil {
				check.rule.EnumValue(check, p[0], p[1])
			}
		}
		if p[0] == nil && len(c.findings) == before {
			c.note(v, Added, "value "+valueText(p[1])+" was added", "either side may deploy first")
		}
		tellAspects(c, v, c.findings[before:], enumValueAspects, p[0], p[1])
	}
}

// packages tells what changed about a package itself. That one came or went is told by what is in it.
func (c *comparison) packages(old, new *schema.Package) {
	if old == nil || new == nil {
		return
	}
	at := place{path: new.Name, pkg: new, old: packagePos(old), new: packagePos(new)}
	tellAspects(c, at, nil, packageAspects, old, new)
}

// packagePos is where a package's family is declared, else its first file.
func packagePos(p *schema.Package) schema.Position {
	if p.Family != nil {
		return p.Family.Pos
	}
	if len(p.Files) > 0 {
		return schema.Position{File: p.Files[0].Path}
	}
	return schema.Position{}
}

func (c *comparison) topic(old, new *schema.Topic) {
	at, before := place{topics: [2]*schema.Topic{old, new}}, len(c.findings)
	if old != nil {
		at.path, at.old = old.Name, old.Pos
	}
	if new != nil {
		at.path, at.new = new.Name, new.Pos
	}
	if old == nil {
		c.note(at, Added, "topic "+new.Name+" was added", "create it before its producers deploy")
	}
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Topic != nil {
			check.rule.Topic(check, old, new)
		}
	}
	tellAspects(c, at, c.findings[before:], topicAspects, old, new)
}

func (c *comparison) group(old, new *schema.Group) {
	var at place
	if old != nil {
		at.path, at.old = old.Name, old.Pos
	}
	if new != nil {
		at.path, at.new = new.Name, new.Pos
	}
	if old == nil {
		c.note(at, Added, "consumer group "+new.Name+" was added", "")
	}
	before := len(c.findings)
	check := &Check{cmp: c, at: at}
	for i := range c.rules {
		if check.rule = &c.rules[i]; check.rule.Group != nil {
			check.rule.Group(check, old, new)
		}
	}
	tellAspects(c, at, c.findings[before:], groupAspects, old, new)
}

func jsonNames(p [2]*schema.EnumValue) []string {
	var out []string
	for _, v := range p {
		if v != nil && v.JSONName != "" {
			out = append(out, v.JSONName)
		}
	}
	return out
}
