package repair

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/expr"
	"github.com/omninode/trestle/tools/jsonedit"
)

func parseExpression(text string) (*Repair, error) {
	if err := tooLong(text); err != nil {
		return nil, err
	}
	program, err := expr.Compile(text, "a payload: a map", func(t *cel.Type) bool { return t.Kind() == types.MapKind },
		cel.Variable("payload", cel.DynType), cel.Variable("envelope", cel.DynType),
		cel.Function("merge", cel.MemberOverload("payload_merge_patch", []*cel.Type{cel.DynType, cel.DynType}, cel.DynType, cel.BinaryBinding(merge))),
		cel.OptionalTypes(), ext.TwoVarComprehensions(),
	)
	if err != nil {
		return nil, err
	}
	return &Repair{kind: Expression, text: text, program: program}, nil
}

// merge is a merge patch among an expression's values.
func merge(target, patch ref.Val) ref.Val {
	changes, ok := patch.(traits.Mapper)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if members, ok := target.(traits.Mapper); ok {
		for it := members.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			if name, ok := key.Value().(string); ok {
				out[name] = members.Get(key)
			}
		}
	}
	for it := changes.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.Value().(string)
		if !ok {
			return types.NewErr("merge: the name of a member is of type %s, and no string", key.Type().TypeName())
		}
		change := changes.Get(key)
		if change == types.NullValue {
			delete(out, name)
			continue
		}
		before, _ := out[name].(ref.Val)
		merged := merge(before, change)
		if types.IsUnknownOrError(merged) {
			return merged
		}
		out[name] = merged
	}
	return types.DefaultTypeAdapter.NativeToValue(out)
}

// exactDigits is up to how many digits of a number a double holds to the last.
const exactDigits = 15

// exact is a number that CEL has no type for: an expression can move it, and compare it with itself, and not reckon with it.
type exact string

var exactType = types.NewOpaqueType("exact number")

func (n exact) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("a number of so many digits has no native form")
}

func (n exact) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.StringType:
		return types.String(n)
	case types.DoubleType, types.IntType, types.UintType:
		return types.String(n).ConvertToType(t)
	}
	return types.NewErr("a number of so many digits can't be converted to %s", t.TypeName())
}
func (n exact) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(n) == other) }
func (n exact) Type() ref.Type              { return exactType }
func (n exact) Value() any                  { return string(n) }

// toCEL is a JSON value as expressions see it: whole numbers are integers, others floating.
func toCEL(v *jsonedit.Value) any {
	switch v.Kind {
	case '{':
		out := make(map[string]any, len(v.Members))
		for _, m := range v.Members {
			out[m.Name] = toCEL(m.Value)
		}
		return out
	case '[':
		out := make([]any, len(v.Elements))
		for i, e := range v.Elements {
			out[i] = toCEL(e)
		}
		return out
	case '"':
		return jsonio.NewReader(v.Text).String()
	case 't', 'f':
		return v.Kind == 't'
	case '0':
		return numberToCEL(string(v.Text))
	}
	return types.NullValue
}

func numberToCEL(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := 0
	for _, c := range strings.TrimLeft(strings.TrimLeft(mantissa, "-0."), "0") {
		if c != '.' {
			digits++
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if shortest := strconv.FormatFloat(n, 'f', -1, 64); err != nil || digits > exactDigits && shortest != text {
		return exact(text)
	}
	return n
}

// fromCEL is what an expression yields as JSON. What is as it was before is the text that it was, and members keep their order; before is nil where there
// was nothing.
func fromCEL(v ref.Val, before *jsonedit.Value) (*jsonedit.Value, error) {
	switch v := v.(type) {
	case traits.Mapper:
		return mapFromCEL(v, before)
	case traits.Lister:
		return listFromCEL(v, before)
	}
	out, err := scalarFromCEL(v)
	if err == nil && before != nil && before.Text != nil {
		if was := types.DefaultTypeAdapter.NativeToValue(toCEL(before)); was.Type() == v.Type() && was.Equal(v) == types.True {
			return before, nil
		}
	}
	return out, err
}

func scalarFromCEL(v ref.Val) (*jsonedit.Value, error) {
	switch v := v.(type) {
	case types.Null:
		return &jsonedit.Value{Kind: 'n', Text: []byte("null")}, nil
	case types.Bool:
		text := strconv.AppendBool(nil, bool(v))
		return &jsonedit.Value{Kind: text[0], Text: text}, nil
	case types.String:
		return jsonedit.String(string(v)), nil
	case types.Int:
		return &jsonedit.Value{Kind: '0', Text: strconv.AppendInt(nil, int64(v), 10)}, nil
	case types.Uint:
		return &jsonedit.Value{Kind: '0', Text: strconv.AppendUint(nil, uint64(v), 10)}, nil
	case exact:
		return &jsonedit.Value{Kind: '0', Text: []byte(v)}, nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%v has no JSON form", float64(v))
		}
		text, err := jsonio.AppendFloat64(nil, float64(v))
		return &jsonedit.Value{Kind: '0', Text: text}, err
	case types.Timestamp:
		text, err := jsonio.AppendTime(nil, v.Time)
		return &jsonedit.Value{Kind: '"', Text: text}, err
	case types.Bytes:
		return &jsonedit.Value{Kind: '"', Text: jsonio.AppendBytes(nil, v)}, nil
	}
	return nil, fmt.Errorf("a value of type %s has no JSON form", v.Type().TypeName())
}

func mapFromCEL(v traits.Mapper, before *jsonedit.Value) (*jsonedit.Value, error) {
	values := map[string]ref.Val{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.Value().(string)
		if !ok {
			return nil, fmt.Errorf("the name of a member is of type %s, and no string", key.Type().TypeName())
		}
		values[name] = v.Get(key)
	}
	names := make([]string, 0, len(values))
	if before != nil {
		for _, m := range before.Members {
			if values[m.Name] != nil {
				names = append(names, m.Name)
			}
		}
	}
	added := len(names)
	for name := range values {
		if before.Member(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names[added:])
	out := &jsonedit.Value{Kind: '{'}
	for _, name := range names {
		inner, err := fromCEL(values[name], before.Member(name))
		if err != nil {
			return nil, jsonio.At(err, name)
		}
		out.Members = append(out.Members, jsonedit.Member{Name: name, Value: inner})
	}
	return out, nil
}

func listFromCEL(v traits.Lister, before *jsonedit.Value) (*jsonedit.Value, error) {
	out := &jsonedit.Value{Kind: '['}
	for i := 0; types.Int(i) < v.Size().(types.Int); i++ {
		var was *jsonedit.Value
		if before != nil && i < len(before.Elements) {
			was = before.Elements[i]
		}
		inner, err := fromCEL(v.Get(types.Int(i)), was)
		if err != nil {
			return nil, jsonio.AtIndex(err, i)
		}
		out.Elements = append(out.Elements, inner)
	}
	return out, nil
}
