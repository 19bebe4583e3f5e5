package example

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// builder makes values by the model. Values are what encoding/json takes, and *object.
type builder struct {
	around map[*schema.Message]bool // being made
}

// message makes an object, nil when it requires what cannot be made.
func (b *builder) message(m *schema.Message) *object {
	if b.around[m] {
		return nil
	}
	b.around[m] = true
	defer delete(b.around, m)
	o := &object{}
	chosen := map[*schema.Oneof]bool{}
	for _, f := range m.Fields {
		if f.Oneof != nil && chosen[f.Oneof] || !f.Required && (f.Deprecated != nil || f.Oneof == nil && f.Type.Kind == schema.Bytes) {
			continue // what nobody should write, and what nobody can read
		}
		v := b.field(f)
		switch {
		case v != nil:
			o.Set(f.JSONName, v)
			chosen[f.Oneof] = f.Oneof != nil
		case f.Nullable:
			o.Set(f.JSONName, nil)
		case f.Oneof == nil && (f.Required || f.JSONRequired):
			return nil
		}
	}
	return o
}

// field makes a field's value, nil for none.
func (b *builder) field(f *schema.Field) any {
	for _, text := range f.Examples {
		if fits(f.Type, text) {
			return json.RawMessage(text)
		}
	}
	if text := ruleExample(f.Type); text != "" && fits(f.Type, text) {
		return json.RawMessage(text)
	}
	if text := suchAs(f.Doc, f.Type); text != "" {
		return json.RawMessage(text)
	}
	if !empty(f.Default) {
		return json.RawMessage(f.Default)
	}
	if v := b.value(f.Type, f.JSONName, 0, f.Doc); v != nil {
		return v
	}
	if f.Default != "" && f.Default != "now" {
		return json.RawMessage(f.Default)
	}
	return nil
}

func empty(text string) bool {
	return text == "" || text == "now" || text == "{}" || text == "[]" || text == `""` || text == "null"
}

// named is a value given in a comment.
var named = regexp.MustCompile("such as\\s+`([^`]+)`")

// suchAs is the JSON text of the value that a comment names, empty when it names none that the type takes.
func suchAs(doc string, t *schema.Type) string {
	match := named.FindStringSubmatch(doc)
	if match == nil {
		return ""
	}
	text := match[1]
	if t.Kind == schema.String {
		text = quoted(text)
	}
	if !json.Valid([]byte(text)) || !fits(t, text) {
		return ""
	}
	return text
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(text)
}

// value makes a value of a type; nth tells items of one list apart.
func (b *builder) value(t *schema.Type, name string, nth int, doc string) any {
	if text := listed(t, nth); text != "" {
		return json.RawMessage(text)
	}
	switch t.Kind {
	case schema.Bool:
		return true
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.Float, schema.Double:
		return number(t, nth)
	case schema.String:
		return text(t, name, nth)
	case schema.Bytes:
		return base64.StdEncoding.EncodeToString([]byte(sized(t.Constraints, "example")))
	case schema.EnumKind:
		return enum(t, nth)
	case schema.Timestamp:
		return instant
	case schema.JSONObject, schema.JSONValue:
		if t.Union != nil {
			return b.union(t.Union)
		}
		return json.RawMessage("{}")
	case schema.MessageKind:
		if v, ok := wellKnown(t.Message); ok {
			return v
		}
		if o := b.message(t.Message); o != nil {
			return o
		}
	case schema.List:
		return b.list(t, name, doc)
	case schema.Map:
		return b.entries(t, name, doc)
	}
	return nil
}

// union makes the first of the messages that can be made.
func (b *builder) union(u *schema.Union) any {
	for _, v := range u.Variants {
		if o := b.message(v.Message); o != nil {
			o.Set(u.Property, v.Values[0])
			return o
		}
	}
	return nil
}

// list makes one item, or as many as there must be. Nil means that not even one can be made.
func (b *builder) list(t *schema.Type, name, doc string) any {
	n := 1
	if t.Constraints.MinItems != nil {
		n = max(n, int(*t.Constraints.MinItems))
	}
	if t.Constraints.MaxItems != nil {
		n = min(n, int(*t.Constraints.MaxItems))
	}
	items := []any{}
	for i := range min(n, 100) {
		var v any
		if text := suchAs(doc, t.Elem); i == 0 && text != "" {
			v = json.RawMessage(text)
		} else if v = b.value(t.Elem, singular(name), i, ""); v == nil {
			return nil
		}
		items = append(items, v)
	}
	return items
}

func (b *builder) entries(t *schema.Type, name, doc string) any {
	n := 1
	if t.Constraints.MinPairs != nil {
		n = max(n, int(*t.Constraints.MinPairs))
	}
	if t.Constraints.MaxPairs != nil {
		n = min(n, int(*t.Constraints.MaxPairs))
	}
	o := &object{}
	for i := range min(n, 100) {
		k, v := b.value(t.Key, "key", i, ""), b.value(t.Elem, singular(name), i, doc)
		if k == nil || v == nil {
			return nil
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil
		}
		o.Set(strings.Trim(string(key), `"`), v)
	}
	return o
}

func singular(name string) string {
	if s, ok := strings.CutSuffix(name, "ies"); ok {
		return s + "y"
	}
	for _, end := range []string{"sses", "xes", "ches", "shes"} {
		if strings.HasSuffix(name, end) {
			return strings.TrimSuffix(name, "es")
		}
	}
	if s, ok := strings.CutSuffix(name, "s"); ok && !strings.HasSuffix(s, "s") {
		return s
	}
	return name
}

// listed is the nth of the values that constraints name; an enum's are names already.
func listed(t *schema.Type, nth int) string {
	c := t.Constraints
	if c.Const != "" && json.Valid([]byte(c.Const)) {
		return c.Const
	}
	if len(c.In) > 0 && json.Valid([]byte(c.In[nth%len(c.In)])) {
		return c.In[nth%len(c.In)]
	}
	return ""
}

func enum(t *schema.Type, nth int) any {
	var names []string
	for _, v := range t.Enum.Values {
		if v.JSONName != "" && v.Deprecated == nil && allowed(t.Constraints, quoted(v.JSONName)) {
			names = append(names, v.JSONName)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return names[nth%len(names)]
}

// number makes a number within the bounds: 1 where it may be, else near the lower bound, else near the upper one.
func number(t *schema.Type, nth int) any {
	c := t.Constraints
	whole := t.Kind != schema.Float && t.Kind != schema.Double
	step := big.NewRat(1, 1)
	if m, ok := new(big.Rat).SetString(c.MultipleOf); ok && m.Sign() > 0 {
		step = m
	}
	candidates := []*big.Rat{}
	low, high := rat(c.Min), rat(c.Max)
	if !whole {
		if low != nil && high != nil {
			candidates = append(candidates, new(big.Rat).Mul(new(big.Rat).Add(low, high), big.NewRat(1, 2)))
		}
		candidates = append(candidates, big.NewRat(3, 2))
	}
	candidates = append(candidates, new(big.Rat).Mul(step, big.NewRat(int64(nth)+1, 1)))
	for _, edge := range []*big.Rat{low, high} {
		if edge == nil {
			continue
		}
		multiple := new(big.Rat).Mul(step, new(big.Rat).SetInt(floor(new(big.Rat).Quo(edge, step))))
		for _, d := range []int64{0, 1, -1, int64(nth), -int64(nth)} {
			candidates = append(candidates, new(big.Rat).Add(multiple, new(big.Rat).Mul(step, big.NewRat(d, 1))))
		}
	}
	for n := range int64(20) {
		candidates = append(candidates, new(big.Rat).Mul(step, big.NewRat(n, 1)))
	}
	for _, r := range candidates {
		n := decimal(r)
		if whole && !r.IsInt() || !fits(t, n) {
			continue
		}
		if !whole && r.IsInt() {
			n += ".0"
		}
		return json.RawMessage(n)
	}
	return nil
}

func rat(b *schema.Bound) *big.Rat {
	if b == nil {
		return nil
	}
	r, ok := new(big.Rat).SetString(b.Value)
	if !ok {
		return nil
	}
	return r
}

func floor(r *big.Rat) *big.Int { return new(big.Int).Div(r.Num(), r.Denom()) }

func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// uuids are those that stand for the same thing wherever they are found.
var uuids = map[string]string{"correlation_id": correlationID, "session_id": sessionID, "event_id": eventID}

// uuid is a UUID that a name always has.
func uuid(name string, nth int) string {
	if id, ok := uuids[name]; ok && nth == 0 {
		return id
	}
	sum := sha256.Sum256(fmt.Append(nil, name, nth))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// wellKnown are protobuf's own messages, in protobuf's own JSON form.
func wellKnown(m *schema.Message) (any, bool) {
	if m.Proto == nil || !strings.HasPrefix(m.FullName, "google.protobuf.") {
		return nil, false
	}
	switch strings.TrimPrefix(m.FullName, "google.protobuf.") {
	case "Duration":
		return "1.5s", true
	case "FieldMask":
		return "name", true
	case "StringValue":
		return "text", true
	case "BytesValue":
		return "ZXhhbXBsZQ==", true
	case "BoolValue":
		return true, true
	case "Int32Value", "UInt32Value", "FloatValue", "DoubleValue":
		return 1, true
	case "Int64Value", "UInt64Value":
		return 1, true
	case "Struct", "Empty", "Value":
		return json.RawMessage("{}"), true
	case "ListValue":
		return json.RawMessage("[]"), true
	}
	return nil, true
}
