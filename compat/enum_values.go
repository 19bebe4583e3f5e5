package compat

import (
	"slices"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// reportValue reports what becomes of an enum, or of a value of one. Where no field leads to it no event shows that, but
// what uses it elsewhere breaks.
func (c *Check) reportValue(p Problem) {
	if c.unused() {
		p.Policy = true
		p.Backward = "code and schemas elsewhere that use it break"
		p.Forward = p.Backward
	}
	c.Report(p)
}

// unused says whether no field leads to the enum at hand.
func (c *Check) unused() bool { return c.at.trail.Old == nil }

// unreadableIn returns the encodings in which readers do not know a value of the writer's enum by what the writer
// writes for it. The sides are 0 for old and 1 for new. In JSON it writes the first name of a number; in protobuf the number,
// which a reader keeps as it is unless its enum is closed.
func (c *Check) unreadableIn(v *schema.EnumValue, writer, reader int) []schema.Encoding {
	written, read := c.at.enums[writer], c.at.enums[reader]
	if !c.writable(v, writer) {
		return nil
	}
	var out []schema.Encoding
	if v.JSONName != "" && writtenAs(written, v) == v && !slices.ContainsFunc(read.Values, func(r *schema.EnumValue) bool { return r.JSONName == v.JSONName }) {
		out = append(out, schema.EncodingJSON)
	}
	if written.HasNumbers() && read.HasNumbers() && writtenAs(read, v) == nil && c.closed(reader) {
		out = append(out, schema.EncodingProtobuf)
	}
	return out
}

// writtenAs returns the value by whose name an enum writes a value's number, nil where it does not have the number.
func writtenAs(e *schema.Enum, v *schema.EnumValue) *schema.EnumValue {
	if !e.HasNumbers() {
		return v
	}
	for _, first := range e.Values {
		if first.Number == v.Number {
			return first
		}
	}
	return nil
}

// closed says whether a side's readers take only numbers that its enum declares, in one field at least.
func (c *Check) closed(side int) bool {
	return c.at.enums[side].Closed || c.anyType(side, func(t *schema.Type) bool { return t.Constraints.DefinedOnly })
}

// writable says whether a side's writers may write a value, in one field at least.
func (c *Check) writable(v *schema.EnumValue, side int) bool {
	name := enumText(v)
	return !c.used(side) || c.anyType(side, func(t *schema.Type) bool {
		in := values.Allowed(t)
		return (in == nil || slices.Contains(in, name)) && !slices.Contains(t.Constraints.NotIn, name)
	})
}

func (c *Check) used(side int) bool {
	return c.anyType(side, func(*schema.Type) bool { return true })
}

// anyType says whether some type of the side's fields that is its enum fulfils a condition.
func (c *Check) anyType(side int, fulfils func(t *schema.Type) bool) bool {
	use := c.cmp.oldUse
	if side == 1 {
		use = c.cmp.newUse
	}
	e := c.at.enums[side]
	return slices.ContainsFunc(use.enumUsers[e], func(m *schema.Message) bool {
		within := func(t *schema.Type) bool {
			for ; t != nil; t = t.Elem {
				if t.Enum == e && fulfils(t) {
					return true
				}
			}
			return false
		}
		return within(m.Undeclared) || slices.ContainsFunc(m.Fields, func(f *schema.Field) bool { return within(f.Type) })
	})
}

// enumText is how constraints name a value.
func enumText(v *schema.EnumValue) string {
	if v.JSONName == "" {
		return strconv.Itoa(int(v.Number))
	}
	return jsontree.Quote(v.JSONName)
}
