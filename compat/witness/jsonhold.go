package witness

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// hold puts what was read into the types of the model, where it stands: a number into a float64. The error says what a
// type cannot hold although the schema lets it pass.
func hold(m *schema.Message, object map[string]any) error {
	for _, f := range m.Fields {
		v, there := object[f.JSONName]
		if !there || v == nil {
			continue
		}
		held, err := holdValue(f.Type, v)
		if err != nil {
			return at(f.JSONName, err)
		}
		object[f.JSONName] = held
	}
	return nil
}

func holdValue(t *schema.Type, v any) (any, error) {
	switch x := v.(type) {
	case json.Number:
		return holdNumber(t, x)
	case string:
		if t.Kind == schema.Bytes {
			if _, err := base64.StdEncoding.DecodeString(x); err != nil {
				return nil, fmt.Errorf("must be base64, got %q", x)
			}
		}
	case map[string]any:
		switch t.Kind {
		case schema.MessageKind:
			return x, hold(t.Message, x)
		case schema.Map:
			for k, e := range x {
				held, err := holdValue(t.Elem, e)
				if err != nil {
					return nil, at(fmt.Sprintf("[%q]", k), err)
				}
				x[k] = held
			}
		}
	case []any:
		if t.Kind != schema.List {
			return v, nil
		}
		for i, e := range x {
			held, err := holdValue(t.Elem, e)
			if err != nil {
				return nil, at(fmt.Sprintf("[%d]", i), err)
			}
			x[i] = held
		}
	}
	return v, nil
}

func holdNumber(t *schema.Type, n json.Number) (any, error) {
	r, ok := new(big.Rat).SetString(n.String())
	switch {
	case !ok:
	case values.IsInteger(t.Kind) && !values.KindRange(t.Kind).Contains(r):
		return nil, fmt.Errorf("%s does not fit %s", n, t.Kind)
	case t.Kind == schema.Double:
		f, _ := r.Float64()
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
	}
	return n, nil
}
