package python

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// foreign is the type of a well-known protobuf message in its own JSON form; empty for any other message.
func (g *module) foreign(m *schema.Message) string {
	if m.Language() != schema.Protobuf || g.className(m) != "" {
		return ""
	}
	switch name := strings.TrimPrefix(m.FullName, "google.protobuf."); name {
	case "Duration", "FieldMask", "Empty", "Struct", "Value", "ListValue":
		return g.wellKnown(name)
	case "Any":
		return g.wellKnown("AnyMessage")
	}
	return g.use("JsonObject")
}

// wrapperKinds are the kinds inside protobuf's wrapper messages, which are such values in JSON.
var wrapperKinds = map[string]schema.Kind{
	"BoolValue": schema.Bool, "BytesValue": schema.Bytes, "DoubleValue": schema.Double, "FloatValue": schema.Float,
	"Int32Value": schema.Int32, "Int64Value": schema.Int64, "StringValue": schema.String, "UInt32Value": schema.Uint32,
	"UInt64Value": schema.Uint64,
}

// wellKnown is the name of a message of google.protobuf; empty for any other type.
func wellKnown(t *schema.Type) string {
	if t.Message == nil {
		return ""
	}
	return t.Message.WellKnown()
}
