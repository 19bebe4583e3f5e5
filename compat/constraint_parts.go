package compat

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// part takes the constraints out of which a change is not: what is left refuses by itself what the change is about. The nil
// part is all of them.
type part struct {
	of func(schema.Constraints) schema.Constraints
	// kind says that the kind of a type has a say, too: what is no time is of another format.
	kind bool
	// message takes the rules out of a message that a change of such rules is not about.
	message func(*schema.Message) *schema.Message
}

// constraintPart keeps of constraints what keep sets, and the rules with one of these names beside.
func constraintPart(keep func(out, of *schema.Constraints), rules ...string) *part {
	return &part{of: func(of schema.Constraints) schema.Constraints {
		out := schema.Constraints{SkipZero: of.SkipZero, Rules: rulesNamed(of.Rules, rules)}
		if keep != nil {
			keep(&out, &of)
		}
		return out
	}}
}

// inKind is the part with what the kind of a type says of it.
func (p *part) inKind() *part {
	p.kind = true
	return p
}

// rulesNamed keeps the rules of protovalidate with one of some names, of a kind's own rules or those of any: where there are
// none of these, rules that say nothing.
func rulesNamed(of *validate.FieldRules, names []string) *validate.FieldRules {
	if of == nil {
		return nil
	}
	out := proto.Clone(of).(*validate.FieldRules)
	m := out.ProtoReflect()
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch in := fd.ContainingOneof(); {
		case in != nil && in.Name() == "type":
			rules := v.Message()
			rules.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
				if !slices.Contains(names, string(fd.Name())) {
					rules.Clear(fd)
				}
				return true
			})
		case fd.Name() == "cel":
			out.Cel = slices.DeleteFunc(out.Cel, func(r *validate.Rule) bool { return !slices.Contains(names, r.GetId()) })
		case fd.Name() == "cel_expression":
			out.CelExpression = slices.DeleteFunc(out.CelExpression, func(expr string) bool { return !slices.Contains(names, expr) })
		case fd.Name() != "ignore":
			m.Clear(fd)
		}
		return true
	})
	return out
}

// bounding are the rules that limit what has an order; they mean something together.
var bounding = []string{"gt", "gte", "lt", "lte"}

// rulePart is the part of a rule that constraints have no member for.
func rulePart(name string) *part {
	names := []string{ruleID(name)}
	switch {
	case slices.Contains(bounding, names[0]):
		names = bounding
	case name == knownRegex || name == looseRegex:
		names = []string{ruleID(knownRegex), ruleID(looseRegex)}
	}
	return constraintPart(func(out, of *schema.Constraints) {
		if name == "bytes.pattern" {
			out.Pattern = of.Pattern
		}
	}, names...)
}

// onlyType is a type of which only a part of the constraints is left, of what stands in these lists and maps: everything
// else takes anything.
func onlyType(t *schema.Type, inside []schema.Kind, isKey bool, p *part) *schema.Type {
	out := *t
	out.Constraints = schema.Constraints{}
	if out.Key != nil {
		key := *out.Key
		key.Constraints = schema.Constraints{}
		out.Key = &key
	}
	switch {
	case isKey && len(inside) == 1 && out.Key != nil:
		out.Key.Constraints, out.Elem = p.of(t.Key.Constraints), anything(t.Elem)
	case len(inside) == 0:
		out.Constraints, out.Elem = p.of(t.Constraints), anything(t.Elem)
	case t.Elem != nil:
		out.Elem = onlyType(t.Elem, inside[1:], isKey, p)
	}
	return &out
}

// anything is a type without its constraints, and without those of the messages in it.
func anything(t *schema.Type) *schema.Type {
	if t == nil {
		return nil
	}
	out := *t
	out.Constraints = schema.Constraints{Rules: &validate.FieldRules{Ignore: validate.Ignore_IGNORE_ALWAYS.Enum()}}
	return &out
}

// none is the part that nothing is left of.
var none = constraintPart(nil)
