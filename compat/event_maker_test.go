package compat_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// eventMaker makes random events of messages, most of them valid.
type eventMaker struct{ *rand.Rand }

func (g *eventMaker) message(m *schema.Message, depth int) map[string]any {
	out := map[string]any{}
	chosen := map[*schema.Oneof]*schema.Field{}
	for _, o := range m.Oneofs {
		chosen[o] = o.Fields[g.IntN(len(o.Fields))]
	}
	for _, f := range m.Fields {
		if f.Oneof != nil && chosen[f.Oneof] != f || !f.Required && !f.JSONRequired && g.IntN(3) == 0 {
			continue
		}
		if f.Nullable && g.IntN(4) == 0 {
			out[f.JSONName] = nil
		} else if v, ok := g.value(f.Type, depth); ok {
			out[f.JSONName] = v
		}
	}
	return out
}

func (g *eventMaker) value(t *schema.Type, depth int) (any, bool) {
	if t.Kind != schema.List && t.Kind != schema.Map && t.Kind != schema.MessageKind && t.Kind != schema.JSONObject {
		return g.scalar(t)
	}
	if depth == 0 {
		return nil, false
	}
	switch t.Kind {
	case schema.List:
		out := []any{}
		for range g.IntN(4) {
			if v, ok := g.value(t.Elem, depth-1); ok {
				out = append(out, v)
			}
		}
		return out, true
	case schema.Map:
		out := map[string]any{}
		for range g.IntN(4) {
			k, ok := g.scalar(t.Key)
			v, okV := g.value(t.Elem, depth-1)
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
		return []any{"0s", "1s", "3s", "7s"}[g.IntN(4)], true
	case "google.protobuf.StringValue":
		return []any{"", "a"}[g.IntN(2)], true
	}
	return g.message(t.Message, depth-1), true
}

var (
	someTexts = []string{"", "a", "b", "ab", "abb", "aaaa", "é", "a@example.com", "123e4567-e89b-42d3-a456-426614174000", "YQ==", "YWI=",
		"1", "2025-10-16T12:34:56Z", "127.0.0.1", "https://example.com/"}
	someNumbers = []string{"0", "1", "2", "3", "4", "5", "-1", "0.5", "2.5", "300", "2147483647", "2147483648", "-2147483648", "4294967295",
		"9007199254740993", "9223372036854775807", "18446744073709551615"}
)

// scalar picks a value that the type takes, as far as that can be told.
func (g *eventMaker) scalar(t *schema.Type) (any, bool) {
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
		for _, n := range someNumbers {
			all = append(all, json.Number(n))
		}
	default:
		for _, s := range someTexts {
			all = append(all, s)
		}
	}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, v := range all {
		text, err := json.Marshal(v)
		if ok, _ := values.Accepts(t, string(text)); err == nil && ok {
			return v, true
		}
	}
	return nil, false
}
