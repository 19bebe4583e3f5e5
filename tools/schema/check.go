package schema

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// checkEnum finds values that JSON could not tell apart.
func (l *loader) checkEnum(e *Enum) {
	first := map[string]*EnumValue{}
	for _, v := range e.Values {
		if v.JSONName == "" {
			continue
		}
		if other, ok := first[v.JSONName]; ok && other.Number != v.Number {
			l.errs.add(v.Pos, "%s and %s (%s) have the same JSON name %q: give each its own", v.Name, other.Name, other.Pos, v.JSONName)
			continue
		}
		first[v.JSONName] = v
	}
}

// checkFields finds fields that JSON could not tell apart.
func (l *loader) checkFields(m *Message) {
	first := map[string]*Field{}
	for _, f := range m.Fields {
		if other, ok := first[f.JSONName]; ok {
			l.errs.add(f.Pos, "%s and %s (%s) have the same JSON name %q: give each its own", f.Name, other.Name, other.Pos, f.JSONName)
			continue
		}
		first[f.JSONName] = f
	}
}

// checkDefault finds a default that is not JSON or not of the field's type.
func (l *loader) checkDefault(f *Field, at Position) {
	switch f.Default {
	case "":
		return
	case "now":
		if f.Type.Kind != Timestamp {
			l.errs.add(at, "default now is for timestamps: %s is %s", f.Name, kindWords(f.Type))
		}
		return
	}
	v, err := jsontree.Parse([]byte(f.Default))
	if err != nil {
		l.errs.add(at, "default of %s is not JSON: %s (a string needs quotes inside the quotes: \"\\\"1.0\\\"\")", f.Name, f.Default)
		return
	}
	if !fits(v, f.Type) {
		l.errs.add(at, "default %s does not fit %s, which is %s", f.Default, f.Name, kindWords(f.Type))
	}
}

func fits(v *jsontree.Value, t *Type) bool {
	switch t.Kind {
	case Bool:
		return v.Kind == jsontree.Bool
	case Int32, Int64, Uint32, Uint64:
		text, ok := plainDecimal(v.Text)
		return v.Kind == jsontree.Number && ok && !strings.Contains(text, ".")
	case Float, Double:
		return v.Kind == jsontree.Number
	case String, Bytes, Timestamp:
		return v.Kind == jsontree.String
	case EnumKind:
		return v.Kind == jsontree.String && slices.ContainsFunc(t.Enum.Values, func(e *EnumValue) bool {
			return e.JSONName == v.Text && v.Text != ""
		})
	case MessageKind:
		// Well-known types of protobuf have JSON forms of their own.
		return v.Kind == jsontree.Object || t.Message.Package.Name == "google.protobuf"
	case JSONObject, Map:
		return v.Kind == jsontree.Object
	case List:
		if v.Kind != jsontree.Array {
			return false
		}
		return !slices.ContainsFunc(v.Items, func(item *jsontree.Value) bool { return !fits(item, t.Elem) })
	}
	return true
}

// kindWords describes a type to a user.
func kindWords(t *Type) string {
	switch t.Kind {
	case EnumKind:
		var names []string
		for _, v := range t.Enum.Values {
			if v.JSONName != "" {
				names = append(names, v.JSONName)
			}
		}
		return "one of " + strings.Join(names, ", ")
	case MessageKind:
		return "a " + t.Message.Name
	case List:
		return "a list"
	case Map:
		return "a map"
	case JSONObject:
		return "a JSON object"
	}
	return "of type " + string(t.Kind)
}

const maxExponent = 400

// plainDecimal writes a JSON number without an exponent and without needless zeros: 1e2 is 100, -0.50 is -0.5. It
// fails for text that is no number, and for exponents that no constraint needs.
func plainDecimal(text string) (string, bool) {
	sign := ""
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = "-", rest
	}
	mantissa, exponentText, hasExponent := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if hasExponent {
		negative := strings.HasPrefix(exponentText, "-")
		for _, c := range strings.TrimLeft(exponentText, "+-") {
			if exponent = exponent*10 + int(c-'0'); exponent > maxExponent {
				return "", false
			}
		}
		if negative {
			exponent = -exponent
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	point := len(whole) + exponent
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	switch {
	case whole == "" && fraction == "":
		return "0", true
	case whole == "":
		whole = "0"
	}
	if fraction == "" {
		return sign + whole, true
	}
	return sign + whole + "." + fraction, true
}
