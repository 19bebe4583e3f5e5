package dynamic

import (
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// isSensitive says whether a field on the path holds what must not be shown.
func isSensitive(m *schema.Message, path []*validate.FieldPathElement) bool {
	for _, step := range path {
		f := fieldNumbered(m, step.GetFieldNumber())
		if f == nil {
			return false
		}
		if f.Sensitive {
			return true
		}
		m = recordWithin(f.Type)
	}
	return false
}

func fieldNumbered(m *schema.Message, number int32) *schema.Field {
	if m == nil {
		return nil
	}
	for _, f := range m.Fields {
		if f.Number == number {
			return f
		}
	}
	return nil
}

// recordWithin is the message that a type holds, itself or in a list or map; nil when it holds none.
func recordWithin(t *schema.Type) *schema.Message {
	for ; t != nil; t = t.Elem {
		if t.Kind == schema.Record {
			return t.Message
		}
	}
	return nil
}
