package compat

import (
	"bytes"
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Proving inclusion asks the algebra whether readers take all that is written of the messages that were judged, in the
// directions and encodings in which no candidate remains: what no rule knows of must not pass.
func (c *comparison) proveInclusion() {
	brokenJSON, brokenBinary := c.brokenMessages(schema.EncodingJSON), c.brokenMessages(schema.EncodingProtobuf)
	equal, sourcesDiffer := newEquality(), c.sourcesDiffer()
	seen := map[[2]*schema.Message]bool{}
	for _, r := range c.roots {
		old, new := r[0], r[1]
		if old == nil || new == nil || seen[r] {
			continue
		}
		seen[r] = true
		open := map[schema.Encoding]Direction{schema.EncodingJSON: (Backward | Forward) &^ (brokenJSON[old] | brokenJSON[new])}
		if old.HasBinary() && new.HasBinary() {
			open[schema.EncodingProtobuf] = (Backward | Forward) &^ (brokenBinary[old] | brokenBinary[new])
		}
		if open[schema.EncodingJSON]|open[schema.EncodingProtobuf] == 0 || !c.mayDiffer(equal, old, new, sourcesDiffer) ||
			c.travelsInOthers(r) {
			continue // what is part of others is asked about as that
		}
		at := messageElement(old, new)
		at.events = [2]*schema.Event{c.oldUse.events[old], c.newUse.events[new]}
		for _, d := range []Direction{Backward, Forward} {
			var encodings []schema.Encoding
			for _, e := range bothEncodings {
				if open[e]&d != 0 {
					encodings = append(encodings, e)
				}
			}
			if encodings != nil {
				c.proveMessage(at, encodings, d)
			}
		}
	}
}

// brokenMessages returns the directions in which a candidate remains, in an encoding, that is about a message or about
// one that it is made of.
func (c *comparison) brokenMessages(e schema.Encoding) map[*schema.Message]Direction {
	out := map[*schema.Message]Direction{}
	for _, use := range []*usage{c.oldUse, c.newUse} {
		var mark func(m *schema.Message, d Direction)
		mark = func(m *schema.Message, d Direction) {
			if m == nil || out[m]|d == out[m] {
				return
			}
			out[m] |= d
			for _, p := range use.parents[m] {
				mark(p, d)
			}
		}
		for _, k := range c.candidates {
			if !k.breaksData() || !slices.Contains(k.Encodings, e) {
				continue
			}
			for _, m := range k.about.messages {
				mark(m, k.Breaks)
			}
			for _, e := range k.about.enums {
				for _, m := range use.enumUsers[e] {
					mark(m, k.Breaks)
				}
			}
			for _, e := range k.about.events {
				mark(eventMessage(e), k.Breaks)
			}
		}
	}
	return out
}

// sourcesDiffer says whether any JSON Schema differs, as others may refer to it.
func (c *comparison) sourcesDiffer() bool {
	for _, p := range pairBy(jsonFiles(c.old), jsonFiles(c.new), func(f *schema.File) string { return f.Path }) {
		if p[0] == nil || p[1] == nil || !bytes.Equal(p[0].Source, p[1].Source) {
			return true
		}
	}
	return false
}

// mayDiffer says whether two messages may have other events.
func (c *comparison) mayDiffer(equal *equality, old, new *schema.Message, sourcesDiffer bool) bool {
	switch {
	case old.Language() == schema.Protobuf && new.Language() == schema.Protobuf:
		return !equal.messages(old, new)
	case old.Language() != new.Language():
		return true
	case !c.readByItself(old, c.oldUse) || !c.readByItself(new, c.newUse):
		return false
	}
	refers := bytes.Contains(old.File.Source, []byte(`.json`))
	return sourcesDiffer && (refers || !bytes.Equal(old.File.Source, new.File.Source))
}

// readByItself says whether a message of a JSON Schema is read by itself: what the file as a whole describes, and an event.
func (c *comparison) readByItself(m *schema.Message, use *usage) bool {
	return rootMessage(m.File) == m || use.events[m] != nil
}

// proveMessage reports events of one side that the other does not take in one of the encodings.
func (c *comparison) proveMessage(at *element, encodings []schema.Encoding, breaks Direction) {
	writer, reader, w, r := c.old, c.new, at.messages[0], at.messages[1]
	if breaks == Forward {
		writer, reader, w, r = reader, writer, r, w
	}
	if w.Language() == schema.JSONSchema && r.Language() == schema.JSONSchema {
		got, err := c.askSources(writer, reader, schemaOf(w), schemaOf(r), breaks)
		if err != nil {
			c.fail(err)
			return
		}
		c.reportAnswer(&documentNotRead, at, got, "schema", breaks)
		return
	}
	said := answer{Answer: values.Answer{Inclusion: values.Included}} // what is true of both encodings is said once
	for _, e := range encodings {
		got, err := c.askMessages(writer, reader, w, r, breaks, e)
		if err != nil {
			c.fail(err)
			return
		}
		switch got.Inclusion {
		case values.Included:
		case said.Inclusion:
			said.encodings = append(said.encodings, e)
		default:
			c.reportAnswer(&messageNotRead, at, said, "message", breaks)
			said = got
			said.encodings = []schema.Encoding{e}
		}
	}
	c.reportAnswer(&messageNotRead, at, said, "message", breaks)
}

// answer is that of the algebra, confirmed by running both sides where it is an event.
type answer struct {
	values.Answer
	witness   *Witness
	encodings []schema.Encoding // nil: those of the rule
}

// askMessages says whether readers of one message take what writers of another write in an encoding.
func (c *comparison) askMessages(writer, reader *schema.Set, w, r *schema.Message, breaks Direction, e schema.Encoding) (answer, error) {
	written, err := c.algebra.message(writer, w, values.Writer, e)
	if err != nil {
		return answer{}, err
	}
	read, err := c.algebra.message(reader, r, values.Reader, e)
	if err != nil {
		return answer{}, err
	}
	out := answer{Answer: c.prover().Includes(written, read)}
	event, ok := out.Member.(map[string]any)
	if !out.HasMember || !ok {
		return out, nil
	}
	if e == schema.EncodingProtobuf {
		event = values.Event(w, event)
	}
	old, new := w, r
	if breaks == Forward {
		old, new = r, w
	}
	out.witness, _ = c.witnesses.Exchange(old, new, breaks == Backward, event, e)
	switch {
	case out.witness != nil:
		out.Inclusion = values.NotIncluded
	case out.Inclusion == values.NotIncluded:
		out.Inclusion, out.Why = values.Unknown, "an event that was found is taken"
	}
	return out, nil
}

// reportAnswer reports that one side does not take the events of the other, or may not: what is the same for each of
// them is said by the noun, "schema" or "message".
func (c *comparison) reportAnswer(r *Rule, at *element, got answer, noun string, breaks Direction) {
	c.reportAnswerAt(r, at, schema.Position{}, got, noun, breaks)
}

// reportAnswerAt is reportAnswer for what stands at a place of its own.
func (c *comparison) reportAnswerAt(r *Rule, at *element, pos schema.Position, got answer, noun string, breaks Direction) {
	if got.Inclusion == values.Included {
		return
	}
	by, age := breaks.writer(), breaks.reader()
	p := Problem{Breaks: breaks, Encodings: got.encodings, Witness: got.witness, At: pos}
	switch got.Inclusion {
	case values.NotIncluded:
		p.Change = "the " + age + " " + noun + " does not accept everything that the " + by + " one writes"
		if got.witness != nil {
			p.Change += ", for " + got.witness.Detail
		}
	default:
		p.Unknown = true
		p.Change = "whether the " + age + " " + noun + " accepts everything that the " + by + " one writes could not be decided (unknown: " + got.Why + ")"
		p.Backward = "consumers of %s with the new schema may reject old events"
		p.Forward = "consumers of %s with the old schema may reject new events"
	}
	c.report(r, at, p)
}
