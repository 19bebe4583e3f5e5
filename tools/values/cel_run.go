package values

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
	"github.com/omninode/trestle/runtime/genapi/celvalidate"
	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
)

// celTest is a condition that is not looked into. It is run on values of scalars, and lists of them.
func (s celSubject) celTest(c *cel.Condition) *Shape {
	id := "expression " + c.Form() + " of " + celClass(s.t, s.binary)
	if s.t.Kind == schema.MessageKind {
		id += form{Space: s.Space, binary: s.binary}.fieldsIn(s.t.Message, c.Form())
	}
	test := s.celProgram(c)
	if test == nil {
		return s.Opaque(AnyKind, id, nil)
	}
	return s.of(opaque{AnyKind, id, test, s.celSamples(c.Expr)})
}

// celClass is what expressions cannot tell apart.
func celClass(t *schema.Type, binary bool) string {
	switch t.Kind {
	case schema.Int32, schema.Int64:
		return "int"
	case schema.Uint32, schema.Uint64:
		return "uint"
	case schema.Float, schema.Double:
		return "double"
	case schema.List:
		return "list of " + celClass(t.Elem, binary)
	case schema.Map:
		return "map of " + celClass(t.Key, binary) + " to " + celClass(t.Elem, binary)
	case schema.MessageKind:
		return t.Message.FullName
	case schema.EnumKind:
		return t.Enum.FullName + " " + strconv.FormatBool(binary)
	case schema.Bytes, schema.Bool:
		return string(t.Kind) + " " + strconv.FormatBool(binary)
	}
	return string(t.Kind)
}

// celProgram runs a condition; nil where values of the type are not given to CEL.
func (s celSubject) celProgram(c *cel.Condition) func(any) truth {
	typ := celType(s.t)
	if typ == nil {
		return nil
	}
	env, err := s.celEnv()
	if err != nil {
		return nil
	}
	if env, err = env.Extend(celgo.Variable(s.name, typ)); err != nil {
		return nil
	}
	source, err := parser.Unparse(c.Expr, ast.NewSourceInfo(nil))
	if err != nil {
		return nil
	}
	tree, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil
	}
	program, err := env.Program(tree)
	if err != nil {
		return nil
	}
	return func(v any) truth {
		value, ok := s.celValue(s.t, v)
		if !ok {
			return maybe
		}
		out, _, err := program.Eval(map[string]any{s.name: value, "now": Present})
		if err != nil {
			return no
		}
		switch x := out.(type) {
		case types.Bool:
			return truthOf(bool(x) != c.Negated)
		case types.String:
			return truthOf(x == "" && !c.Negated)
		}
		return maybe
	}
}

// celEnv is protovalidate's, made once.
func (s *Space) celEnv() (*celgo.Env, error) {
	if s.celBase == nil {
		env, err := celvalidate.Environment()
		if err != nil {
			return nil, err
		}
		s.celBase = env
	}
	return s.celBase, nil
}

// celType is the type that values have in CEL, nil for one that they are not given to it in.
func celType(t *schema.Type) *celgo.Type {
	switch t.Kind {
	case schema.Int32, schema.Int64, schema.EnumKind:
		return celgo.IntType
	case schema.Uint32, schema.Uint64:
		return celgo.UintType
	case schema.Float, schema.Double:
		return celgo.DoubleType
	case schema.Bool:
		return celgo.BoolType
	case schema.String:
		return celgo.StringType
	case schema.Bytes:
		return celgo.BytesType
	case schema.List:
		if elem := celType(t.Elem); elem != nil {
			return celgo.ListType(elem)
		}
	}
	return nil
}

// celValue is a value as CEL has it; ok is false for one that is none of the type.
func (s celSubject) celValue(t *schema.Type, v any) (out any, ok bool) {
	switch x := v.(type) {
	case bool:
		return x, t.Kind == schema.Bool
	case json.Number:
		return celNumberOf(t.Kind, x)
	case string:
		switch {
		case t.Kind == schema.EnumKind:
			for _, value := range t.Enum.Values {
				if value.JSONName == x {
					return int64(value.Number), true
				}
			}
			return nil, false
		case t.Kind == schema.Bytes && s.binary:
			return []byte(x), true
		case t.Kind == schema.Bytes:
			b, err := base64.StdEncoding.DecodeString(x)
			return b, err == nil
		}
		if p, ok := namedFloats[x]; ok && IsFloat(t.Kind) {
			if p.infinite == 0 {
				return math.NaN(), true
			}
			return math.Inf(p.infinite), true
		}
		if IsInteger(t.Kind) {
			return celNumberOf(t.Kind, json.Number(x))
		}
		return x, t.Kind == schema.String
	case []any:
		if t.Kind != schema.List {
			return nil, false
		}
		list := make([]any, len(x))
		for i, e := range x {
			if list[i], ok = s.celValue(t.Elem, e); !ok {
				return nil, false
			}
		}
		return list, true
	}
	return nil, false
}

func celNumberOf(k schema.Kind, n json.Number) (any, bool) {
	r, ok := rational(n)
	if !ok {
		return nil, false
	}
	switch k {
	case schema.Int32, schema.Int64, schema.EnumKind:
		return r.Num().Int64(), r.IsInt() && r.Num().IsInt64()
	case schema.Uint32, schema.Uint64:
		return r.Num().Uint64(), r.IsInt() && r.Num().IsUint64()
	case schema.Bool:
		return r.Sign() != 0, true
	}
	f, _ := r.Float64()
	return f, IsFloat(k)
}

// celSamples are values that an expression names, and those beside them.
func (s celSubject) celSamples(e ast.Expr) []any {
	texts, numbers := celLiterals(e)
	out := literalValues(s.t, texts, numbers)
	for i, v := range out {
		out[i] = s.inForm(v)
	}
	return out
}
