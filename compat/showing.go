package compat

import (
	"slices"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// A candidate that simple events do not show is asked of the algebra: whether a root's events, as whole ones, may have what
// shows it. There are none, and it is no break; here is one, and both sides are run; or it cannot be told.

// broken returns the encodings in which events may show a candidate in a direction: none of those left out has any. An event
// that was found and that readers do not take as it is becomes the witness.
func (c *comparison) broken(k *candidate, d Direction) []schema.Encoding {
	var out []schema.Encoding
	for _, e := range k.Encodings {
		if !c.nothingShows(k, d, e) {
			out = append(out, e)
		}
	}
	return out
}

// nothingShows says that there is no event that shows a candidate in an encoding.
func (c *comparison) nothingShows(k *candidate, d Direction, e schema.Encoding) bool {
	undeclared := k.how() == Undeclared
	if k.Acceptance && !undeclared && c.accepted(k.about, d, e) {
		return true
	}
	roots := c.rootsWith(k.about)
	shape := c.showing(k, d, e)
	if c.places.elsewhere[k.about.standsIn()] {
		shape = nil
	}
	if len(roots) == 0 || !k.Acceptance && (shape == nil || c.isUndeclared(k.about)) {
		return false // what is rejected where nothing is declared, DOCUMENT_NOT_READ says
	}
	all := true
	for _, root := range roots {
		written, read, err := c.wholeEvents(root, d, e)
		if err != nil {
			return false // told where sources are compared
		}
		if undeclared {
			if written, err = c.kept(root, d); err != nil {
				return false
			}
		}
		if shape != nil {
			written = c.prover().And(written, c.having(root, k.about, shape, d, e))
		}
		if all = c.noneOf(k, d, e, root, written, read, shape != nil) && all; k.shown[d] != nil {
			return false
		}
	}
	return all
}

// maxShown limits the events that are run of those that may show a candidate, in a root.
const maxShown = 4

// noneOf says that there are no events among those of a root's writers that may show a candidate, or, where that is that readers
// reject them, that readers take all. Some are run until one shows it; has says that each has what does.
func (c *comparison) noneOf(k *candidate, d Direction, e schema.Encoding, root [2]*schema.Message, written, read *values.Shape, has bool) bool {
	p := c.prover()
	if k.Taken {
		written = p.And(written, read)
	}
	answer := p.Includes(written, p.Never())
	if answer.Inclusion == values.Included || k.Acceptance && p.Includes(written, read).Inclusion == values.Included {
		return true
	}
	if c.opts.NoWitness {
		return false
	}
	// What readers accept shows best what becomes of it, and what they do not that they reject it.
	first := p.And(written, read)
	if k.Acceptance {
		first = p.And(written, p.Not(read))
	}
	for _, of := range []*values.Shape{first, written} {
		for range maxShown {
			member, found := p.Find(of)
			event, ok := member.(map[string]any)
			if !found || !ok {
				break
			}
			if c.showEvent(k, d, root, event, e, has); k.shown[d] != nil {
				return false
			}
			of = p.And(of, p.Not(p.Value(member)))
		}
	}
	return false
}

// wholeEvents are what writers of a root write in an encoding, and what its readers take.
func (c *comparison) wholeEvents(root [2]*schema.Message, d Direction, e schema.Encoding) (written, read *values.Shape, err error) {
	w, r := d.sides(root)
	writer, reader := c.old, c.new
	if d == Forward {
		writer, reader = reader, writer
	}
	if w.Language() == schema.JSONSchema && r.Language() == schema.JSONSchema {
		return c.exchanged(writer, reader, schemaOf(w), schemaOf(r))
	}
	if written, err = c.algebra.message(writer, w, values.Writer, e); err != nil {
		return nil, nil, err
	}
	read, err = c.algebra.message(reader, r, values.Reader, e)
	return written, read, err
}

// kept are the events of a root of JSON Schema that its writers may pass on: with members that they do not declare.
func (c *comparison) kept(root [2]*schema.Message, d Direction) (*values.Shape, error) {
	w, _ := d.sides(root)
	set := c.old
	if d == Forward {
		set = c.new
	}
	all, err := c.source(set, w.File, w.Pointer, values.Reader)
	if err != nil {
		return nil, err
	}
	return c.prover().Filled(all, defaultsOf(w)), nil
}

// showEvent makes a witness of an event of a root that readers do not take as it is. One that has what shows the candidate they
// may refuse for what else is in it, too.
func (c *comparison) showEvent(k *candidate, d Direction, root [2]*schema.Message, event map[string]any, e schema.Encoding, has bool) {
	from, _ := d.sides(root)
	if e == schema.EncodingProtobuf {
		event = values.Event(from, event)
	}
	trail := k.about.trail
	var w *Witness
	if trail.Old == root[0] && trail.New == root[1] {
		w = c.witnesses.Shows(trail.About(k.Rejections...), d == Backward, event, e)
	}
	if w == nil && has {
		w, _ = c.witnesses.Exchange(root[0], root[1], d == Backward, event, e)
	}
	if w != nil && k.isShownBy(w) {
		k.shown[d] = w
	}
}

// showing are the objects of a candidate's message, or the values of its enum, that show it, as writers of a direction have
// them in an encoding; nil where that is not known.
func (c *comparison) showing(k *candidate, d Direction, e schema.Encoding) *values.Shape {
	p, at := c.prover(), k.about
	if at.enums != [2]*schema.Enum{} {
		v := at.values[0]
		if d == Forward {
			v = at.values[1]
		}
		if v == nil || v.Number == 0 && e == schema.EncodingProtobuf { // zero is written by leaving it out
			return nil
		}
		return p.WrittenAs(v, e)
	}
	w, r := d.sides(at.messages)
	if w == nil || r == nil || w.Language() != r.Language() {
		return nil
	}
	writer, reader := at.oldField, at.newField
	if d == Forward {
		writer, reader = reader, writer
	}
	s := evidence{c, k, e, w, r, writer, reader}
	if w.Language() == schema.Protobuf {
		return s.inProtobuf()
	}
	return s.inJSONSchema()
}

// evidence is a candidate, of which it is asked what shows it in an encoding, in a direction: the messages, and the fields, are the
// writer's and the reader's.
type evidence struct {
	c              *comparison
	k              *candidate
	e              schema.Encoding
	w, r           *schema.Message
	writer, reader *schema.Field
}

// how says what of events shows the candidate.
func (k *candidate) how() Shown {
	if k.Shown != AnyEvent {
		return k.Shown
	}
	return k.rule.Shown
}

// inProtobuf are objects of protobuf that show the candidate.
func (s evidence) inProtobuf() *values.Shape {
	p := s.c.prover()
	switch {
	case s.k.part != nil && s.k.part.message != nil:
		return p.Not(p.Ruled(s.k.part.message(s.r), s.e))
	case s.k.part != nil && s.reader != nil && s.k.part.of != nil:
		refused := p.Not(p.FieldAccepted(s.only(s.k.part), s.e))
		if !s.k.part.kind {
			refused = p.And(refused, p.FieldAccepted(s.only(none), s.e))
		}
		return refused
	case s.k.Acceptance && s.reader != nil, s.writer == nil && s.reader != nil && s.k.how() != AnyEvent:
		return p.Not(p.FieldAccepted(s.reader, s.e))
	case s.k.Acceptance && s.writer == nil:
		return p.Not(p.FromMessage(s.r, values.Reader, s.e))
	case s.writer == nil:
		return nil
	}
	switch s.k.how() {
	case Carried:
		return p.Having(s.writer, s.e, false)
	case Written: // what is in a list or map is not where that is empty
		return p.Having(s.writer, s.e, len(s.k.about.inside) == 0)
	case Absent:
		return p.Not(p.Having(s.writer, s.e, false))
	}
	return nil
}

// only is the reader's field with a part of what it demands.
func (s evidence) only(of *part) *schema.Field {
	out := *s.reader
	out.Required, out.JSONRequired = false, false
	out.Type = onlyType(s.reader.Type, s.k.about.inside, s.k.about.isKey, of)
	return &out
}

// inJSONSchema are objects of JSON Schema that show the candidate.
func (s evidence) inJSONSchema() *values.Shape {
	p := s.c.prover()
	switch {
	case s.k.how() == Undeclared:
		return s.undeclared()
	case s.writer == nil && s.reader != nil && s.k.how() != AnyEvent:
		return s.lacking(s.reader)
	case s.writer == nil:
		return nil
	case s.k.part != nil && s.reader != nil:
		return s.refusedPart()
	}
	switch s.k.how() {
	case Carried:
		return p.Having(s.writer, s.e, false)
	case Written:
		if s.k.about.ofField == nil {
			return s.with(p.Any())
		}
		return s.inType(p.OfKind(values.AnyKind&^values.Null), s.k.about.inside)
	case Absent:
		return s.lacking(s.writer)
	case Null:
		return s.with(p.OfKind(values.Null))
	}
	return nil
}

func (s evidence) with(is *values.Shape) *values.Shape {
	p := s.c.prover()
	return p.And(p.OfKind(values.Object), p.WithMember(s.writer.JSONName, is))
}

func (s evidence) lacking(f *schema.Field) *values.Shape {
	p := s.c.prover()
	return p.And(p.OfKind(values.Object), p.Not(p.WithMember(f.JSONName, p.Any())))
}

// inType are the objects that have a shape in the writer's field, in these lists and maps.
func (s evidence) inType(is *values.Shape, inside []schema.Kind) *values.Shape {
	return s.with(s.c.within(inside, is))
}

// refusedPart are the objects with a value that the constraints refuse which the candidate is about, or to which readers
// add one.
func (s evidence) refusedPart() *values.Shape {
	p, at, inside := s.c.prover(), s.k.about, s.k.about.inside
	t := s.reader.Type
	for range inside[:len(inside)-keyed(at)] {
		if t = t.Elem; t == nil {
			return nil
		}
	}
	if at.isKey {
		if t.Key == nil {
			return nil
		}
		only := onlyType(t, []schema.Kind{schema.Map}, true, s.k.part)
		return s.inType(p.And(p.OfKind(values.Object), p.Not(p.Keys(only.Key))), inside[:len(inside)-1])
	}
	kept := s.c.keeps(onlyType(t, nil, false, s.k.part))
	if kept == nil {
		return nil
	}
	refused := p.Not(kept)
	if any := s.c.keeps(onlyType(t, nil, false, none)); !s.k.part.kind {
		refused = p.And(refused, any)
	}
	if len(inside) == 0 && s.writer.Nullable {
		refused = p.And(refused, p.OfKind(values.AnyKind&^values.Null)) // FIELD_NULLABILITY_CHANGED speaks of null
	}
	out := s.inType(refused, inside)
	if v, ok := witness.DefaultOf(s.reader); ok && len(inside) == 0 {
		if in, sure := kept.Contains(v); !in || !sure {
			out = p.Or(out, s.lacking(s.reader))
		}
	}
	return out
}

// keyed is 1 for an element that is the keys of the last map that it is in.
func keyed(at *element) int {
	if at.isKey {
		return 1
	}
	return 0
}

// keeps are the values that keep to the constraints of a type of JSON Schema, and of scalars to their kind; nil where the model
// does not say it.
func (c *comparison) keeps(t *schema.Type) *values.Shape {
	p := c.prover()
	switch t.Kind {
	case schema.List, schema.Map:
		t.Elem = &schema.Type{Kind: schema.JSONValue}
		return p.Counted(t, t.Constraints, schema.EncodingJSON)
	case schema.MessageKind, schema.JSONObject:
		as := schema.Type{Kind: schema.Map, Elem: &schema.Type{Kind: schema.JSONValue}}
		return p.Counted(&as, t.Constraints, schema.EncodingJSON)
	}
	a, ok := p.FromType(t)
	if !ok {
		return nil
	}
	return a
}

// undeclared are the objects with a member that readers do not declare, and do not take as it is.
func (s evidence) undeclared() *values.Shape {
	p, names := s.c.prover(), make([]string, 0, len(s.r.Fields))
	for _, f := range s.r.Fields {
		names = append(names, f.JSONName)
	}
	taken := p.Never()
	if t := s.r.Undeclared; t != nil {
		if a, ok := p.FromType(t); ok {
			taken = a
		}
	}
	return p.And(p.OfKind(values.Object), p.Not(p.Members(p.Except(p.Exactly(names...)), taken)))
}

// within are the values that have one of a shape in lists and maps, the outermost first.
func (c *comparison) within(inside []schema.Kind, is *values.Shape) *values.Shape {
	p := c.prover()
	for _, kind := range slices.Backward(inside) {
		if kind == schema.List {
			is = p.And(p.OfKind(values.Array), p.AtLeast(1, 0, is))
		} else {
			is = p.And(p.OfKind(values.Object), p.Not(p.Members(p.Everything(), p.Not(is))))
		}
	}
	return is
}

// sides returns a pair as writer and reader of a direction.
func (d Direction) sides(pair [2]*schema.Message) (writer, reader *schema.Message) {
	if d == Forward {
		return pair[1], pair[0]
	}
	return pair[0], pair[1]
}
