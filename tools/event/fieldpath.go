package event

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/tools/schema"
)

// place is where in a message something is.
type place struct {
	// field is the last on the path, and typ the type of what is there; nil where they are not known.
	field *schema.Field
	typ   *schema.Type
	// shown is the path up to what must not be shown; sensitive says that it ends there.
	shown     []*validate.FieldPathElement
	sensitive bool
}

// placeOf follows a path from a message.
func placeOf(m *schema.Message, path []*validate.FieldPathElement) place {
	p := place{typ: typeOf(m), shown: path}
	for i, step := range path {
		p.field, p.typ = nil, nil
		if m == nil {
			return p
		}
		f := fieldNumbered(m, step.GetFieldNumber())
		if f == nil {
			return p
		}
		if f.Sensitive && !p.sensitive {
			whole := proto.CloneOf(step) // not which item, or under which key
			whole.Subscript = nil
			p.sensitive, p.shown = true, append(slices.Clone(path[:i]), whole)
		}
		p.field, p.typ = f, f.Type
		if f.Type.Elem != nil && step.GetSubscript() != nil {
			p.typ = f.Type.Elem
		}
		m = p.typ.Message
	}
	return p
}

func fieldNumbered(m *schema.Message, number int32) *schema.Field {
	for _, f := range m.Fields {
		if f.Number == number {
			return f
		}
	}
	return nil
}
