package jsonschema

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// recordInto describes a value that is a message.
func (b *builder) recordInto(o *object, t *schema.Type, null bool) error {
	if name := t.Message.WellKnown(); name != "" {
		wellKnownInto(o, name, null)
		return nil
	}
	ref, err := b.ref(t.Message)
	if err != nil {
		return err
	}
	if !null {
		o.Set("$ref", ref)
		return nil
	}
	value, none := &object{}, &object{}
	value.Set("$ref", ref)
	none.Set("type", "null")
	o.Set("anyOf", []*object{value, none})
	return nil
}

// wellKnown are the JSON types of the forms that protobuf's JSON gives to messages of its own.
var wellKnown = map[string][]string{
	"Any": {"object"}, "BoolValue": {"boolean"}, "BytesValue": {"string"}, "DoubleValue": {"number", "string"},
	"Duration": {"string"}, "Empty": {"object"}, "FieldMask": {"string"}, "FloatValue": {"number", "string"},
	"Int32Value": {"integer", "string"}, "Int64Value": {"integer", "string"}, "ListValue": {"array"},
	"StringValue": {"string"}, "Struct": {"object"}, "UInt32Value": {"integer", "string"},
	"UInt64Value": {"integer", "string"}, "Value": {"object", "array", "string", "number", "boolean"},
}

// wellKnownInto says of what JSON type a message of protobuf's own is.
func wellKnownInto(o *object, name string, null bool) {
	kinds := wellKnown[name]
	if null && len(kinds) > 0 {
		kinds = append(slices.Clone(kinds), "null")
	}
	switch {
	case len(kinds) == 1:
		o.Set("type", kinds[0])
	case len(kinds) > 1:
		o.Set("type", kinds)
	}
}

// nullInside says whether null is a value of a type where it stands in a list or map: of protobuf's Value it is.
func nullInside(t *schema.Type) bool {
	return t.Kind == schema.MessageKind && t.Message.WellKnown() == "Value"
}
