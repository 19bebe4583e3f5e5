package compat

import (
	"bytes"
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// hold asks the algebra about messages that the rules have judged, in the directions in which they found nothing that
// such an event could show: what no rule knows of must not pass.
func (c *comparison) hold(roots [][2]*schema.Message) {
	brokenJSON, brokenBinary := c.brokenMessages(schema.EncodingJSON), c.brokenMessages(schema.EncodingProtobuf)
	changed := c.filesChanged()
	seen := map[[2]*schema.Message]bool{}
	for _, r := range roots {
		old, new := r[0], r[1]
		if old == nil || new == nil || seen[r] {
			continue
		}
		seen[r] = true
		open := map[schema.Encoding]Direction{schema.EncodingJSON: (Backward | Forward) &^ (brokenJSON[old] | brokenJSON[new])}
		if old.HasBinary() && new.HasBinary() {
			open[schema.EncodingProtobuf] = (Backward | Forward) &^ (brokenBinary[old] | brokenBinary[new])
		}
		if open[schema.EncodingJSON]|open[schema.EncodingProtobuf] == 0 || !c.differ(old, new, changed) ||
			c.oldUse.inner(old) && c.newUse.inner(new) {
			continue // what is part of others is held as that
		}
		at := place{
			path: new.FullName, old: old.Pos, new: new.Pos, messages: r, events: [2]*schema.Event{c.oldUse.events[old], c.newUse.events[new]},
		}
		for _, d := range []Direction{Backward, Forward} {
			var encodings []schema.Encoding
			for _, e := range bothEncodings {
				if open[e]&d != 0 {
					encodings = append(encodings, e)
				}
			}
			if encodings != nil {
				c.holdReading(at, encodings, d)
			}
		}
	}
}

// brokenMessages returns the directions in which a rule found a message, or one that it is made of, broken in an
// encoding.
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
		for _, b := range c.broken {
			if !slices.Contains(b.encodings, e) {
				continue
			}
			for _, m := range b.messages {
				mark(m, b.breaks)
			}
			for _, e := range b.enums {
				for _, m := range use.enumUsers[e] {
					mark(m, b.breaks)
				}
			}
			for _, e := range b.events {
				mark(eventMessage(e), b.breaks)
			}
		}
	}
	return out
}

// broken is a break, and where it was found.
type broken struct {
	breaks    Direction
	encodings []schema.Encoding
	messages  [2]*schema.Message
	enums     [2]*schema.Enum
	events    [2]*schema.Event
}

// filesChanged says whether any JSON Schema differs, as others may refer to it.
func (c *comparison) filesChanged() bool {
	for _, p := range pairBy(jsonFiles(c.old), jsonFiles(c.new), func(f *schema.File) string { return f.Path }) {
		if p[0] == nil || p[1] == nil || !bytes.Equal(p[0].Source, p[1].Source) {
			return true
		}
	}
	return false
}

// differ says whether two messages may have other events.
func (c *comparison) differ(old, new *schema.Message, filesChanged bool) bool {
	switch {
	case old.Language() == schema.Protobuf && new.Language() == schema.Protobuf:
		return !c.alike.messages(old, new)
	case old.Language() != new.Language():
		return true
	case !standsAlone(old) || !standsAlone(new):
		return false // nobody can read it by itself
	}
	refers := bytes.Contains(old.File.Source, []byte(`.json`))
	return filesChanged && (refers || !bytes.Equal(old.File.Source, new.File.Source))
}

// standsAlone says whether a message is what a JSON Schema describes as a whole.
func standsAlone(m *schema.Message) bool {
	return m.File != nil && !m.File.JudgedBySource && m.File.Root != nil && m.File.Root.Message == m
}

// holdReading reports events of one side that the other does not take in one of the encodings.
func (c *comparison) holdReading(at place, encodings []schema.Encoding, breaks Direction) {
	writer, reader, w, r := c.old, c.new, at.messages[0], at.messages[1]
	if breaks == Forward {
		writer, reader, w, r = reader, writer, r, w
	}
	if w.Language() == schema.JSONSchema && r.Language() == schema.JSONSchema {
		got, err := c.readDocument(writer, reader, w.File, r.File, breaks)
		if err != nil {
			c.fault(err)
			return
		}
		(&Check{c, &documentNotRead, at}).reportReading(got, "schema", breaks)
		return
	}
	said := reading{answer: values.Answer{Inclusion: values.Included}} // what is true of both encodings is said once
	for _, e := range encodings {
		got, err := c.readMessage(writer, reader, w, r, breaks, e)
		if err != nil {
			c.fault(err)
			return
		}
		switch got.answer.Inclusion {
		case values.Included:
		case said.answer.Inclusion:
			said.encodings = append(said.encodings, e)
		default:
			(&Check{c, &messageNotRead, at}).reportReading(said, "message", breaks)
			said = got
			said.encodings = []schema.Encoding{e}
		}
	}
	(&Check{c, &messageNotRead, at}).reportReading(said, "message", breaks)
}

// readMessage says whether readers of one message take what writers of another write in an encoding. What the algebra
// finds has to be confirmed by running both sides.
func (c *comparison) readMessage(writer, reader *schema.Set, w, r *schema.Message, breaks Direction, e schema.Encoding) (reading, error) {
	p := c.prover()
	written, err := c.lower(p, writer, w, values.Writer, e)
	if err != nil {
		return reading{}, err
	}
	read, err := c.lower(p, reader, r, values.Reader, e)
	if err != nil {
		return reading{}, err
	}
	out := reading{answer: p.Includes(written, read)}
	event, ok := out.answer.Member.(map[string]any)
	if !out.answer.HasMember || !ok {
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
		out.answer.Inclusion = values.NotIncluded
	case out.answer.Inclusion == values.NotIncluded:
		out.answer.Inclusion, out.answer.Why = values.Unknown, "an event that was found is taken"
	}
	return out, nil
}

// lower returns the shape of a message's events.
func (c *comparison) lower(p *values.Prover, set *schema.Set, m *schema.Message, role values.Role, e schema.Encoding) (*values.Shape, error) {
	if m.Language() == schema.Protobuf {
		return p.FromMessage(m, role, e), nil
	}
	return c.lowerDocument(p, set, m.File, role)
}

// acceptance says whether readers take all that is written: of the field at hand, of its message, or of the first event
// that it is a part of. Other events are held later, as nothing was found in them.
func (c *Check) acceptance(breaks Direction, e schema.Encoding) values.Inclusion {
	best := values.NotIncluded
	for _, m := range [][2]*schema.Message{c.at.messages, {c.at.trail.Old, c.at.trail.New}} {
		if m[0] == nil || m[1] == nil || m[0].Language() != schema.Protobuf || m[1].Language() != schema.Protobuf {
			continue
		}
		backward, forward := values.Included, values.Included
		if breaks&Backward != 0 {
			backward = c.takes(m[0], m[1], c.at.newField, e)
		}
		if breaks&Forward != 0 {
			forward = c.takes(m[1], m[0], c.at.oldField, e)
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

// takes says whether readers of a message take what writers of another write, or what these write in place of one of
// its fields.
func (c *Check) takes(w, r *schema.Message, field *schema.Field, e schema.Encoding) values.Inclusion {
	p := c.cmp.prover()
	read := p.FromMessage(r, values.Reader, e)
	if field != nil && field.Message == r {
		read = p.FieldAccepted(field, e)
	}
	return p.Includes(p.FromMessage(w, values.Writer, e), read).Inclusion
}

// shapes are what a finder of witnesses asks the algebra by.
type shapes struct{ c *comparison }

func (s shapes) Prover() *values.Prover { return s.c.prover() }

func (s shapes) Written(m *schema.Message) (*values.Shape, error) {
	set := s.c.old
	if slices.Contains(s.c.new.Packages, m.Package) {
		set = s.c.new
	}
	return s.c.lower(s.c.prover(), set, m, values.Writer, schema.EncodingJSON)
}
