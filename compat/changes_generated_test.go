package compat_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)

// protoField returns the schema of an event that has a field besides its id.
func protoField(field string) map[string][]byte {
	return map[string][]byte{"shop/v1/event.proto": fmt.Appendf(nil, `syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
message Placed {
  string id = 1;
  %s
}
message Note { string text = 1; }
message Memo { string text = 1; }
enum Size { SIZE_UNSPECIFIED = 0; SIZE_SMALL = 1; SIZE_LARGE = 2; }
`, field)}
}

// scalars are the types whose every exchange for another is in the table, one of each way to write a value and more.
var scalars = []string{
	"int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
	"float", "double", "bool", "string", "bytes", "Size", "Note",
}

func typeChanges() []change {
	var out []change
	for _, a := range scalars {
		for _, b := range scalars {
			if a != b {
				out = append(out, change{"protobuf types", a + " to " + b, protoField(a + " a = 2;"), protoField(b + " a = 2;")})
			}
		}
	}
	return out
}

// ruledField is a field of the type that rules of a name are for.
var ruledFields = map[string]string{
	"enum": "optional Size", "repeated": "repeated string", "map": "map<string, int32>", "any": "google.protobuf.Any",
	"duration": "google.protobuf.Duration", "field_mask": "google.protobuf.FieldMask", "timestamp": "google.protobuf.Timestamp",
}

// ruleChanges reads testdata/changes/rules.txt.
func ruleChanges(t *testing.T) []change {
	t.Helper()
	var out []change
	for _, line := range ruleLines(t) {
		typ, values := line[0], line[1:]
		field := func(rule string) map[string][]byte {
			decl, ok := ruledFields[typ]
			if !ok {
				decl = "optional " + typ
			}
			if rule == "" {
				return protoField(decl + " a = 2;")
			}
			option := fmt.Sprintf("(buf.validate.field).%s = {%s}", typ, rule)
			if strings.HasPrefix(rule, `"`) {
				option = "(buf.validate.field).cel_expression = " + rule
			}
			return protoField(fmt.Sprintf("%s a = 2 [%s];", decl, option))
		}
		add := func(name, old, new string) {
			out = append(out, change{"protovalidate", typ + " " + name, field(old), field(new)})
		}
		add("+ "+values[0], "", values[0])
		add("- "+values[0], values[0], "")
		for _, v := range values[1:] {
			add(values[0]+" to "+v, values[0], v)
			add(v+" to "+values[0], v, values[0])
		}
	}
	return out
}

func ruleLines(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/changes/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, strings.Split(line, " | "))
		}
	}
	return out
}

// TestRulesComplete holds that every rule that protovalidate has for a type is in the table.
func TestRulesComplete(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, line := range ruleLines(t) {
		for _, value := range line[1:] {
			for word := range strings.FieldsSeq(value) {
				there[line[0]+" "+strings.TrimSuffix(word, ":")] = true
			}
		}
	}
	types := (&validate.FieldRules{}).ProtoReflect().Descriptor().Oneofs().ByName("type").Fields()
	for i := range types.Len() {
		rules := types.Get(i).Message().Fields()
		for j := range rules.Len() {
			if name := string(types.Get(i).Name()) + " " + string(rules.Get(j).Name()); !there[name] {
				t.Errorf("rule %s is not in testdata/changes/rules.txt", name)
			}
		}
	}
}
