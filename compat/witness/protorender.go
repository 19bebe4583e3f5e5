package witness

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// encodeMessage renders what a message holds, as JSON values: fields that are set, and those without presence.
func encodeMessage(sm *schema.Message, m protoreflect.Message) map[string]any {
	out := map[string]any{}
	for _, f := range sm.Fields {
		fd := descriptorOf(m, f)
		if fd == nil || fd.HasPresence() && !m.Has(fd) {
			continue
		}
		switch {
		case fd.IsMap():
			object := map[string]any{}
			m.Get(fd).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				object[k.String()] = encodeValue(f.Type.Elem, v)
				return true
			})
			out[f.JSONName] = object
		case fd.IsList():
			src := m.Get(fd).List()
			list := make([]any, src.Len())
			for i := range list {
				list[i] = encodeValue(f.Type.Elem, src.Get(i))
			}
			out[f.JSONName] = list
		default:
			if v := encodeValue(f.Type, m.Get(fd)); v != nil {
				out[f.JSONName] = v
			}
		}
	}
	return out
}

func encodeValue(t *schema.Type, v protoreflect.Value) any {
	switch t.Kind {
	case schema.Bool:
		return v.Bool()
	case schema.Int32, schema.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10))
	case schema.Uint32, schema.Uint64:
		return json.Number(strconv.FormatUint(v.Uint(), 10))
	case schema.Float, schema.Double:
		if math.IsNaN(v.Float()) {
			return notANumber
		}
		if t.Kind == schema.Double {
			return json.Number(strconv.FormatFloat(v.Float(), 'g', -1, 64))
		}
		return json.Number(strconv.FormatFloat(v.Float(), 'g', -1, 32))
	case schema.String:
		return v.String()
	case schema.Bytes:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case schema.EnumKind:
		for _, e := range t.Enum.Values {
			if protoreflect.EnumNumber(e.Number) == v.Enum() {
				if e.JSONName == "" {
					return nil
				}
				return e.JSONName
			}
		}
		return json.Number(strconv.Itoa(int(v.Enum()))) // a number that has no name here
	case schema.Timestamp:
		fields := v.Message().Descriptor().Fields()
		at := time.Unix(v.Message().Get(fields.ByName("seconds")).Int(), v.Message().Get(fields.ByName("nanos")).Int())
		return at.UTC().Format(time.RFC3339Nano)
	case schema.JSONObject:
		text := v.Message().Get(v.Message().Descriptor().Fields().ByName("json")).String()
		if text == "" {
			text = "{}"
		}
		object, err := parse([]byte(text))
		if err != nil {
			return text
		}
		return object
	case schema.MessageKind:
		if wellKnown(v.Message()) {
			text, err := protojson.Marshal(v.Message().Interface())
			if err != nil {
				return nil
			}
			x, err := parse(text)
			if err != nil {
				return nil
			}
			return x
		}
		return encodeMessage(t.Message, v.Message())
	}
	return nil
}
