package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var fieldCardinalityChanged = Rule{
	ID:        "FIELD_CARDINALITY_CHANGED",
	Purpose:   "one value stays one, and a list a list",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema reject old JSON events, or take one value of a protobuf list",
	Forward:   "consumers with the old schema do the same with new ones",
	Fix:       "keep %s as it is, and add a field for the other form",
	Type: func(c *Check, old, new *schema.Type) {
		if !cardinalityDiffers(old, new) {
			return
		}
		p := Problem{Change: fmt.Sprintf("%s changed from %s to %s", c.Name(), typeName(old), typeName(new)), At: new.Pos}
		if entriesOf(old, new) || entriesOf(new, old) {
			p.Encodings = jsonOnly
		}
		c.Report(p)
	},
}

func cardinalityDiffers(old, new *schema.Type) bool {
	return (old.Kind == schema.List) != (new.Kind == schema.List) &&
		old.Kind != schema.JSONValue && new.Kind != schema.JSONValue
}

// entriesOf says whether a list is one of what a map is made of in protobuf: messages with a key and a value.
func entriesOf(list, m *schema.Type) bool {
	if list.Kind != schema.List || m.Kind != schema.Map || list.Elem.Kind != schema.Record || list.Elem.Proto == 0 || m.Proto == 0 {
		return false
	}
	for number, t := range map[int32]*schema.Type{1: m.Key, 2: m.Elem} {
		i := slices.IndexFunc(list.Elem.Message.Fields, func(f *schema.Field) bool { return f.Number == number })
		if i < 0 || list.Elem.Message.Fields[i].Type.Kind != t.Kind || list.Elem.Message.Fields[i].Type.Proto != t.Proto || t.Kind == schema.Record {
			return false
		}
	}
	return true
}
