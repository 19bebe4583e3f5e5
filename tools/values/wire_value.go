package values

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// InBinary is a JSON value as [Space.FromMessage] has it in the binary form.
func InBinary(t *schema.Type, v any) any {
	switch x := v.(type) {
	case bool:
		if t.Kind == schema.Bool && x {
			return json.Number("1")
		}
		return json.Number("0")
	case string:
		switch t.Kind {
		case schema.EnumKind:
			for _, value := range t.Enum.Values {
				if value.JSONName == x {
					return json.Number(strconv.Itoa(int(value.Number)))
				}
			}
		case schema.Bytes:
			if b, err := base64.StdEncoding.DecodeString(x); err == nil {
				return string(b)
			}
		}
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			if out[i] = e; t.Kind == schema.List {
				out[i] = InBinary(t.Elem, e)
			}
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, e := range x {
			switch {
			case t.Kind == schema.Map:
				out[name] = InBinary(t.Elem, e)
			case t.Kind == schema.MessageKind && !OwnForm(t.Message):
				f := t.Message.Field(name)
				if f == nil {
					continue
				}
				if e = InBinary(f.Type, e); f.Explicit || !isZero(e) {
					out[strconv.Itoa(int(f.Number))] = e
				}
			default:
				out[name] = e
			}
		}
		return out
	}
	return v
}

// isZero says whether a value in binary is one that fields without presence leave out.
func isZero(v any) bool {
	switch x := v.(type) {
	case json.Number:
		r, ok := rational(x)
		return ok && r.Sign() == 0
	case string:
		return x == ""
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return v == nil
}

// Event is the JSON form of an event in the binary form of [Space.FromMessage]. A number of an enum that has no name stays
// one.
func Event(m *schema.Message, v map[string]any) map[string]any {
	event := map[string]any{}
	for _, f := range m.Fields {
		if x, there := v[strconv.Itoa(int(f.Number))]; there {
			event[f.JSONName] = toJSON(f.Type, x)
		}
	}
	return event
}

func toJSON(t *schema.Type, v any) any {
	switch x := v.(type) {
	case json.Number:
		switch t.Kind {
		case schema.Bool:
			return x == "1"
		case schema.EnumKind:
			for _, value := range t.Enum.Values {
				if x.String() == strconv.Itoa(int(value.Number)) && value.JSONName != "" {
					return value.JSONName
				}
			}
		}
	case string:
		if t.Kind == schema.Bytes {
			return base64.StdEncoding.EncodeToString([]byte(x))
		}
	case []any:
		if t.Kind != schema.List {
			return v
		}
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = toJSON(t.Elem, e)
		}
		return out
	case map[string]any:
		switch {
		case t.Kind == schema.MessageKind && !OwnForm(t.Message):
			return Event(t.Message, x)
		case t.Kind != schema.Map:
			return v
		}
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = toJSON(t.Elem, e)
		}
		return out
	}
	return v
}

// ownForms are the messages of protobuf's own that have a JSON form which their fields do not give. Timestamps are a
// kind of their own.
var ownForms = map[protoreflect.FullName]bool{
	"google.protobuf.Any": true, "google.protobuf.Duration": true, "google.protobuf.FieldMask": true, "google.protobuf.Struct": true,
	"google.protobuf.Value": true, "google.protobuf.ListValue": true, "google.protobuf.Timestamp": true,
	"google.protobuf.BoolValue": true, "google.protobuf.BytesValue": true, "google.protobuf.StringValue": true,
	"google.protobuf.DoubleValue": true, "google.protobuf.FloatValue": true, "google.protobuf.Int32Value": true,
	"google.protobuf.Int64Value": true, "google.protobuf.UInt32Value": true, "google.protobuf.UInt64Value": true,
}

// OwnForm says whether a message of protobuf's own has a JSON form that its fields do not give.
func OwnForm(m *schema.Message) bool { return m.HasBinary() && ownForms[m.Proto.FullName()] }

// HasOwnForm is OwnForm of a descriptor.
func HasOwnForm(m protoreflect.MessageDescriptor) bool { return ownForms[m.FullName()] }
