package lint

import (
	"testing"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	typed := func(kind schema.Kind, c schema.Constraints) *schema.Type {
		return &schema.Type{Kind: kind, Constraints: c}
	}
	format := func(name string) *schema.Type { return typed(schema.String, schema.Constraints{Format: name}) }
	list := func(elem *schema.Type, c schema.Constraints) *schema.Type {
		return &schema.Type{Kind: schema.List, Elem: elem, Constraints: c}
	}
	person := &schema.Message{Name: "Person", Closed: true, Fields: []*schema.Field{
		{Name: "name", JSONName: "name", Required: true, Type: typed(schema.String, schema.Constraints{MaxLen: new(uint64(3))})},
		{Name: "age", JSONName: "age", Type: typed(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "0"}})},
	}}
	record := &schema.Type{Kind: schema.MessageKind, Message: person}
	words := &schema.Type{Kind: schema.Map, Key: typed(schema.String, schema.Constraints{Pattern: "^[a-z]+$"}), Elem: typed(schema.Int64, schema.Constraints{})}
	tests := []struct {
		name  string
		typ   *schema.Type
		value string
		want  string // empty: allowed
	}{
		{"at the lower bound", typed(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "1"}}), "1", ""},
		{"below the lower bound", typed(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "1"}}), "0", "is less than 1"},
		{"at an excluded bound", typed(schema.Double, schema.Constraints{Max: &schema.Bound{Value: "1", Exclusive: true}}), "1.0", "is 1, which is excluded"},
		{"zero, exempt", typed(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "1"}, SkipZero: true}), "0", ""},
		{"beyond a double", typed(schema.Double, schema.Constraints{}), "1e999999999", "is out of range"},
		{"a small uint32", typed(schema.Uint32, schema.Constraints{}), "-1", "does not fit into uint32"},
		{"the largest uint64", typed(schema.Uint64, schema.Constraints{}), "18446744073709551615", ""},
		{"in, by value", typed(schema.Double, schema.Constraints{In: []string{"1", "2.50"}}), "2.5", ""},
		{"not in", typed(schema.Int64, schema.Constraints{NotIn: []string{"3"}}), "3", "is excluded"},
		{"const", typed(schema.String, schema.Constraints{Const: `"a"`}), `"b"`, `is not "a"`},
		{"length in characters", typed(schema.String, schema.Constraints{MaxLen: new(uint64(2))}), `"äö"`, ""},
		{"length in bytes", typed(schema.Bytes, schema.Constraints{MaxLen: new(uint64(2))}), `"AAAA"`, "has more than 2 bytes"},
		{"not base64", typed(schema.Bytes, schema.Constraints{}), `"?"`, "is not base64"},
		{"uuid", format("uuid"), `"550e8400-e29b-41d4-a716-446655440000"`, ""},
		{"uuid in braces", format("uuid"), `"{550e8400-e29b-41d4-a716-446655440000}"`, "is not of format uuid"},
		{"email", format("email"), `"a@example.org"`, ""},
		{"email with a name", format("email"), `"A <a@example.org>"`, "is not of format email"},
		{"ipv4", format("ipv4"), `"::1"`, "is not of format ipv4"},
		{"ipv6", format("ipv6"), `"::1"`, ""},
		{"ip", format("ip"), `"10.0.0"`, "is not of format ip"},
		{"hostname", format("hostname"), `"-a.org"`, "is not of format hostname"},
		{"uri without a scheme", format("uri"), `"/a"`, "is not of format uri"},
		{"uri reference", format("uri-reference"), `"/a"`, ""},
		{"a format that is not checked", format("colour"), `"x"`, ""},
		{"too few items", list(nil, schema.Constraints{MinItems: new(uint64(1))}), "[]", "has fewer than 1 items"},
		{"an item twice, by value", list(typed(schema.Double, schema.Constraints{}), schema.Constraints{Unique: true}), "[1,1.0]", "has 1.0 twice"},
		{"map key", words, `{"A":1}`, `has a key "A" that does not match ^[a-z]+$`},
		{"record", record, `{"name":"Bo","age":1}`, ""},
		{"record lacks a field", record, `{"age":1}`, "lacks name, which is required"},
		{"record with an unknown field", record, `{"name":"Bo","size":1}`, `has "size", which Person has not`},
		{"record with a wrong field", record, `{"name":"Bo","age":-1}`, "has -1 in age that is less than 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := jsontree.Parse([]byte(tt.value))
			if err != nil {
				t.Fatal(err)
			}
			if got := refusal(tt.typ, v); got != tt.want {
				t.Errorf("%s %q, want %q", tt.value, got, tt.want)
			}
		})
	}
}

func TestToSnake(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"userId": "user_id", "HTTPStatus-code": "http_status_code", "UserID2": "user_id2", "_x__y": "x_y", "IP": "ip",
	} {
		if got := toSnake(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
		if !snakeCase.MatchString(want) {
			t.Errorf("%s is offered, and is not snake case itself", want)
		}
	}
}

func TestRouteMatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		prefix, eventType string
		want              bool
	}{
		{"", "order.placed", true},
		{"order", "order.placed", true},
		{"order", "order", true},
		{"order", "orders.placed", false},
		{"order.placed", "order", false},
	}
	for _, tt := range tests {
		if got := routeMatches(tt.prefix, tt.eventType); got != tt.want {
			t.Errorf("prefix %q takes %q: %v, want %v", tt.prefix, tt.eventType, got, tt.want)
		}
	}
}
