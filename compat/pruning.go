package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Pruning takes out the directions and encodings of candidates in which the algebra proves that no event shows them, and a
// candidate that has none left. A direction that remains, and that no event was found for, is in doubt.
func (c *comparison) prune() {
	c.candidates = slices.DeleteFunc(c.candidates, func(k *candidate) bool {
		if !k.breaksData() || k.Witness != nil || c.foundEarlier(k) {
			return false
		}
		var broken []schema.Encoding
		for _, d := range k.Breaks.each() {
			in := k.Encodings
			if k.shown[d] == nil && !k.Closed {
				in = c.broken(k, d)
			}
			switch {
			case in == nil:
				k.Breaks &^= d
			case k.shown[d] == nil && !k.Unknown && !c.opts.NoWitness:
				k.doubtful |= d
			}
			broken = append(broken, in...)
		}
		k.Encodings = slices.DeleteFunc(slices.Clone(k.Encodings), func(e schema.Encoding) bool { return !slices.Contains(broken, e) })
		if k.Breaks == 0 {
			c.noteUnshown(k)
		}
		return k.Breaks == 0
	})
}

// noteUnshown notes what a candidate said that no event shows, unless what changed is kept already.
func (c *comparison) noteUnshown(k *candidate) {
	of := k.about
	if of.ofField != nil {
		of = of.ofField
	}
	if k.Acceptance && k.rule.ID != enumValueRemoved.ID ||
		slices.ContainsFunc(c.changes, func(ch change) bool { return ch.about == of && slices.Contains(ch.rules, k.rule.ID) }) {
		return
	}
	at := messageElement(k.about.messages[0], k.about.messages[1])
	if k.about.enums != [2]*schema.Enum{} {
		at = (&element{}).enum(k.about.enums[0], k.about.enums[1])
	}
	c.changes = append(c.changes, change{about: at, kind: Changed, text: k.Change + ", and no event could have it"})
}

// accepted says that readers of an element's message take all that is written of it, or of the field at hand, wherever it is.
func (c *comparison) accepted(at *element, d Direction, e schema.Encoding) bool {
	w, r := d.sides(at.messages)
	switch {
	case w == nil || r == nil || w.Language() != r.Language():
		return false
	case w.Language() == schema.JSONSchema:
		return c.includes(at.messages, d).Inclusion == values.Included
	}
	field := at.newField
	if d == Forward {
		field = at.oldField
	}
	return c.algebra.accepts(w, r, field, e) == values.Included
}

// includes says whether readers of a pair of JSON Schema's messages take all that is written of them in one direction.
func (c *comparison) includes(m [2]*schema.Message, d Direction) values.Answer {
	writer, reader, w, r := c.old, c.new, m[0], m[1]
	if d == Forward {
		writer, reader, w, r = reader, writer, r, w
	}
	written, err := c.written(writer, w)
	if err != nil {
		return values.Answer{Inclusion: values.Unknown} // told where sources are compared
	}
	read, err := c.source(reader, r.File, r.Pointer, values.Reader)
	if err != nil {
		return values.Answer{Inclusion: values.Unknown}
	}
	return c.prover().Includes(written, c.prover().Filled(read, defaultsOf(r)))
}
