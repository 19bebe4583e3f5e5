package compat

import (
	"bytes"
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// documents pairs JSON Schemas of which one at least is here by its source alone. Such a pair is judged as a whole, as
// sets of values.
func (c *comparison) documents() [][2]*schema.File {
	olds, news := jsonFiles(c.old), jsonFiles(c.new)
	if !hasDocument(olds) && !hasDocument(news) {
		return nil
	}
	out := pairBy(olds, news, func(f *schema.File) string { return f.Path })
	if len(olds) == 1 && len(news) == 1 {
		out = [][2]*schema.File{{olds[0], news[0]}}
	}
	var kept [][2]*schema.File
	for _, p := range out {
		if p[0] != nil && p[0].JudgedBySource || p[1] != nil && p[1].JudgedBySource {
			kept = append(kept, p)
		}
	}
	return kept
}

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

func hasDocument(files []*schema.File) bool {
	for _, f := range files {
		if f.JudgedBySource {
			return true
		}
	}
	return false
}

// document shows a pair to the rules.
func (c *comparison) document(old, new *schema.File) {
	at, before := place{files: [2]*schema.File{old, new}}, len(c.findings)
	if old != nil {
		at.path, at.old = old.Path, schema.Position{File: old.Path, Line: 1, Col: 1}
	}
	if new != nil {
		at.path, at.new = new.Path, schema.Position{File: new.Path, Line: 1, Col: 1}
	}
	if old == nil {
		c.note(at, Added, "schema "+new.Path+" was added", "")
		c.readable(c.new, new)
	}
	if new == nil {
		c.readable(c.old, old)
	}
	for i := range c.rules {
		if r := &c.rules[i]; r.Document != nil {
			r.Document(&Check{c, r, at}, old, new)
		}
	}
	if old != nil && new != nil && len(c.findings) == before && !bytes.Equal(old.Source, new.Source) {
		c.note(at, Changed, "schema "+new.Path+" changed, and both versions take the same", "")
	}
}

// readable holds against the language a document that is compared with none: a reference that leads nowhere must not pass.
func (c *comparison) readable(set *schema.Set, f *schema.File) {
	if _, err := c.lowerDocument(c.prover(), set, f, values.Reader); err != nil {
		c.fault(err)
	}
}

// reading is what one side makes of the events of the other.
type reading struct {
	answer    values.Answer
	witness   *Witness
	encodings []schema.Encoding // nil: those of the rule
}

// readDocument says whether a reader with one document takes what a writer with another writes.
func (c *comparison) readDocument(writer, reader *schema.Set, w, r *schema.File, breaks Direction) (reading, error) {
	p := c.prover()
	written, err := c.lowerDocument(p, writer, w, values.Writer)
	if err != nil {
		return reading{}, err
	}
	read, err := c.lowerDocument(p, reader, r, values.Reader)
	if err != nil {
		return reading{}, err
	}
	out := reading{answer: p.Includes(written, read)}
	if !out.answer.HasMember {
		return out, nil
	}
	accepted, sure := read.Contains(out.answer.Member)
	if out.answer.Inclusion == values.Unknown && accepted && sure {
		return out, nil
	}
	out.witness, err = c.witnesses.Documents(writer, reader, w, r, out.answer.Member, breaks.writer())
	if event, ok := out.answer.Member.(map[string]any); ok && err == nil && out.witness == nil {
		out.witness = c.exchangeRoots(w, r, breaks, event)
	}
	if err == nil && out.witness != nil {
		out.answer.Inclusion = values.NotIncluded
	}
	return out, err
}

// exchangeRoots runs an event through the readers of two files that types are made of, which fill in defaults.
func (c *comparison) exchangeRoots(w, r *schema.File, breaks Direction, event map[string]any) *Witness {
	if w.Root == nil || r.Root == nil || w.Root.Message == nil || r.Root.Message == nil || w.JudgedBySource || r.JudgedBySource {
		return nil
	}
	old, new := w.Root.Message, r.Root.Message
	if breaks == Forward {
		old, new = new, old
	}
	shown, _ := c.witnesses.Exchange(old, new, breaks == Backward, event, schema.EncodingJSON)
	return shown
}

func (c *comparison) prover() *values.Prover {
	if c.proof == nil {
		c.proof = values.NewProver()
	}
	return c.proof
}

// lowerDocument returns the shape of a whole file.
func (c *comparison) lowerDocument(p *values.Prover, set *schema.Set, f *schema.File, role values.Role) (*values.Shape, error) {
	docs := c.parsed[set]
	if docs == nil {
		docs = &values.Documents{Files: map[string]*jsontree.Value{}, Aliases: set.Aliases}
		for _, other := range jsonFiles(set) {
			v, err := jsontree.Parse(other.Source)
			if err != nil {
				return nil, fmt.Errorf("%s:%w", other.Path, err)
			}
			docs.Files[other.Path] = v
		}
		if c.parsed == nil {
			c.parsed = map[*schema.Set]*values.Documents{}
		}
		c.parsed[set] = docs
	}
	if role == values.Writer && !f.JudgedBySource {
		role = values.TypedWriter
	}
	return p.FromJSONSchema(docs, fmt.Sprintf("%p", set), f.Path, "", role)
}

// fault notes why the sets cannot be compared.
func (c *comparison) fault(err error) {
	if c.err == nil {
		c.err = err
	}
}

// tell notes what changed in messages whose files were judged apart, by no rule.
func (c *comparison) tell(p rootPairs, apart map[*schema.File]bool) {
	rules := c.rules
	c.rules = nil
	for _, e := range p.events {
		if old, new := eventMessage(e[0]), eventMessage(e[1]); old != nil && new != nil && inFiles(apart, old, new) {
			c.root(old, new)
		}
	}
	for _, m := range p.messages {
		if m[0] != nil && m[1] != nil && inFiles(apart, m[0], m[1]) {
			c.root(m[0], m[1])
		}
	}
	c.rules = rules
}
