package values

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// general reads keywords about values of any kind.
func (l *lowering) general(at spot) *Shape {
	var parts []*Shape
	if t := at.v.Get("type"); t != nil {
		names := t.Items
		if t.Kind == jsontree.String {
			names = []*jsontree.Value{t}
		}
		var any []*Shape
		for _, n := range names {
			switch n.Text {
			case "integer":
				whole := l.And(l.OfKind(Number), l.MultipleOf(One))
				if l.role == TypedWriter {
					whole = l.And(whole, l.InRange(KindRange(schema.Int64)))
				}
				any = append(any, whole)
			default:
				kind, ok := kindNames[n.Text]
				if !ok {
					l.fail(spot{at.file, n}, "type %s is none of JSON Schema's", n.JSON())
				}
				any = append(any, l.OfKind(kind))
			}
		}
		parts = append(parts, l.Or(any...))
	}
	if c := at.v.Get("const"); c != nil && l.draft(at) >= draft6 {
		parts = append(parts, l.values(at, c))
	}
	if e := at.v.Get("enum"); e != nil {
		parts = append(parts, l.values(at, e.Items...))
	}
	return l.And(parts...)
}

var kindNames = map[string]Kinds{
	"null": Null, "boolean": Bool, "number": Number, "string": String, "array": Array, "object": Object,
}

// values is a list of values: scalars together, so that long lists stay cheap.
func (l *lowering) values(at spot, list ...*jsontree.Value) *Shape {
	var texts []string
	var numbers []*big.Rat
	var out []*Shape
	for _, e := range list {
		switch e.Kind {
		case jsontree.String:
			texts = append(texts, e.Text)
		case jsontree.Number:
			if r, ok := l.rational(at, e); ok {
				numbers = append(numbers, r)
			}
		default:
			out = append(out, l.Value(plain(e)))
		}
	}
	if len(texts) > 0 {
		out = append(out, l.And(l.OfKind(String), l.Strings(texts...)))
	}
	if len(numbers) > 0 {
		out = append(out, l.And(l.OfKind(Number), l.Numbers(numbers...)))
	}
	return l.Or(out...)
}

func plain(v *jsontree.Value) any {
	switch v.Kind {
	case jsontree.Bool:
		return v.Text == "true"
	case jsontree.Number:
		return json.Number(v.Text)
	case jsontree.String:
		return v.Text
	case jsontree.Array:
		out := make([]any, len(v.Items))
		for i, e := range v.Items {
			out[i] = plain(e)
		}
		return out
	case jsontree.Object:
		out := make(map[string]any, len(v.Members))
		for _, m := range v.Members {
			out[m.Name] = plain(m.Value)
		}
		return out
	}
	return nil
}

func (l *lowering) rational(at spot, v *jsontree.Value) (*big.Rat, bool) {
	r, ok := rational(json.Number(v.Text))
	if v.Kind != jsontree.Number || !ok {
		l.fail(spot{at.file, v}, "%s is not a number that can be calculated with", v.JSON())
		return new(big.Rat), false
	}
	return r, true
}

func (l *lowering) number(at spot) *Shape {
	var parts []*Shape
	for _, m := range at.v.Members {
		switch m.Name {
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
			if m.Value.Kind == jsontree.Bool {
				continue // of draft-04: read with the bound that it is about
			}
			r, ok := l.rational(at, m.Value)
			if !ok {
				continue
			}
			i := Interval{Low: r, OpenLow: m.Name == "exclusiveMinimum" || at.v.Get("exclusiveMinimum").IsTrue()}
			if strings.HasSuffix(m.Name, "aximum") {
				i = Interval{High: r, OpenHigh: m.Name == "exclusiveMaximum" || at.v.Get("exclusiveMaximum").IsTrue()}
			}
			parts = append(parts, l.InRange(i))
		case "multipleOf":
			if r, ok := l.rational(at, m.Value); ok && r.Sign() > 0 {
				parts = append(parts, l.MultipleOf(r))
			} else if ok {
				l.fail(spot{at.file, m.Value}, "multipleOf is %s: it is above 0", m.Value.JSON())
			}
		}
	}
	return l.And(parts...)
}

// count reads a keyword that is a count; ok is false where it is not there.
func (l *lowering) count(at spot, keyword string) (int, bool) {
	v := at.v.Get(keyword)
	if v == nil {
		return 0, false
	}
	if r, ok := l.rational(at, v); ok && r.IsInt() && r.Sign() >= 0 && r.Num().IsInt64() {
		n, err := strconv.Atoi(r.Num().String())
		if err == nil {
			return min(n, 1<<30), true
		}
	}
	l.fail(spot{at.file, v}, "%s is %s: it is an integer, at least 0", keyword, v.JSON())
	return 0, false
}

func (l *lowering) sized(at spot, kind Kinds, least, most string) *Shape {
	low, _ := l.count(at, least)
	high, ok := l.count(at, most)
	if !ok {
		high = -1
	}
	return l.Length(kind, low, high)
}

func (l *lowering) text(at spot) *Shape {
	parts := []*Shape{l.sized(at, String, "minLength", "maxLength")}
	if p := at.v.Get("pattern"); p != nil {
		parts = append(parts, l.PatternECMA(p.Text))
	}
	if e := at.v.Get("contentEncoding"); e != nil && e.Text == "base64" && l.role == TypedWriter {
		parts = append(parts, l.PatternRE2(base64Form))
	}
	if f := at.v.Get("format"); f != nil {
		if l.writes() {
			parts = append(parts, l.WrittenFormat(f.Text))
		} else {
			parts = append(parts, l.Format(f.Text))
		}
	}
	return l.And(parts...)
}
