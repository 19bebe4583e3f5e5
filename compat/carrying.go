package compat

import (
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// carriers looks for events, of protobuf in a direction, that have what shows a candidate, wherever its element occurs. One
// that readers do not take as it is becomes the candidate's witness, even where they refuse it for what else is in it. It
// returns the encodings in which there may be such events: none of those left out has any.
func (c *comparison) carriers(k *candidate, d Direction) []schema.Encoding {
	w, _ := d.sides(k.about.messages)
	roots := c.rootsWith(k.about, d)
	var out []schema.Encoding
	for _, e := range k.Encodings {
		none := len(roots) > 0
		for _, root := range roots {
			from, _ := d.sides(root)
			written := c.prover().FromMessage(from, values.Writer, e)
			limited := c.uncarriedBy(k, d, from, w, e)
			if limited == nil {
				none = false
				break
			}
			answer := c.prover().Includes(written, limited)
			if none = none && answer.Inclusion == values.Included; none {
				continue
			}
			if event, ok := answer.Member.(map[string]any); ok && !c.opts.NoWitness {
				c.showCarrier(k, d, root, event, e)
			}
		}
		if !none {
			out = append(out, e)
		}
		if k.shown[d] != nil {
			return k.Encodings
		}
	}
	return out
}

// showCarrier makes a witness of an event of one of the roots that readers do not take as it is.
func (c *comparison) showCarrier(k *candidate, d Direction, root [2]*schema.Message, event map[string]any, e schema.Encoding) {
	from, _ := d.sides(root)
	if e == schema.EncodingProtobuf {
		event = values.Event(from, event)
	}
	trail := k.about.trail
	var w *Witness
	if trail.Old == root[0] && trail.New == root[1] {
		w = c.witnesses.Shows(trail.About(k.Rejections...), d == Backward, event, e)
	}
	if w == nil && k.Rejections == nil { // what rejects it may be another rule of the same field
		w, _ = c.witnesses.Exchange(root[0], root[1], d == Backward, event, e)
	}
	if w != nil {
		k.shown[d] = w
	}
}

// uncarriedBy is what writers of a message write in which nothing shows a candidate: of which every object of the message w,
// or every value of an enum, is one that readers have no trouble with. It is nil where that is not known.
func (c *comparison) uncarriedBy(k *candidate, d Direction, from, w *schema.Message, e schema.Encoding) *values.Shape {
	p, at := c.prover(), k.about
	if enum, _ := d.sidesOfEnum(at.enums); enum != nil {
		v := at.values[0]
		if d == Forward {
			v = at.values[1]
		}
		if v == nil || v.Number == 0 && e == schema.EncodingProtobuf { // zero is written by leaving it out
			return nil
		}
		return p.LimitedEnum(from, enum, p.Not(p.WrittenAs(v, e)), e)
	}
	if w == nil {
		return nil
	}
	if harmless := c.harmless(k, d, e); harmless != nil {
		return p.Limited(from, w, harmless, e)
	}
	return nil
}

// harmless are the objects of a candidate's message, as writers have it, that cannot show it; nil where that is not known.
func (c *comparison) harmless(k *candidate, d Direction, e schema.Encoding) *values.Shape {
	p, at := c.prover(), k.about
	writer, reader := at.oldField, at.newField
	if d == Forward {
		writer, reader = reader, writer
	}
	_, r := d.sides(at.messages)
	switch {
	case k.Acceptance && reader != nil, writer == nil && reader != nil && k.rule.Shown != AnyEvent:
		return p.FieldAccepted(reader, e)
	case k.Acceptance && writer == nil && r != nil:
		return p.FromMessage(r, values.Reader, e)
	case writer == nil:
		return nil
	}
	switch k.rule.Shown {
	case Carried:
		return p.Not(p.Having(writer, e, false))
	case Written: // what is in a list or map is not where that is empty
		return p.Not(p.Having(writer, e, len(at.inside) == 0))
	case Absent:
		return p.Having(writer, e, false)
	}
	return nil
}

// rootsWith are the pairs of messages that judging began with, both of protobuf, of which what is written in a direction may
// have an element.
func (c *comparison) rootsWith(at *element, d Direction) [][2]*schema.Message {
	use := c.oldUse
	if d == Forward {
		use = c.newUse
	}
	var of []*schema.Message
	if w, _ := d.sides(at.messages); w != nil {
		of = append(of, w)
	} else if enum, _ := d.sidesOfEnum(at.enums); enum != nil {
		of = use.enumUsers[enum]
	}
	with := use.within(of)
	var out [][2]*schema.Message
	for _, r := range c.roots {
		w, _ := d.sides(r)
		if r[0] == nil || r[1] == nil || !with[w] {
			continue
		}
		if r[0].Language() != schema.Protobuf || r[1].Language() != schema.Protobuf {
			return nil
		}
		out = append(out, r)
	}
	return out
}

// sides returns a pair as writer and reader of a direction.
func (d Direction) sides(pair [2]*schema.Message) (writer, reader *schema.Message) {
	if d == Forward {
		return pair[1], pair[0]
	}
	return pair[0], pair[1]
}

func (d Direction) sidesOfEnum(pair [2]*schema.Enum) (writer, reader *schema.Enum) {
	if d == Forward {
		return pair[1], pair[0]
	}
	return pair[0], pair[1]
}
