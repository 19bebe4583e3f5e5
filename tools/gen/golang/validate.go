package golang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// validate writes the Validate method of a protobuf message: protovalidate's rules, in its order, with its ids and
// words.
func (g *file) validate(m *schema.Message, goName string) error {
	lines, err := g.messageRules(m)
	if err != nil {
		return err
	}
	for _, f := range m.Fields {
		field, err := g.fieldRules(m, g.view(f))
		if err != nil {
			return err
		}
		lines = append(lines, field...)
	}
	g.validateMethod(m, goName, lines)
	return nil
}

// validateMethod writes the method around the checks.
func (g *file) validateMethod(m *schema.Message, goName string, lines []string) {
	if len(lines) == 0 {
		g.p("// Validate returns nil: the schema has no rules for x.")
		g.p("func (x *%s) Validate() error { return nil }\n", goName)
		return
	}
	g.p("// Validate reports every rule that x breaks, in schema order, as a *trestle.ValidationError, or nil.")
	g.p("func (x *%s) Validate() error {", goName)
	if g.proto() {
		g.p("if x == nil {")
		g.p("x = new(%s)", goName)
		g.p("}")
	}
	g.p("var v %s", g.trestle("Violations"))
	g.p("%s", strings.Join(lines, "\n"))
	g.p("return v.Err(%s)", goString(m.FullName))
	g.p("}\n")
}

// violation is a statement that adds one. path and found are Go expressions; found is nil for none.
func violation(path, rule, message, found string) string {
	return "v.Add(" + path + ", " + goString(rule) + ", " + goString(message) + ", " + found + ")"
}

// check is an if statement around a violation.
func check(cond, path, rule, message, found string) string {
	return "if " + cond + " {\n" + violation(path, rule, message, found) + "\n}"
}

// messageRules are the rules of the message itself: oneofs.
func (g *file) messageRules(m *schema.Message) ([]string, error) {
	if rules := m.Rules; rules != nil {
		if len(rules.GetCel())+len(rules.GetCelExpression()) > 0 || len(rules.ProtoReflect().GetUnknown()) > 0 {
			return nil, refuse(m.Pos, m.FullName, "a rule that is a CEL expression has no static validator: use standard rules")
		}
	}
	var lines []string
	for _, rule := range m.Rules.GetOneof() {
		var counts []string
		for _, name := range rule.GetFields() {
			i := slices.IndexFunc(m.Fields, func(f *schema.Field) bool { return f.Name == name })
			if i < 0 {
				return nil, refuse(m.Pos, m.FullName, "message oneof names %q, which is not a field", name)
			}
			v := g.view(m.Fields[i])
			if v.wrapper != "" {
				return nil, refuse(m.Pos, m.FullName, "message oneof names %q, which is in a protobuf oneof already", name)
			}
			counts = append(counts, "if "+v.has+" {\nset++\n}")
		}
		names := strings.Join(rule.GetFields(), ", ")
		lines = append(lines, "{\nset := 0\n"+strings.Join(counts, "\n"))
		second := "}"
		if rule.GetRequired() {
			second = "} else if set == 0 {\n" + violation(`""`, "message.oneof", "one of "+names+" must be set", "nil") + "\n}"
		}
		lines = append(lines, "if set > 1 {\n"+violation(`""`, "message.oneof", "only one of "+names+" can be set", "nil")+"\n"+second+"\n}")
	}
	for _, o := range m.Oneofs {
		if o.Required {
			holder := g.view(o.Fields[0]).holder
			lines = append(lines, check(holder+" == nil", strconv.Quote(o.Name), "required", "exactly one field is required in oneof", "nil"))
		}
	}
	return lines, nil
}

// fieldRules are the checks of one field.
func (g *file) fieldRules(m *schema.Message, v view) ([]string, error) {
	rules := v.Type.Constraints.Rules
	ignore := rules.GetIgnore()
	if !rules.HasIgnore() && inMessageOneof(m, v.Name) {
		ignore = validate.Ignore_IGNORE_IF_ZERO_VALUE
	}
	if ignore == validate.Ignore_IGNORE_ALWAYS {
		return nil, nil
	}
	if err := supported(rules, v.Field); err != nil {
		return nil, err
	}
	path := strconv.Quote(v.Name)
	lines, err := g.valueRules(valueRule{field: v.Field, typ: v.Type, rules: rules, expr: v.value, path: path})
	if err != nil {
		return nil, err
	}
	required := ""
	if rules.GetRequired() {
		required = violation(path, "required", "value is required", "nil")
	}
	if v.wrapper != "" {
		return g.oneofMember(v, lines, required), nil
	}
	explicit := v.Explicit || v.Type.Kind == schema.Record || v.Type.Kind == schema.Timestamp || v.Type.Kind == schema.JSONObject || v.Type.Kind == schema.JSONValue
	switch {
	case required != "" && len(lines) == 1 && strings.HasPrefix(lines[0], "if "):
		return []string{"if " + v.hasNot + " {\n" + required + "\n} else " + lines[0]}, nil
	case required != "" && len(lines) > 0:
		return []string{"if " + v.hasNot + " {\n" + required + "\n} else {\n" + strings.Join(lines, "\n") + "\n}"}, nil
	case required != "":
		return []string{"if " + v.hasNot + " {\n" + required + "\n}"}, nil
	case len(lines) == 0:
		return nil, nil
	case explicit || ignore == validate.Ignore_IGNORE_IF_ZERO_VALUE:
		return guarded("if "+v.has+" {", lines), nil
	default:
		return lines, nil
	}
}

// oneofMember checks a member of a protobuf oneof.
func (g *file) oneofMember(v view, lines []string, required string) []string {
	open := "if o, ok := " + v.holder + ".(*" + v.wrapper + "); ok {"
	switch {
	case len(lines) == 0 && required == "":
		return nil
	case len(lines) == 0:
		return []string{"if _, ok := " + v.holder + ".(*" + v.wrapper + "); !ok {\n" + required + "\n}"}
	case required == "":
		return guarded(open, lines)
	default:
		return []string{open + "\n" + strings.Join(lines, "\n") + "\n} else {\n" + required + "\n}"}
	}
}

func inMessageOneof(m *schema.Message, field string) bool {
	return slices.ContainsFunc(m.Rules.GetOneof(), func(r *validate.MessageOneofRule) bool {
		return slices.Contains(r.GetFields(), field)
	})
}

// valueRule is what one value is checked for: a field's, an item's, a key's.
type valueRule struct {
	field *schema.Field
	typ   *schema.Type
	rules *validate.FieldRules // nil: none
	expr  string
	path  string // Go expression of the violation's path
}

// found is the Go expression for what a violation shows.
func (r valueRule) found(expr string) string {
	if r.field.Sensitive {
		return "nil"
	}
	return expr
}

// valueRules are the checks of a value that is there.
func (g *file) valueRules(r valueRule) ([]string, error) {
	switch r.typ.Kind {
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.Float, schema.Double:
		return g.numberRules(r)
	case schema.String:
		return g.stringRules(r)
	case schema.Bytes:
		return g.bytesRules(r)
	case schema.Bool:
		if b := r.rules.GetBool(); b.HasConst() {
			cond := r.expr
			if b.GetConst() {
				cond = "!" + r.expr
			}
			return []string{check(cond, r.path, "bool.const", fmt.Sprintf("must equal %t", b.GetConst()), r.found(r.expr))}, nil
		}
		return nil, nil
	case schema.EnumKind:
		return g.enumRules(r)
	case schema.Record:
		if foreign(r.typ.Message) {
			return nil, nil
		}
		return []string{"v.Nested(" + r.path + ", " + r.expr + ".Validate())"}, nil
	case schema.List:
		return g.listRules(r)
	case schema.Map:
		return g.mapRules(r)
	}
	return nil, nil
}

// enumRules are const, in, not_in and defined_only.
func (g *file) enumRules(r valueRule) ([]string, error) {
	e := r.rules.GetEnum()
	name := selector(r.expr) + ".JSONName()"
	var lines []string
	if e.HasConst() {
		lines = append(lines, check(fmt.Sprintf("%s != %d", r.expr, e.GetConst()), r.path, "enum.const",
			fmt.Sprintf("must equal %d", e.GetConst()), r.found(name)))
	}
	if in := e.GetIn(); len(in) > 0 {
		lines = append(lines, check(noneOf(r.expr, in, itoa), r.path, "enum.in", "must be in list "+list(in, itoa), r.found(name)))
	}
	if notIn := e.GetNotIn(); len(notIn) > 0 {
		lines = append(lines, check(oneOf(r.expr, notIn, itoa), r.path, "enum.not_in", "must not be in list "+list(notIn, itoa), r.found(name)))
	}
	if e.GetDefinedOnly() {
		lines = append(lines, check(undefined(r.expr, r.typ.Enum), r.path, "enum.defined_only",
			"value must be one of the defined enum values", r.found("int32("+r.expr+")")))
	}
	return lines, nil
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// undefined is the condition that a number is none of the enum's.
func undefined(expr string, e *schema.Enum) string {
	var numbers []int32
	for _, v := range e.Values {
		numbers = append(numbers, v.Number)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	first, last := numbers[0], numbers[len(numbers)-1]
	if int(last-first) == len(numbers)-1 {
		return fmt.Sprintf("%s < %d || %s > %d", expr, first, expr, last)
	}
	return noneOf(expr, numbers, itoa)
}

// noneOf is the condition that expr equals no value of the list.
func noneOf[T any](expr string, values []T, literal func(T) string) string {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = expr + " != " + literal(value)
	}
	return strings.Join(parts, " && ")
}

// oneOf is the condition that expr equals a value of the list.
func oneOf[T any](expr string, values []T, literal func(T) string) string {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = expr + " == " + literal(value)
	}
	return strings.Join(parts, " || ")
}

// list renders values as protovalidate's messages do: [1, 2].
func list[T any](values []T, text func(T) string) string {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = text(value)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
