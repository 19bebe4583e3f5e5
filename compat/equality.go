package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/proto"
)

// equality compares declarations of protobuf for saying the same, whatever stands in other files. It keeps what it learns.
type equality struct {
	known map[[2]*schema.Message]bool
	// open are the pairs that are being compared; tentative says that one of them was taken to be the same.
	open      map[[2]*schema.Message]bool
	tentative bool
}

func newEquality() *equality {
	return &equality{known: map[[2]*schema.Message]bool{}, open: map[[2]*schema.Message]bool{}}
}

// messages says whether two messages have the same events, and the same meaning of them. One that is part of itself
// is the same as long as nothing else tells otherwise.
func (e *equality) messages(x, y *schema.Message) bool {
	if x == y || sameDescriptor(x, y) {
		return true
	}
	key := [2]*schema.Message{x, y}
	if same, ok := e.known[key]; ok {
		return same
	}
	if e.open[key] {
		e.tentative = true
		return true
	}
	e.open[key] = true
	same := x.FullName == y.FullName && len(x.Fields) == len(y.Fields) && len(x.Oneofs) == len(y.Oneofs) && proto.Equal(x.Rules, y.Rules)
	for i := 0; same && i < len(x.Fields); i++ {
		same = e.fields(x.Fields[i], y.Fields[i])
	}
	for i := 0; same && i < len(x.Oneofs); i++ {
		same = x.Oneofs[i].Required == y.Oneofs[i].Required && x.Oneofs[i].Name == y.Oneofs[i].Name
	}
	delete(e.open, key)
	if len(e.open) == 0 {
		e.tentative = false
	}
	if !same || !e.tentative {
		e.known[key] = same
	}
	return same
}

func (e *equality) fields(x, y *schema.Field) bool {
	return x.JSONName == y.JSONName && x.Name == y.Name && x.Number == y.Number && x.Explicit == y.Explicit &&
		x.Required == y.Required && x.JSONRequired == y.JSONRequired && x.Default == y.Default &&
		(x.Oneof == nil) == (y.Oneof == nil) && (x.Oneof == nil || x.Oneof.Name == y.Oneof.Name) && e.types(x.Type, y.Type)
}

func (e *equality) types(x, y *schema.Type) bool {
	switch {
	case x == nil || y == nil:
		return x == y
	case x.Kind != y.Kind || !(values.Free(x) && values.Free(y)) && !sameConstraints(x.Constraints, y.Constraints):
		return false
	case x.Kind == schema.MessageKind:
		return e.messages(x.Message, y.Message)
	case x.Kind == schema.EnumKind:
		return sameEnum(x.Enum, y.Enum)
	}
	return e.types(x.Key, y.Key) && e.types(x.Elem, y.Elem)
}

func sameEnum(x, y *schema.Enum) bool {
	return x == y || x.Closed == y.Closed && slices.EqualFunc(x.Values, y.Values, func(v, w *schema.EnumValue) bool {
		return v.Number == w.Number && v.JSONName == w.JSONName
	})
}
