package jsonschema

import (
	"math/big"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// jsonType is what a schema means: a type, and whether null is a value of it.
type jsonType struct {
	*schema.Type
	nullable bool
}

// typeOf returns what a schema means; nil when it has faults, which are told then. The result is shared by all that
// refer to the schema.
func (j *jsonLoader) typeOf(f *jsonFile, v *jsontree.Value) *jsonType {
	if t, ok := j.types[v]; ok {
		if t == nil && j.messages[v] == nil {
			j.Fault(f.pos(v.Place), "the schema is part of itself without an object between: put a property between")
		}
		return t
	}
	if j.depth == draft.MaxDepth {
		j.Fault(f.pos(v.Place), "schemas refer to one another more than %d deep", draft.MaxDepth)
		return nil
	}
	j.types[v] = nil
	j.depth++
	t := j.asOpaque(f, v, func() *jsonType { return j.readType(f, v) })
	j.depth--
	if t == nil {
		// Told once: what else refers to it sees something without constraints.
		t = &jsonType{Type: &schema.Type{Kind: schema.JSONValue, Pos: f.pos(v.Place)}}
	}
	j.types[v] = t
	return t
}

func (j *jsonLoader) readType(f *jsonFile, v *jsontree.Value) *jsonType {
	t := &schema.Type{Pos: f.pos(v.Place), Pointer: f.schemas[v]}
	switch {
	case v.IsTrue():
		t.Kind = schema.JSONValue
		return &jsonType{Type: t, nullable: true}
	case v.IsFalse() && !j.whole(f):
		return j.opaque(f, v)
	case v.IsFalse():
		j.Fault(f.pos(v.Place), "false lets nothing be valid: remove what it describes")
		return nil
	case v.Kind != jsontree.Object:
		j.Fault(f.pos(v.Place), "%s where a schema should be, an object", v.Kind)
		return nil
	}
	if m := j.messages[v]; m != nil {
		t.Kind, t.Message = schema.MessageKind, m
		return &jsonType{Type: t, nullable: j.objectMayBeNull(f, v)}
	}
	if e := j.enums[v]; e != nil {
		t.Kind, t.Enum = schema.EnumKind, e
		t.Constraints.Pos = t.Pos
		return j.withUnmodelled(f, v, t, v.Get("enum") != nil && listsNull(v), j.checkKeywords(f, v, keywordsOfEnum, "a list of strings", removeIt))
	}
	if u := j.unions[v]; u != nil {
		return j.readUnion(f, v, t, u)
	}
	if ref := v.Get("$ref"); ref != nil {
		return j.readReference(f, v, ref)
	}
	for _, keyword := range combining {
		if list := v.Get(keyword); list != nil {
			return j.readAlternatives(f, v, keyword, list)
		}
	}
	return j.readPlain(f, v, t)
}

// withUnmodelled is a type with what is left of its schema to the library.
func (j *jsonLoader) withUnmodelled(f *jsonFile, v *jsontree.Value, t *schema.Type, nullable bool, left []string) *jsonType {
	if len(left) == 0 {
		return &jsonType{Type: t, nullable: nullable}
	}
	r := j.unmodelled(f, v, left)
	if r == nil {
		return nil
	}
	t.Constraints.Unmodelled = r
	return &jsonType{Type: t, nullable: nullable && j.takesNull[r]}
}

func (j *jsonLoader) readReference(f *jsonFile, v, ref *jsontree.Value) *jsonType {
	left := j.checkKeywords(f, v, []string{"$ref"}, "a reference", inTarget)
	if f.ignoresBesideRef {
		left = nil
	}
	if j.forLibrary(f, v, ref) {
		return j.opaque(f, v)
	}
	target, referred := j.resolve(f, ref)
	if referred == nil {
		return nil
	}
	return j.and(f, v, j.typeOf(target, referred), "$ref", left)
}

// combining are the keywords that combine schemas.
var combining = []string{"anyOf", "oneOf", "allOf"}

// alternative returns the schema that a combination is about where it is a schema or null, or a list of one; nil for
// any other.
func alternative(keyword string, list *jsontree.Value) (one *jsontree.Value) {
	for _, item := range list.AllItems() {
		switch {
		case keyword != "allOf" && isNullType(item):
		case one != nil:
			return nil
		default:
			one = item
		}
	}
	return one
}

// readAlternatives reads the combinations that the model holds: a schema or null, and a list of one.
func (j *jsonLoader) readAlternatives(f *jsonFile, v *jsontree.Value, keyword string, list *jsontree.Value) *jsonType {
	one := alternative(keyword, list)
	switch {
	case one == nil && j.whole(f):
		j.Fault(f.pos(list.Place), "keyword %s is not supported here: %s", keyword, beyond[keyword])
		return nil
	case one == nil:
		j.checkKeywords(f, v, nil, "", inTarget)
		return j.opaque(f, v)
	}
	left := j.checkKeywords(f, v, []string{keyword}, "a schema with "+keyword, "put it into the schema in the list")
	t := j.typeOf(f, one)
	if t == nil {
		return nil
	}
	nullable := t.nullable
	if keyword != "allOf" {
		taking := nullTypes(list)
		if nullable {
			taking++
		}
		nullable = alternativeIsNull(keyword, taking)
	}
	return j.and(f, v, &jsonType{Type: t.Type, nullable: nullable}, keyword, left)
}

// readPlain reads a schema that has a type keyword, or values that tell the type.
func (j *jsonLoader) readPlain(f *jsonFile, v *jsontree.Value, t *schema.Type) *jsonType {
	name, _ := typeName(v)
	if v.Get("type") == nil {
		name = impliedType(v)
	}
	var left []string
	switch name {
	case "":
		return j.readUntyped(f, v, t)
	case "string":
		left = j.readString(f, v, t)
	case "integer", "number":
		left = j.readNumber(f, v, t, name)
	case "boolean":
		t.Kind = schema.Bool
		left = j.checkKeywords(f, v, keywordsOfBoolean, "a boolean", removeIt)
		j.readValues(f, v, t)
	case "array":
		left = j.readArray(f, v, t)
	case "object":
		left = j.readMap(f, v, t)
	case "null":
		if j.whole(f) {
			j.Fault(f.pos(v.Get("type").Place), "type null alone holds nothing: remove the property")
			return nil
		}
		return j.opaque(f, v)
	default:
		j.Fault(f.pos(v.Get("type").Place), "type %q is none of JSON Schema's: string, integer, number, boolean, array, object, null", name)
		return nil
	}
	t.Constraints.Pos = constraintPos(f, v, t.Pos)
	return j.withUnmodelled(f, v, t, listsNull(v), left)
}

// readUntyped reads a schema whose values are of several types, or of any.
func (j *jsonLoader) readUntyped(f *jsonFile, v *jsontree.Value, t *schema.Type) *jsonType {
	if j.whole(f) && v.Get("type") != nil {
		j.Fault(f.pos(v.Get("type").Place), "type %s: it is one type, or one type and \"null\"", v.Get("type").JSON())
		return nil
	}
	left := j.checkKeywords(f, v, nil, "a schema without a type", `add "type"; values in a list have one type`)
	if len(left) > 0 {
		return j.opaque(f, v)
	}
	t.Kind = schema.JSONValue
	return &jsonType{Type: t, nullable: true}
}

func isNull(v *jsontree.Value) bool { return v.Kind == jsontree.Null }

// impliedType is the type that a const or an enum has by its values; empty for none.
func impliedType(v *jsontree.Value) string {
	values := []*jsontree.Value{v.Get("const")}
	if values[0] == nil {
		values = nil
		if list := v.Get("enum"); list != nil {
			values = slices.DeleteFunc(slices.Clone(list.Items), isNull)
		}
	}
	if len(values) == 0 {
		return ""
	}
	kind := values[0].Kind
	integral := true
	for _, value := range values {
		if value.Kind != kind {
			return ""
		}
		text, ok := draft.PlainDecimal(value.Text)
		integral = integral && ok && !strings.Contains(text, ".")
	}
	switch {
	case kind == jsontree.String:
		return "string"
	case kind == jsontree.Bool:
		return "boolean"
	case kind == jsontree.Number && integral:
		return "integer"
	case kind == jsontree.Number:
		return "number"
	}
	return ""
}

// constraintPos is the place of a schema's first constraint.
func constraintPos(f *jsonFile, v *jsontree.Value, otherwise schema.Position) schema.Position {
	for _, m := range v.Members {
		if m.Name != "type" && m.Name != "items" && m.Name != "additionalProperties" && slices.Contains(constraining, m.Name) {
			return f.pos(m.Place)
		}
	}
	return otherwise
}

// stringFormatNames are the formats of strings that validators know.
var stringFormatNames = []string{
	"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "uuid",
	"json-pointer", "regex", "iri", "iri-reference", "uri-template", "relative-json-pointer",
}

func (j *jsonLoader) readString(f *jsonFile, v *jsontree.Value, t *schema.Type) (left []string) {
	t.Kind = schema.String
	left = j.checkKeywords(f, v, append([]string{"enum"}, keywordsOfString...), "a string", removeIt)
	if v.Get("enum") != nil {
		// A list of strings is an enum of its own; this one is none.
		j.Fault(f.pos(v.Get("enum").Place), "enum %s holds no string, but the type is string", v.Get("enum").JSON())
	}
	c := &t.Constraints
	c.MinLen, c.MaxLen = j.natural(f, v, "minLength"), j.natural(f, v, "maxLength")
	if p := v.Get("pattern"); p != nil {
		c.Pattern = p.Text
		j.checkPattern(f, p)
	}
	j.readValues(f, v, t)
	if format := v.Get("format"); format != nil {
		switch {
		case format.Kind != jsontree.String || !slices.Contains(stringFormatNames, format.Text) && !j.options.Loose:
			j.Fault(f.pos(format.Place), "format %s is not known: it is one of %s", format.JSON(), strings.Join(stringFormatNames, ", "))
		case format.Text == "date-time":
			t.Kind = schema.Timestamp
		case slices.Contains(stringFormatNames, format.Text):
			c.Format = format.Text
		}
	}
	if encoding := v.Get("contentEncoding"); encoding != nil {
		t.Kind = schema.Bytes
		if encoding.Text != "base64" {
			j.Fault(f.pos(encoding.Place), "contentEncoding %s is not supported: base64 is", encoding.JSON())
		}
	}
	if t.Kind != schema.String && (c.MinLen != nil || c.MaxLen != nil || c.Pattern != "" || c.Const != "" || c.Format != "") {
		j.Fault(constraintPos(f, v, t.Pos), "a %s cannot have constraints on its text: remove minLength, maxLength, pattern, const", t.Kind)
	}
	return left
}

// checkPattern finds what is no regular expression.
func (j *jsonLoader) checkPattern(f *jsonFile, p *jsontree.Value) {
	if p.Kind != jsontree.String {
		j.Fault(f.pos(p.Place), "pattern is %s: it is a string", p.JSON())
	} else if _, err := ecma.Compile(p.Text); err != nil {
		j.Fault(f.pos(p.Place), "pattern %s is %v", p.JSON(), err)
	}
}

// checkNamePatterns is checkPattern for the names of patternProperties.
func (j *jsonLoader) checkNamePatterns(f *jsonFile, v *jsontree.Value) {
	for _, m := range v.Members {
		if _, err := ecma.Compile(m.Name); err != nil {
			j.Fault(f.pos(m.Place), "patternProperties has %s, which is %v", jsontree.Quote(m.Name), err)
		}
	}
}

func (j *jsonLoader) readNumber(f *jsonFile, v *jsontree.Value, t *schema.Type, name string) (left []string) {
	t.Kind = schema.Double
	if name == "integer" {
		t.Kind = schema.Int64
	}
	left = j.checkKeywords(f, v, keywordsOfNumber, "a number", removeIt)
	if format := v.Get("format"); format != nil {
		switch {
		case name == "integer" && format.Text == "int32":
			t.Kind = schema.Int32
		case name == "integer" && format.Text == "int64", name == "number" && format.Text == "double":
		case name == "number" && format.Text == "float":
			t.Kind = schema.Float
		case !j.options.Loose:
			j.Fault(f.pos(format.Place), "format %s of %s is not known: integers have int32 and int64, numbers float and double", format.JSON(), name)
		}
	}
	c := &t.Constraints
	c.Min = tighter(j.bound(f, v, "minimum", false), j.bound(f, v, "exclusiveMinimum", true), 1)
	c.Max = tighter(j.bound(f, v, "maximum", false), j.bound(f, v, "exclusiveMaximum", true), -1)
	if m := v.Get("multipleOf"); m != nil {
		text, ok := draft.PlainDecimal(m.Text)
		if c.MultipleOf = text; m.Kind != jsontree.Number || !ok || text == "0" || text[0] == '-' {
			j.Fault(f.pos(m.Place), "multipleOf is %s: it is a number above 0", m.JSON())
		} else if strings.Contains(text, ".") && !j.whole(f) {
			left = append(left, "multipleOf") // exact only in decimals
		}
	}
	j.readValues(f, v, t)
	return left
}

func (j *jsonLoader) bound(f *jsonFile, v *jsontree.Value, keyword string, exclusive bool) *schema.Bound {
	n := v.Get(keyword)
	if n == nil {
		return nil
	}
	text, ok := draft.PlainDecimal(n.Text)
	if n.Kind != jsontree.Number || !ok {
		j.Fault(f.pos(n.Place), "%s is %s: it is a number of no more than %d digits", keyword, n.JSON(), draft.MaxExponent)
		return nil
	}
	return &schema.Bound{Value: text, Exclusive: exclusive}
}

// tighter returns the tighter of two bounds, the second being exclusive; sign is 1 for lower and -1 for upper bounds.
func tighter(inclusive, exclusive *schema.Bound, sign int) *schema.Bound {
	if inclusive == nil || exclusive == nil {
		if exclusive != nil {
			return exclusive
		}
		return inclusive
	}
	a, okA := new(big.Rat).SetString(inclusive.Value)
	b, okB := new(big.Rat).SetString(exclusive.Value)
	if okA && okB && a.Cmp(b)*sign > 0 {
		return inclusive
	}
	return exclusive
}

// readValues reads const, and an enum of anything but strings.
func (j *jsonLoader) readValues(f *jsonFile, v *jsontree.Value, t *schema.Type) {
	if value := v.Get("const"); value != nil {
		t.Constraints.Const = j.valueText(f, value, t)
	}
	values := v.Get("enum")
	if values == nil || t.Kind == schema.String {
		return
	}
	if values.Kind != jsontree.Array || len(values.Items) == 0 {
		j.Fault(f.pos(values.Place), "enum is %s: it is a list of values", values.JSON())
	}
	for _, item := range values.Items {
		if !isNull(item) {
			t.Constraints.In = append(t.Constraints.In, j.valueText(f, item, t))
		}
	}
}

// valueText is a value of a type as JSON text, numbers without exponents.
func (j *jsonLoader) valueText(f *jsonFile, v *jsontree.Value, t *schema.Type) string {
	if !draft.Fits(v, t) {
		j.Fault(f.pos(v.Place), "%s is not %s", v.JSON(), draft.KindWords(t))
	}
	if v.Kind == jsontree.Number {
		if text, ok := draft.PlainDecimal(v.Text); ok {
			return text
		}
	}
	return v.JSON()
}
