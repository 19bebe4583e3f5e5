package values

import (
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/omninode/trestle/tools/schema"
)

// OnWire returns what a type accepts in protobuf's binary form, as what types that are written alike have in common:
// integers, where true is 1 and a value of an enum is its number, and texts, where bytes are a text. It is nil for
// other types. A closed enum is written by its declared numbers only, and readers take another for absent.
func (s *Space) OnWire(t *schema.Type, role Role) *Shape {
	c := t.Constraints
	var parts []*Shape
	switch t.Kind {
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.String:
		a, _ := s.FromType(t)
		if t.Kind == schema.String && !t.RawText {
			// Every text here is, but one that need not be does not keep to it.
			a = s.And(a, s.Opaque(String, "being UTF-8", func(v any) bool { s, _ := v.(string); return utf8.ValidString(s) }))
		}
		return a
	case schema.Bool, schema.EnumKind:
		parts = append(parts, s.OfKind(Number), s.MultipleOf(One), s.InRange(KindRange(t.Kind)))
		if t.Kind == schema.EnumKind && (t.Enum.Closed && role != Reader || c.DefinedOnly) {
			parts = append(parts, s.Numbers(numbersOf(t.Enum)...))
		}
	case schema.Bytes:
		parts = append(parts, s.OfKind(String))
		parts = append(parts, s.bytesCounted(true, c.MinLen, c.MaxLen))
	default:
		return nil
	}
	if in := Allowed(t); in != nil {
		parts = append(parts, s.texts(onWire(t, in)))
	}
	if len(c.NotIn) > 0 {
		parts = append(parts, s.Not(s.texts(onWire(t, c.NotIn))))
	}
	a := s.And(append(parts, s.rules(t, true)...)...)
	if c.SkipZero {
		a = s.Or(a, s.texts(onWire(t, []string{Zero(t.Kind)})))
	}
	return a
}

// onWire translates JSON texts of values.
func onWire(t *schema.Type, texts []string) []string {
	var out []string
	for _, text := range texts {
		switch t.Kind {
		case schema.Bool:
			text = map[string]string{"true": "1", "false": "0"}[text]
		case schema.Bytes:
			if b, err := base64.StdEncoding.DecodeString(strings.Trim(text, `"`)); err == nil {
				text = strconv.Quote(string(b))
			}
		case schema.EnumKind:
			for _, v := range t.Enum.Values {
				if strconv.Quote(v.JSONName) == text {
					text = strconv.Itoa(int(v.Number))
				}
			}
			if text == "" {
				text = "0"
			}
		}
		out = append(out, text)
	}
	return out
}

func numbersOf(e *schema.Enum) []*big.Rat {
	var out []*big.Rat
	for _, v := range e.Values {
		out = append(out, big.NewRat(int64(v.Number), 1))
	}
	return out
}
