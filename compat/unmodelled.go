package compat

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// What a JSON Schema says beside its model is judged at its place, beside the rules: the algebra is asked whether what
// one side writes may have, at the end of the trail, a value that these keywords of the other side refuse.

// demand is a part of a reader's JSON Schema that the rules know nothing of.
type demand struct {
	file     string
	pointer  string
	keywords []string       // those in question; nil for the whole schema
	held     []string       // beside the whole schema: keywords of it that are judged by rules
	union    *schema.Union  // in place of all these: that one of its messages is chosen
	filled   map[string]any // what readers fill in before they judge
	pos      schema.Position
}

// demands are what a message, or a type, demands that is not modelled.
func demands(u *schema.Unmodelled) []demand {
	switch {
	case u == nil || u.OnlyUnchecked():
		return nil
	case len(u.Parts) == 0:
		return []demand{{file: u.File.Path, pointer: u.Pointer, keywords: u.Keywords, held: u.Held, pos: u.Pos}}
	}
	var out []demand
	for _, p := range u.Parts {
		out = append(out, demands(p)...)
	}
	return out
}

// isOpaque says whether the model knows nothing of a type's values, so that no rule can judge them.
func isOpaque(t *schema.Type) bool {
	return t.Kind == schema.JSONValue && t.Constraints.Unmodelled != nil
}

// refusedByUnion are the objects that none of a union's messages is for.
func refusedByUnion(p *values.Prover, u *schema.Union) *values.Shape {
	var known []string
	for _, v := range u.Variants {
		known = append(known, v.Values...)
	}
	return p.And(p.OfKind(values.Object), p.Not(p.WithMember(u.Property, p.And(p.OfKind(values.String), p.Strings(known...)))))
}

// demandsOnType are those of a reader's type on what is written as another.
func demandsOnType(writer, reader *schema.Type) []demand {
	switch {
	case writer.Union != nil && reader.Union != nil && writer.Union.Property == reader.Union.Property:
		return []demand{{union: reader.Union, pos: reader.Union.Pos}} // its messages are judged each by itself
	case !isOpaque(writer) && !isOpaque(reader) && writer.Union == nil && reader.Union == nil:
		out := demands(reader.Constraints.Unmodelled)
		if reader.Key != nil && len(demands(reader.Key.Constraints.Unmodelled)) > 0 {
			out = append(out, demand{
				file: reader.Pos.File, pointer: reader.Pointer, keywords: []string{"propertyNames"}, pos: reader.Key.Constraints.Unmodelled.Pos,
			})
		}
		return out
	case reader.Proto != 0, reader.Kind == schema.JSONValue && !isOpaque(reader):
		return nil // nothing of JSON Schema, or anything
	case isOpaque(reader):
		return []demand{{file: reader.Pos.File, pointer: reader.Pointer, pos: reader.Constraints.Unmodelled.Pos}}
	}
	return []demand{{file: reader.Pos.File, pointer: reader.Pointer, pos: reader.Pos}}
}

// sameUnmodelled says whether two sides say the same, word for word, of what is not modelled.
func sameUnmodelled(a, b *schema.Unmodelled) bool {
	if a == nil || b == nil {
		return a == b
	}
	texts := a.Texts()
	if !slices.Equal(texts, b.Texts()) {
		return false
	}
	refers := slices.ContainsFunc(texts, func(k schema.KeywordText) bool {
		return strings.Contains(k.Keyword+k.JSON, "Ref") || strings.Contains(k.Keyword+k.JSON, "$ref")
	})
	return !refers || slices.EqualFunc(a.Files, b.Files, func(x, y *schema.File) bool { return bytes.Equal(x.Source, y.Source) })
}

// judgeDemands asks of each of the reader's demands whether all that is written fulfils it. Bad makes of the values that a
// demand refuses the events that have one of them where the trail ends.
func (c *Check) judgeDemands(breaks Direction, all []demand, bad func(refused *values.Shape) *values.Shape) {
	for _, d := range all {
		got, err := c.cmp.askDemand(c.at, breaks, d, bad)
		if err != nil {
			c.cmp.fail(err)
			return
		}
		c.cmp.reportDemand(c.rule, c.at, d, got, breaks)
	}
}

// refused are the values that a demand refuses, of those that the rules find nothing wrong with.
func (c *comparison) refused(set *schema.Set, d demand) (*values.Shape, error) {
	p := c.prover()
	if d.union != nil {
		return refusedByUnion(p, d.union), nil
	}
	part := func(keywords []string) (*values.Shape, error) {
		shape, err := c.algebra.part(set, d.file, d.pointer, keywords, values.Reader)
		if unread, ok := errors.AsType[*values.SchemaError](err); ok {
			return c.algebra.unread(set, d.file, d.pointer+" "+strings.Join(keywords, " "), unread), nil
		}
		return shape, err
	}
	read, err := part(d.keywords)
	refused := p.Not(read)
	if err == nil && len(d.held) > 0 {
		var held *values.Shape
		held, err = part(d.held)
		refused = p.And(held, refused)
	}
	return p.Filled(refused, d.filled), err
}

// askDemand looks for an event of the writer in which a value, where the trail ends, is refused by the reader's demand.
func (c *comparison) askDemand(at *element, breaks Direction, d demand, bad func(*values.Shape) *values.Shape) (answer, error) {
	writer, reader, w := c.old, c.new, at.trail.Old
	if breaks == Forward {
		writer, reader, w = c.new, c.old, at.trail.New
	}
	refused, err := c.refused(reader, d)
	if err != nil {
		return answer{}, err
	}
	written, err := c.written(writer, w)
	if err != nil {
		return answer{}, err
	}
	p := c.prover()
	out := answer{Answer: p.Includes(p.And(written, bad(refused)), p.Never())}
	event, ok := out.Member.(map[string]any)
	if !out.HasMember || !ok {
		return out, nil
	}
	out.witness, _ = c.witnesses.Rejection(at.trail.About(d.keywords...), breaks == Backward, event)
	switch {
	case out.witness != nil:
		out.Inclusion = values.NotIncluded
	case out.Inclusion == values.NotIncluded:
		out.Inclusion, out.Why = values.Unknown, "an event that was found is taken"
	}
	return out, nil
}

// written are the JSON events that writers of a message write.
func (c *comparison) written(set *schema.Set, m *schema.Message) (*values.Shape, error) {
	if m.Language() == schema.Protobuf {
		return c.algebra.message(set, m, values.Writer, schema.EncodingJSON)
	}
	out, err := c.source(set, m.File, m.Pointer, values.TypedWriter)
	if err != nil || !bytes.Contains(m.File.Source, []byte(`"default"`)) {
		return out, err
	}
	// A writer fills in, too, before it validates.
	own, err := c.source(set, m.File, m.Pointer, values.Reader)
	return c.prover().And(out, c.prover().Filled(own, defaultsOf(m))), err
}

// reportDemand reports that readers refuse, or may, what is written: by which keywords, and where.
func (c *comparison) reportDemand(r *Rule, at *element, d demand, got answer, breaks Direction) {
	noun := "schema"
	if len(d.keywords) > 0 {
		noun = strings.Join(d.keywords, ", ")
	}
	if breaks == Forward {
		d.pos = schema.Position{} // it is in the old files
	}
	c.reportAnswerAt(r, at, d.pos, got, noun, breaks)
}

// judgeMessageDemands judges what a message demands beside its fields.
func (c *Check) judgeMessageDemands(old, new *schema.Message) {
	if old == nil || new == nil || c.at.trail.Old == nil {
		return
	}
	p := c.cmp.prover()
	for _, breaks := range []Direction{Backward, Forward} {
		writer, reader := old, new
		if breaks == Forward {
			writer, reader = new, old
		}
		path := c.at.trail.Fields(breaks == Backward)
		if !sameUnmodelled(old.Unmodelled, new.Unmodelled) {
			all := demands(reader.Unmodelled)
			for i := range all {
				all[i].filled = defaultsOf(reader)
			}
			c.judgeDemands(breaks, all, func(refused *values.Shape) *values.Shape { return p.AtPath(path, refused) })
		}
		c.judgeDemands(breaks, demandsOnUndeclared(writer, reader), func(refused *values.Shape) *values.Shape {
			return p.AtPath(path, p.And(p.OfKind(values.Object), p.Not(p.Members(p.Except(p.Exactly(namesJudged(writer, reader)...)), p.Not(refused)))))
		})
	}
}

// defaultsOf are the values that readers of a message fill in for what is absent.
func defaultsOf(m *schema.Message) map[string]any {
	out := map[string]any{}
	for _, f := range m.Fields {
		if v, ok := witness.DefaultOf(f); ok {
			out[f.JSONName] = v
		}
	}
	return out
}

// demandsOnUndeclared are those on what a writer may write beside the fields, where readers say as well what that must be.
func demandsOnUndeclared(writer, reader *schema.Message) []demand {
	w, r := writer.Undeclared, reader.Undeclared
	if w == nil || r == nil || r.Kind == schema.JSONValue && !isOpaque(r) || !isOpaque(w) && !isOpaque(r) && readsJSON(w, r) != readsAll {
		return nil // MESSAGE_CLOSED judges the types
	}
	return []demand{{file: r.Pos.File, pointer: r.Pointer, pos: r.Pos}}
}

// namesJudged are the properties of which other rules say whether a reader takes them.
func namesJudged(writer, reader *schema.Message) []string {
	var out []string
	for _, f := range reader.Fields {
		out = append(out, f.JSONName)
	}
	for _, f := range writer.Fields {
		if reader.Undeclared == nil || !isOpaque(reader.Undeclared) && !isOpaque(f.Type) {
			out = append(out, f.JSONName) // FIELD_ADDED_TO_CLOSED and FIELD_REMOVED
		}
	}
	return out
}

// judgeTypeDemands judges what a type demands beside its constraints.
func (c *Check) judgeTypeDemands(old, new *schema.Type) {
	if c.at.isKey || c.at.trail.Old == nil || old.Union == nil && new.Union == nil && sameTypeUnmodelled(old, new) {
		return
	}
	for _, breaks := range []Direction{Backward, Forward} {
		writer, reader := old, new
		if breaks == Forward {
			writer, reader = new, old
		}
		c.judgeDemands(breaks, demandsOnType(writer, reader), func(refused *values.Shape) *values.Shape {
			return c.cmp.atType(c.at, breaks == Backward, refused)
		})
	}
}

func sameTypeUnmodelled(old, new *schema.Type) bool {
	if !sameUnmodelled(old.Constraints.Unmodelled, new.Constraints.Unmodelled) {
		return false
	}
	return old.Key == nil || new.Key == nil || sameUnmodelled(old.Key.Constraints.Unmodelled, new.Key.Constraints.Unmodelled)
}

// atType is every event that has a value of a shape where the trail of a type ends: in the field, or in the lists and maps
// that it holds.
func (c *comparison) atType(at *element, backward bool, end *values.Shape) *values.Shape {
	p := c.prover()
	path := at.trail.Fields(backward)
	field := path[len(path)-1]
	if len(at.inside) == 0 && at.oldField != nil && at.newField != nil && at.oldField.Nullable != at.newField.Nullable {
		end = p.And(end, p.OfKind(values.AnyKind&^values.Null)) // FIELD_NULLABILITY_CHANGED speaks of null
	}
	end = p.And(p.OfKind(values.Object), p.WithMember(field.JSONName, c.within(at.inside, end)))
	return p.AtPath(path[:len(path)-1], end)
}
