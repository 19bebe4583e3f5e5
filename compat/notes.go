package compat

import (
	"cmp"
	"path"
	"slices"
	"strings"

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

func (c *comparison) note(at place, kind Kind, text, deploy string) *Note {
	n := Note{Subject: c.subject(at, kind), Path: at.path, Pos: at.new, Text: text, Deploy: deploy}
	n.Pos.File = path.Join(c.new.Root, n.Pos.File)
	c.notes = append(c.notes, n)
	return &c.notes[len(c.notes)-1]
}

func sortNotes(notes []Note) {
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
}

// aspect is one thing about an element that may change between its two sides.
type aspect[T any] struct {
	// tell says what changed, empty for nothing.
	tell func(old, new *T) string
	// rules are those that judge it: what one of them reports is no note.
	rules []string
	kind  Kind // empty: Changed
	// names says that it is about what code calls something: data stays as it is.
	names bool
	// doc says that it is about a description, which not every source has.
	doc bool
}

// tellAspects notes what changed about an element that is on both sides and that no rule has reported; judged are the
// findings about it.
func tellAspects[T any](c *comparison, at place, judged []*Finding, aspects []aspect[T], old, new *T) {
	if old == nil || new == nil {
		return
	}
	for _, a := range aspects {
		if a.doc && c.undescribed {
			continue
		}
		text := a.tell(old, new)
		if text == "" || slices.ContainsFunc(judged, func(f *Finding) bool {
			return strings.HasPrefix(f.Path, at.path) && slices.Contains(a.rules, f.Rule)
		}) {
			continue
		}
		n := c.note(at, cmp.Or(a.kind, Changed), text, "")
		n.Shape = n.Shape && !a.names
	}
}

// undescribed says whether a set comes without its descriptions, as a compiled image may.
func undescribed(s *schema.Set) bool {
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
