package values

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// covered are the rules that schema.Constraints has members for, whatever they limit.
var covered = map[string]bool{
	"required": true, "min_len": true, "max_len": true, "len": true, "pattern": true, "min_items": true,
	"max_items": true, "unique": true, "min_pairs": true, "max_pairs": true, "defined_only": true,
	"ignore": true, "items": true, "keys": true, "values": true, "example": true,
}

// coveredValues are those that it has for scalars.
var coveredValues = map[string]bool{
	"const": true, "in": true, "not_in": true, "gt": true, "gte": true, "lt": true, "lte": true,
}

// limitless says whether a rule sets an infinite bound, for which constraints have no text.
func limitless(name string, v protoreflect.Value) bool {
	switch name {
	case "gt", "gte", "lt", "lte":
		p, ok := pointOf(v)
		return ok && p.at == nil
	}
	return false
}

// Rules returns a type's rules beyond the members of its constraints, by name: "string.prefix", "cel[id]".
func Rules(t *schema.Type) map[string]protoreflect.Value {
	out := map[string]protoreflect.Value{}
	if t.Constraints.Rules == nil {
		return out
	}
	plain := IsNumber(t.Kind) || t.Kind == schema.String || t.Kind == schema.EnumKind || t.Kind == schema.Bool || t.Kind == schema.Bytes
	var add func(prefix string, m protoreflect.Message)
	add = func(prefix string, m protoreflect.Message) {
		m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			name := string(fd.Name())
			switch {
			case covered[name] && t.Kind != schema.Bytes || covered[name] && name != "pattern":
			case plain && coveredValues[name] && !limitless(name, v):
			case fd.ContainingOneof() != nil && fd.ContainingOneof().Name() == "well_known" && t.Constraints.Format != "":
			case fd.Message() != nil && fd.ContainingOneof() != nil && fd.ContainingOneof().Name() == "type":
				add(name+".", v.Message())
			case name == "strict" && (v.Bool() || m.WhichOneof(m.Descriptor().Oneofs().ByName("well_known")) == nil): // as it is by itself
			case name == "cel":
				for i := range v.List().Len() {
					rule, fields := v.List().Get(i).Message(), fd.Message().Fields()
					id := rule.Get(fields.ByName("id")).String()
					out[fmt.Sprintf("cel[%s]", id)] = rule.Get(fields.ByName("expression"))
				}
			case name == "cel_expression":
				for i := range v.List().Len() {
					out[fmt.Sprintf("cel_expression[%s]", v.List().Get(i).String())] = v.List().Get(i)
				}
			default:
				out[prefix+name] = v
			}
			return true
		})
	}
	add("", t.Constraints.Rules.ProtoReflect())
	return out
}

// IsCEL says whether a rule of this name, of those that [Rules] returns, is an expression in CEL.
func IsCEL(name string) bool {
	return strings.HasPrefix(name, "cel[") || strings.HasPrefix(name, "cel_expression[")
}

// Free says that a type has no constraints at all, as most have.
func Free(t *schema.Type) bool {
	c := t.Constraints
	c.Pos = schema.Position{}
	return reflect.ValueOf(c).IsZero()
}

// ruleText tells a rule's values apart.
func ruleText(v protoreflect.Value) string {
	switch x := v.Interface().(type) {
	case protoreflect.Message:
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(x.Interface())
		return fmt.Sprintf("%x %v", text, err)
	case protoreflect.List:
		var out []string
		for i := range x.Len() {
			out = append(out, ruleText(x.Get(i)))
		}
		return fmt.Sprintf("%q", out)
	}
	return v.String()
}
