package values

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"
)

// rational reads a JSON number; ok is false for other values and for numbers too large to calculate with.
func rational(v any) (*big.Rat, bool) {
	n, ok := v.(json.Number)
	if !ok || len(n) > 5000 || tooLarge(string(n)) {
		return new(big.Rat), false
	}
	return new(big.Rat).SetString(string(n))
}

// tooLarge says whether a number's exponent has more than four digits.
func tooLarge(s string) bool {
	i := strings.IndexAny(s, "eE")
	return i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 4
}

func kindOf(v any) Kinds {
	switch v.(type) {
	case nil:
		return Null
	case bool:
		return Bool
	case string:
		return String
	case []any:
		return Array
	case map[string]any:
		return Object
	}
	return Number
}

// truth is what is known of a value being in a shape.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

func (t truth) not() truth { return yes - t }

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// Contains says whether a value, with numbers as json.Number, is in the shape; sure is false where an opaque condition
// cannot be run.
func (a *Shape) Contains(v any) (in, sure bool) {
	t := a.contains(v, 0)
	return t != no, t != maybe
}

const maxNesting = 2000

func (a *Shape) contains(v any, depth int) truth {
	if depth > maxNesting {
		return maybe
	}
	switch a.op {
	case opAnd:
		out := yes
		for _, k := range a.kids {
			if out = min(out, k.contains(v, depth+1)); out == no {
				return no
			}
		}
		return out
	case opOr:
		out := no
		for _, k := range a.kids {
			if out = max(out, k.contains(v, depth+1)); out == yes {
				return yes
			}
		}
		return out
	case opNot:
		return a.kids[0].contains(v, depth+1).not()
	case opRef:
		if a.kids[0] == nil {
			return maybe
		}
		return a.kids[0].contains(v, depth+1)
	}
	if kind := kindOf(v); a.atom.of()&kind == 0 {
		return yes
	}
	return atomContains(a.atom, v, depth+1)
}

func atomContains(a atom, v any, depth int) truth {
	switch a := a.(type) {
	case kindsAtom:
		return truthOf(Kinds(a)&kindOf(v) != 0)
	case boolAtom:
		return truthOf(v == bool(a))
	case rangeAtom:
		r, ok := rational(v)
		if !ok {
			return maybe
		}
		return truthOf(a.Interval.Contains(r))
	case multiple:
		r, ok := rational(v)
		if !ok {
			return maybe
		}
		return truthOf(Divides(r, a.unit))
	case scalars:
		if s, ok := v.(string); ok {
			_, found := slices.BinarySearch(a.values, s)
			return truthOf(found)
		}
		r, ok := rational(v)
		_, found := slices.BinarySearch(a.values, r.RatString())
		return truthOf(ok && found)
	case textAtom:
		return truthOf(a.Language.Contains(v.(string)))
	case length:
		n := sizeOf(v)
		return truthOf(n >= a.low && (a.high < 0 || n <= a.high))
	case opaque:
		if a.test == nil {
			return maybe
		}
		return a.test(v)
	case measure:
		r, ok := a.read(v)
		if !ok {
			return maybe
		}
		return truthOf(a.Interval.Contains(r))
	case byteLength:
		n := len(v.(string))
		return truthOf(n >= a.low && (a.high < 0 || n <= a.high))
	case unique:
		return truthOf(distinctItems(v.([]any)))
	case itemAt:
		if list := v.([]any); a.index < len(list) {
			return a.shape.contains(list[a.index], depth)
		}
		return yes
	case atLeast:
		certain, possible := 0, 0
		for i, e := range v.([]any) {
			if i < a.from {
				continue
			}
			switch a.shape.contains(e, depth) {
			case yes:
				certain++
				possible++
			case maybe:
				possible++
			}
		}
		switch {
		case certain >= a.n:
			return yes
		case possible >= a.n:
			return maybe
		}
		return no
	case members:
		object := v.(map[string]any)
		if name, one := a.names.only(); one {
			if e, there := object[name]; there {
				return a.shape.contains(e, depth)
			}
			return yes
		}
		out := yes
		for name, e := range object {
			if a.names.Contains(name) {
				out = min(out, a.shape.contains(e, depth))
			}
		}
		return out
	}
	return maybe
}

func sizeOf(v any) int {
	switch x := v.(type) {
	case string:
		return utf8.RuneCountInString(x)
	case []any:
		return len(x)
	case map[string]any:
		return len(x)
	}
	return 0
}

func distinctItems(list []any) bool {
	seen := map[string]bool{}
	for _, e := range list {
		key := canonical(e)
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// canonical is a text that equal values share.
func canonical(v any) string {
	switch x := v.(type) {
	case json.Number:
		if r, ok := rational(x); ok {
			return r.RatString()
		}
		return string(x)
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = canonical(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		names := make([]string, 0, len(x))
		for k := range x {
			names = append(names, k)
		}
		slices.Sort(names)
		var b strings.Builder
		b.WriteByte('{')
		for _, k := range names {
			text, _ := json.Marshal(k)
			b.Write(text)
			b.WriteString(":" + canonical(x[k]) + ",")
		}
		b.WriteByte('}')
		return b.String()
	}
	text, _ := json.Marshal(v)
	return string(text)
}
