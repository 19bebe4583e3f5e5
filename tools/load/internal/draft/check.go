package draft

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// CheckEnum finds values that JSON could not tell apart.
func (d *Draft) CheckEnum(e *schema.Enum) {
	first := map[string]*schema.EnumValue{}
	for _, v := range e.Values {
		if v.JSONName == "" {
			continue
		}
		if other, ok := first[v.JSONName]; ok && other.Number != v.Number {
			d.Fault(v.Pos, "%s and %s (%s) have the same JSON name %q: give each its own", v.Name, other.Name, other.Pos, v.JSONName)
			continue
		}
		first[v.JSONName] = v
	}
}

// CheckFields finds fields that JSON could not tell apart.
func (d *Draft) CheckFields(fields []*schema.Field) {
	first := map[string]*schema.Field{}
	for _, f := range fields {
		if other, ok := first[f.JSONName]; ok {
			d.Fault(f.Pos, "%s and %s (%s) have the same JSON name %q: give each its own", f.Name, other.Name, other.Pos, f.JSONName)
			continue
		}
		first[f.JSONName] = f
	}
}

// CheckDefault finds a default that is not JSON or not of the field's type.
func (d *Draft) CheckDefault(f *schema.Field, at schema.Position) {
	switch f.Default {
	case "":
		return
	case "now":
		if f.Type.Kind != schema.Timestamp {
			d.Fault(at, "default now is for timestamps: %s is %s", f.Name, KindWords(f.Type))
		}
		return
	}
	v, err := jsontree.Parse([]byte(f.Default))
	if err != nil {
		d.Fault(at, "default of %s is not JSON: %s (a string needs quotes inside the quotes: \"\\\"1.0\\\"\")", f.Name, f.Default)
		return
	}
	if !Fits(v, f.Type) {
		d.Fault(at, "default %s does not fit %s, which is %s", f.Default, f.Name, KindWords(f.Type))
	}
}

// Fits says whether a JSON value is one of a type, its constraints aside.
func Fits(v *jsontree.Value, t *schema.Type) bool {
	switch t.Kind {
	case schema.Bool:
		return v.Kind == jsontree.Bool
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		text, ok := PlainDecimal(v.Text)
		return v.Kind == jsontree.Number && ok && !strings.Contains(text, ".")
	case schema.Float, schema.Double:
		return v.Kind == jsontree.Number
	case schema.String, schema.Bytes, schema.Timestamp:
		return v.Kind == jsontree.String
	case schema.EnumKind:
		return v.Kind == jsontree.String && slices.ContainsFunc(t.Enum.Values, func(e *schema.EnumValue) bool {
			return e.JSONName == v.Text && v.Text != ""
		})
	case schema.MessageKind:
		// Well-known types of protobuf have JSON forms of their own.
		return v.Kind == jsontree.Object || t.Message.Package.Name == "google.protobuf"
	case schema.JSONObject, schema.Map:
		return v.Kind == jsontree.Object
	case schema.List:
		if v.Kind != jsontree.Array {
			return false
		}
		return !slices.ContainsFunc(v.Items, func(item *jsontree.Value) bool { return !Fits(item, t.Elem) })
	}
	return true
}

// KindWords describes a type to a user.
func KindWords(t *schema.Type) string {
	switch t.Kind {
	case schema.EnumKind:
		var names []string
		for _, v := range t.Enum.Values {
			if v.JSONName != "" {
				names = append(names, v.JSONName)
			}
		}
		return "one of " + strings.Join(names, ", ")
	case schema.MessageKind:
		return "a " + t.Message.Name
	case schema.List:
		return "a list"
	case schema.Map:
		return "a map"
	case schema.JSONObject:
		return "a JSON object"
	}
	return "of type " + string(t.Kind)
}

// MaxExponent is the largest exponent, up or down, that a number in a schema may have.
const MaxExponent = 400

// PlainDecimal writes a JSON number without an exponent and without needless zeros: 1e2 is 100, -0.50 is -0.5. It
// fails for text that is no number, and for exponents that no constraint needs.
func PlainDecimal(text string) (string, bool) {
	sign := ""
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = "-", rest
	}
	mantissa, exponentText, hasExponent := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if hasExponent {
		negative := strings.HasPrefix(exponentText, "-")
		for _, c := range strings.TrimLeft(exponentText, "+-") {
			if exponent = exponent*10 + int(c-'0'); exponent > MaxExponent {
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
