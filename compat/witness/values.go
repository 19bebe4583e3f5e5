package witness

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// absent stands for a field that is left out.
type absent struct{}

// builder makes values by the model. It makes the smallest object of a message once; what it returns is shared and not
// to be changed.
type builder struct {
	// smallest holds an object for each message, nil for one that requires itself or is being made.
	smallest map[*schema.Message]map[string]any
	space    *values.Space
}

func newBuilder() *builder {
	return &builder{smallest: map[*schema.Message]map[string]any{}, space: values.NewSpace()}
}

// sample returns a small value of a type, as JSON values with json.Number; nil where there is none.
func (b *builder) sample(t *schema.Type) any {
	values := b.candidates(t, nil)
	if len(values) == 0 {
		return nil
	}
	for _, v := range values {
		if fits(t, v) {
			return v
		}
	}
	return values[0]
}

// fits says whether a candidate keeps the constraints that are modelled.
func fits(t *schema.Type, v any) bool {
	switch x := v.(type) {
	case []any:
		return t.Kind == schema.List && between(t.Constraints.MinItems, t.Constraints.MaxItems, len(x))
	case map[string]any:
		return between(t.Constraints.MinPairs, t.Constraints.MaxPairs, len(x))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return false
	}
	ok, _ := values.Accepts(t, string(text))
	return ok
}

func between(low, high *uint64, n int) bool {
	return values.Counts(low, high).Contains(big.NewRat(int64(n), 1))
}

// quoted are the texts and numbers that an expression names.
var quoted = regexp.MustCompile(`'([^'\\]*)'|"([^"\\]*)"|\b(\d+(?:\.\d+)?)\b`)

// named returns what the CEL rules of both types name, as a value of the first.
func named(t, other *schema.Type) []any {
	var out []any
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, rule := range x.Constraints.Rules.GetCel() {
			for _, m := range quoted.FindAllStringSubmatch(rule.GetExpression(), -1) {
				switch {
				case t.Kind == schema.String && m[3] == "":
					out = append(out, m[1]+m[2])
				case values.IsNumber(t.Kind) && m[3] != "":
					out = append(out, json.Number(m[3]))
				}
			}
		}
	}
	return out
}

// candidates returns values of a type that are likely to lie on a border of it or of another type, readable ones
// first.
func (b *builder) candidates(t, other *schema.Type) []any {
	var out []any
	out = append(out, listed(t)...)
	if other != nil {
		out = append(out, listed(other)...)
	}
	out = append(out, named(t, other)...)
	switch {
	case t.Kind == schema.Bool:
		out = append(out, true, false)
	case values.IsNumber(t.Kind):
		out = append(out, numbers(t, other)...)
		if values.IsFloat(t.Kind) {
			out = append(out, notANumber)
		}
	case t.Kind == schema.String:
		out = append(out, texts(t, other)...)
	case t.Kind == schema.Bytes:
		for _, n := range append(lengths(t, other), 4, 16) { // those of addresses, too
			out = append(out, base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", n))))
		}
	case t.Kind == schema.EnumKind:
		for _, v := range t.Enum.Values {
			if v.JSONName != "" {
				out = append(out, v.JSONName)
			}
		}
		out = append(out, json.Number("99")) // a number without a name
	case t.Kind == schema.Timestamp:
		out = append(out, timestamps(t, other)...)
	case t.Kind == schema.JSONObject:
		out = append(out, map[string]any{}, map[string]any{"a": json.Number("1")})
		out = append(out, sized(t, other, json.Number("1"))...)
	case t.Kind == schema.JSONValue:
		out = append(out, json.Number("1"), "a", true, map[string]any{}, []any{})
	case t.Kind == schema.MessageKind && values.OwnForm(t.Message):
		out = append(out, wellKnowns(t, other)...)
		out = append(out, values.Samples(t.Message)...)
	case t.Kind == schema.MessageKind:
		if v := b.minimal(t.Message); v != nil {
			out = append(out, v)
		}
	case t.Kind == schema.List:
		out = append(out, b.lists(t, other)...)
	case t.Kind == schema.Map:
		out = append(out, b.maps(t, other)...)
	}
	return out
}

// listed returns the values that a type's constraints name.
func listed(t *schema.Type) []any {
	var out []any
	for _, text := range append(values.Allowed(t), t.Constraints.NotIn...) {
		if v, err := parse([]byte(text)); err == nil {
			out = append(out, v)
		}
	}
	return out
}

// numbers returns what lies on and beside the bounds of both types.
func numbers(t, other *schema.Type) []any {
	points := []*big.Rat{big.NewRat(1, 1), new(big.Rat)}
	for _, x := range []*schema.Type{t, other} {
		if x == nil || !values.IsNumber(x.Kind) {
			continue
		}
		in, all := values.Range(x), values.KindRange(x.Kind)
		for _, end := range append([]*big.Rat{in.Low, in.High, all.Low, all.High}, ruledEnds(x)...) {
			if end != nil {
				points = append(points, end, new(big.Rat).Add(end, values.One), new(big.Rat).Sub(end, values.One))
				if values.IsFloat(t.Kind) {
					points = append(points, new(big.Rat).Add(end, big.NewRat(1, 2)), new(big.Rat).Sub(end, big.NewRat(1, 2)))
				}
			}
		}
		if m, ok := values.Positive(x.Constraints.MultipleOf); ok {
			points = append(points, m, new(big.Rat).Add(m, m), new(big.Rat).Add(m, values.One))
		}
	}
	points = append(points, big.NewRat(-1, 1))
	if values.IsFloat(t.Kind) {
		points = append(points, big.NewRat(1, 2))
	}
	points = append(points, new(big.Rat).Add(values.Exact53.High, values.One), new(big.Rat).Add(values.Exact24.High, values.One))
	// What is easy to read comes first: 1, then by size, positive before negative.
	slices.SortStableFunc(points[1:], func(a, b *big.Rat) int {
		return cmp.Or(new(big.Rat).Abs(a).Cmp(new(big.Rat).Abs(b)), b.Sign()-a.Sign())
	})
	points = slices.CompactFunc(points, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
	var out []any
	for _, p := range points {
		if n, ok := number(p, values.IsFloat(t.Kind)); ok {
			out = append(out, n)
		}
	}
	return out
}

// ruledEnds are the bounds that the rules of a type of numbers name.
func ruledEnds(t *schema.Type) []*big.Rat {
	m := t.Constraints.Rules.ProtoReflect()
	typ := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if typ == nil {
		return nil
	}
	var out []*big.Rat
	m.Get(typ).Message().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch fd.Name() {
		case "gt", "gte", "lt", "lte":
			if end, ok := new(big.Rat).SetString(fmt.Sprint(v.Interface())); ok {
				out = append(out, end)
			}
		}
		return true
	})
	return out
}

// number renders a rational as events write it: integers plain, floats always recognisable as such.
func number(r *big.Rat, float bool) (json.Number, bool) {
	if !float {
		return json.Number(r.Num().String()), r.IsInt()
	}
	f, _ := r.Float64()
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if len(s) > 20 {
		s = strconv.FormatFloat(f, 'e', -1, 64)
	}
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.Number(s), true
}

// lengths returns the lengths on and beside the bounds of both types, small enough to print.
func lengths(t, other *schema.Type) []int {
	const most = 4096
	out := []int{1, 0}
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, n := range []*uint64{x.Constraints.MinLen, x.Constraints.MaxLen} {
			if n != nil && *n < most {
				out = append(out, int(*n), int(*n)+1)
				if *n > 0 {
					out = append(out, int(*n)-1)
				}
			}
		}
	}
	return out
}

func (b *builder) lists(t, other *schema.Type) []any {
	var otherElem *schema.Type
	if other != nil && other.Kind == schema.List {
		otherElem = other.Elem
	}
	out := []any{[]any{}}
	elems := b.candidates(t.Elem, otherElem)
	for _, e := range elems {
		out = append(out, []any{e})
	}
	if len(elems) == 0 {
		return out
	}
	first := b.sample(t.Elem)
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, n := range []*uint64{x.Constraints.MinItems, x.Constraints.MaxItems} {
			if n != nil && *n <= 64 {
				out = append(out, repeat(first, int(*n)), repeat(first, int(*n)+1), distinct(t.Elem, elems, int(*n)),
					distinct(t.Elem, elems, int(*n)+1))
			}
		}
	}
	return append(out, repeat(first, 2), distinct(t.Elem, elems, 2))
}

func repeat(v any, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// distinct returns n values of a type, all different where the candidates suffice.
func distinct(t *schema.Type, all []any, n int) []any {
	out := []any{}
	seen := map[string]bool{}
	for _, v := range all {
		text, err := json.Marshal(v)
		if len(out) == n {
			break
		}
		if err == nil && !seen[string(text)] && fits(t, v) {
			seen[string(text)] = true
			out = append(out, v)
		}
	}
	for len(out) < n && t.Kind == schema.String {
		out = append(out, "a"+strconv.Itoa(len(out)))
	}
	for len(out) < n && values.IsNumber(t.Kind) {
		out = append(out, json.Number(strconv.Itoa(100+len(out))))
	}
	for len(out) < n {
		out = append(out, all[0])
	}
	return out
}

func (b *builder) maps(t, other *schema.Type) []any {
	var otherElem *schema.Type
	if other != nil && other.Kind == schema.Map {
		otherElem = other.Elem
	}
	keys := b.keys(t.Key, other)
	out := []any{map[string]any{}}
	for _, e := range b.candidates(t.Elem, otherElem) {
		out = append(out, map[string]any{keys[0]: e})
	}
	first := b.sample(t.Elem)
	for _, key := range keys {
		out = append(out, map[string]any{key: first})
	}
	out = append(out, sized(t, other, first)...)
	return out
}

// sized returns maps of a value, with as many entries as the bounds of both types say, and one more.
func sized(t, other *schema.Type, value any) []any {
	var out []any
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, n := range []*uint64{x.Constraints.MinPairs, x.Constraints.MaxPairs} {
			if n == nil || *n > 64 {
				continue
			}
			for _, size := range []int{int(*n), int(*n) + 1} {
				m := map[string]any{}
				for _, k := range someKeys(t, size) {
					m[k] = value
				}
				out = append(out, m)
			}
		}
	}
	return out
}

// keys returns names of members for a map's keys, a small one first.
func (b *builder) keys(t *schema.Type, other *schema.Type) []string {
	if t == nil {
		return []string{"a"}
	}
	var otherKey *schema.Type
	if other != nil {
		otherKey = other.Key
	}
	var out []string
	for _, v := range append([]any{b.sample(t)}, b.candidates(t, otherKey)...) {
		switch k := v.(type) {
		case json.Number:
			out = append(out, k.String())
		case bool:
			out = append(out, strconv.FormatBool(k))
		case string:
			out = append(out, k)
		}
	}
	if len(out) == 0 || out[0] == "" {
		return append([]string{"a"}, out...)
	}
	return out
}
