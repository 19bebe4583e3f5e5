package chain

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
)

// drawer draws schemas from one source of randomness.
type drawer struct {
	*rand.Rand
	number int      // of the schema among all that are drawn
	name   string   // of the schema, unique in its project
	defs   []string // the definitions that may be referred to
}

type object = map[string]any

func pick[T any](r interface{ IntN(int) int }, list []T) T { return list[r.IntN(len(list))] }

func num(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// propertyNames are what properties are called, one of them awkward.
var propertyNames = []string{"a", "b", "c", "d", "e_f", "G", "class", "x-y"}

// simplePattern is a pattern that all engines read alike, with texts on both sides of it.
type simplePattern struct {
	text    string
	in, out []string
}

var simplePatterns = []simplePattern{
	{"^a", []string{"a", "ab", "aé"}, []string{"", "ba"}},
	{"b$", []string{"b", "ab"}, []string{"", "ba"}},
	{"^[a-c]+$", []string{"a", "abc"}, []string{"", "abd", "A"}},
	{"^(a|bb)$", []string{"a", "bb"}, []string{"b", "abb"}},
	{"a.b", []string{"axb", "xaébx"}, []string{"ab", "axxb"}},
	{"^.{2}$", []string{"ab", "éé", "😀a"}, []string{"a", "abc"}},
	{"[0-9]", []string{"1", "a1b"}, []string{"", "a"}},
	{"^[A-Z]{2}-[0-9]{3}$", []string{"AB-123"}, []string{"AB-12", "ab-123"}},
}

// ecmaPatterns are patterns that JSON Schema has and RE2 lacks, or means otherwise.
var ecmaPatterns = append(slices.Clone(simplePatterns), []simplePattern{
	{`^(?=.*[0-9])[a-z0-9]+$`, []string{"a1", "1"}, []string{"a", "A1", ""}},
	{`^(?!a).*$`, []string{"", "ba"}, []string{"a", "ab"}},
	{`(?<=a)b`, []string{"ab", "xab"}, []string{"b", "ba"}},
	{`^(.)\1$`, []string{"aa", "éé"}, []string{"ab", "a"}},
	{`^\s$`, []string{" ", "\u00a0", "\t"}, []string{"", "a", "  "}},
	{`^\d+\b`, []string{"12", "1 a"}, []string{"a", "1a", ""}},
	{`\u0041{2,}`, []string{"AA", "xAAA"}, []string{"A", "aa"}},
}...)

// formatTexts are texts that are of a format, and texts that are not, as the format's standard has it.
var formatTexts = map[string]simplePattern{
	"date-time":             {in: []string{"2025-10-16T12:34:56Z", "2025-10-16T12:34:56.789+02:00"}, out: []string{"2025-10-16", "2025-13-16T12:34:56Z", "x", "", "2025-10-16T12:34Z", "2025-02-30T12:34:56Z", "x2025-10-16T12:34:56Z", "2025-10-16 12:34:56", "2025-10-16T12:34:56.790123", "2025-10-16 12:34:56.789012+00:00"}},
	"date":                  {in: []string{"2025-10-16", "2024-02-29"}, out: []string{"2025-02-29", "2025-1-1", "x", "2025-13-01", "2025-10-32", "2025-10-16Z", ""}},
	"time":                  {in: []string{"12:34:56Z", "12:34:56.5+02:00"}, out: []string{"12:34", "25:00:00Z", "x", "12:34:56", "12:60:00Z", "12:34:56+25:00", ""}},
	"duration":              {in: []string{"P1D", "PT1H30M", "P2W"}, out: []string{"P", "1D", "PT", "PT1", "P1Y2", "x", "P1H"}},
	"email":                 {in: []string{"a@example.com", "a.b+c@d.org"}, out: []string{"a", "@b.c", "a@", "a b@example.com", "", "x", "a.example.com"}},
	"hostname":              {in: []string{"example.com", "a"}, out: []string{"-a", "a_b", "a..b", "a b", ".a", "a!", "-"}},
	"ipv4":                  {in: []string{"127.0.0.1", "255.255.255.255"}, out: []string{"256.0.0.1", "1.2.3", "x", "1.2.3.4.5", "1.2.3.-1", "", "1.2.3.4 "}},
	"ipv6":                  {in: []string{"::1", "2001:db8::1"}, out: []string{"1::2::3", "12345::", "x", ":", "1:2:3:4:5:6:7", "g::1", "127.0.0.1"}},
	"uri":                   {in: []string{"https://example.com/a?b#c", "urn:a:b"}, out: []string{"/a", "a b", "", "//a", "a", "http://a b", "?"}},
	"uri-reference":         {in: []string{"/a", "a?b#c", "https://example.com"}, out: []string{"a b", "\\a", "http://a b", "a\\b", "<a>", "{a}"}},
	"uuid":                  {in: []string{"550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000"}, out: []string{"550e8400e29b41d4a716446655440000", "x", "550e8400-e29b-41d4-a716-44665544000", "g50e8400-e29b-41d4-a716-446655440000", "", "550e8400-e29b-41d4-a716-446655440000 "}},
	"json-pointer":          {in: []string{"", "/a/b~0"}, out: []string{"a", "/a~2", "a/b", "#/a", "/~", "~0"}},
	"regex":                 {in: []string{"^a+$", "[0-9]"}, out: []string{"(", "[a", "a)", "*a", "[", "(?"}},
	"iri":                   {in: []string{"https://example.com/é"}, out: []string{"é b", "a b", "x", "", "//a"}},
	"iri-reference":         {in: []string{"/é"}, out: []string{"\\é", "a b", "é é", "<é>", "{é}"}},
	"uri-template":          {in: []string{"/a/{b}"}, out: []string{"/a/{b", "{", "}", "{a", "/{a}}"}},
	"relative-json-pointer": {in: []string{"0", "1/a"}, out: []string{"/a", "-1", "a", "x", "/", "-0"}},
}

var formatNames = sortedKeys(formatTexts)

// jsonSchema draws the schema of an event.
func (d *drawer) jsonSchema() object {
	for i := range d.IntN(3) {
		d.defs = append(d.defs, fmt.Sprintf("D%s%d", d.name, i))
	}
	out := d.objectSchema(3)
	out["properties"].(object)[focusName] = d.focus(d.number / 2)
	defs := object{}
	for i, name := range d.defs {
		switch d.IntN(4) {
		case 0:
			defs[name] = d.scalarSchema()
		case 1:
			defs[name] = d.anySchema(1)
		default:
			defs[name] = d.objectSchema(1 + i%2)
		}
	}
	if len(defs) > 0 {
		out["$defs"] = defs
	}
	out["$schema"], out["title"] = "https://json-schema.org/draft/2020-12/schema", d.name
	out["x-trestle"] = object{"event": object{"type": d.name, "topic": d.name}}
	return out
}

// focusName is the property of every event that is about one format or keyword, each in turn: of those that are rarely
// drawn, or rarely met by values on both sides, there are enough then.
const focusName = "focus"

// focus is the schema of that property.
func (d *drawer) focus(turn int) object {
	list := func(more object) object {
		more["type"] = "array"
		return more
	}
	small := pick(d, []object{{"type": "string", "minLength": num(1 + d.IntN(2))}, {"type": "integer", "minimum": num(d.IntN(3))}, {"enum": []any{"a", "b", num(1)}}})
	n := d.IntN(3)
	others := []object{
		{"type": "string", "allOf": []any{object{"minLength": num(n)}, object{"maxLength": num(n + 2)}}},
		list(object{"prefixItems": []any{small, object{"type": "boolean"}}}),
		list(object{"contains": small, "minContains": num(n)}),
		list(object{"contains": small, "maxContains": num(n)}),
		list(object{"prefixItems": []any{object{"type": "boolean"}}, "unevaluatedItems": pick(d, []any{false, small})}),
		list(object{"items": small, "minItems": num(n), "maxItems": num(n + 1)}),
		list(object{"items": small, "uniqueItems": true}),
		{"type": "object", "dependentRequired": object{"a": []any{"b"}}, "dependentSchemas": object{"c": object{"maxProperties": num(1 + n)}}},
	}
	if turn %= len(formatNames) + len(others); turn < len(formatNames) {
		return object{"type": "string", "format": formatNames[turn]}
	}
	return others[turn-len(formatNames)]
}

// objectSchema is one with properties.
func (d *drawer) objectSchema(depth int) object {
	properties := object{}
	out := object{"type": "object", "properties": properties}
	for range 1 + d.IntN(5) {
		properties[pick(d, propertyNames)] = d.propertySchema(depth - 1)
	}
	names := sortedKeys(properties)
	if d.IntN(2) == 0 {
		d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		out["required"] = names[:1+d.IntN(len(names))]
	}
	switch d.IntN(6) {
	case 0:
		out["additionalProperties"] = false
	case 1:
		out["additionalProperties"] = d.schema(min(depth-1, 1))
	}
	if d.IntN(3) == 0 {
		d.objectKeyword(out, depth)
	}
	return out
}

// objectKeyword adds one of the keywords of objects that are not in every schema.
func (d *drawer) objectKeyword(out object, depth int) {
	switch d.IntN(13) {
	case 0:
		out["minProperties"] = num(d.IntN(4))
	case 1:
		out["maxProperties"] = num(d.IntN(5))
	case 2:
		out["patternProperties"] = object{pick(d, []string{"^x", "^[a-c]$", "_"}): d.schema(depth - 1)}
	case 3:
		out["propertyNames"] = pick(d, []object{{"maxLength": num(1 + d.IntN(4))}, {"pattern": "^[a-z]"}, {"minLength": num(1)}})
	case 4, 11:
		names := append(sortedKeys(out["properties"].(object)), pick(d, propertyNames))
		out["dependentRequired"] = object{pick(d, names): []string{pick(d, names)}}
	case 5, 12:
		out["dependentSchemas"] = object{pick(d, sortedKeys(out["properties"].(object))): d.part(depth)}
	case 6:
		out["unevaluatedProperties"] = pick(d, []any{false, d.scalarSchema()})
		delete(out, "additionalProperties")
	case 7:
		out["if"] = d.part(depth)
		out[pick(d, []string{"then", "else"})] = d.part(depth)
	case 8:
		out["not"] = d.part(depth)
	case 9:
		out["allOf"] = []any{d.objectSchema(min(depth-1, 1))}
	case 10:
		out[pick(d, []string{"anyOf", "oneOf"})] = []any{d.part(depth), d.part(depth)}
	}
}

// part is what conditions say of an object: a few keywords and no type.
func (d *drawer) part(depth int) object {
	switch d.IntN(4) {
	case 0:
		return object{"required": []string{pick(d, propertyNames)}}
	case 1:
		return object{"minProperties": num(1 + d.IntN(3))}
	}
	name := pick(d, propertyNames)
	out := object{"properties": object{name: d.scalarSchema()}}
	if d.IntN(2) == 0 {
		out["required"] = []string{name}
	}
	return out
}

// propertySchema is that of a property, sometimes with a default, sometimes one that may be null.
func (d *drawer) propertySchema(depth int) any {
	s := d.schema(depth)
	out, ok := s.(object)
	if !ok {
		return s
	}
	name, single := out["type"].(string)
	switch d.IntN(8) {
	case 0:
		if single && name != "null" && out["const"] == nil {
			out["type"] = []any{name, "null"}
			if list, ok := out["enum"].([]any); ok && d.IntN(2) == 0 {
				out["enum"] = append(slices.Clone(list), nil)
			}
		}
	case 1:
		out["default"] = unfilled
	}
	return out
}

// schema is any, mostly one that has one type.
func (d *drawer) schema(depth int) any {
	n := d.IntN(100)
	switch {
	case n < 50 || depth <= 0 && n < 75:
		return d.scalarSchema()
	case n < 60 && depth > 0:
		return d.arraySchema(depth)
	case n < 68 && depth > 0:
		return d.objectSchema(depth)
	case n < 75 && depth > 0:
		return d.mapSchema(depth)
	case n < 83 && len(d.defs) > 0:
		return d.reference()
	case n < 85:
		return pick(d, []any{true, object{}, object{"type": "null"}, object{"description": "Anything."}})
	case n < 88 && depth > 0:
		return d.unionSchema(depth)
	}
	return d.anySchema(depth)
}

func (d *drawer) reference() object {
	out := object{"$ref": "#/$defs/" + pick(d, d.defs)}
	if d.IntN(8) == 0 {
		out["not"] = object{"const": d.value(0)}
	}
	return out
}

func (d *drawer) scalarSchema() object {
	var out object
	switch d.IntN(8) {
	case 0:
		out = object{"type": "boolean"}
		d.valuesOf(out, []any{true, false})
	case 1, 2, 3:
		out = d.stringSchema()
	case 4, 5, 6:
		out = d.numberSchema()
	case 7:
		out = object{"type": "string", "enum": d.some([]any{"a", "b", "ab", "x y", "ü", "CamelCase", "1"})}
	}
	return out
}

// valuesOf adds const or enum now and then.
func (d *drawer) valuesOf(out object, all []any) {
	switch d.IntN(6) {
	case 0:
		out["const"] = pick(d, all)
	case 1:
		if out["type"] != "string" {
			out["enum"] = d.some(all)
		}
	}
}

func (d *drawer) some(all []any) []any {
	list := slices.Clone(all)
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+d.IntN(len(list))]
}

func (d *drawer) stringSchema() object {
	out := object{"type": "string"}
	switch d.IntN(6) {
	case 0:
		out["format"] = pick(d, formatNames)
		return out
	case 1:
		if d.IntN(3) == 0 {
			out["contentEncoding"] = "base64"
			return out
		}
		out["const"] = pick(d, []string{"", "a", "é", "a b"})
		return out
	case 2:
		out["pattern"] = pick(d, ecmaPatterns).text
	}
	n := d.IntN(4)
	if d.IntN(2) == 0 {
		out["minLength"] = num(n)
	}
	if d.IntN(2) == 0 {
		out["maxLength"] = num(n + d.IntN(4))
	}
	return out
}

var (
	integerBounds = []string{"0", "1", "2", "5", "-3", "10", "100", "-1", "2147483647", "9007199254740993", "9223372036854775807"}
	numberBounds  = []string{"0", "0.5", "-1.5", "10", "3", "1e2", "0.1", "1e-7", "123456789.125"}
)

func (d *drawer) numberSchema() object {
	out := object{"type": pick(d, []string{"integer", "integer", "number"})}
	bounds, multiples, formats := numberBounds, []string{"0.5", "0.1", "2", "0.01"}, []string{"double", "float"}
	if out["type"] == "integer" {
		bounds, multiples, formats = integerBounds, []string{"1", "2", "3", "10"}, []string{"int32", "int64"}
	}
	for _, keyword := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		if d.IntN(4) == 0 {
			out[keyword] = json.Number(pick(d, bounds))
		}
	}
	switch d.IntN(8) {
	case 0:
		out["multipleOf"] = json.Number(pick(d, multiples))
	case 1:
		out["format"] = pick(d, formats)
	case 2:
		var all []any
		for _, b := range bounds[:6] {
			all = append(all, json.Number(b))
		}
		d.valuesOf(out, all)
	}
	return out
}

func (d *drawer) arraySchema(depth int) object {
	out := object{"type": "array"}
	if d.IntN(8) > 0 {
		out["items"] = d.schema(depth - 1)
	}
	n := d.IntN(3)
	if d.IntN(3) == 0 {
		out["minItems"] = num(n)
	}
	if d.IntN(3) == 0 {
		out["maxItems"] = num(n + d.IntN(3))
	}
	if d.IntN(3) == 0 {
		out["uniqueItems"] = d.IntN(5) > 0
	}
	switch d.IntN(10) {
	case 0:
		out["prefixItems"] = []any{d.schema(depth - 1), d.schema(depth - 1)}
		if d.IntN(2) == 0 {
			out["items"] = false
		}
	case 1, 8, 9:
		out["contains"] = d.scalarSchema()
		if d.IntN(4) > 0 {
			delete(out, "items")
		}
		if d.IntN(4) > 0 {
			out[pick(d, []string{"minContains", "maxContains"})] = num(d.IntN(3))
		}
	case 2:
		delete(out, "items")
		out["prefixItems"] = []any{d.scalarSchema()}
		out["unevaluatedItems"] = pick(d, []any{false, d.scalarSchema()})
	case 3:
		out["const"] = []any{}
		if d.IntN(2) == 0 {
			delete(out, "const")
			out["enum"] = []any{[]any{num(1)}, []any{"a", nil}, []any{}}
		}
	}
	return out
}

func (d *drawer) mapSchema(depth int) object {
	out := object{"type": "object"}
	if d.IntN(4) > 0 {
		out["additionalProperties"] = d.schema(depth - 1)
	}
	if d.IntN(3) == 0 {
		out["propertyNames"] = pick(d, []object{{"maxLength": num(2)}, {"pattern": "^[a-z]"}, {"enum": []any{"a", "b"}}, {"format": "uuid"}})
	}
	n := d.IntN(3)
	if d.IntN(3) == 0 {
		out["minProperties"] = num(n)
	}
	if d.IntN(3) == 0 {
		out["maxProperties"] = num(n + d.IntN(3))
	}
	return out
}

// unionSchema is a choice of objects that a property tells apart.
func (d *drawer) unionSchema(depth int) object {
	var choices []any
	for i := range 2 + d.IntN(2) {
		choice := d.objectSchema(depth - 1)
		kind := object{"const": "k" + strconv.Itoa(i)}
		if d.IntN(3) == 0 {
			kind = object{"type": "string", "enum": []any{"k" + strconv.Itoa(i), "l" + strconv.Itoa(i)}}
		}
		choice["properties"].(object)["kind"] = kind
		names, _ := choice["required"].([]string)
		choice["required"] = append(slices.Clone(names), "kind")
		choices = append(choices, choice)
	}
	if d.IntN(4) == 0 {
		choices = append(choices, object{"type": "null"})
	}
	return object{pick(d, []string{"oneOf", "anyOf"}): choices}
}

// anySchema is one whose values are of several types, or of any.
func (d *drawer) anySchema(depth int) any {
	switch d.IntN(9) {
	case 0:
		return object{"enum": d.some([]any{"a", num(1), nil, true, []any{}, object{"a": num(1)}, json.Number("1.5")})}
	case 1:
		return object{"const": d.value(1)}
	case 2:
		return object{"type": []any{"string", pick(d, []any{"integer", "boolean", "array"})}, "minLength": num(d.IntN(3)), "maximum": num(5)}
	case 3, 4:
		return object{pick(d, []string{"anyOf", "oneOf", "allOf"}): []any{d.schema(depth - 1), d.schema(depth - 1)}}
	case 5:
		return object{"anyOf": []any{d.schema(depth - 1), object{"type": "null"}}}
	case 6:
		return object{"not": d.schema(depth - 1)}
	case 7:
		return object{"if": d.scalarSchema(), "then": d.schema(depth - 1), "else": d.schema(depth - 1)}
	}
	out := d.scalarSchema()
	delete(out, "type")
	if len(out) == 0 {
		return true
	}
	return out
}

// unfilled is a default until all is drawn, when it can be told what is valid.
const unfilled = "\x00"

// fillDefaults makes the defaults of a schema: valid ones, where one is found.
func (d *drawer) fillDefaults(text []byte) []byte {
	root := parse(text).(object)
	var places []string
	eachDefault("", root, func(pointer string, o object) {
		delete(o, "default")
		places = append(places, pointer)
	})
	if len(places) == 0 {
		return text
	}
	s := newSampler(d.Rand, "defaults.json", write(root))
	for _, pointer := range places {
		at, _ := find(root, pointer)
		if v, ok := s.good(pointer, at, 2); ok && v != nil {
			at.(object)["default"] = v
		}
	}
	return write(root)
}

func eachDefault(pointer string, v any, visit func(string, object)) {
	switch x := v.(type) {
	case object:
		if x["default"] == unfilled {
			visit(pointer, x)
		}
		for _, k := range sortedKeys(x) {
			eachDefault(pointer+"/"+escaped(k), x[k], visit)
		}
	case []any:
		for i, item := range x {
			eachDefault(pointer+"/"+strconv.Itoa(i), item, visit)
		}
	}
}

// value is any JSON value, a small one.
func (d *drawer) value(depth int) any {
	switch d.IntN(7 + min(depth, 1)*2) {
	case 0:
		return nil
	case 1:
		return d.IntN(2) == 0
	case 2, 3:
		return json.Number(pick(d, []string{"0", "1", "-1", "2", "3", "0.5", "1.0", "1e2", "12345678901234567890"}))
	case 7:
		return []any{d.value(depth - 1)}
	case 8:
		return object{pick(d, propertyNames): d.value(depth - 1)}
	}
	return pick(d, []string{"", "a", "b", "ab", "é", "1", "null"})
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
