package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Pruning asks the algebra about candidates which say that readers reject something, and which no event shows: it takes
// out the encodings in which readers provably take everything, and a candidate that has none left. What remains is
// unknown where the algebra cannot tell either.
func (c *comparison) prune() {
	c.candidates = slices.DeleteFunc(c.candidates, func(k *candidate) bool {
		if !k.Acceptance || !k.breaksData() || k.Witness != nil || c.foundEarlier(k) {
			return false
		}
		var broken []schema.Encoding
		shown := c.opts.NoWitness || k.Unknown
		for _, e := range k.Encodings {
			switch c.acceptance(k.about, k.Breaks, e) {
			case values.Included:
				continue
			case values.NotIncluded:
				shown = true
				c.showByInclusion(k)
			}
			broken = append(broken, e)
		}
		k.Encodings = broken
		k.unshown = !shown
		return broken == nil
	})
}

// acceptance says whether readers take all that is written: of the field at hand, of its message, or of the first event
// that it is a part of. Other events are asked about later, as nothing was found in them.
func (c *comparison) acceptance(at *element, breaks Direction, e schema.Encoding) values.Inclusion {
	best := values.NotIncluded
	asked := [][2]*schema.Message{at.messages, {at.trail.Old, at.trail.New}}
	for _, m := range slices.Compact(asked) {
		if m[0] == nil || m[1] == nil {
			continue
		}
		if m[0].Language() == schema.JSONSchema && m[1].Language() == schema.JSONSchema {
			answer := c.wholeInclusion(m, breaks)
			if answer == values.Included {
				return answer
			}
			best = answer
			continue
		}
		if m[0].Language() != schema.Protobuf || m[1].Language() != schema.Protobuf {
			continue
		}
		backward, forward := values.Included, values.Included
		if breaks&Backward != 0 {
			backward = c.algebra.accepts(m[0], m[1], at.newField, e)
		}
		if breaks&Forward != 0 {
			forward = c.algebra.accepts(m[1], m[0], at.oldField, e)
		}
		switch {
		case backward == values.Included && forward == values.Included:
			return values.Included
		case backward != values.NotIncluded && forward != values.NotIncluded:
			best = values.Unknown
		}
	}
	return best
}

// wholeInclusion says whether readers of a pair of JSON Schema's messages take all that is written of them.
func (c *comparison) wholeInclusion(m [2]*schema.Message, breaks Direction) values.Inclusion {
	best := values.Included
	for _, d := range []Direction{Backward, Forward} {
		if breaks&d == 0 {
			continue
		}
		switch c.includes(m, d).Inclusion {
		case values.NotIncluded:
			best = values.NotIncluded
		case values.Unknown:
			return values.Unknown
		}
	}
	return best
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

// showByInclusion makes a witness of an event that the algebra found, where readers reject it by what the candidate is about.
func (c *comparison) showByInclusion(k *candidate) {
	m := [2]*schema.Message{k.about.trail.Old, k.about.trail.New}
	if c.opts.NoWitness || k.Closed || m[0] == nil || m[1] == nil || m[0].Language() != schema.JSONSchema || m[1].Language() != schema.JSONSchema {
		return
	}
	for _, d := range []Direction{Backward, Forward} {
		if k.Breaks&d == 0 || k.Witness != nil {
			continue
		}
		event, ok := c.includes(m, d).Member.(map[string]any)
		if !ok {
			continue
		}
		if w, about := c.witnesses.Rejection(k.about.trail.About(k.Rejections...), d == Backward, event); about {
			k.Witness = w
		}
	}
}
