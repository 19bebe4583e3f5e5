package golang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// validate writes the validation methods of a protobuf message: protovalidate's rules, in its order, with its ids and
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
		lines = append(lines, g.unshown(f, strconv.Quote(f.Name), field)...)
	}
	g.validateMethods(m, goName, lines)
	return nil
}

// validateMethods writes the methods around the checks.
func (g *file) validateMethods(m *schema.Message, goName string, lines []string) {
	violations := g.trestle("Violations")
	if len(lines) == 0 {
		g.p("// Validate returns nil: the schema has no rules for x.")
		g.p("func (x *%s) Validate() error { return nil }\n", goName)
		g.p("// ValidateFirst returns nil, as Validate does.")
		g.p("func (x *%s) ValidateFirst() error { return nil }\n", goName)
		g.p("// ValidateInto adds nothing: the schema has no rules for x.")
		g.p("func (x *%s) ValidateInto(*%s) {}\n", goName, violations)
		return
	}
	g.p("// Validate reports every rule that x breaks, in schema order, as a *trestle.ValidationError, or nil.")
	g.p("func (x *%s) Validate() error {", goName)
	g.p("var v %s", violations)
	g.p("x.ValidateInto(&v)")
	g.p("return v.Err(%s)", goString(m.FullName))
	g.p("}\n")
	g.p("// ValidateFirst is Validate that stops at the first rule that x breaks.")
	g.p("func (x *%s) ValidateFirst() error {", goName)
	g.p("v := %s()", g.trestle("FirstOnly"))
	g.p("x.ValidateInto(&v)")
	g.p("return v.Err(%s)", goString(m.FullName))
	g.p("}\n")
	g.p("// ValidateInto adds every rule that x breaks to v, in schema order, until v is full.")
	g.p("func (x *%s) ValidateInto(v *%s) {", goName, violations)
	if g.proto() {
		g.p("if x == nil {")
		g.p("x = new(%s)", goName)
		g.p("}")
	}
	g.p("%s", strings.Join(lines, "\n"))
	g.p("}\n")
}

// validateRefused writes validators that fail: the rules of the message are wrong.
func (g *file) validateRefused(m *schema.Message, goName string, wrong error) {
	g.validateMethods(m, goName, []string{"v.Fail(&" + g.trestle("RuleError") + "{Message: " + goString(wrong.Error()) + "})"})
}

// valueRule is what one value is checked for: a field's, an item's, a key's.
type valueRule struct {
	field *schema.Field
	typ   *schema.Type
	rules *validate.FieldRules // nil: none
	expr  string
	path  string // Go expression of the violation's path
	// at is where the rules stand in those of the field: "repeated.items."; forKey says that they are a map key's.
	at     string
	forKey bool
	// depth is how many lists and maps the value stands in.
	depth int
}

// finding is what a violation says.
type finding struct {
	rule string
	at   string // where the rule stands in the value's rules: "int64.gte"; empty where it has no place
	text string
	// found is a Go expression of the value found, rendered; empty for none.
	found string
}

// report is the expression that reports a violation; it is true when validation is to stop.
func (g *file) report(r valueRule, f finding) string {
	var b strings.Builder
	b.WriteString("v.Report(" + g.trestle("Violation") + "{")
	if r.path != `""` {
		b.WriteString("Path: " + r.path + ", ")
	}
	b.WriteString("Rule: " + goString(f.rule))
	if f.at != "" {
		b.WriteString(", RulePath: " + goString(r.at+f.at))
	}
	b.WriteString(", Message: " + goString(f.text))
	if f.found != "" && !r.sensitive() {
		b.WriteString(", Found: " + f.found)
	}
	if r.forKey {
		b.WriteString(", ForKey: true")
	}
	b.WriteString("})")
	return b.String()
}

func (r valueRule) sensitive() bool { return r.field != nil && r.field.Sensitive }

// always reports a violation where the code comes past.
func (g *file) always(r valueRule, f finding) string {
	return "if " + g.report(r, f) + " {\nreturn\n}"
}

// check reports a violation under a condition.
func (g *file) check(cond string, r valueRule, f finding) string {
	if strings.Contains(cond, "||") {
		cond = "(" + cond + ")"
	}
	return "if " + cond + " && " + g.report(r, f) + " {\nreturn\n}"
}

// shown is the Go expression that renders the value found.
func (g *file) shown(r valueRule) string {
	switch r.typ.Kind {
	case schema.String:
		return g.format("String") + "(" + r.expr + ")"
	case schema.Int32, schema.Int64:
		return g.format("Int") + "(" + r.expr + ")"
	case schema.Uint32, schema.Uint64:
		return g.format("Uint") + "(" + r.expr + ")"
	case schema.Float, schema.Double:
		return g.format("Float") + "(" + r.expr + ")"
	case schema.Bool:
		return g.format("Bool") + "(" + r.expr + ")"
	}
	return ""
}

// messageRules are the rules of the message itself: expressions and oneofs.
func (g *file) messageRules(m *schema.Message) ([]string, error) {
	var lines []string
	if len(m.Rules.GetCel())+len(m.Rules.GetCelExpression()) > 0 {
		if err := g.compiles(m, m.Proto, m.Pos); err != nil {
			return nil, err
		}
		check := "Message"
		if concealed(m) {
			check = "SensitiveMessage"
		}
		lines = append(lines, "if "+g.celvalidate(check)+"(v, x) {\nreturn\n}")
	}
	for _, rule := range m.Rules.GetOneof() {
		counted, err := g.messageOneof(m, rule)
		if err != nil {
			return nil, err
		}
		if len(lines) == 0 || len(m.Rules.GetCel())+len(m.Rules.GetCelExpression()) == 0 {
			lines = append(lines, counted) // else protovalidate counts, with the expressions
		}
	}
	for _, o := range m.Oneofs {
		if o.Required {
			r := valueRule{path: strconv.Quote(o.Name)}
			lines = append(lines, g.check(g.view(o.Fields[0]).holder+" == nil", r,
				finding{rule: "required", text: "exactly one field is required in oneof"}))
		}
	}
	return lines, nil
}

// messageOneof counts which of the fields are set.
func (g *file) messageOneof(m *schema.Message, rule *validate.MessageOneofRule) (string, error) {
	if len(rule.GetFields()) == 0 {
		return "", refuse(m.Pos, m.FullName, "message oneof names no field")
	}
	var counts []string
	seen := map[string]bool{}
	for _, name := range rule.GetFields() {
		i := slices.IndexFunc(m.Fields, func(f *schema.Field) bool { return f.Name == name })
		if i < 0 {
			return "", refuse(m.Pos, m.FullName, "message oneof names %q, which is not a field", name)
		}
		if seen[name] {
			return "", refuse(m.Pos, m.FullName, "message oneof names %q twice", name)
		}
		seen[name] = true
		v := g.view(m.Fields[i])
		if v.wrapper != "" {
			counts = append(counts, "if _, ok := "+v.holder+".(*"+v.wrapper+"); ok {\nset++\n}")
			continue
		}
		counts = append(counts, "if "+v.has+" {\nset++\n}")
	}
	names := strings.Join(rule.GetFields(), ", ")
	own := valueRule{path: `""`}
	text := "{\nset := 0\n" + strings.Join(counts, "\n") + "\n" +
		g.check("set > 1", own, finding{rule: "message.oneof", text: "only one of " + names + " can be set"})
	if rule.GetRequired() {
		text += "\n" + g.check("set == 0", own, finding{rule: "message.oneof", text: "one of " + names + " must be set"})
	}
	return text + "\n}", nil
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
	if err := fits(rules, v.Field, v.Proto, false); err != nil {
		return nil, err
	}
	var before []string
	if schema.HasExpressions(rules) {
		if err := g.compiles(m, v.Proto, v.Type.Constraints.Pos); err != nil {
			return nil, err
		}
		check := "Field"
		if v.Sensitive {
			check = "SensitiveField"
		}
		before = []string{"if " + g.celvalidate(check) + "(v, x, " + goString(v.Name) + ") {\nreturn\n}"}
		rules = besideExpressions(v.Type, rules)
	}
	r := valueRule{field: v.Field, typ: v.Type, rules: rules, expr: v.value, path: strconv.Quote(v.Name)}
	lines, err := g.valueRules(r)
	if err != nil {
		return nil, err
	}
	required := ""
	if rules.GetRequired() {
		required = g.always(r, finding{rule: "required", at: "required", text: "value is required"})
	}
	if v.wrapper != "" {
		return append(before, g.oneofMember(v, lines, required)...), nil
	}
	switch {
	case required != "" && len(lines) == 1 && strings.HasPrefix(lines[0], "if "):
		return []string{"if " + v.hasNot + " {\n" + required + "\n} else " + lines[0]}, nil
	case required != "" && len(lines) > 0:
		return []string{"if " + v.hasNot + " {\n" + required + "\n} else {\n" + strings.Join(lines, "\n") + "\n}"}, nil
	case required != "":
		return []string{"if " + v.hasNot + " {\n" + required + "\n}"}, nil
	case len(lines) == 0:
		return before, nil
	case v.Proto.HasPresence() || ignore == validate.Ignore_IGNORE_IF_ZERO_VALUE:
		return append(before, guarded("if "+v.has+" {", lines)...), nil
	default:
		return append(before, lines...), nil
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
			return []string{g.check(cond, r, finding{"bool.const", "bool.const", fmt.Sprintf("must equal %t", b.GetConst()), g.shown(r)})}, nil
		}
		return nil, nil
	case schema.EnumKind:
		return g.enumRules(r)
	case schema.Timestamp:
		return g.timestampRules(r), nil
	case schema.MessageKind:
		return g.recordRules(r)
	case schema.List:
		return g.listRules(r)
	case schema.Map:
		return g.mapRules(r)
	}
	return nil, nil
}

// recordRules are the rules of well-known types, and those of any other message's own.
func (g *file) recordRules(r valueRule) ([]string, error) {
	if kind, ok := wrappers[r.typ.Message.FullName]; ok {
		r.typ = &schema.Type{Kind: kind, Constraints: r.typ.Constraints}
		r.expr += ".GetValue()"
		return g.valueRules(r)
	}
	switch r.typ.Message.FullName {
	case "google.protobuf.Duration":
		return g.durationRules(r), nil
	case "google.protobuf.Any":
		return g.anyRules(r), nil
	case "google.protobuf.FieldMask":
		return g.maskRules(r), nil
	}
	if foreign(r.typ.Message) || !g.names.ruled(r.typ.Message) {
		return nil, nil
	}
	return []string{g.nested(r)}, nil
}

// nested validates a message inside another. Its path is made only when it is invalid.
func (g *file) nested(r valueRule) string {
	return "{\nfirst := v.Len()\n" + selector(r.expr) + ".ValidateInto(v)\nif v.Len() > first && v.Under(first, " + r.path +
		") {\nreturn\n}\n}"
}

// enumRules are const, in, not_in and defined_only.
func (g *file) enumRules(r valueRule) ([]string, error) {
	e := r.rules.GetEnum()
	name := g.format("String") + "(" + selector(r.expr) + ".JSONName())"
	number := g.format("Int") + "(" + r.expr + ")"
	if r.typ.Enum.Package == nil || !slices.Contains(g.set.Packages, r.typ.Enum.Package) || g.onlyValidators {
		name = number
	}
	var lines []string
	add := func(cond, rule, text, found string) {
		lines = append(lines, g.check(cond, r, finding{"enum." + rule, "enum." + rule, text, found}))
	}
	if e.HasConst() {
		add(fmt.Sprintf("%s != %d", r.expr, e.GetConst()), "const", fmt.Sprintf("must equal %d", e.GetConst()), name)
	}
	if in := e.GetIn(); len(in) > 0 {
		add(noneOf(r.expr, in, itoa), "in", "must be in list "+list(in, itoa), name)
	}
	if notIn := e.GetNotIn(); len(notIn) > 0 {
		add(oneOf(r.expr, notIn, itoa), "not_in", "must not be in list "+list(notIn, itoa), name)
	}
	if e.GetDefinedOnly() {
		add(undefined(r.expr, r.typ.Enum), "defined_only", "value must be one of the defined enum values", number)
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
	parts := literals(values, literal)
	if len(parts) > maxCompared {
		return "!" + switched(expr, parts)
	}
	for i, part := range parts {
		parts[i] = expr + " != " + part
	}
	return strings.Join(parts, " && ")
}

// oneOf is the condition that expr equals a value of the list.
func oneOf[T any](expr string, values []T, literal func(T) string) string {
	parts := literals(values, literal)
	if len(parts) > maxCompared {
		return switched(expr, parts)
	}
	for i, part := range parts {
		parts[i] = expr + " == " + part
	}
	return strings.Join(parts, " || ")
}

// maxCompared is how many values are compared one after the other. What compiles and formats Go takes a time for a chain of
// comparisons that grows with its square, and a switch over many values is a search.
const maxCompared = 64

// literals are the values as Go, each once.
func literals[T any](values []T, literal func(T) string) []string {
	parts, seen := make([]string, 0, len(values)), make(map[string]bool, len(values))
	for _, value := range values {
		if text := literal(value); !seen[text] {
			seen[text] = true
			parts = append(parts, text)
		}
	}
	return parts
}

// switched is oneOf by a switch.
func switched(expr string, parts []string) string {
	return "func() bool {\nswitch " + expr + " {\ncase " + strings.Join(parts, ",\n") + ":\nreturn true\n}\nreturn false\n}()"
}

// list renders values as protovalidate's messages do: [1, 2].
func list[T any](values []T, text func(T) string) string {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = text(value)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
