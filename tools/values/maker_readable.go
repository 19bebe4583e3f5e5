package values

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/omninode/trestle/tools/schema"
)

// Given returns the value that a schema itself gives for a field, or for the items of the lists in it, whose type is t
// then; nil for none. It may be a json.RawMessage.
type Given func(f *schema.Field, t *schema.Type) any

// Readable returns an object for people to read: all fields that somebody should write and can read, with what the schema
// gives for them, their defaults, or what goes with their names; nil where a field that must be there cannot be made.
// Texts of the schema are in it as json.RawMessage.
func (m *Maker) Readable(of *schema.Message, given Given) map[string]any {
	r := readableMaker{m, given, map[*schema.Message]bool{}}
	return r.message(of)
}

type readableMaker struct {
	*Maker
	given  Given
	around map[*schema.Message]bool // being made
}

func (r *readableMaker) message(of *schema.Message) map[string]any {
	if r.around[of] {
		return nil
	}
	r.around[of] = true
	defer delete(r.around, of)
	out := map[string]any{}
	chosen := map[*schema.Oneof]bool{}
	for _, f := range of.Fields {
		if f.Oneof != nil && chosen[f.Oneof] || !f.Required && (f.Deprecated != nil || f.Oneof == nil && f.Type.Kind == schema.Bytes) {
			continue // what nobody should write, and what nobody can read
		}
		switch v := r.field(f); {
		case v != nil:
			out[f.JSONName] = v
			chosen[f.Oneof] = f.Oneof != nil
		case f.Nullable:
			out[f.JSONName] = nil
		case f.Oneof == nil && (f.Required || f.JSONRequired):
			return nil
		}
	}
	return out
}

// field makes a field's value, nil for none.
func (r *readableMaker) field(f *schema.Field) any {
	if v := r.given(f, f.Type); v != nil {
		return v
	}
	filled := f.Default != "" && f.Default != "now"
	if filled && !slices.Contains([]string{"{}", "[]", `""`, "null"}, f.Default) {
		return json.RawMessage(f.Default)
	}
	if v := r.value(f.Type, f.JSONName, 0, f); v != nil {
		return v
	}
	if filled {
		return json.RawMessage(f.Default)
	}
	return nil
}

// value makes a value of a type; nth tells items of one list apart. The field is nil where nothing is given for items.
func (r *readableMaker) value(t *schema.Type, name string, nth int, f *schema.Field) any {
	if t.Constraints.Const != "" || len(t.Constraints.In) > 0 {
		if in := listed(&schema.Type{Kind: t.Kind, Constraints: schema.Constraints{Const: t.Constraints.Const, In: t.Constraints.In}}); len(in) > 0 {
			return in[nth%len(in)]
		}
	}
	switch t.Kind {
	case schema.Bool:
		return true
	case schema.String:
		return r.text(t, name, nth)
	case schema.Bytes:
		return r.first(t, base64.StdEncoding.EncodeToString([]byte(sized(t.Constraints, "example"))))
	case schema.EnumKind:
		return r.enum(t, nth)
	case schema.Timestamp:
		return Instant
	case schema.JSONObject, schema.JSONValue:
		if t.Union != nil {
			return r.union(t.Union)
		}
		return map[string]any{}
	case schema.MessageKind:
		if t.Message.WellKnown() != "" {
			return readableWellKnown(t)
		}
		if o := r.message(t.Message); o != nil {
			return o
		}
		return nil
	case schema.List:
		return r.list(t, name, f)
	case schema.Map:
		return r.entries(t, name, f)
	}
	return r.number(t, nth)
}

// first returns the first value that fits, else what the algebra finds; nil for none.
func (r *readableMaker) first(t *schema.Type, all ...any) any {
	for _, v := range all {
		if r.Fits(t, v) {
			return v
		}
	}
	return r.find(t)
}

// number is 1 where it may be, of floats what shows that they are some, else near one of the bounds.
func (r *readableMaker) number(t *schema.Type, nth int) any {
	in := Range(t)
	step, ok := Positive(t.Constraints.MultipleOf)
	if !ok {
		step = One
	}
	var points []*big.Rat
	if IsFloat(t.Kind) && in.Low != nil && in.High != nil {
		points = append(points, new(big.Rat).Mul(new(big.Rat).Add(in.Low, in.High), big.NewRat(1, 2)))
	}
	if IsFloat(t.Kind) {
		points = append(points, big.NewRat(3, 2))
	}
	points = append(points, new(big.Rat).Mul(step, big.NewRat(int64(nth)+1, 1)))
	if bounds, ok := Bounds(t); ok && bounds.Low != nil {
		points = append(points, bounds.Low)
	} else if ok && bounds.High != nil {
		points = append(points, bounds.High)
	}
	var all []any
	for _, p := range points {
		if n, ok := numberOf(t, p); ok {
			all = append(all, n)
		}
	}
	return r.first(t, all...)
}

// enum is the nth name that is not deprecated.
func (r *readableMaker) enum(t *schema.Type, nth int) any {
	// Only the lists of its constraints can rule a name out; asking for each whether it fits would look at all names again.
	allowed := Allowed(t)
	in, excluded := textSet(allowed), textSet(t.Constraints.NotIn)
	var names []any
	for _, v := range t.Enum.Values {
		if v.JSONName == "" || v.Deprecated != nil {
			continue
		}
		text, err := json.Marshal(v.JSONName)
		if err == nil && (allowed == nil || in[string(text)]) && !excluded[string(text)] {
			names = append(names, v.JSONName)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return names[nth%len(names)]
}

func textSet(texts []string) map[string]bool {
	set := make(map[string]bool, len(texts))
	for _, text := range texts {
		set[text] = true
	}
	return set
}

// union makes the first of the messages that can be made.
func (r *readableMaker) union(u *schema.Union) any {
	for _, v := range u.Variants {
		if o := r.message(v.Message); o != nil {
			o[u.Property] = v.Values[0]
			return o
		}
	}
	return nil
}

// list makes one item, or as many as there must be. Nil means that not even one can be made.
func (r *readableMaker) list(t *schema.Type, name string, f *schema.Field) any {
	items := []any{}
	for i := range someOf(t.Constraints.MinItems, t.Constraints.MaxItems) {
		var v any
		if i == 0 && f != nil {
			v = r.given(f, t.Elem)
		}
		if v == nil {
			v = r.value(t.Elem, singular(name), i, nil)
		}
		if v == nil {
			return nil
		}
		items = append(items, v)
	}
	return items
}

func (r *readableMaker) entries(t *schema.Type, name string, f *schema.Field) any {
	out := map[string]any{}
	for i := range someOf(t.Constraints.MinPairs, t.Constraints.MaxPairs) {
		key, ok := keyName(r.value(t.Key, "key", i, nil))
		v := r.value(t.Elem, singular(name), i, f)
		if !ok || v == nil {
			return nil
		}
		out[key] = v
	}
	return out
}

// someOf is 1 where the bounds of a count allow it, else the nearest that they do, up to 100.
func someOf(low, high *uint64) int {
	n := uint64(1)
	if low != nil {
		n = max(n, *low)
	}
	if high != nil {
		n = min(n, *high)
	}
	return int(min(n, 100))
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

// text makes a string: of its format, by its pattern, else its field's name in words.
func (r *readableMaker) text(t *schema.Type, name string, nth int) any {
	c := t.Constraints
	words := strings.ReplaceAll(name, "_", " ")
	if nth > 0 {
		words = fmt.Sprintf("%s %d", words, nth+1)
	}
	rules := c.Rules.GetString()
	words = rules.GetPrefix() + words + rules.GetContains() + rules.GetSuffix()
	var all []any
	if c.Format == "uuid" {
		all = append(all, readableUUID(name, nth))
	}
	if s := readableFormats[c.Format]; s != "" {
		all = append(all, s)
	}
	switch {
	case name == "trace_id":
		all = append(all, TraceID)
	case strings.HasSuffix(name, "_url") || name == "url":
		all = append(all, readableFormats["uri"])
	case strings.HasSuffix(name, "version") && name != "":
		all = append(all, "1.0.0")
	}
	pattern := patternTree(c)
	for _, repeat := range []int{1, 0, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64} {
		m := matcher{repeat: repeat, choice: nth}
		if s, ok := m.match(pattern); ok {
			all = append(all, s)
		}
	}
	return r.first(t, append(all, words, sized(c, words))...)
}

// What readable values have in common, so that one event's looks like it belongs to another's.
const (
	EventID       = "0f8fad5b-d9cb-469f-a165-70867728950e"
	CorrelationID = "550e8400-e29b-41d4-a716-446655440000"
	SessionID     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	TraceID       = "4bf92f3577b34da6a3ce929d0e0e4736"
	Instant       = "2025-10-16T12:34:56.789012Z"
)

// readableUUID is a UUID that a name always has.
func readableUUID(name string, nth int) string {
	if id, ok := map[string]string{"correlation_id": CorrelationID, "session_id": SessionID, "event_id": EventID}[name]; ok && nth == 0 {
		return id
	}
	sum := sha256.Sum256(fmt.Append(nil, name, nth))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// sized cuts or pads a text to the lengths.
func sized(c schema.Constraints, s string) string {
	if c.MaxLen != nil && uint64(utf8.RuneCountInString(s)) > *c.MaxLen {
		s = string([]rune(s)[:*c.MaxLen])
	}
	if c.MinLen != nil && *c.MinLen < mostShown {
		s += strings.Repeat("x", max(0, int(*c.MinLen)-utf8.RuneCountInString(s)))
	}
	return s
}

// readableWellKnown is a value of one of protobuf's own messages in its own JSON form, nil for none.
func readableWellKnown(t *schema.Type) any {
	name := t.Message.Proto.Name()
	switch name {
	case "Duration":
		return "1.5s"
	case "FieldMask":
		return "name"
	case "StringValue":
		return "text"
	case "BytesValue":
		return base64.StdEncoding.EncodeToString([]byte("example"))
	case "Struct", "Empty", "Value":
		return map[string]any{}
	case "Int64Value", "UInt64Value":
		return json.Number("1")
	}
	if samples := wellKnownSamples[name]; len(samples) > 0 {
		return samples[0]
	}
	return nil
}
