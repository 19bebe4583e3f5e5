package valuestest

import (
	"encoding/json"
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// eventWords are what events are made of.
var eventWords = words{
	names: []string{"a", "b", "c"},
	texts: []string{"", "a", "b", "ab", "abb", "aaaa", "bbbbb", "é", "a@example.com", "123e4567-e89b-42d3-a456-426614174000", "YQ==", "YWI=",
		"1", "2025-10-16T12:34:56Z", "127.0.0.1", "https://example.com/"},
	numbers: []string{"0", "1", "2", "3", "4", "6", "0.5", "2.5", "-1", "12"},
}

// typedNumbers are those of types, which have borders of their own.
var typedNumbers = []string{"0", "1", "2", "3", "4", "5", "-1", "0.5", "2.5", "300", "2147483647", "2147483648", "-2147483648", "4294967295",
	"9007199254740993", "9223372036854775807", "18446744073709551615"}

// EventValue makes an object that may be an event of a schema of [Maker.EventSchema].
func (m *Maker) EventValue() map[string]any {
	out := map[string]any{}
	for _, n := range append([]string{"d"}, eventWords.names...) {
		if m.IntN(2) == 0 {
			out[n] = m.value(2, eventWords)
		}
	}
	return out
}

// Event makes an event of a message with at most depth objects and lists nested in it. Most are valid.
func (m *Maker) Event(of *schema.Message, depth int) map[string]any {
	out := map[string]any{}
	chosen := map[*schema.Oneof]*schema.Field{}
	for _, o := range of.Oneofs {
		chosen[o] = o.Fields[m.IntN(len(o.Fields))]
	}
	for _, f := range of.Fields {
		if f.Oneof != nil && chosen[f.Oneof] != f || !f.Required && !f.JSONRequired && m.IntN(3) == 0 {
			continue
		}
		if f.Nullable && m.IntN(4) == 0 {
			out[f.JSONName] = nil
		} else if v, ok := m.typed(f.Type, depth); ok {
			out[f.JSONName] = v
		}
	}
	return out
}

func (m *Maker) typed(t *schema.Type, depth int) (any, bool) {
	if t.Kind != schema.List && t.Kind != schema.Map && t.Kind != schema.MessageKind && t.Kind != schema.JSONObject {
		return m.scalar(t)
	}
	if depth == 0 {
		return nil, false
	}
	switch t.Kind {
	case schema.List:
		out := []any{}
		for range m.IntN(4) {
			if v, ok := m.typed(t.Elem, depth-1); ok {
				out = append(out, v)
			}
		}
		return out, true
	case schema.Map:
		out := map[string]any{}
		for range m.IntN(4) {
			k, ok := m.scalar(t.Key)
			v, okV := m.typed(t.Elem, depth-1)
			if ok && okV {
				out[fmt.Sprint(k)] = v
			}
		}
		return out, true
	case schema.JSONObject:
		return map[string]any{"x": json.Number("1")}, true
	}
	switch t.Message.FullName {
	case "google.protobuf.Duration":
		return []any{"0s", "1s", "3s", "7s"}[m.IntN(4)], true
	case "google.protobuf.StringValue":
		return []any{"", "a"}[m.IntN(2)], true
	}
	return m.Event(t.Message, depth-1), true
}

// scalar picks a value that the type takes, as far as that can be told.
func (m *Maker) scalar(t *schema.Type) (any, bool) {
	var all []any
	switch {
	case t.Kind == schema.Timestamp:
		all = []any{"2025-10-16T12:34:56Z", "1969-12-31T00:00:00Z"}
	case t.Kind == schema.Bool:
		all = []any{true, false}
	case t.Kind == schema.Bytes:
		all = []any{"", "YQ==", "YWI=", "YmFh"}
	case t.Kind == schema.EnumKind:
		for _, v := range t.Enum.Values {
			if v.JSONName != "" {
				all = append(all, v.JSONName)
			}
		}
	case values.IsNumber(t.Kind):
		for _, n := range typedNumbers {
			all = append(all, json.Number(n))
		}
	default:
		for _, s := range eventWords.texts {
			all = append(all, s)
		}
	}
	if m.values == nil {
		m.values = values.NewMaker()
	}
	m.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, v := range all {
		if m.values.Fits(t, v) {
			return v, true
		}
	}
	return nil, false
}
