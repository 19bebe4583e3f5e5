package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Pruning asks the algebra about candidates which say that readers reject something, in the directions in which no event
// shows it: it takes out the directions and encodings in which readers provably take everything, and a candidate that has
// none left. A direction that remains is in doubt where the algebra cannot tell either. Before that it is asked whether there
// are events that have what a candidate is about.
func (c *comparison) prune() {
	c.pruneUncarried()
	c.candidates = slices.DeleteFunc(c.candidates, func(k *candidate) bool {
		if !k.Acceptance || !k.breaksData() || k.Witness != nil || c.foundEarlier(k) {
			return false
		}
		var broken []schema.Encoding
		for _, d := range k.Breaks.each() {
			if k.shown[d] != nil {
				broken = append(broken, k.Encodings...)
				continue
			}
			left, sure := c.brokenIn(k, d)
			broken = append(broken, left...)
			switch {
			case left == nil:
				k.Breaks &^= d
			case c.showByInclusion(k, d), sure, k.Unknown, c.opts.NoWitness:
			default:
				k.doubtful |= d
			}
		}
		k.Encodings = slices.DeleteFunc(slices.Clone(k.Encodings), func(e schema.Encoding) bool { return !slices.Contains(broken, e) })
		return k.Breaks == 0
	})
}

// pruneUncarried takes out the directions and encodings of candidates in which no event that is written can show them, as none
// has what does; where some have it, one is shown that readers treat wrong.
func (c *comparison) pruneUncarried() {
	c.candidates = slices.DeleteFunc(c.candidates, func(k *candidate) bool {
		if k.rule.Shown == AnyEvent && !k.Acceptance || !k.breaksData() || k.Witness != nil || k.Closed || c.foundEarlier(k) {
			return false
		}
		var carried []schema.Encoding
		for _, d := range k.Breaks.each() {
			in := k.Encodings
			if k.shown[d] == nil {
				in = c.carriers(k, d)
			}
			if in == nil || k.shown[d] == nil && c.uncarried(k, d) {
				k.Breaks &^= d
				continue
			}
			carried = append(carried, in...)
		}
		k.Encodings = slices.DeleteFunc(slices.Clone(k.Encodings), func(e schema.Encoding) bool { return !slices.Contains(carried, e) })
		if k.Breaks == 0 && !k.Acceptance {
			c.noteUncarried(k)
		}
		return k.Breaks == 0
	})
}

// noteUncarried notes what a candidate said, unless an aspect does.
func (c *comparison) noteUncarried(k *candidate) {
	of := k.about
	if of.ofField != nil {
		of = of.ofField
	}
	if slices.ContainsFunc(c.changes, func(ch change) bool { return ch.about == of && slices.Contains(ch.rules, k.rule.ID) }) {
		return
	}
	at := messageElement(k.about.messages[0], k.about.messages[1])
	c.changes = append(c.changes, change{about: at, kind: Changed, text: k.Change + ", and no event could have it"})
}

// uncarried says that no event of a direction's writer has anything for the element of a candidate. Where one has, it is
// shown if readers do not take it as it is, those first that they do not reject for what else is in them.
func (c *comparison) uncarried(k *candidate, d Direction) bool {
	trail, at := k.about.trail, k.about
	if k.rule.Shown != Carried && k.rule.Shown != Written || at.enums != [2]*schema.Enum{} || trail.Old == nil ||
		trail.Old.Language() != schema.JSONSchema || trail.New.Language() != schema.JSONSchema ||
		slices.Contains(trail.Fields(d == Backward), nil) {
		return false
	}
	writer, reader, w, r := c.old, c.new, trail.Old, trail.New
	if d == Forward {
		writer, reader, w, r = reader, writer, r, w
	}
	written, read, err := c.exchanged(writer, reader, schemaOf(w), schemaOf(r))
	if err != nil {
		return false // told where sources are compared
	}
	p := c.prover()
	written = p.And(written, c.atType(at, d == Backward, p.OfKind(values.AnyKind&^values.Null)))
	for _, wanted := range []*values.Shape{p.And(written, read), written} {
		answer := p.Includes(wanted, p.Never())
		if event, ok := answer.Member.(map[string]any); ok && !c.opts.NoWitness {
			k.shown[d], _ = c.witnesses.Exchange(trail.Old, trail.New, d == Backward, event, schema.EncodingJSON)
		}
		if answer.Inclusion != values.Included {
			return false
		}
	}
	return true
}

// brokenIn returns the encodings in which the algebra does not show that readers take everything; sure is true where it
// shows of one of them that they do not.
func (c *comparison) brokenIn(k *candidate, d Direction) (broken []schema.Encoding, sure bool) {
	for _, e := range k.Encodings {
		switch c.acceptance(k.about, d, e) {
		case values.Included:
			continue
		case values.NotIncluded:
			sure = true
		}
		broken = append(broken, e)
	}
	return broken, sure
}

// acceptance says whether readers take all that is written, in a direction: of the field at hand, of its message, or of the
// first event that it is a part of. Other events are asked about later, as nothing was found in them.
func (c *comparison) acceptance(at *element, d Direction, e schema.Encoding) values.Inclusion {
	best := values.NotIncluded
	asked := [][2]*schema.Message{at.messages, {at.trail.Old, at.trail.New}}
	for _, m := range slices.Compact(asked) {
		if m[0] == nil || m[1] == nil {
			continue
		}
		if m[0].Language() == schema.JSONSchema && m[1].Language() == schema.JSONSchema {
			if c.includes(m, d).Inclusion == values.Included {
				return values.Included
			}
			best = values.Unknown // a message may break elsewhere
			continue
		}
		if m[0].Language() != schema.Protobuf || m[1].Language() != schema.Protobuf {
			continue
		}
		writer, reader, field := m[0], m[1], at.newField
		if d == Forward {
			writer, reader, field = m[1], m[0], at.oldField
		}
		switch c.algebra.accepts(writer, reader, field, e) {
		case values.Included:
			return values.Included
		case values.Unknown:
			best = values.Unknown
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
func (c *comparison) showByInclusion(k *candidate, d Direction) bool {
	m := [2]*schema.Message{k.about.trail.Old, k.about.trail.New}
	if c.opts.NoWitness || k.Closed || m[0] == nil || m[1] == nil || m[0].Language() != schema.JSONSchema || m[1].Language() != schema.JSONSchema {
		return false
	}
	event, ok := c.includes(m, d).Member.(map[string]any)
	if !ok {
		return false
	}
	w, about := c.witnesses.Rejection(k.about.trail.About(k.Rejections...), d == Backward, event)
	if about && w != nil {
		k.shown[d] = w
	}
	return about && w != nil
}
