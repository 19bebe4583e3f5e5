package compat

import (
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// filesJudgedBySource pairs the schema files that are judged by their sources, as sets of values: JSON Schemas of which
// one side at least says more than the model can hold. What the model has of them is judged by no rule.
func filesJudgedBySource(old, new *schema.Set) [][2]*schema.File {
	olds, news := jsonFiles(old), jsonFiles(new)
	if !anyJudgedBySource(olds) && !anyJudgedBySource(news) {
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

func anyJudgedBySource(files []*schema.File) bool {
	for _, f := range files {
		if f.JudgedBySource {
			return true
		}
	}
	return false
}

// checkSource checks a file that has no counterpart to be compared with: a reference that leads nowhere must not pass.
func (c *comparison) checkSource(set *schema.Set, f *schema.File) {
	if _, err := c.algebra.source(set, f, values.Reader); err != nil {
		c.fail(err)
	}
}

// askSources says whether a reader with one file's schema takes what a writer with another's writes.
func (c *comparison) askSources(writer, reader *schema.Set, w, r *schema.File, breaks Direction) (answer, error) {
	written, err := c.algebra.source(writer, w, values.Writer)
	if err != nil {
		return answer{}, err
	}
	read, err := c.algebra.source(reader, r, values.Reader)
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
	out.witness, err = c.witnesses.Documents(writer, reader, w, r, out.Member, breaks.writer())
	if event, ok := out.Member.(map[string]any); ok && err == nil && out.witness == nil {
		out.witness = c.exchangeRoots(w, r, breaks, event)
	}
	if err == nil && out.witness != nil {
		out.Inclusion = values.NotIncluded
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

// changesBySource keeps what changed in messages whose files were judged by their sources, shown to no rule.
func (c *comparison) changesBySource(p rootPairs, bySource map[*schema.File]bool) {
	rules := c.rules
	c.rules = nil
	for _, m := range p.all() {
		if m[0] != nil && m[1] != nil && inFiles(bySource, m[0], m[1]) {
			c.root(m[0], m[1])
		}
	}
	c.rules = rules
}
