package values

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ordered are the rules of protovalidate on values that have an order: numbers, times and durations.
type ordered struct {
	low, high         *point
	openLow, openHigh bool
	equal             *point  // const
	in, notIn         []point // in is nil for any
	finite            bool
}

// point is a place on a line: a number, which of times and durations is that of nanoseconds, or one of the floats beyond all numbers, at which NaN is nowhere.
type point struct {
	at       *big.Rat // nil for those that are no numbers
	infinite int      // -1 or 1
}

// orderedRules are those of a type, nil where it has none.
func orderedRules(t *schema.Type) *ordered {
	m := typedRules(t)
	if m == nil {
		return nil
	}
	o := &ordered{}
	some := false
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.IsList() {
			points := []point{}
			for i := range v.List().Len() {
				p, ok := pointOf(v.List().Get(i))
				if !ok {
					return true
				}
				points = append(points, p)
			}
			switch fd.Name() {
			case "in":
				o.in, some = points, true
			case "not_in":
				o.notIn, some = points, true
			}
			return true
		}
		if fd.Name() == "finite" {
			o.finite, some = v.Bool(), true
			return true
		}
		p, ok := pointOf(v)
		if !ok {
			return true
		}
		some = true
		switch fd.Name() {
		case "gt", "gte":
			o.low, o.openLow = &p, fd.Name() == "gt"
		case "lt", "lte":
			o.high, o.openHigh = &p, fd.Name() == "lt"
		case "const":
			o.equal = &p
		}
		return true
	})
	if !some {
		return nil
	}
	return o
}

// typedRules are the rules that a type has for its kind of values, nil for none.
func typedRules(t *schema.Type) protoreflect.Message {
	if t.Constraints.Rules == nil {
		return nil
	}
	m := t.Constraints.Rules.ProtoReflect()
	typ := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if typ == nil {
		return nil
	}
	return m.Get(typ).Message()
}

func pointOf(v protoreflect.Value) (point, bool) {
	float := func(f float64, bits int) (point, bool) {
		switch {
		case math.IsNaN(f):
			return point{}, true
		case math.IsInf(f, 0):
			return point{infinite: int(math.Copysign(1, f))}, true
		}
		r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, bits))
		return point{at: r}, ok
	}
	switch x := v.Interface().(type) {
	case int32, int64, uint32, uint64:
		r, ok := new(big.Rat).SetString(fmt.Sprint(x))
		return point{at: r}, ok
	case float32:
		return float(float64(x), 32)
	case float64:
		return float(x, 64)
	case protoreflect.Message:
		switch m := x.Interface().(type) {
		case *durationpb.Duration:
			return point{at: nanoseconds(m.GetSeconds(), m.GetNanos())}, true
		case *timestamppb.Timestamp:
			return point{at: nanoseconds(m.GetSeconds(), m.GetNanos())}, true
		}
	}
	return point{}, false
}

func nanoseconds(seconds int64, nanos int32) *big.Rat {
	n := new(big.Int).Mul(big.NewInt(seconds), big.NewInt(int64(time.Second)))
	return new(big.Rat).SetInt(n.Add(n, big.NewInt(int64(nanos))))
}

// compare orders two points that are somewhere.
func (p point) compare(q point) int {
	if p.at != nil && q.at != nil {
		return p.at.Cmp(q.at)
	}
	return p.infinite - q.infinite
}

// nowhere says that a point is NaN, which compares with none.
func (p point) nowhere() bool { return p.at == nil && p.infinite == 0 }

func (p point) same(q point) bool { return !p.nowhere() && !q.nowhere() && p.compare(q) == 0 }

// crossed says that the lower bound is above the upper one, by which protovalidate means all that is not between; bounds that
// are equal are a range.
func (o *ordered) crossed() bool { return o.low != nil && o.high != nil && o.low.compare(*o.high) > 0 }

// takes says whether the rules let one of the floats pass that are no numbers.
func (o *ordered) takes(p point) bool {
	if o == nil {
		return true
	}
	if o.finite || o.equal != nil && !o.equal.same(p) || len(o.in) > 0 && !slices.ContainsFunc(o.in, p.same) || slices.ContainsFunc(o.notIn, p.same) {
		return false
	}
	if o.low == nil && o.high == nil {
		return true
	}
	if p.nowhere() {
		return false
	}
	above, below := true, true
	if o.low != nil {
		c := p.compare(*o.low)
		above = c > 0 || c == 0 && !o.openLow
	}
	if o.high != nil {
		c := p.compare(*o.high)
		below = c < 0 || c == 0 && !o.openHigh
	}
	if o.crossed() {
		return above || below
	}
	return above && below
}

// Ranges are the numbers that the bounds of a type let pass, as intervals of which no two meet; one without ends where there
// are no bounds. ok is false where a bound is no number.
func Ranges(t *schema.Type) (all []Interval, ok bool) {
	if o := orderedRules(t); o != nil {
		all, ok = o.within(), true
	} else {
		var i Interval
		i, ok = Bounds(t)
		all = []Interval{i}
	}
	if IsInteger(t.Kind) {
		for n := range all {
			all[n] = all[n].closed()
		}
	}
	return all, ok
}

// Crossed are the bounds of rules of protovalidate that let pass what is not between them; nil for any other rules.
func Crossed(t *schema.Type) (lower, upper *schema.Bound) {
	o := orderedRules(t)
	if o == nil || !o.crossed() || o.low.at == nil || o.high.at == nil {
		return nil, nil
	}
	text := func(r *big.Rat) string { return decimal(r).String() }
	return &schema.Bound{Value: text(o.low.at), Exclusive: o.openLow}, &schema.Bound{Value: text(o.high.at), Exclusive: o.openHigh}
}

// AllWithin says whether every number in one of some intervals is in one of others.
func AllWithin(some, others []Interval) bool {
	for _, rest := range some {
		left := intersectAll([]Interval{rest}, Interval{})
		for _, by := range others {
			left = subtractAll(left, by)
		}
		if len(left) > 0 {
			return false
		}
	}
	return true
}

// within is what the bounds let pass of the numbers, as intervals; none for nothing.
func (o *ordered) within() []Interval {
	low, okLow := lowerEnd(o.low, o.openLow)
	high, okHigh := upperEnd(o.high, o.openHigh)
	var out []Interval
	switch {
	case o.crossed():
		if okLow {
			out = append(out, low)
		}
		if okHigh {
			out = append(out, high)
		}
	case okLow && okHigh:
		if both := low.Intersect(high); !both.empty() {
			out = append(out, both)
		}
	}
	return out
}

// lowerEnd are the numbers above a bound, ok is false where there are none.
func lowerEnd(p *point, open bool) (i Interval, ok bool) {
	switch {
	case p == nil, p.infinite < 0:
		return Interval{}, true
	case p.at == nil:
		return Interval{}, false
	}
	return Interval{Low: p.at, OpenLow: open}, true
}

func upperEnd(p *point, open bool) (i Interval, ok bool) {
	switch {
	case p == nil, p.infinite > 0:
		return Interval{}, true
	case p.at == nil:
		return Interval{}, false
	}
	return Interval{High: p.at, OpenHigh: open}, true
}

// shape is what the rules let pass, by a way to limit values to an interval.
func (o *ordered) shape(s *Space, in func(Interval) *Shape) *Shape {
	either := func(all []Interval) *Shape {
		var out []*Shape
		for _, i := range all {
			out = append(out, in(i))
		}
		return s.Or(out...)
	}
	var parts []*Shape
	if o.low != nil || o.high != nil {
		parts = append(parts, either(o.within()))
	}
	if o.equal != nil {
		parts = append(parts, either(intervalsOf([]point{*o.equal})))
	}
	if len(o.in) > 0 {
		parts = append(parts, either(intervalsOf(o.in)))
	}
	if len(o.notIn) > 0 {
		parts = append(parts, s.Not(either(intervalsOf(o.notIn))))
	}
	return s.And(parts...)
}

// intervalsOf are points that are numbers, each by itself.
func intervalsOf(points []point) []Interval {
	var out []Interval
	for _, p := range points {
		if p.at != nil {
			out = append(out, Interval{Low: p.at, High: p.at})
		}
	}
	return out
}

// isOrdered says whether a rule is one of those that [orderedRules] reads of a type.
func isOrdered(t *schema.Type, name string) bool {
	on, last, ok := strings.Cut(name, ".")
	if !ok || !IsNumber(t.Kind) && on != "timestamp" && on != "duration" {
		return false
	}
	return slices.Contains([]string{"gt", "gte", "lt", "lte", "const", "in", "not_in"}, last)
}

// timeRules limits texts of times, or of durations, to what their rules let pass.
func (s *Space) timeRules(t *schema.Type) *Shape {
	o := orderedRules(t)
	if o == nil {
		return s.Any()
	}
	m := typedRules(t)
	if m.Descriptor().Name() == "DurationRules" {
		return s.Or(o.shape(s, func(i Interval) *Shape {
			return s.Measure(String, "the length in nanoseconds", i, durationOf, durationText)
		}), s.OfKind(AnyKind&^String))
	}
	return o.shape(s, func(i Interval) *Shape {
		return s.Measure(String, "the time in nanoseconds", i, instantOf, instantText)
	})
}

func durationOf(v any) (*big.Rat, bool) {
	var d durationpb.Duration
	text, ok := v.(string)
	if !ok || protojson.Unmarshal([]byte(strconv.Quote(text)), &d) != nil {
		return nil, false
	}
	return nanoseconds(d.GetSeconds(), d.GetNanos()), true
}

// durationText is nil for a length that no duration has.
func durationText(r *big.Rat) any {
	whole, nanos, ok := secondsOf(r)
	text, err := protojson.Marshal(&durationpb.Duration{Seconds: whole, Nanos: nanos})
	if !ok || err != nil {
		return nil
	}
	return strings.Trim(string(text), `"`)
}

func instantOf(v any) (*big.Rat, bool) {
	text, _ := v.(string)
	t, _, err := jsonio.ParseTime(text)
	if err != nil {
		return nil, false
	}
	return nanoseconds(t.Unix(), int32(t.Nanosecond())), true
}

// instantText is nil for a time that JSON does not have.
func instantText(r *big.Rat) any {
	whole, nanos, ok := secondsOf(r)
	t := time.Unix(whole, int64(nanos)).UTC()
	if !ok || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return t.Format(time.RFC3339Nano)
}

// secondsOf is a number of nanoseconds as protobuf's messages hold it.
func secondsOf(r *big.Rat) (whole int64, nanos int32, ok bool) {
	if !r.IsInt() {
		return 0, 0, false
	}
	w, rest := new(big.Int).QuoRem(r.Num(), big.NewInt(int64(time.Second)), new(big.Int))
	return w.Int64(), int32(rest.Int64()), w.IsInt64()
}
