package compat

import (
	"errors"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

func jsonFiles(s *schema.Set) []*schema.File {
	var out []*schema.File
	for _, p := range s.Packages {
		for _, f := range p.Files {
			if f.Language() == schema.JSONSchema && f.Source != nil {
				out = append(out, f)
			}
		}
	}
	return out
}

// checkSource checks a schema that has no counterpart to be compared with: a reference that leads nowhere must not pass.
func (c *comparison) checkSource(set *schema.Set, s *wholeSchema) {
	if _, err := c.source(set, s.file, s.pointer, values.Reader); err != nil {
		c.fail(err)
	}
}

// source returns the shape of a JSON Schema by its source. What the algebra cannot read of a schema that is valid it does
// not look into; the error says that a schema is none.
func (c *comparison) source(set *schema.Set, f *schema.File, pointer string, role values.Role) (*values.Shape, error) {
	shape, err := c.algebra.source(set, f, pointer, role)
	if unread, ok := errors.AsType[*values.SchemaError](err); ok {
		if err := c.witnesses.CheckDocument(set, f, pointer); err != nil {
			return nil, err
		}
		return c.algebra.unread(set, f.Path, pointer, unread), nil
	}
	return shape, err
}

// askSources says whether a reader with one schema takes what a writer with another writes.
func (c *comparison) askSources(writer, reader *schema.Set, w, r *wholeSchema, breaks Direction) (answer, error) {
	written, read, err := c.exchanged(writer, reader, w, r)
	if err != nil {
		return answer{}, err
	}
	out := answer{Answer: c.prover().Includes(written, read)}
	if !out.HasMember {
		return out, nil
	}
	accepted, sure := read.Contains(out.Member)
	if out.Inclusion == values.Unknown && accepted && sure {
		return out, nil
	}
	out.witness, err = c.witnesses.Documents(writer, reader, w.file, r.file, w.pointer, r.pointer, out.Member, breaks.writer())
	if event, ok := out.Member.(map[string]any); ok && err == nil && out.witness == nil {
		out.witness = c.exchangeRoots(w, r, breaks, event)
	}
	if err == nil && out.witness != nil {
		out.Inclusion = values.NotIncluded
	}
	return out, err
}

// exchanged are the values that are written by one schema, and those that are read by another.
func (c *comparison) exchanged(writer, reader *schema.Set, w, r *wholeSchema) (written, read *values.Shape, err error) {
	if written, err = c.source(writer, w.file, w.pointer, values.Writer); err != nil {
		return nil, nil, err
	}
	if w.of != nil {
		if written, err = c.written(writer, w.of); err != nil {
			return nil, nil, err
		}
	}
	if read, err = c.source(reader, r.file, r.pointer, values.Reader); err != nil {
		return nil, nil, err
	}
	if r.of != nil {
		read = c.prover().Filled(read, defaultsOf(r.of))
	}
	return written, read, nil
}

// exchangeRoots runs an event through the readers of two schemas that types are made of, which fill in defaults.
func (c *comparison) exchangeRoots(w, r *wholeSchema, breaks Direction, event map[string]any) *Witness {
	old, new := w.of, r.of
	if old == nil || new == nil {
		return nil
	}
	if breaks == Forward {
		old, new = new, old
	}
	shown, _ := c.witnesses.Exchange(old, new, breaks == Backward, event, schema.EncodingJSON)
	return shown
}

// changesBySource keeps what changed in messages whose files were judged by their sources, shown to no rule.
func (c *comparison) changesBySource(p rootPairs, whole *wholeSchemas) {
	rules := c.rules
	c.rules = nil
	for _, m := range p.all() {
		if m[0] != nil && m[1] != nil && whole.hold(m[0], m[1]) {
			c.root(m[0], m[1])
		}
	}
	c.rules = rules
}
