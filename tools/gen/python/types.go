package python

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// scalar is how a kind appears in Python: the alias of the unconstrained type, the plain type, and what reads it.
type scalar struct{ alias, plain, reader string }

var scalars = map[schema.Kind]scalar{
	schema.Bool:   {"Bool", "", ""},
	schema.Int32:  {"Int32", "int", "INT32"},
	schema.Int64:  {"Int64", "int", "INT64"},
	schema.Uint32: {"UInt32", "int", "UINT32"},
	schema.Uint64: {"UInt64", "int", "UINT64"},
	schema.Float:  {"Float", "float", "FLOAT"},
	schema.Double: {"Double", "float", "DOUBLE"},
	schema.String: {"Text", "str", ""},
	schema.Bytes:  {"Bytes", "bytes", "BYTES"},
}

// parts are what an annotated type is made of.
type parts struct {
	limits []string // arguments of Field
	checks []string // validators that run after those
}

func (c *parts) limit(name, value string) { c.limits = append(c.limits, name+"="+value) }
func (c *parts) check(call, argument string) {
	c.checks = append(c.checks, "checks."+call+"("+argument+")")
}

// typeOf is the annotation of a type with its constraints. asUUID says that a string that must be a UUID is one in
// Python too; where it may also be empty it stays text.
func (g *module) typeOf(f *schema.Field, t *schema.Type, asUUID bool) (string, error) {
	return g.annotation(f, t, asUUID, g.base)
}

// annotation is the annotation of a type that is made of a base.
func (g *module) annotation(
	f *schema.Field, t *schema.Type, asUUID bool, baseOf func(*schema.Field, *schema.Type, *parts, bool) (base, error),
) (string, error) {
	if ignoresAlways(t) || g.unruled {
		defer func(before bool) { g.unruled = before }(g.unruled)
		g.unruled = true
		t = withoutRules(t)
	}
	skips := skipsZero(f, t)
	kind, wrapped := wrapperKinds[wellKnown(t)]
	if wrapped {
		skips = skips && t != f.Type // a wrapper that is there is not zero
		t = &schema.Type{Kind: kind, Constraints: t.Constraints, Pos: t.Pos}
	}
	g.noteUnchecked(f, t)
	c, err := g.constraints(f, t, asUUID)
	if err == nil && asUUID && t.Constraints.Format == "uuid" && len(c.limits)+len(c.checks) > 0 {
		asUUID = false // of which other rules say nothing
		c, err = g.constraints(f, t, asUUID)
	}
	if err != nil {
		return "", err
	}
	g.leftInto(&c, t)
	if r := t.Constraints.Rules; wrapped && (r.GetFloat().GetFinite() || r.GetDouble().GetFinite()) {
		c.check("finite", "") // bare floats always are
	}
	var base base
	if reader := scalars[kind].reader; wrapped && reader != "" && kind != schema.Bytes {
		base = g.wrapped(kind, reader)
	} else if base, err = baseOf(f, t, &c, asUUID); err != nil {
		return "", err
	}
	if skips {
		if zero := g.zeroOf(t); zero != "" && len(c.limits)+len(c.checks) > 0 {
			if t == f.Type && !f.Explicit && (t.Kind == schema.Float || t.Kind == schema.Double) {
				zero += ", signed=True" // of a field that is not set when it is zero, minus zero is a value
			}
			c.check("unless_zero", zero)
		}
	}
	if slices.ContainsFunc(c.checks, func(s string) bool { return strings.HasPrefix(s, "checks.") }) {
		g.uses("checks")
	}
	if len(c.limits)+len(c.checks) == 0 {
		return base.alias, nil
	}
	return base.annotated(g, c), nil
}

// wrapped is the type of a number in a wrapper, as protobuf's JSON has it: it may be a string, and one of 64 bits is written
// so, as is what is no number.
func (g *module) wrapped(kind schema.Kind, reader string) base {
	b := base{plain: scalars[kind].plain, reader: g.wellKnown("WRAPPED_" + reader)}
	switch kind {
	case schema.Int64, schema.Uint64:
		b.writer = g.wellKnown("QUOTED")
	case schema.Float, schema.Double:
		b.writer = g.wellKnown("NAMED")
	}
	b.alias = b.annotated(g, parts{})
	return b
}

// base is a type before its constraints.
type base struct {
	alias  string   // with nothing added
	plain  string   // inside Annotated
	before []string // arguments of Field that the plain type needs
	writer string   // makes of the checked value what writes itself
	reader string   // makes a value of what is given: it is named last, and runs first
}

// annotated is the type with constraints, of the value that was read.
func (b base) annotated(g *module, c parts) string {
	arguments := []string{b.plain}
	if len(c.limits) > 0 {
		arguments = append(arguments, g.use("Field")+"("+strings.Join(append(slices.Clone(b.before), c.limits...), ", ")+")")
	}
	arguments = append(arguments, c.checks...)
	for _, name := range []string{b.writer, b.reader} {
		if name != "" {
			arguments = append(arguments, name)
		}
	}
	return g.use("Annotated") + "[" + strings.Join(arguments, ", ") + "]"
}

func (g *module) base(f *schema.Field, t *schema.Type, c *parts, asUUID bool) (base, error) {
	if s, ok := scalars[t.Kind]; ok {
		return g.scalarBase(t, s, c, asUUID), nil
	}
	same := func(name string) base { return base{alias: name, plain: name} }
	switch t.Kind {
	case schema.EnumKind:
		if g.className(t.Enum) == "" {
			return base{}, refuse(f.Pos, f.Message.FullName+"."+f.Name, "the enum %s is a library's and has no JSON form here: declare one of your own, or for null use google.protobuf.Value", t.Enum.FullName)
		}
		return same(g.enumClass(t.Enum)), nil
	case schema.MessageKind:
		if foreign := g.foreign(t.Message); foreign != "" {
			return same(foreign), nil
		}
		class := g.reference(t.Message.Package, g.className(t.Message))
		if g.unruled {
			g.uses("checks")
			unruled := g.reference(t.Message.Package, unruledName(g.className(t.Message)))
			class = g.use("Annotated") + "[" + class + ", checks.unruled(lambda: " + unruled + ")]"
		}
		return same(class), nil
	case schema.Timestamp:
		return same(g.use("Timestamp")), nil
	case schema.JSONObject:
		if t.Union != nil {
			return same(g.reference(t.Union.Package, g.className(t.Union))), nil
		}
		return same(g.use("JsonObject")), nil
	case schema.JSONValue:
		return same(g.use("JsonValue")), nil
	case schema.List:
		elem, err := g.typeOf(f, t.Elem, true)
		return same("list[" + elem + "]"), err
	case schema.Map:
		key, err := g.keyType(f, t.Key)
		if err != nil {
			return base{}, err
		}
		elem, err := g.typeOf(f, t.Elem, true)
		plain := "dict[" + key + ", " + elem + "]"
		return base{alias: g.use("Annotated") + "[" + plain + ", " + g.use("SORTED") + "]", plain: plain, writer: "SORTED"}, err
	}
	return base{}, refuse(f.Pos, f.Message.FullName+"."+f.Name, "a value of kind %q has no Python type", t.Kind)
}

func (g *module) scalarBase(t *schema.Type, s scalar, c *parts, asUUID bool) base {
	constrained := len(c.limits)+len(c.checks) > 0
	switch {
	case t.Kind == schema.String && t.Constraints.Format == "uuid" && asUUID && !t.Constraints.SkipZero:
		name := g.use("Uuid")
		return base{alias: name, plain: name}
	case t.Kind == schema.Bool:
		name := g.use("Bool")
		return base{alias: name, plain: name}
	case !constrained:
		return base{alias: g.use(s.alias), plain: s.alias}
	case t.Kind == schema.String && len(c.limits) == 0:
		name := g.use("Text")
		return base{alias: name, plain: name}
	case t.Kind == schema.String:
		return base{plain: "str", before: []string{"strict=True"}}
	default:
		return base{plain: s.plain, reader: g.use(s.reader)}
	}
}

// keyType is the type of a map's keys, which are strings in JSON.
func (g *module) keyType(f *schema.Field, t *schema.Type) (string, error) {
	switch t.Kind {
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		return g.annotation(f, t, false, func(*schema.Field, *schema.Type, *parts, bool) (base, error) {
			b := base{plain: "int", reader: g.use("KEY_" + scalars[t.Kind].reader)}
			b.alias = b.annotated(g, parts{})
			return b, nil
		})
	case schema.String, schema.EnumKind:
		return g.typeOf(f, t, false)
	}
	return "", refuse(f.Pos, f.Message.FullName+"."+f.Name, "a map with %s keys has no Python type: use string keys", t.Kind)
}

// skipsZero says that constraints do not hold for the zero value: because the schema says so, or because zero means
// that a field which excludes others is not set.
func skipsZero(f *schema.Field, t *schema.Type) bool {
	return t.Constraints.SkipZero ||
		t == f.Type && !f.Explicit && inMessageOneof(f) && !t.Constraints.Rules.HasIgnore()
}

func ignoresAlways(t *schema.Type) bool {
	return t.Constraints.Rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS
}

// withoutRules is a type whose own rules do not hold.
func withoutRules(t *schema.Type) *schema.Type {
	bare := *t
	bare.Constraints = schema.Constraints{}
	return &bare
}

// zeroOf is the literal of a type's zero; empty for types without one.
func (g *module) zeroOf(t *schema.Type) string {
	switch t.Kind {
	case schema.Bool:
		return "False"
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		return "0"
	case schema.Float, schema.Double:
		return "0.0"
	case schema.String:
		return `""`
	case schema.Bytes:
		return `b""`
	case schema.List:
		return "[]"
	case schema.Map:
		return "{}"
	case schema.EnumKind:
		for i, member := range memberNames(t.Enum) {
			if v := t.Enum.Values[i]; v.Number == 0 && v.JSONName != "" && t.Enum.Language() == schema.Protobuf {
				return g.enumClass(t.Enum) + "." + member
			}
		}
	}
	return ""
}

// enumClass refers to the class of an enum.
func (g *module) enumClass(e *schema.Enum) string { return g.reference(e.Package, g.className(e)) }

// constraints turns what limits a type's values into pydantic's terms.
func (g *module) constraints(f *schema.Field, t *schema.Type, asUUID bool) (parts, error) {
	var p parts
	c := t.Constraints
	var err error
	switch t.Kind {
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.Float, schema.Double:
		numberInto(&p, t)
	case schema.String:
		err = g.stringInto(&p, f, c, asUUID)
	case schema.Bytes:
		count(&p, "min_length", c.MinLen)
		count(&p, "max_length", c.MaxLen)
		err = g.bytesInto(&p, f, c)
	case schema.Timestamp:
		g.timesInto(&p, c.Rules.GetTimestamp(), skipsZero(f, t) && t != f.Type)
	case schema.MessageKind:
		g.messagesInto(&p, t, skipsZero(f, t) && t != f.Type)
	case schema.List:
		count(&p, "min_length", c.MinItems)
		count(&p, "max_length", c.MaxItems)
		if c.Unique && !left(c, "uniqueItems") {
			p.check("unique", "")
		}
	case schema.Map, schema.JSONObject:
		count(&p, "min_length", c.MinPairs)
		count(&p, "max_length", c.MaxPairs)
	}
	if err != nil {
		return p, err
	}
	return p, listsInto(&p, f, t)
}

func count(p *parts, name string, n *uint64) {
	if n != nil {
		p.limit(name, strconv.FormatUint(*n, 10))
	}
}

// numberInto adds bounds; those of integers are drawn to the nearest integer inside.
func numberInto(p *parts, t *schema.Type) {
	c := t.Constraints
	float := t.Kind == schema.Float || t.Kind == schema.Double
	bound := func(b *schema.Bound, inclusive, exclusive string, lower bool) {
		if b == nil {
			return
		}
		name := inclusive
		if b.Exclusive {
			name = exclusive
		}
		value := b.Value
		if float {
			value = floatLiteral(value)
		} else if limit, ok := new(big.Rat).SetString(value); ok && !limit.IsInt() {
			whole := new(big.Int).Div(limit.Num(), limit.Denom())
			if lower {
				whole.Add(whole, big.NewInt(1))
			}
			name, value = inclusive, whole.String()
		} else if ok {
			value = limit.Num().String()
		}
		p.limit(name, value)
	}
	bound(c.Min, "ge", "gt", true)
	bound(c.Max, "le", "lt", false)
	switch {
	case c.MultipleOf == "" || left(c, "multipleOf"):
	case float:
		p.check("multiple_of", floatLiteral(c.MultipleOf))
	default:
		p.limit("multiple_of", c.MultipleOf)
	}
	if low, high, joined := pair(t); joined != "" {
		words := strings.ReplaceAll(strings.ReplaceAll("must be "+low+" "+joined+" "+high, `float("-inf")`, "-Infinity"), `float("inf")`, "Infinity")
		p.check("outside", "lambda v: v "+low+" "+joined+" v "+high+", "+quote(words))
	}
}

// pair are the comparisons of two bounds which only the rules hold, and what joins them: or, where they exclude what is
// between them; and, where one of them is infinite.
func pair(t *schema.Type) (low, high, joined string) {
	if t.Constraints.Min != nil || t.Constraints.Max != nil || t.Constraints.Rules == nil {
		return "", "", ""
	}
	msg := t.Constraints.Rules.ProtoReflect()
	typed := msg.WhichOneof(msg.Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return "", "", ""
	}
	joined = "or"
	rules := msg.Get(typed).Message()
	fields := rules.Descriptor().Fields()
	operators := []struct{ rule, operator string }{{"gt", ">"}, {"gte", ">="}, {"lt", "<"}, {"lte", "<="}}
	for i, o := range operators {
		fd := fields.ByName(protoName(o.rule))
		if fd == nil || !rules.Has(fd) {
			continue
		}
		value := rules.Get(fd).String()
		if t.Kind == schema.Float || t.Kind == schema.Double {
			if math.IsInf(rules.Get(fd).Float(), 0) {
				joined = "and"
			}
			value = floatLiteral(value)
		}
		if i < 2 {
			low = o.operator + " " + value
		} else {
			high = o.operator + " " + value
		}
	}
	if low == "" || high == "" {
		return "", "", ""
	}
	return low, high, joined
}

// floatLiteral is a number as a float in Python.
func floatLiteral(text string) string {
	f, err := strconv.ParseFloat(text, 64)
	switch { // what is out of range is infinite too
	case math.IsInf(f, 1):
		return `float("inf")`
	case math.IsInf(f, -1):
		return `float("-inf")`
	case err != nil:
		return text
	}
	literal := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(literal, ".e") {
		literal += ".0"
	}
	return literal
}

func (g *module) stringInto(p *parts, f *schema.Field, c schema.Constraints, asUUID bool) error {
	count(p, "min_length", c.MinLen)
	count(p, "max_length", c.MaxLen)
	if c.Pattern != "" {
		if err := g.patternInto(p, f, c); err != nil {
			return err
		}
	}
	switch c.Format {
	case "tuuid":
		p.check("trimmed_uuid", "")
	case "uuid":
		if !asUUID || c.SkipZero {
			p.check("uuid", "")
		}
	}
	if c.Rules == nil && slices.Contains(pythonFormats, c.Format) {
		g.formats = true
		p.checks = append(p.checks, g.use("formats")+".text("+quote(c.Format)+")")
	}
	r := c.Rules.GetString()
	g.wellKnownText(p, r)
	partsInto(p, quote(r.GetPrefix()), quote(r.GetSuffix()), quote(r.GetContains()), `""`)
	if s := r.GetNotContains(); s != "" {
		p.check("lacks", quote(s))
	}
	low, high := r.GetMinBytes(), "None"
	if r.HasMaxBytes() {
		high = strconv.FormatUint(r.GetMaxBytes(), 10)
	}
	if r.HasLenBytes() {
		low, high = r.GetLenBytes(), strconv.FormatUint(r.GetLenBytes(), 10)
	}
	if low > 0 || high != "None" {
		p.check("byte_length", strconv.FormatUint(low, 10)+", "+high)
	}
	return nil
}

func partsInto(p *parts, prefix, suffix, contains, none string) {
	for _, rule := range []struct{ name, value string }{{"prefix", prefix}, {"suffix", suffix}, {"contains", contains}} {
		if rule.value != none {
			p.check(rule.name, rule.value)
		}
	}
}

// rustPattern is a pattern in RE2's syntax in that of pydantic's regular expressions, which mean Unicode by \d and \b.
func rustPattern(pattern string) (string, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", err
	}
	text := parsed.String()
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if text[i] == 'b' {
			b.WriteString(`(?-u:\b)`)
			continue
		}
		b.WriteByte('\\')
		b.WriteByte(text[i])
	}
	return b.String(), nil
}

// listsInto adds const, in and not_in.
func listsInto(p *parts, f *schema.Field, t *schema.Type) error {
	c := t.Constraints
	literals := func(texts []string) (string, error) {
		var out []string
		for _, text := range texts {
			literal, err := literal(t, text)
			if err != nil {
				return "", refuse(c.Pos, f.Message.FullName+"."+f.Name, "%s is no %s", text, t.Kind)
			}
			if literal != "" {
				out = append(out, literal)
			}
		}
		return strings.Join(out, ", "), nil
	}
	for _, rule := range []struct {
		name  string
		texts []string
	}{{"equal", one(c.Const)}, {"one_of", c.In}, {"none_of", c.NotIn}} {
		if len(rule.texts) == 0 {
			continue
		}
		values, err := literals(rule.texts)
		if err != nil {
			return err
		}
		if values == "" && rule.name == "none_of" {
			continue // only values that JSON has no name for
		}
		if rule.name == "equal" && values == "" {
			rule.name = "one_of"
		}
		p.check(rule.name, values)
	}
	return nil
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// literal is a JSON text of a type as Python; empty for an enum's value without a name in JSON.
func literal(t *schema.Type, text string) (string, error) {
	switch t.Kind {
	case schema.Bool:
		if text == "true" {
			return "True", nil
		}
		return "False", nil
	case schema.Float, schema.Double:
		return floatLiteral(text), nil
	case schema.EnumKind:
		if text[0] != '"' {
			return "", nil
		}
		fallthrough
	case schema.String:
		var s string
		err := json.Unmarshal([]byte(text), &s)
		return quote(s), err
	case schema.Bytes:
		var s string
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return "", err
		}
		data, err := base64.StdEncoding.DecodeString(s)
		return quoteBytes(data), err
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok || !number.IsInt() {
		return "", strconv.ErrSyntax
	}
	return number.Num().String(), nil
}
