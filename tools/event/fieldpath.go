package event

import (
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// typeAt returns the type of what is at a path, nil when it is not known, and whether a field on the path holds what
// must not be shown.
func typeAt(m *schema.Message, path []*validate.FieldPathElement) (t *schema.Type, sensitive bool) {
	for _, step := range path {
		if m == nil {
			return nil, sensitive
		}
		f := fieldNumbered(m, step.GetFieldNumber())
		if f == nil {
			return nil, sensitive
		}
		sensitive = sensitive || f.Sensitive
		t = f.Type
		if t.Elem != nil && step.GetSubscript() != nil {
			t = t.Elem
		}
		m = t.Message
	}
	return t, sensitive
}

func fieldNumbered(m *schema.Message, number int32) *schema.Field {
	for _, f := range m.Fields {
		if f.Number == number {
			return f
		}
	}
	return nil
}
