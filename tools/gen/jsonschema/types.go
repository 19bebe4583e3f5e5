package jsonschema

import (
	"encoding/json"
	"regexp"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

const uuidPattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

// kinds are the JSON types of kinds.
var kinds = map[schema.Kind]string{
	schema.Bool: "boolean", schema.Int32: "integer", schema.Int64: "integer", schema.Uint32: "integer",
	schema.Uint64: "integer", schema.Float: "number", schema.Double: "number", schema.String: "string",
	schema.Bytes: "string", schema.EnumKind: "string", schema.Timestamp: "string", schema.JSONObject: "object",
	schema.List: "array", schema.Map: "object",
}

// ranges are the bounds of integer kinds that are narrower than what JSON writes; those of int64 go without saying.
var ranges = map[schema.Kind][2]string{
	schema.Int32: {"-2147483648", "2147483647"}, schema.Uint32: {"0", "4294967295"},
	schema.Uint64: {"0", "18446744073709551615"},
}

// typeInto describes a value's type and constraints.
func (b *builder) typeInto(o *object, t *schema.Type, f *schema.Field, null bool) error {
	if t.Constraints.Rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS && !b.unruled {
		b.unruled = true
		defer func() { b.unruled = false }()
	}
	if b.unruled {
		t = withoutRules(t)
	}
	if t.Constraints.Unmodelled != nil && t.HoldsEncrypted() { // it is said of values as they are before something in them is encrypted
		other := *t
		other.Constraints.Unmodelled = nil
		t = &other
	}
	if err := b.ownTypeInto(o, t, f, null); err != nil {
		return err
	}
	return b.unmodelledInto(o, t.Constraints.Unmodelled)
}

func withoutRules(t *schema.Type) *schema.Type {
	bare := *t
	bare.Constraints = schema.Constraints{}
	if t.Key != nil {
		bare.Key = withoutRules(t.Key)
	}
	return &bare
}

// ownTypeInto describes what the model holds of a type.
func (b *builder) ownTypeInto(o *object, t *schema.Type, f *schema.Field, null bool) error {
	switch {
	case t.Kind == schema.MessageKind:
		return b.recordInto(o, t, null)
	case t.Union != nil:
		return b.unionInto(o, t.Union, null)
	}
	if kind, ok := kinds[t.Kind]; ok {
		if null {
			o.Set("type", nullable(kind))
		} else {
			o.Set("type", kind)
		}
	}
	switch t.Kind {
	case schema.Timestamp:
		o.Set("format", "date-time")
	case schema.Bytes:
		o.Set("contentEncoding", "base64")
	case schema.EnumKind:
		enumInto(o, t, null)
	case schema.List:
		items := &object{}
		if err := b.typeInto(items, t.Elem, f, nullInside(t.Elem)); err != nil {
			return err
		}
		if !left(t.Constraints, "items") {
			o.Set("items", items)
		}
	case schema.Map:
		values := &object{}
		if err := b.typeInto(values, t.Elem, f, nullInside(t.Elem)); err != nil {
			return err
		}
		o.Set("additionalProperties", values)
		keysInto(o, t.Key)
	}
	if t.Constraints.SkipZero {
		return b.orZero(o, t, null)
	}
	constraintsInto(o, t, null)
	return nil
}

// enumInto lists the JSON names, less those that a rule takes away.
func enumInto(o *object, t *schema.Type, null bool) {
	var names []any
	for _, v := range t.Enum.Values {
		quoted, err := json.Marshal(v.JSONName)
		if err != nil || v.JSONName == "" || !allowed(t.Constraints, string(quoted)) {
			continue
		}
		names = append(names, v.JSONName)
	}
	if null {
		names = append(names, nil)
	}
	o.Set("enum", names)
}

func allowed(c schema.Constraints, text string) bool {
	if c.Const != "" && c.Const != text {
		return false
	}
	if len(c.In) > 0 && !contains(c.In, text) {
		return false
	}
	return !contains(c.NotIn, text)
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}

// keysInto describes a map's keys, which are strings in JSON.
func keysInto(o *object, key *schema.Type) {
	names := &object{}
	switch key.Kind {
	case schema.String:
		constraintsInto(names, key, false)
	case schema.Int32, schema.Int64:
		names.Set("pattern", "^-?[0-9]+$")
	case schema.Uint32, schema.Uint64:
		names.Set("pattern", "^[0-9]+$")
	case schema.Bool:
		names.Set("enum", []string{"true", "false"})
	case schema.EnumKind:
		enumInto(names, key, false)
	}
	if names.Len() > 0 {
		o.Set("propertyNames", names)
	}
}

// orZero describes constraints that do not hold for the zero value.
func (b *builder) orZero(o *object, t *schema.Type, null bool) error {
	constrained, zero := &object{}, &object{}
	constraintsInto(constrained, t, null)
	if constrained.Len() == 0 {
		return nil
	}
	switch t.Kind {
	case schema.String, schema.Bytes:
		zero.Set("const", "")
	case schema.Bool:
		zero.Set("const", false)
	case schema.List:
		zero.Set("maxItems", 0)
	case schema.Map:
		zero.Set("maxProperties", 0)
	default:
		zero.Set("const", 0)
	}
	o.Set("anyOf", []*object{zero, constrained})
	return nil
}

// constraintsInto adds what limits the values. Lists of values have null in them where null is one.
func constraintsInto(o *object, t *schema.Type, null bool) {
	c := t.Constraints
	switch t.Kind {
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.Float, schema.Double:
		numberInto(o, t)
		listsInto(o, c, null)
	case schema.String:
		stringInto(o, c)
		listsInto(o, c, null)
	case schema.Bool:
		constInto(o, c, null)
	case schema.List:
		count(o, "minItems", c.MinItems)
		count(o, "maxItems", c.MaxItems)
		if c.Unique && !left(c, "uniqueItems") {
			o.Set("uniqueItems", true)
		}
	case schema.Map, schema.JSONObject:
		count(o, "minProperties", c.MinPairs)
		count(o, "maxProperties", c.MaxPairs)
	}
}

// left says whether a keyword is among what the model does not hold, which is told apart.
func left(c schema.Constraints, keyword string) bool {
	return c.Unmodelled != nil && slices.Contains(c.Unmodelled.Keywords, keyword)
}

func count(o *object, keyword string, n *uint64) {
	if n != nil {
		o.Set(keyword, *n)
	}
}

// numberInto adds bounds. An upper bound below the lower one leaves what lies outside them.
func numberInto(o *object, t *schema.Type) {
	c := t.Constraints
	low, high := boundKeyword(c.Min, "minimum", "exclusiveMinimum"), boundKeyword(c.Max, "maximum", "exclusiveMaximum")
	if lower, upper := values.Crossed(t); lower != nil {
		o.Set("anyOf", []*object{
			boundKeyword(upper, "maximum", "exclusiveMaximum"), boundKeyword(lower, "minimum", "exclusiveMinimum"),
		})
	}
	natural := ranges[t.Kind]
	if low.Len() == 0 && natural[0] != "" {
		low.Set("minimum", json.RawMessage(natural[0]))
	}
	if high.Len() == 0 && natural[1] != "" {
		high.Set("maximum", json.RawMessage(natural[1]))
	}
	for _, keyword := range []string{"minimum", "exclusiveMinimum"} {
		if low.Has(keyword) {
			o.Set(keyword, low.Get(keyword))
		}
	}
	for _, keyword := range []string{"maximum", "exclusiveMaximum"} {
		if high.Has(keyword) {
			o.Set(keyword, high.Get(keyword))
		}
	}
	if c.MultipleOf != "" && !left(c, "multipleOf") {
		o.Set("multipleOf", json.RawMessage(c.MultipleOf))
	}
}

// boundKeyword is the keyword of a bound; empty for none, and for infinity.
func boundKeyword(b *schema.Bound, inclusive, exclusive string) *object {
	o := &object{}
	if b == nil || !json.Valid([]byte(b.Value)) {
		return o
	}
	if b.Exclusive {
		o.Set(exclusive, json.RawMessage(b.Value))
	} else {
		o.Set(inclusive, json.RawMessage(b.Value))
	}
	return o
}

// stringInto adds lengths, format and patterns; several patterns go into allOf.
func stringInto(o *object, c schema.Constraints) {
	count(o, "minLength", c.MinLen)
	count(o, "maxLength", c.MaxLen)
	var patterns []string
	if c.Pattern != "" {
		patterns = append(patterns, c.Pattern)
	}
	switch c.Format {
	case "uuid":
		o.Set("format", "uuid")
		patterns = append(patterns, uuidPattern)
	case "tuuid":
		patterns = append(patterns, "^[0-9a-fA-F]{32}$")
	case "address", "ip", "ulid":
	default:
		if !left(c, "format") {
			o.SetText("format", c.Format)
		}
	}
	patterns = append(patterns, literalPatterns(c.Rules.GetString())...)
	switch len(patterns) {
	case 0:
	case 1:
		o.Set("pattern", patterns[0])
	default:
		var all []*object
		for _, p := range patterns {
			one := &object{}
			one.Set("pattern", p)
			all = append(all, one)
		}
		o.Set("allOf", all)
	}
	if not := c.Rules.GetString().GetNotContains(); not != "" && len(c.NotIn) == 0 {
		pattern := &object{}
		pattern.Set("pattern", regexp.QuoteMeta(not))
		o.Set("not", pattern)
	}
}

// literalPatterns are the rules about parts of a string.
func literalPatterns(r *validate.StringRules) []string {
	var out []string
	if s := r.GetPrefix(); s != "" {
		out = append(out, "^"+regexp.QuoteMeta(s))
	}
	if s := r.GetSuffix(); s != "" {
		out = append(out, regexp.QuoteMeta(s)+"$")
	}
	if s := r.GetContains(); s != "" {
		out = append(out, regexp.QuoteMeta(s))
	}
	return out
}

// notZero are a required implicit field's constraints: it must not be empty.
func notZero(t schema.Type) schema.Constraints {
	c, one := t.Constraints, uint64(1)
	c.SkipZero = false
	switch t.Kind {
	case schema.String:
		if c.Format != "uuid" && c.Format != "tuuid" && (c.MinLen == nil || *c.MinLen == 0) {
			c.MinLen = &one
		}
	case schema.List:
		if c.MinItems == nil || *c.MinItems == 0 {
			c.MinItems = &one
		}
	case schema.Map:
		if c.MinPairs == nil || *c.MinPairs == 0 {
			c.MinPairs = &one
		}
	case schema.Bool:
		c.Const = "true"
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.Float, schema.Double:
		c.NotIn = append(append([]string{}, c.NotIn...), "0")
	}
	return c
}
