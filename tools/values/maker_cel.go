package values

import (
	"encoding/base64"
	"math/big"
	"slices"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
)

// expressions are the rules in CEL among those of a field or a message.
func expressions(rules interface {
	GetCel() []*validate.Rule
	GetCelExpression() []string
}) []string {
	out := slices.Clone(rules.GetCelExpression())
	for _, r := range rules.GetCel() {
		out = append(out, r.GetExpression())
	}
	return out
}

// named returns what expressions name, as values of a type, and what is beside it.
func (m *Maker) named(t *schema.Type, all []string) []any {
	var out []any
	for _, expr := range all {
		tree, err := cel.Parse(expr)
		if err != nil {
			continue
		}
		texts, numbers := celLiterals(tree)
		switch t.Kind {
		case schema.List:
			items := literalValues(t.Elem, texts, numbers)
			for _, item := range items {
				out = append(out, []any{item})
			}
			small := m.Small(t.Elem)
			for _, n := range numbers {
				if n.IsInt() && n.Sign() >= 0 && n.Cmp(big.NewRat(mostMade, 1)) < 0 && small != nil {
					size := int(n.Num().Int64())
					out = append(out, slices.Repeat([]any{small}, size), m.distinct(t.Elem, append(items, small), size+1))
				}
			}
		case schema.Map:
			small := m.Small(t.Elem)
			for _, key := range literalValues(t.Key, texts, numbers) {
				if name, ok := keyName(key); ok && small != nil {
					out = append(out, map[string]any{name: small})
				}
			}
		default:
			out = append(out, literalValues(t, texts, numbers)...)
		}
	}
	return out
}

// celLiterals are the texts and numbers that an expression names.
func celLiterals(e ast.Expr) (texts []string, numbers []*big.Rat) {
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		switch x := e.AsLiteral().(type) {
		case types.String:
			texts = append(texts, string(x))
		case types.Bytes:
			texts = append(texts, string(x))
		}
		if n, ok := celNumber(e); ok {
			numbers = append(numbers, n)
		}
	}))
	return texts, numbers
}

// literalValues are values of a scalar type, or a time, that are the literals of an expression, or beside them.
func literalValues(t *schema.Type, texts []string, numbers []*big.Rat) []any {
	var out []any
	for _, n := range numbers {
		for _, beside := range []int64{0, 1, -1} {
			number := decimal(new(big.Rat).Add(n, big.NewRat(beside, 1)))
			switch {
			case t.Kind == schema.String:
				out = append(out, number.String())
			case IsNumber(t.Kind):
				out = append(out, number)
			}
		}
	}
	for _, text := range texts {
		switch {
		case t.Kind == schema.String:
			out = append(out, text, text+"a", "a"+text)
		case t.Kind == schema.Bytes:
			out = append(out, base64.StdEncoding.EncodeToString([]byte(text)))
		case t.Kind == schema.Timestamp:
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				for _, beside := range []time.Duration{0, time.Second, -time.Second} {
					out = append(out, at.Add(beside).UTC().Format(time.RFC3339Nano))
				}
			}
		case t.Kind == schema.MessageKind && t.Message.FullName == "google.protobuf.Duration":
			if d, err := time.ParseDuration(text); err == nil {
				for _, beside := range []time.Duration{0, time.Second, -time.Second} {
					out = append(out, durationForm(d+beside))
				}
			}
		}
	}
	return out
}

// durationForm is a duration as protobuf's JSON has it.
func durationForm(d time.Duration) any {
	text, err := protojson.Marshal(durationpb.New(d))
	if err != nil {
		return nil
	}
	v, _ := Parse(string(text))
	return v
}
