package values

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/omninode/trestle/tools/schema"
)

// Present is the time at which made events are written and read: always the same, so that what comes of them is, too.
var Present = time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)

// Maker makes values of types and messages: small ones, ones on the borders of what a type takes, and readable ones.
// They are JSON values with numbers as json.Number, shared, and not to be changed. It is not safe for concurrent use.
type Maker struct {
	prover *Prover
	// smallest holds an object for each message, nil for one that requires itself or is being made.
	smallest, full map[*schema.Message]map[string]any
	// shapes are those of scalar types, nil for other types; found holds what the algebra found of them, nil for nothing.
	shapes map[*schema.Type]*Shape
	found  map[*schema.Type]any
	judge  Judge // nil for none
}

// NewMaker returns a maker.
func NewMaker() *Maker {
	return &Maker{
		prover: NewProver(), smallest: map[*schema.Message]map[string]any{}, full: map[*schema.Message]map[string]any{},
		shapes: map[*schema.Type]*Shape{},
		found:  map[*schema.Type]any{},
	}
}

// shape is what a scalar type accepts, nil for other types.
func (m *Maker) shape(t *schema.Type) *Shape {
	a, known := m.shapes[t]
	if !known {
		a, _, _ = m.prover.modelled(t)
		m.shapes[t] = a
	}
	return a
}

// Small returns a small value of a type; nil where there is none. Where none is found that fits, it is one that does not.
func (m *Maker) Small(t *schema.Type) any {
	all := m.Candidates(t, nil)
	for _, v := range all {
		if m.Fits(t, v) {
			return v
		}
	}
	if v := m.find(t); v != nil || len(all) == 0 {
		return v
	}
	return all[0]
}

// find asks the algebra for a value of a scalar type, one that is small enough to print; nil where there is none.
func (m *Maker) find(t *schema.Type) any {
	if v, known := m.found[t]; known {
		return v
	}
	m.found[t] = nil
	if c := t.Constraints; c.MinLen != nil && *c.MinLen >= mostShown {
		return nil
	}
	if a := m.shape(t); a != nil {
		m.found[t], _ = m.prover.Find(a)
	}
	return m.found[t]
}

// Fits says whether a value keeps a type's constraints; those of objects inside are not looked at, nor are those that
// cannot be run.
func (m *Maker) Fits(t *schema.Type, v any) bool {
	c := t.Constraints
	switch {
	case t.Kind == schema.JSONValue:
		return true
	case t.Kind == schema.List:
		list, ok := v.([]any)
		return ok && within(c.MinItems, c.MaxItems, len(list)) && !(c.Unique && !distinctItems(list)) &&
			!slices.ContainsFunc(list, func(e any) bool { return !m.Fits(t.Elem, e) })
	case t.Kind == schema.Map, t.Kind == schema.JSONObject, t.Kind == schema.MessageKind && !OwnForm(t.Message):
		object, ok := v.(map[string]any)
		return ok && within(c.MinPairs, c.MaxPairs, len(object))
	}
	if a := m.shape(t); a != nil {
		ok, _ := a.Contains(v)
		return ok
	}
	return true
}

func within(low, high *uint64, n int) bool {
	return Counts(low, high).Contains(big.NewRat(int64(n), 1))
}

// Candidates returns values of a type that are likely to lie on a border of it or of another type, which may be nil,
// readable ones first. Not all of them fit.
func (m *Maker) Candidates(t, other *schema.Type) []any {
	var out []any
	out = append(out, listed(t)...)
	if other != nil {
		out = append(out, listed(other)...)
	}
	for _, x := range []*schema.Type{t, other} {
		if rules := rulesOf(x); rules != nil {
			out = append(out, m.named(t, expressions(rules))...)
		}
	}
	of, wraps := Wrapped(t)
	switch {
	case t.Kind == schema.Bool:
		out = append(out, true, false)
	case IsNumber(t.Kind):
		out = append(out, borderNumbers(t, other)...)
		if IsFloat(t.Kind) {
			out = append(out, "NaN", "Infinity", "-Infinity") // as records in binary have them
		}
	case t.Kind == schema.String:
		out = append(out, borderTexts(t, other)...)
	case t.Kind == schema.Bytes:
		for _, b := range borderBytesOf(t, other) {
			out = append(out, base64.StdEncoding.EncodeToString(b))
		}
	case t.Kind == schema.EnumKind:
		for _, name := range jsonNames(t.Enum) {
			out = append(out, name)
		}
		for _, v := range t.Enum.Values {
			if v.JSONName == "" {
				out = append(out, json.Number(strconv.Itoa(int(v.Number))))
			}
		}
		out = append(out, json.Number("99")) // a number without a name
	case t.Kind == schema.Timestamp:
		out = append(out, borderTimes(t, other)...)
	case t.Kind == schema.JSONObject:
		out = append(out, map[string]any{}, map[string]any{"a": json.Number("1")})
		out = append(out, m.counted(t, other, json.Number("1"))...)
	case t.Kind == schema.JSONValue:
		out = append(out, json.Number("1"), "a", true, map[string]any{}, []any{})
	case wraps:
		for _, v := range m.Candidates(of, unwrapped(other)) {
			out = append(out, wrappedForm(of, v))
		}
	case t.Kind == schema.MessageKind && OwnForm(t.Message):
		out = append(out, borderWellKnown(t, other)...)
		out = append(out, wellKnownSamples[t.Message.Proto.Name()]...)
	case t.Kind == schema.MessageKind:
		if v := m.Smallest(t.Message); v != nil {
			out = append(out, v)
		}
	case t.Kind == schema.List:
		out = append(out, m.lists(t, other)...)
	case t.Kind == schema.Map:
		out = append(out, m.maps(t, other)...)
	}
	return out
}

// listed returns the values that a type's constraints name.
func listed(t *schema.Type) []any {
	var out []any
	for _, text := range append(Allowed(t), t.Constraints.NotIn...) {
		if v, err := Parse(text); err == nil {
			out = append(out, v)
		}
	}
	return out
}

func (m *Maker) lists(t, other *schema.Type) []any {
	var otherElem *schema.Type
	if other != nil && other.Kind == schema.List {
		otherElem = other.Elem
	}
	out := []any{[]any{}}
	elems := m.Candidates(t.Elem, otherElem)
	for _, e := range elems {
		out = append(out, []any{e})
	}
	if len(elems) == 0 {
		return out
	}
	first := m.Small(t.Elem)
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, n := range []*uint64{x.Constraints.MinItems, x.Constraints.MaxItems} {
			if n != nil && *n <= mostMade {
				for _, size := range []int{int(*n), int(*n) + 1} {
					out = append(out, slices.Repeat([]any{first}, size), m.distinct(t.Elem, elems, size))
				}
			}
		}
	}
	return append(out, slices.Repeat([]any{first}, 2), m.distinct(t.Elem, elems, 2))
}

// mostMade limits the items of lists and the entries of maps.
const mostMade = 64

// distinct returns n values of a type, all different where that can be.
func (m *Maker) distinct(t *schema.Type, from []any, n int) []any {
	given := slices.Clone(from)
	for i := range n {
		switch {
		case t.Kind == schema.String:
			given = append(given, "a"+strconv.Itoa(i))
		case IsNumber(t.Kind):
			given = append(given, json.Number(strconv.Itoa(100+i)))
		}
	}
	out := m.some(t, given, n)
	for len(out) < n {
		out = append(out, from[0])
	}
	return out
}

func (m *Maker) maps(t, other *schema.Type) []any {
	var otherElem *schema.Type
	if other != nil && other.Kind == schema.Map {
		otherElem = other.Elem
	}
	keys := m.borderKeys(t.Key, other)
	out := []any{map[string]any{}}
	for _, e := range m.Candidates(t.Elem, otherElem) {
		out = append(out, map[string]any{keys[0]: e})
	}
	first := m.Small(t.Elem)
	for _, key := range keys {
		out = append(out, map[string]any{key: first})
	}
	return append(out, m.counted(t, other, first)...)
}

// counted returns maps of a value, with as many entries as the bounds of both types say, and one more.
func (m *Maker) counted(t, other *schema.Type, value any) []any {
	var out []any
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, n := range []*uint64{x.Constraints.MinPairs, x.Constraints.MaxPairs} {
			if n == nil || *n > mostMade {
				continue
			}
			for _, size := range []int{int(*n), int(*n) + 1} {
				entries := map[string]any{}
				for _, k := range m.simpleKeys(t.Key, size) {
					entries[k] = value
				}
				out = append(out, entries)
			}
		}
	}
	return out
}

// simpleKeys returns n different names of members for a map's keys, fewer where there are no more; nil is any string. One at
// least is returned, which need not fit where none was found that does.
func (m *Maker) simpleKeys(t *schema.Type, n int) []string {
	if t == nil {
		t = &schema.Type{Kind: schema.String}
	}
	var simple []any
	for i := range n {
		switch {
		case t.Kind == schema.Bool && i < 2:
			simple = append(simple, i == 0)
		case t.Kind == schema.String && n == 1:
			simple = append(simple, "a")
		case t.Kind == schema.String:
			simple = append(simple, "k"+strconv.Itoa(i))
		case IsInteger(t.Kind):
			simple = append(simple, json.Number(strconv.Itoa(i+1)))
		}
	}
	var out []string
	for _, v := range m.some(t, simple, n) {
		if name, ok := keyName(v); ok {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return []string{"a"}
	}
	return out
}

// some returns n different values of a scalar type, fewer where no more are found; the given ones first, as far as they fit.
func (m *Maker) some(t *schema.Type, given []any, n int) []any {
	var out []any
	seen := map[string]bool{}
	var taken []*Shape
	add := func(v any) {
		if key := canonical(v); len(out) < n && !seen[key] && m.Fits(t, v) {
			seen[key] = true
			out = append(out, v)
			taken = append(taken, m.prover.Not(m.prover.Value(v)))
		}
	}
	for _, v := range given {
		add(v)
	}
	a := m.shape(t)
	for a != nil && len(out) < n {
		v, ok := m.prover.Find(append(taken, a)...)
		before := len(out)
		if add(v); !ok || len(out) == before {
			break
		}
	}
	return out
}

// borderKeys returns names of members for a map's keys, a small one first.
func (m *Maker) borderKeys(t *schema.Type, other *schema.Type) []string {
	if t == nil {
		return []string{"a"}
	}
	var otherKey *schema.Type
	if other != nil {
		otherKey = other.Key
	}
	var out []string
	for _, v := range append([]any{m.Small(t)}, m.Candidates(t, otherKey)...) {
		if name, ok := keyName(v); ok {
			out = append(out, name)
		}
	}
	if len(out) == 0 || out[0] == "" {
		return append([]string{"a"}, out...)
	}
	return out
}

// keyName is the name of the member that a map's key is written as.
func keyName(key any) (name string, ok bool) {
	switch k := key.(type) {
	case json.Number:
		return k.String(), true
	case bool:
		return strconv.FormatBool(k), true
	case string:
		return k, true
	}
	return "", false
}
