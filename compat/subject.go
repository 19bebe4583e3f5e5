package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// Kind says what happened to an element.
type Kind string

// The kinds of changes.
const (
	Added      Kind = "added"
	Changed    Kind = "changed"
	Deprecated Kind = "deprecated"
	Removed    Kind = "removed"
	// Documented: what people read changed, and nothing else.
	Documented Kind = "documented"
)

// Subject says what kind of change a finding or a note is about, and of what.
type Subject struct {
	Kind Kind
	// Package is the schema package of what changed; empty for a consumer group.
	Package string
	// Owner is what has the element: the full name of a message or enum, the name of a topic or group, a file's path.
	Owner string
	// Events holds the types, old and new, of the events that carry the element, sorted.
	Events []string
	// DataChanged says that other data is written or read than before. A change of a topic is none, nor is one of what
	// schema_version says.
	DataChanged bool
}

// subject describes an element, and what happened to it.
func (c *comparison) subject(at *element, kind Kind) Subject {
	s := Subject{Kind: kind, Owner: at.path}
	if kind == "" {
		switch {
		case at.oldPos.File == "":
			s.Kind = Added
		case at.newPos.File == "":
			s.Kind = Removed
		default:
			s.Kind = Changed
		}
	}
	of := func(pkg *schema.Package, owner string) { s.Package, s.Owner = pkg.Name, owner }
	if at.pkg != nil {
		of(at.pkg, at.path)
	}
	// The old side first, so that the new one stands where there is one.
	for i := range 2 {
		if e := at.events[i]; e != nil {
			of(e.Package, e.Message.FullName)
		}
		if t := at.topics[i]; t != nil {
			of(t.Package, t.Name)
		}
		if m := at.messages[i]; m != nil {
			of(m.Package, m.FullName)
			s.DataChanged = true
		}
		if e := at.enums[i]; e != nil {
			of(e.Package, e.FullName)
			s.DataChanged = true
		}
		if w := at.schemas[i]; w != nil {
			s.Package, s.Owner, s.DataChanged = packageOf([]*schema.Set{c.old, c.new}[i], w.file), w.path(), true
		}
	}
	if at.oldField != nil && at.newField != nil && at.newField.Name == schema.VersionField {
		s.DataChanged = false
	}
	if s.Kind == Deprecated || s.Kind == Documented {
		s.DataChanged = false
	}
	for _, e := range c.eventsOf(at) {
		if !slices.Contains(s.Events, e.Type) {
			s.Events = append(s.Events, e.Type)
		}
	}
	slices.Sort(s.Events)
	return s
}

// eventsOf returns the events, old and new, that carry an element.
func (c *comparison) eventsOf(at *element) []*schema.Event {
	if at.carriers != nil {
		return at.carriers
	}
	out := []*schema.Event{}
	for i, u := range []*usage{c.oldUse, c.newUse} {
		if e := at.events[i]; e != nil {
			out = append(out, e)
		}
		if t := at.topics[i]; t != nil {
			out = append(out, t.Events...)
		}
		out = append(out, u.eventsOf(at.messages[i])...)
		if e := at.enums[i]; e != nil {
			out = append(out, u.eventsOf(u.enumUsers[e]...)...)
		}
		if w := at.schemas[i]; w != nil && w.pointer == "" && at.messages[i] == nil {
			out = append(out, u.eventsOf(u.messages[w.file]...)...)
		}
	}
	at.carriers = out
	return out
}

func packageOf(s *schema.Set, f *schema.File) string {
	for _, p := range s.Packages {
		if slices.Contains(p.Files, f) {
			return p.Name
		}
	}
	return ""
}
