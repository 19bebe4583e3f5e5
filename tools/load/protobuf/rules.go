package protobuf

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// constrain reads protovalidate rules into a type's constraints, those of items, keys and values into their types.
func (l *loader) constrain(t *schema.Type, rules *validate.FieldRules, at schema.Position) {
	c := &t.Constraints
	c.Rules, c.Pos = rules, at
	c.SkipZero = rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE
	if rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return
	}
	switch r := rules.GetType().(type) {
	case *validate.FieldRules_String_:
		l.constrainString(c, r.String_)
	case *validate.FieldRules_Bytes:
		constrainBytes(c, r.Bytes)
	case *validate.FieldRules_Bool:
		if r.Bool.HasConst() {
			c.Const = strconv.FormatBool(r.Bool.GetConst())
		}
	case *validate.FieldRules_Enum:
		constrainEnum(c, t.Enum, r.Enum)
	case *validate.FieldRules_Repeated:
		c.MinItems, c.MaxItems, c.Unique = r.Repeated.MinItems, r.Repeated.MaxItems, r.Repeated.GetUnique()
		if r.Repeated.HasItems() && t.Elem != nil {
			l.constrain(t.Elem, r.Repeated.GetItems(), at)
		}
	case *validate.FieldRules_Map:
		c.MinPairs, c.MaxPairs = r.Map.MinPairs, r.Map.MaxPairs
		if r.Map.HasKeys() && t.Key != nil {
			l.constrain(t.Key, r.Map.GetKeys(), at)
		}
		if r.Map.HasValues() && t.Elem != nil {
			l.constrain(t.Elem, r.Map.GetValues(), at)
		}
	case nil, *validate.FieldRules_Any, *validate.FieldRules_Duration, *validate.FieldRules_Timestamp, *validate.FieldRules_FieldMask:
		// Only in Rules: the constraints have no member for them.
	default:
		constrainNumber(c, rules.ProtoReflect())
	}
}

// lengthOf returns the bounds of a length that an exact one is given beside: all of them hold.
func lengthOf(low, high, exact *uint64) (*uint64, *uint64) {
	if exact == nil {
		return low, high
	}
	if low == nil || *low < *exact {
		low = exact
	}
	if high == nil || *high > *exact {
		high = exact
	}
	return low, high
}

// stringFormats maps protovalidate's well-known strings to JSON Schema's names of formats.
var stringFormats = map[protoreflect.Name]string{
	"email": "email", "hostname": "hostname", "ip": "ip", "ipv4": "ipv4", "ipv6": "ipv6", "uri": "uri",
	"uri_ref": "uri-reference", "address": "address", "uuid": "uuid", "tuuid": "tuuid", "ulid": "ulid",
}

func (l *loader) constrainString(c *schema.Constraints, r *validate.StringRules) {
	if r.HasConst() {
		c.Const = jsontree.Quote(r.GetConst())
	}
	c.MinLen, c.MaxLen = lengthOf(r.MinLen, r.MaxLen, r.Len)
	c.Pattern = r.GetPattern()
	if _, err := regexp.Compile(c.Pattern); err != nil {
		l.Fault(c.Pos, "pattern %q is not a regular expression that RE2 takes: %v", c.Pattern, err)
	}
	for _, s := range r.GetIn() {
		c.In = append(c.In, jsontree.Quote(s))
	}
	for _, s := range r.GetNotIn() {
		c.NotIn = append(c.NotIn, jsontree.Quote(s))
	}
	m := r.ProtoReflect()
	if fd := m.WhichOneof(m.Descriptor().Oneofs().ByName("well_known")); fd != nil && fd.Kind() == protoreflect.BoolKind && m.Get(fd).Bool() {
		c.Format = stringFormats[fd.Name()]
	}
}

func constrainBytes(c *schema.Constraints, r *validate.BytesRules) {
	quote := func(b []byte) string { return jsontree.Quote(base64.StdEncoding.EncodeToString(b)) }
	if r.HasConst() {
		c.Const = quote(r.GetConst())
	}
	c.MinLen, c.MaxLen = lengthOf(r.MinLen, r.MaxLen, r.Len)
	for _, b := range r.GetIn() {
		c.In = append(c.In, quote(b))
	}
	for _, b := range r.GetNotIn() {
		c.NotIn = append(c.NotIn, quote(b))
	}
}

// constrainEnum gives values by their JSON names, and by their numbers where they have none.
func constrainEnum(c *schema.Constraints, e *schema.Enum, r *validate.EnumRules) {
	text := func(number int32) string {
		if e != nil {
			for _, v := range e.Values {
				if v.Number == number && v.JSONName != "" {
					return jsontree.Quote(v.JSONName)
				}
			}
		}
		return strconv.Itoa(int(number))
	}
	if r.HasConst() {
		c.Const = text(r.GetConst())
	}
	c.DefinedOnly = r.GetDefinedOnly()
	for _, n := range r.GetIn() {
		c.In = append(c.In, text(n))
	}
	for _, n := range r.GetNotIn() {
		c.NotIn = append(c.NotIn, text(n))
	}
}

// constrainNumber reads the rules of any numeric type: they differ in their types alone.
func constrainNumber(c *schema.Constraints, rules protoreflect.Message) {
	oneof := rules.WhichOneof(rules.Descriptor().Oneofs().ByName("type"))
	if oneof == nil {
		return
	}
	r := rules.Get(oneof).Message()
	fields := r.Descriptor().Fields()
	bits := 64
	if oneof.Name() == "float" {
		bits = 32
	}
	r.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch fd.Name() {
		case "const":
			if c.Const = numberText(v, bits); c.Const == "" {
				c.In = []string{} // which no number is
			}
		case "gt", "gte":
			c.Min = newBound(v, bits, fd == fields.ByName("gt"))
		case "lt", "lte":
			c.Max = newBound(v, bits, fd == fields.ByName("lt"))
		case "in":
			c.In = append([]string{}, numberTexts(v.List(), bits)...)
		case "not_in":
			c.NotIn = numberTexts(v.List(), bits)
		}
		return true
	})
	// With the lower bound above the upper, protovalidate means all that is outside: no interval, so only in Rules.
	if c.Min != nil && c.Max != nil && crossed(c.Min, c.Max) {
		c.Min, c.Max = nil, nil
	}
}

func crossed(lower, upper *schema.Bound) bool {
	a, okA := new(big.Rat).SetString(lower.Value)
	b, okB := new(big.Rat).SetString(upper.Value)
	if !okA || !okB {
		return false
	}
	return a.Cmp(b) > 0 // bounds that are equal and exclude themselves admit nothing
}

// newBound is nil for an infinite bound, which has no decimal text: it is only in Rules.
func newBound(v protoreflect.Value, bits int, exclusive bool) *schema.Bound {
	text := numberText(v, bits)
	if text == "" {
		return nil
	}
	return &schema.Bound{Value: text, Exclusive: exclusive}
}

func numberTexts(list protoreflect.List, bits int) []string {
	var out []string
	for i := range list.Len() {
		if text := numberText(list.Get(i), bits); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// numberText is the decimal text of a number, empty for infinities and NaN.
func numberText(v protoreflect.Value, bits int) string {
	switch n := v.Interface().(type) {
	case int32:
		return strconv.FormatInt(int64(n), 10)
	case int64:
		return strconv.FormatInt(n, 10)
	case uint32:
		return strconv.FormatUint(uint64(n), 10)
	case uint64:
		return strconv.FormatUint(n, 10)
	case float32:
		return decimalText(float64(n), bits)
	case float64:
		return decimalText(n, bits)
	}
	return ""
}

func decimalText(f float64, bits int) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, bits)
}
