package compat

import (
	"cmp"
	"path"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// Note is a change that breaks nothing, or that the profile lets pass although it breaks something.
type Note struct {
	Subject
	Path string
	// Pos is the element's place in the new files.
	Pos schema.Position
	// Text says what changed, Deploy in which order to roll out where that matters.
	Text, Deploy string
	// Missed says that something breaks which the profile does not see.
	Missed bool
}

// Message says in one line what changed and how to roll it out.
func (n *Note) Message() string {
	if n.Deploy == "" {
		return n.Text
	}
	return n.Text + ": " + n.Deploy
}

// change is one thing about an element that differs between its sides, whether or not a rule objects.
type change struct {
	about *element
	kind  Kind
	text  string
	// deploy says in which order to roll out, where that matters.
	deploy string
	// rules are those that judge it. What one of them reports of the element, or of a type of it, is no note.
	rules []string
	// unlessFound says that nothing is noted where any rule reports something of the element.
	unlessFound bool
	// names says that it is about what code calls something: data stays as it is.
	names bool
}

// aspect is one thing about an element that may change between its two sides.
type aspect[T any] struct {
	// text says what changed, empty for nothing.
	text func(old, new *T) string
	// rules and names are as in change.
	rules []string
	kind  Kind // empty: Changed
	names bool
	// doc says that it is about a comment, which not every source has.
	doc bool
}

// added keeps that an element was added.
func (c *comparison) added(at *element, what, deploy string, unlessFound bool) {
	c.changes = append(c.changes, change{about: at, kind: Added, text: what + " was added", deploy: deploy, unlessFound: unlessFound})
}

// addChanges keeps what changed about an element that is on both sides.
func addChanges[T any](c *comparison, at *element, aspects []aspect[T], old, new *T) {
	if old == nil || new == nil {
		return
	}
	for _, a := range aspects {
		if a.doc && c.undocumented {
			continue
		}
		if text := a.text(old, new); text != "" {
			c.changes = append(c.changes, change{about: at, kind: cmp.Or(a.kind, Changed), text: text, rules: a.rules, names: a.names})
		}
	}
}

// noteChanges makes notes of the changes that no candidate tells: what is left once candidates were pruned.
func (c *comparison) noteChanges() {
	found := map[*element][]*candidate{}
	for _, k := range c.candidates {
		of := k.about
		if of.ofField != nil {
			of = of.ofField
		}
		found[of] = append(found[of], k)
	}
	for _, ch := range c.changes {
		if slices.ContainsFunc(found[ch.about], func(k *candidate) bool { return ch.unlessFound || slices.Contains(ch.rules, k.rule.ID) }) {
			continue
		}
		n := Note{Subject: c.subject(ch.about, ch.kind), Path: ch.about.path, Pos: ch.about.newPos, Text: ch.text, Deploy: ch.deploy}
		n.Pos.File = path.Join(c.new.Root, n.Pos.File)
		n.DataChanged = n.DataChanged && !ch.names
		c.notes = append(c.notes, n)
	}
	slices.SortStableFunc(c.notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
}

// undocumented says whether a set comes without its comments, as a compiled image may.
func undocumented(s *schema.Set) bool {
	none := false
	for _, p := range s.Packages {
		for _, f := range p.Files {
			if f.Language() == schema.Protobuf && f.Proto.SourceLocations().Len() > 0 {
				return false
			}
			none = none || f.Language() == schema.Protobuf
		}
	}
	return none
}
