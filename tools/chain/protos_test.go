package chain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// protoDrawer draws the messages of one protobuf file.
type protoDrawer struct {
	*drawer
	syntax   string   // proto2, proto3, 2023
	messages []string // that fields may be of
	enums    []string
	out      strings.Builder
}

var (
	numberKinds = []string{
		"int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64", "float", "double",
	}
	scalarKinds = append([]string{"bool", "string", "string", "string", "string", "bytes", "bytes"}, numberKinds...)
	knownTypes  = []string{
		"Timestamp", "Timestamp", "Duration", "Duration", "FieldMask", "Any", "Struct", "Value", "ListValue", "Empty",
		"BoolValue", "StringValue", "BytesValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value", "FloatValue", "DoubleValue",
	}
)

// protoFile draws a file with an event in it, named as the drawer is.
func (d *drawer) protoFile(pkg string) string {
	p := &protoDrawer{drawer: d, syntax: pick(d, []string{"proto3", "proto3", "proto3", "2023", "2023", "proto2"})}
	if p.syntax == "2023" {
		p.out.WriteString("edition = \"2023\";\n")
	} else {
		fmt.Fprintf(&p.out, "syntax = %q;\n", p.syntax)
	}
	fmt.Fprintf(&p.out, "package %s;\n", pkg)
	for _, name := range []string{"any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"} {
		fmt.Fprintf(&p.out, "import \"google/protobuf/%s.proto\";\n", name)
	}
	p.out.WriteString("import \"buf/validate/validate.proto\";\nimport \"trestle/v1/options.proto\";\nimport \"trestle/v1/json.proto\";\n")
	p.enums = []string{"E" + d.name}
	inner := []string{}
	for i := range d.IntN(3) {
		inner = append(inner, "M"+d.name+"x"+strconv.Itoa(i))
	}
	for _, name := range inner {
		p.message(name, "")
		p.messages = append(p.messages, name)
	}
	p.messages = append(p.messages, d.name) // it may hold itself
	options := fmt.Sprintf("  option (trestle.v1.event) = { type: %q topic: %q role: ROLE_EVENT };\n", d.name, d.name)
	if turn := d.number / 2; turn%2 == 0 {
		p.focused(turn/2, options)
	} else {
		p.message(d.name, options)
	}
	p.enum()
	return p.out.String()
}

func (p *protoDrawer) enum() {
	prefix := strings.ToUpper(p.enums[0])
	fmt.Fprintf(&p.out, "enum %s {\n", p.enums[0])
	if p.syntax == "2023" && p.IntN(3) == 0 {
		p.out.WriteString("  option features.enum_type = CLOSED;\n")
	}
	zero := pick(p, []string{"UNSPECIFIED", "UNSPECIFIED", "NOTHING"}) // the last has a name in JSON
	fmt.Fprintf(&p.out, "  %s_%s = 0;\n  %s_ONE = 1;\n  %s_TWO = 2 [(trestle.v1.enum_value).json_name = \"two\"];\n  %s_NEG = -3;\n}\n", prefix, zero, prefix, prefix, prefix)
}

// message draws one message with at most eight fields.
func (p *protoDrawer) message(name, options string) {
	fmt.Fprintf(&p.out, "message %s {\n%s", name, options)
	var lines []string
	var scalars []string // of which message-level rules can speak
	number := 0
	field := func(inOneof bool) string {
		number++
		label := fmt.Sprintf("f%d", number)
		line, scalar := p.field(label, number, inOneof)
		if scalar {
			scalars = append(scalars, label)
		}
		return line
	}
	for range 1 + p.IntN(6) {
		lines = append(lines, field(false))
	}
	if p.IntN(3) == 0 {
		required := pick(p, []string{"", "    option (buf.validate.oneof).required = true;\n"})
		one := "  oneof choice {\n" + required
		for range 2 + p.IntN(2) {
			one += "  " + field(true)
		}
		lines = append(lines, one+"  }\n")
	}
	if p.IntN(3) == 0 && len(scalars) > 1 {
		p.messageRules(scalars)
	}
	p.out.WriteString(strings.Join(lines, "") + "}\n")
}

// standardRules are the rules of protovalidate that are for one type of values each.
var standardRules = func() (all []protoreflect.FieldDescriptor) {
	types := (&validate.FieldRules{}).ProtoReflect().Descriptor().Oneofs().ByName("type").Fields()
	for i := range types.Len() {
		rules := types.Get(i).Message().Fields()
		for j := range rules.Len() {
			if !slices.Contains([]protoreflect.Name{"example", "strict", "items", "keys", "values"}, rules.Get(j).Name()) {
				all = append(all, rules.Get(j))
			}
		}
	}
	return all
}()

// focused draws a message of fields that have one rule each, all rules in turn: values on both sides of each are found.
func (p *protoDrawer) focused(turn int, options string) {
	const fields = 4
	fmt.Fprintf(&p.out, "message %s {\n%s", p.name, options)
	for i := range fields {
		rule := standardRules[(turn*fields+i)%len(standardRules)]
		rules := &validate.FieldRules{}
		types := rules.ProtoReflect().Descriptor().Oneofs().ByName("type").Fields()
		for j := range types.Len() {
			if types.Get(j).Message() == rule.Parent() {
				p.setRule(rules.ProtoReflect().Mutable(types.Get(j)).Message(), rule)
				typ := p.typeOfRules(types.Get(j).Name())
				label, _ := p.presence(typ, strings.Contains(typ, "repeated ") || strings.HasPrefix(typ, "map<"), new([]string))
				fmt.Fprintf(&p.out, "  %s%s f%d = %d [(buf.validate.field) = {%s}];\n", label, typ, i+1, i+1, rulesText(rules))
			}
		}
	}
	p.out.WriteString("}\n")
}

// typeOfRules is a type that rules are for, which are named as a member of buf.validate.FieldRules is.
func (p *protoDrawer) typeOfRules(name protoreflect.Name) string {
	switch name {
	case "repeated":
		return "repeated " + pick(p, scalarKinds)
	case "map":
		return "map<string, " + pick(p, scalarKinds) + ">"
	case "enum":
		return p.enums[0]
	}
	for typ, other := range ruleNames {
		if other == name && !strings.HasSuffix(typ, "Value") {
			return typ
		}
	}
	return string(name)
}

// messageRules draws rules of a message: a condition between two numbers, or fields of which one at most is set.
func (p *protoDrawer) messageRules(scalars []string) {
	if p.IntN(2) == 0 {
		fmt.Fprintf(&p.out, "  option (buf.validate.message).oneof = { fields: %q fields: %q required: %t };\n", scalars[0], scalars[1], p.IntN(2) == 0)
		return
	}
	fmt.Fprintf(&p.out, "  option (buf.validate.message).cel = { id: \"%s.both\" message: \"not both\" expression: \"!(has(this.%s) && has(this.%s))\" };\n",
		p.name, scalars[0], scalars[1])
}

// field draws a field; scalar says that it is one number or text, without a default.
func (p *protoDrawer) field(name string, number int, inOneof bool) (line string, scalar bool) {
	n := p.IntN(20)
	options := []string{}
	rules := &validate.FieldRules{}
	var typ string
	switch {
	case n < 2 && !inOneof:
		typ = p.mapType(rules)
	case n < 5 && !inOneof:
		item := p.itemType()
		typ = "repeated " + item
		r := &validate.RepeatedRules{}
		p.someRules(r.ProtoReflect(), unlisted(item)...)
		if p.IntN(2) == 0 {
			r.Items = &validate.FieldRules{}
			p.rules(item, r.Items)
		}
		rules.Type = &validate.FieldRules_Repeated{Repeated: r}
		if p.IntN(2) == 0 {
			rules = &validate.FieldRules{}
		}
	case n < 7:
		typ = "google.protobuf." + pick(p, knownTypes)
		p.rules(typ, rules)
	case n < 9 && len(p.messages) > 0:
		typ = pick(p, p.messages)
	case n < 11:
		typ = p.enums[0]
		p.rules(typ, rules)
	case n == 11:
		typ = "trestle.v1.JsonObject"
	default:
		typ = pick(p, scalarKinds)
		scalar = true
		p.rules(typ, rules)
	}
	repeated := strings.HasPrefix(typ, "repeated ") || strings.HasPrefix(typ, "map<")
	label, implicit := p.presence(typ, repeated || inOneof, &options)
	if p.IntN(8) == 0 {
		rules.Required = new(true)
	}
	switch p.IntN(12) {
	case 0:
		rules.Ignore = validate.Ignore_IGNORE_IF_ZERO_VALUE.Enum()
	case 1:
		if p.IntN(3) == 0 {
			rules.Ignore = validate.Ignore_IGNORE_ALWAYS.Enum()
		}
	case 2:
		if expression := p.expression(typ); expression != "" {
			if p.IntN(2) == 0 {
				rules.CelExpression = append(rules.CelExpression, expression)
			} else {
				rules.Cel = append(rules.Cel, &validate.Rule{Id: new("a.b"), Message: new("wrong"), Expression: new(expression)})
			}
		}
	case 3:
		if text := p.defaultOf(typ); text != "" && !inOneof && (implicit || label != "required ") {
			options = append(options, fmt.Sprintf("(trestle.v1.field).default = %q", text))
			scalar = false
		}
	case 4:
		if !inOneof {
			options = append(options, "(trestle.v1.field).json_required = true")
		}
	}
	if text := rulesText(rules); text != "" {
		options = append(options, "(buf.validate.field) = {"+text+"}")
	}
	suffix := ""
	if len(options) > 0 {
		suffix = " [" + strings.Join(options, ", ") + "]"
	}
	return fmt.Sprintf("  %s%s %s = %d%s;\n", label, typ, name, number, suffix), scalar
}

// unlisted are the rules of lists that are not drawn for one of such items: others than scalars are not told apart.
func unlisted(item string) []protoreflect.Name {
	if slices.Contains(scalarKinds, item) || strings.HasPrefix(item, "E") {
		return []protoreflect.Name{"items"}
	}
	return []protoreflect.Name{"items", "unique"}
}

// presence draws whether zero and absent differ.
func (p *protoDrawer) presence(typ string, none bool, options *[]string) (label string, implicit bool) {
	known := strings.Contains(typ, ".") || slices.Contains(p.messages, typ)
	switch {
	case none:
	case p.syntax == "proto2":
		if p.IntN(5) == 0 && !slices.Contains(p.messages, typ) {
			return "required ", false
		}
		return "optional ", false
	case p.syntax == "proto3":
		if p.IntN(3) == 0 {
			return "optional ", false
		}
		return "", true
	case !known && typ != p.enums[0] && p.IntN(3) == 0:
		*options = append(*options, "features.field_presence = IMPLICIT")
		return "", true
	case !slices.Contains(p.messages, typ) && p.IntN(6) == 0:
		*options = append(*options, "features.field_presence = LEGACY_REQUIRED")
	}
	return "", false
}

func (p *protoDrawer) itemType() string {
	switch p.IntN(6) {
	case 0:
		return "google.protobuf." + pick(p, knownTypes)
	case 1:
		if len(p.messages) > 0 {
			return pick(p, p.messages)
		}
	case 2:
		return p.enums[0]
	}
	return pick(p, scalarKinds)
}

func (p *protoDrawer) mapType(rules *validate.FieldRules) string {
	key := pick(p, append([]string{"string", "string", "bool"}, numberKinds[:10]...))
	value := p.itemType()
	if p.IntN(2) == 0 {
		r := &validate.MapRules{}
		p.someRules(r.ProtoReflect(), "keys", "values")
		if p.IntN(2) == 0 {
			r.Keys = &validate.FieldRules{}
			p.rules(key, r.Keys)
		}
		if p.IntN(2) == 0 {
			r.Values = &validate.FieldRules{}
			p.rules(value, r.Values)
		}
		rules.Type = &validate.FieldRules_Map{Map: r}
	}
	return "map<" + key + ", " + value + ">"
}

// ruleNames are the members of buf.validate.FieldRules that types of protobuf's own have.
var ruleNames = map[string]protoreflect.Name{
	"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration", "google.protobuf.Any": "any",
	"google.protobuf.FieldMask": "field_mask", "google.protobuf.BoolValue": "bool", "google.protobuf.StringValue": "string",
	"google.protobuf.BytesValue": "bytes", "google.protobuf.Int32Value": "int32", "google.protobuf.Int64Value": "int64",
	"google.protobuf.UInt32Value": "uint32", "google.protobuf.UInt64Value": "uint64", "google.protobuf.FloatValue": "float",
	"google.protobuf.DoubleValue": "double",
}

// rules draws what protovalidate says of a type: any of the rules that it has.
func (p *protoDrawer) rules(typ string, rules *validate.FieldRules) {
	if p.IntN(5) == 0 {
		return
	}
	name := protoreflect.Name(typ)
	switch {
	case ruleNames[typ] != "":
		name = ruleNames[typ]
	case typ == p.enums[0]:
		name = "enum"
	}
	m := rules.ProtoReflect()
	fd := m.Descriptor().Fields().ByName(name)
	if fd == nil || fd.Message() == nil {
		return
	}
	p.someRules(m.Mutable(fd).Message())
}

// someRules draws one to three rules of a type.
func (p *protoDrawer) someRules(m protoreflect.Message, but ...protoreflect.Name) {
	fields := m.Descriptor().Fields()
	for range 1 + p.IntN(8)/5 + p.IntN(8)/6 {
		fd := fields.Get(p.IntN(fields.Len()))
		if fd.Name() != "example" && fd.Name() != "strict" && !slices.Contains(but, fd.Name()) {
			p.setRule(m, fd)
		}
	}
}

// setRule draws what a rule says.
func (p *protoDrawer) setRule(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
	switch {
	case fd.Name() == "well_known_regex":
		m.Set(fd, protoreflect.ValueOfEnum(protoreflect.EnumNumber(1+p.IntN(2))))
		if p.IntN(2) == 0 {
			m.Set(m.Descriptor().Fields().ByName("strict"), protoreflect.ValueOfBool(false))
		}
	case fd.IsList():
		list, n := m.Mutable(fd).List(), 1+p.IntN(3)
		if fd.Name() == "not_in" {
			n += 2 // few values break it
		}
		for range n {
			list.Append(p.ruleValue(fd))
		}
	default:
		m.Set(fd, p.ruleValue(fd))
	}
}

var (
	ruleTexts   = []string{"a", "ab", "b", "é", "a b", "1", "A"}
	ruleFloats  = []float64{0, 1, -1, 0.5, 10, 1e6, 0.1, -2.25}
	ruleNumbers = []int64{0, 1, 2, 3, 5, 10, 100}
)

// ruleValue is the value of one rule.
func (p *protoDrawer) ruleValue(fd protoreflect.FieldDescriptor) protoreflect.Value {
	n := pick(p, ruleNumbers)
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(fd.Name() != "const" || p.IntN(2) == 0)
	case protoreflect.StringKind:
		if fd.Name() == "pattern" {
			return protoreflect.ValueOfString(pick(p, simplePatterns).text)
		}
		if strings.Contains(string(fd.FullName()), "AnyRules") {
			return protoreflect.ValueOfString(pick(p, []string{"type.googleapis.com/google.protobuf.Duration", "type.googleapis.com/google.protobuf.Empty"}))
		}
		if strings.Contains(string(fd.FullName()), "FieldMaskRules") {
			return protoreflect.ValueOfString(pick(p, []string{"a", "b", "a.b"}))
		}
		return protoreflect.ValueOfString(pick(p, ruleTexts))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(pick(p, ruleTexts)))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(pick(p, ruleFloats)))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(pick(p, ruleFloats))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		if strings.Contains(string(fd.FullName()), "EnumRules") {
			return protoreflect.ValueOfInt32(pick(p, []int32{0, 1, 2, -3}))
		}
		return protoreflect.ValueOfInt32(int32(n) * pick(p, []int32{1, 1, -1}))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(n * pick(p, []int64{1, 1, -1, 1 << 50}))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if slices.Contains([]protoreflect.Name{"len", "min_len", "max_len", "len_bytes", "min_bytes", "max_bytes", "min_items", "max_items", "min_pairs", "max_pairs"}, fd.Name()) {
			return protoreflect.ValueOfUint64(uint64(p.IntN(5)))
		}
		return protoreflect.ValueOfUint64(uint64(n) * pick(p, []uint64{1, 1, 1 << 55}))
	}
	switch fd.Message().FullName() {
	case "google.protobuf.Duration":
		if fd.Name() == "within" { // so far from all values that they mean the same to all judges
			n = pick(p, []int64{3600, 86400})
		}
		return protoreflect.ValueOfMessage((&durationpb.Duration{Seconds: n, Nanos: int32(p.IntN(2)) * 500_000_000}).ProtoReflect())
	case "google.protobuf.Timestamp":
		return protoreflect.ValueOfMessage((&timestamppb.Timestamp{Seconds: 1_760_000_000 + n}).ProtoReflect())
	}
	return protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: []string{pick(p, []string{"a", "b"})}}).ProtoReflect())
}

// rulesText writes rules as an option's value.
func rulesText(rules *validate.FieldRules) string {
	text, err := prototext.MarshalOptions{}.Marshal(rules)
	if err != nil {
		panic(err) // made here
	}
	return strings.TrimSpace(string(text))
}

// expression draws a rule in CEL.
func (p *protoDrawer) expression(typ string) string {
	switch {
	case typ == "string":
		return pick(p, []string{"this.size() < 3", "this != 'a'", "this.startsWith('a') || this == ''", "this in ['a', 'ab', 'b']", "this.isEmail()"})
	case typ == "bytes":
		return pick(p, []string{"this.size() < 3", "this != b'a'"})
	case typ == "bool":
		return "this"
	case slices.Contains([]string{"int32", "int64", "sint32", "sint64", "sfixed32", "sfixed64"}, typ):
		return pick(p, []string{"this < 5", "this % 2 == 0", "this != 1 && this >= -3"})
	case slices.Contains([]string{"uint32", "uint64", "fixed32", "fixed64"}, typ):
		return pick(p, []string{"this < 5u", "this % 2u == 0u"})
	case typ == "float" || typ == "double":
		return pick(p, []string{"this < 5.0", "!this.isNan() && this > 0.0"})
	case strings.HasPrefix(typ, "repeated ") || strings.HasPrefix(typ, "map<"):
		return "this.size() < 2"
	}
	return ""
}

// defaultOf is a default as JSON, empty for types that get none here.
func (p *protoDrawer) defaultOf(typ string) string {
	switch {
	case typ == "string":
		return pick(p, []string{`"a"`, `"ab"`})
	case typ == "bool":
		return "true"
	case slices.Contains(numberKinds, typ):
		return pick(p, []string{"1", "2", "5"})
	case typ == "google.protobuf.Timestamp":
		return "now"
	}
	return ""
}
