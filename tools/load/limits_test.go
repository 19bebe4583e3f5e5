package load_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

const jsonHead = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object","properties":{"a":`

// What would exhaust the memory or the stack is refused, whatever it is that repeats.
func TestLimits(t *testing.T) {
	t.Parallel()
	repeat := func(begin, end string, n int) string { return strings.Repeat(begin, n) + strings.Repeat(end, n) }
	protoFile := func(body string) map[string][]byte {
		return map[string][]byte{"a.proto": []byte("syntax = \"proto3\";\n" + body)}
	}
	jsonFile := func(value, defs string) map[string][]byte {
		return map[string][]byte{"a.json": []byte(jsonHead + value + `},"$defs":{` + defs + `}}`)}
	}
	chain := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"D%d":{"$ref":"#/$defs/D%d"},`, i, i+1)
		}
		fmt.Fprintf(&b, `"D%d":{"type":"string"}`, n)
		return b.String()
	}
	doubling := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"D%d":{"type":"object","propertyNames":{"$ref":"#/$defs/S"},"additionalProperties":{"anyOf":[{"$ref":"#/$defs/D%d"}]}},`, i, i+1)
		}
		fmt.Fprintf(&b, `"S":{"type":"string"},"D%d":{"type":"string"}`, n)
		return b.String()
	}
	links := func(n int, link string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"D%d":{`+link+`},`, i, i+1)
		}
		fmt.Fprintf(&b, `"D%d":{"type":"object","properties":{"b":{"type":"string"}}}`, n)
		return b.String()
	}
	const (
		not    = `"not":{"$ref":"#/$defs/D%d"}`
		either = `"anyOf":[{"$ref":"#/$defs/D%d"},{"$ref":"#/$defs/D%[2]d"},{"type":"string"}]`
		both   = `"type":"object","allOf":[{"$ref":"#/$defs/D%d"},{"$ref":"#/$defs/D%[2]d"}],"properties":{"a":{"type":"string"}}`
	)
	for _, tt := range []struct {
		name  string
		files map[string][]byte
		want  string // "": loads
	}{
		{"protobuf messages", protoFile(repeat("message M {", "}", 100_000)), "a.proto:2:2211: nested more than 200 deep"},
		{"protobuf messages at the limit", protoFile(repeat("message M {", "}", 30)), ""},
		{"an option's value", protoFile("option (x) = " + repeat("{a", "}", 100_000)), "nested more than 200 deep"},
		{"brackets", protoFile("option (x) = " + repeat("[", "]", 100_000)), "nested more than 200 deep"},
		{"braces in comments and strings", protoFile("// " + strings.Repeat("{", 300) + "\n/* " + strings.Repeat("{", 300) + " */ message A { string a = 1 [json_name = \"" + strings.Repeat("{", 300) + "\"]; }"), ""},
		{"JSON arrays", map[string][]byte{"a.json": []byte(strings.Repeat("[", 1_000_000))}, "a.json:1:201: nested more than 200 deep"},
		{"JSON schemas", jsonFile(repeat(`{"type":"array","items":`, "}", 1000), ""), "nested more than 200 deep"},
		{"references", jsonFile(`{"$ref":"#/$defs/D0"}`, chain(10_000)), "schemas refer to one another more than 200 deep"},
		{"references at the limit", jsonFile(`{"$ref":"#/$defs/D0"}`, chain(150)), ""},
		{"references that branch", jsonFile(`{"$ref":"#/$defs/D0"}`, doubling(60)), ""},
		{"references of what is left to the library", jsonFile(`{"$ref":"#/$defs/D0"}`, links(10_000, not)), "schemas refer to one another more than 200 deep"},
		{"the same at the limit", jsonFile(`{"$ref":"#/$defs/D0"}`, links(100, not)), ""},
		{"alternatives that branch", jsonFile(`{"$ref":"#/$defs/D0"}`, links(60, either)), "more than 100000 schemas at once"},
		{"parts that branch, few", jsonFile(`{"$ref":"#/$defs/D0"}`, links(10, both)), ""},
		{"parts that branch, many", jsonFile(`{"$ref":"#/$defs/D0"}`, links(60, both)), "more than 100000 schemas at once"},
		{"parts of themselves", jsonFile(`{"$ref":"#/$defs/X"}`, `"X":{"type":"object","properties":{"a":{}},"allOf":[{"$ref":"#/$defs/Y"}]},"Y":{"type":"object","properties":{"b":{}},"allOf":[{"$ref":"#/$defs/X"}]}`), "part of itself without an object between"},
		{"a protobuf file", map[string][]byte{"a.proto": bytes.Repeat([]byte(" "), load.MaxFileSize+1)}, "a.proto: larger than 16 MiB"},
		{"a JSON file", map[string][]byte{"a.json": bytes.Repeat([]byte(" "), load.MaxFileSize+1)}, "a.json: larger than 16 MiB"},
		{"an exponent", jsonFile(`{"type":"number","minimum":1e999999999}`, ""), "minimum is 1e999999999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load.Schemas(t.Context(), load.Files(tt.files))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if _, ok := errors.AsType[schema.Errors](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.300v, want a fault with %q", err, tt.want)
			}
		})
	}
}
