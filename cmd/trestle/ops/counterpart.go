package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// A registered schema is compared with what the other side has of it: counterpartOf finds that.

// counterpart is what a set has that a subject can hold: a schema file, and what would be registered for it.
type counterpart struct {
	event *schema.Event // that it is about, nil for what events refer to
	file  *schema.File  // nil for what is only generated
	form  *registry.Stored
	// names are what the schema is known by: an event's type, full names, titles, an $id.
	names []string
}

// counterpartOf returns what a set has of a subject, of which a version is stored: by the name that it would be registered
// under, else by what the stored schema is called, else as the only one there is.
func counterpartOf(set *schema.Set, subject string, stored *version) (load.Source, error) {
	all := counterparts(set)
	names := namesOf(stored.set.MainFile(), stored.set)
	isEvent := func(c *counterpart) bool { return c.event != nil }
	for _, fits := range []func(c *counterpart) bool{
		func(c *counterpart) bool { return c.form != nil && c.form.Subject == subject },
		func(c *counterpart) bool { return isEvent(c) && shareName(c.names, names) },
		func(c *counterpart) bool { return shareName(c.names, names) },
		isEvent,
		func(*counterpart) bool { return !slices.ContainsFunc(all, isEvent) },
	} {
		if found := theOnly(all, fits); found != nil {
			return found.source(set, stored), nil
		}
	}
	return nil, fmt.Errorf("%w: the subject holds %s, and none of the %d schemas on the other side is the same event, message or file",
		compat.ErrNothingCompared, strings.Join(names, ", "), len(all))
}

// theOnly returns the only one that fits, or one of those of one event; nil where none does, or which one cannot be told.
func theOnly(all []*counterpart, fits func(*counterpart) bool) *counterpart {
	var found *counterpart
	for _, c := range all {
		if !fits(c) {
			continue
		}
		if found != nil && (c.event == nil || c.event != found.event) {
			return nil
		}
		if found == nil {
			found = c
		}
	}
	return found
}

func shareName(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

// source is the schema file itself where such a file is stored, else what would be registered. Where something is encrypted, that is another.
func (c *counterpart) source(set *schema.Set, stored *version) load.Source {
	is := stored.set.MainFile()
	asFile := c.file != nil && c.file.Source != nil && is != nil && is.Language() == c.file.Language() &&
		(c.event == nil || c.file.Language() == schema.Protobuf || len(stored.set.Events()) > 0)
	if asFile && c.form != nil && c.file.Language() == schema.Protobuf && c.form.Schema != string(c.file.Source) {
		asFile = false
	}
	if c.form == nil || asFile {
		return load.FileOf(set, c.file.Path)
	}
	return gate.RegisteredSchema(*c.form)
}

// counterparts returns all that a set has: what would be registered for its events and what these refer to, other events,
// and files that are about no event.
func counterparts(set *schema.Set) []*counterpart {
	declared, err := subjects(set)
	if err != nil {
		declared = nil // nothing can be registered of it, and its files are compared
	}
	about, files := map[string]*schema.Event{}, map[string]*schema.File{}
	for _, t := range set.Topics {
		for _, e := range t.Events {
			about[subjectOf(t, e)] = e
		}
	}
	for _, f := range set.Files() {
		files[f.Path] = f
	}
	var out []*counterpart
	known, seen := map[*schema.Event]bool{}, map[*schema.File]bool{}
	add := func(e *schema.Event, c *counterpart) {
		if e != nil {
			c.event, c.file, known[e] = e, e.Message.File, true
			c.names = append(namesOf(c.file, set), e.Type, e.Message.FullName)
		}
		out, seen[c.file] = append(out, c), true
	}
	for _, s := range declared {
		add(about[s.Name], &counterpart{file: files[s.Name], names: []string{s.Name}, form: registered(s, declared)})
	}
	for _, e := range set.Events() {
		if !known[e] {
			add(e, &counterpart{})
		}
	}
	for _, f := range set.Files() {
		if !seen[f] && f.Source != nil {
			add(nil, &counterpart{file: f, names: namesOf(f, set)})
		}
	}
	return out
}

// registered is what a subject would be once it is registered, with the texts of all that it refers to.
func registered(s registry.Subject, all []registry.Subject) *registry.Stored {
	out := &registry.Stored{Subject: s.Name, Type: s.Type, Schema: s.Schema, References: s.References, Texts: map[string]string{}}
	var add func(refs []registry.Reference)
	add = func(refs []registry.Reference) {
		for _, ref := range refs {
			i := slices.IndexFunc(all, func(s registry.Subject) bool { return s.Name == ref.Subject })
			if _, known := out.Texts[ref.Name]; known || i < 0 {
				continue
			}
			out.Texts[ref.Name] = all[i].Schema
			add(all[i].References)
		}
	}
	add(s.References)
	return out
}

// namesOf are what a schema file is known by: its $id and title, and the messages at its top.
func namesOf(f *schema.File, set *schema.Set) []string {
	if f == nil {
		return nil
	}
	var out []string
	if f.Language() == schema.JSONSchema {
		if id := f.Tree().ID(); id != "" {
			out = append(out, id)
		}
		if title := f.Tree().Get("title"); title != nil && title.Text != "" {
			out = append(out, title.Text)
		}
	}
	for _, p := range set.Packages {
		for _, m := range p.Messages {
			if m.File == f && f.Language() == schema.Protobuf {
				out = append(out, m.FullName)
			}
		}
	}
	for _, e := range set.Events() {
		if e.Message.File == f {
			out = append(out, e.Type)
		}
	}
	return out
}
