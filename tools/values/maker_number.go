package values

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// borderNumbers returns what lies on and beside the bounds of both types.
func borderNumbers(t, other *schema.Type) []any {
	points := []*big.Rat{One, new(big.Rat)}
	for _, x := range []*schema.Type{t, other} {
		if x == nil || !IsNumber(x.Kind) {
			continue
		}
		in, all := Range(x), KindRange(x.Kind)
		for _, end := range append([]*big.Rat{in.Low, in.High, all.Low, all.High}, ruledEnds(x)...) {
			if end != nil {
				points = append(points, end, new(big.Rat).Add(end, One), new(big.Rat).Sub(end, One))
				if IsFloat(t.Kind) {
					points = append(points, new(big.Rat).Add(end, big.NewRat(1, 2)), new(big.Rat).Sub(end, big.NewRat(1, 2)))
				}
			}
		}
		if m, ok := Positive(x.Constraints.MultipleOf); ok {
			points = append(points, m, new(big.Rat).Add(m, m), new(big.Rat).Add(m, One))
		}
	}
	points = append(points, big.NewRat(-1, 1))
	if IsFloat(t.Kind) {
		points = append(points, big.NewRat(1, 2))
	}
	points = append(points, new(big.Rat).Add(Exact53.High, One), new(big.Rat).Add(Exact24.High, One))
	// What is easy to read comes first: 1, then by size, positive before negative.
	slices.SortStableFunc(points[1:], func(a, b *big.Rat) int {
		return cmp.Or(new(big.Rat).Abs(a).Cmp(new(big.Rat).Abs(b)), b.Sign()-a.Sign())
	})
	points = slices.CompactFunc(points, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
	var out []any
	for _, p := range points {
		if n, ok := numberOf(t, p); ok {
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

// numberOf writes a number as events of a type have it: integers plain, floats always recognisable as such.
func numberOf(t *schema.Type, r *big.Rat) (json.Number, bool) {
	if !IsFloat(t.Kind) {
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
