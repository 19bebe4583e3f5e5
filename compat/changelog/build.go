package changelog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/schema"
)

// New makes a changelog of what was found between two sets, by profile guide. What exemptions took out of the report
// is told, and does not count as breaking.
func New(old, new *schema.Set, r *compat.Report) *Changelog {
	b := &builder{old: old, new: new, steps: r.Steps, pairs: map[string]*pair{}, packages: map[string]*PackageChanges{}, sections: map[string]*Section{}}
	for _, e := range r.Pairs {
		p := &pair{old: e[0], new: e[1]}
		b.events = append(b.events, p)
		for _, side := range e {
			if side != nil {
				b.pairs[side.Type] = p
			}
		}
	}
	for _, f := range r.Findings {
		b.finding(f, f.Severity == compat.Error)
	}
	for _, f := range r.Exempted {
		b.finding(f, false)
	}
	for i := range r.Notes {
		b.note(&r.Notes[i])
	}
	return b.finish()
}

type builder struct {
	old, new *schema.Set
	log      Changelog
	events   []*pair
	pairs    map[string]*pair // by both types of an event
	packages map[string]*PackageChanges
	sections map[string]*Section // by name, events' by "event " and their type
	steps    []*compat.Finding   // of the rule about versions
}

// pair is an event on both sides.
type pair struct {
	old, new          *schema.Event
	breaking, changed bool
}

func (p *pair) now() *schema.Event {
	if p.new != nil {
		return p.new
	}
	return p.old
}

func (b *builder) finding(f *compat.Finding, breaking bool) {
	b.add(f.Subject, Entry{
		Kind: f.Kind, Breaking: breaking, Rule: f.Rule, Path: f.Path, Location: f.Pos.String(), pos: f.Pos, Text: f.Change,
		Consequence: f.Consequence, Deploy: f.Deploy,
	})
}

func (b *builder) note(n *compat.Note) {
	b.add(n.Subject, Entry{Kind: n.Kind, Path: n.Path, Location: n.Pos.String(), pos: n.Pos, Text: n.Text, Deploy: n.Deploy})
}

// add puts an entry into the section of the event that carries it, or of what several events share.
func (b *builder) add(s compat.Subject, e Entry) {
	if !e.Breaking {
		e.Text = strings.TrimSuffix(e.Text, " was "+string(e.Kind)) // the kind says it
	}
	pairs := b.carriers(s.Events)
	if e.Kind == compat.Changed && !s.DataChanged && e.Path == s.Owner+"."+schema.VersionField && len(pairs) == 1 {
		b.eventSection(pairs[0]) // whose headline tells the version
		return
	}
	for _, p := range pairs {
		p.changed = p.changed || s.DataChanged
		p.breaking = p.breaking || e.Breaking && !b.deadLetters(s.Owner)
	}
	if s.Package == "" && !s.DataChanged {
		b.log.Groups = append(b.log.Groups, e)
		return
	}
	section := b.section(s, pairs)
	if !section.Event && (s.DataChanged || e.Breaking) {
		for _, p := range pairs {
			b.eventSection(p).Shared = true
		}
	}
	section.Entries = append(section.Entries, e)
	if !section.Event && len(pairs) == 0 && e.Breaking {
		section.Step = Package
	}
}

// carriers returns the events of the types, each once.
func (b *builder) carriers(types []string) []*pair {
	var out []*pair
	for _, t := range types {
		if p := b.pairs[t]; p != nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// deadLetters says whether a name is that of a topic of dead letters, which no version of an event helps.
func (b *builder) deadLetters(topic string) bool {
	for _, set := range []*schema.Set{b.old, b.new} {
		if t := set.Topic(topic); t != nil && len(t.DeadLetterOf) > 0 {
			return true
		}
	}
	return false
}

func (b *builder) section(s compat.Subject, pairs []*pair) *Section {
	if len(pairs) == 1 && !b.deadLetters(s.Owner) {
		return b.eventSection(pairs[0])
	}
	out := b.sections[s.Owner]
	if out == nil {
		out = &Section{Name: s.Owner, Kind: compat.Changed, Step: None}
		for _, p := range pairs {
			out.SharedBy = append(out.SharedBy, p.now().Type)
		}
		b.sections[s.Owner] = out
		pkg := b.pkg(s.Package)
		pkg.Sections = append(pkg.Sections, out)
	}
	return out
}

func (b *builder) eventSection(p *pair) *Section {
	e := p.now()
	key := "event " + e.Type
	if s := b.sections[key]; s != nil {
		return s
	}
	s := &Section{Name: e.Type, Event: true, Kind: compat.Changed, Step: None, Entries: []Entry{}}
	if e.Topic != nil {
		s.Topic = e.Topic.Name
	}
	switch {
	case p.old == nil:
		s.Kind = compat.Added
	case p.new == nil:
		s.Kind = compat.Removed
	}
	if p.old != nil {
		s.From = p.old.SchemaVersion()
	}
	if p.new != nil {
		s.To = p.new.SchemaVersion()
	}
	b.sections[key] = s
	pkg := b.pkg(e.Package.Name)
	pkg.Sections = append(pkg.Sections, s)
	return s
}

func (b *builder) pkg(name string) *PackageChanges {
	p := b.packages[name]
	if p == nil {
		p = &PackageChanges{Name: name, Step: None}
		if !hasPackage(b.old, name) {
			p.Replaces = before(name, b.old, b.new)
		}
		b.packages[name] = p
		b.log.Packages = append(b.log.Packages, p)
	}
	return p
}

// kindOrder is how entries of a section follow one another, after what breaks.
var kindOrder = []compat.Kind{compat.Added, compat.Changed, compat.Deprecated, compat.Removed, compat.Documented}

func compareEntries(a, b Entry) int {
	return cmp.Or(
		-compareBool(a.Breaking, b.Breaking), cmp.Compare(slices.Index(kindOrder, a.Kind), slices.Index(kindOrder, b.Kind)),
		cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text),
	)
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
