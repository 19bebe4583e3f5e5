package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Named returns the sets whose names are hard: of fields, of types, of values, of packages and of files. words is how many
// of Words packages are named as.
func Named(words int) []Schemas {
	return []Schemas{
		{"fields", map[string][]byte{"acme/proto/v1/names.proto": []byte(protoFields()), "acme/json/v1/names.json": []byte(jsonFields())}},
		{"types", map[string][]byte{"acme/proto/v1/types.proto": []byte(protoTypeNames()), "acme/json/v1/types.json": []byte(jsonTypeNames())}},
		{"protobuf", protoPackages(Words[:words])}, {"objects", jsonPackages(slices.Concat(Words[:words], Folders))}, {"files", fileNames()}, {"nested", nestedPackages()},
		{"lone", map[string][]byte{"names.json": []byte(object("Alone", `"a":{"type":"string"}`))}},
	}
}

// protoFields has messages with each name as that of a field of several kinds, of a oneof and of a oneof's member.
func protoFields() string {
	var b strings.Builder
	fmt.Fprintf(&b, protoHead, `syntax = "proto3";`, "acme.proto.v1")
	b.WriteString("message Other { string text = 1 [(buf.validate.field).string.min_len = 1]; }\n")
	for i, name := range Names {
		if strings.HasPrefix(name, "_") {
			continue
		}
		event := ""
		if i%2 == 0 {
			event = fmt.Sprintf("option (trestle.v1.event) = { topic: \"topic-%d\" key: %q };", i, name)
		}
		fmt.Fprintf(&b, "message One%d { %s optional string %s = 1 [(buf.validate.field).string.min_len = 1, (trestle.v1.field).default = \"\\\"a\\\"\"]; Other other_too = 2; }\n", i, event, name)
		if i > 40 { // words of the languages: one is enough
			continue
		}
		fmt.Fprintf(&b, "message Many%d { repeated Other %s = 1; map<string, Other> get_%s = 2; google.protobuf.Duration again_%s = 3; }\n", i, name, name, name)
		fmt.Fprintf(&b, "message Choice%d { oneof %s { option (buf.validate.oneof).required = true; string first_in = 1; Other second_in = 2; } }\n", i, name)
		fmt.Fprintf(&b, "message Chosen%d { oneof one { string %s = 1 [(buf.validate.field).string.min_len = 1]; Other get%s = 2; int32 z = 3; } Mood%d mood = 4; }\n", i, name, name, i)
		fmt.Fprintf(&b, "enum Mood%d { MOOD%d_UNSPECIFIED = 0; %s_%d = 1; }\n", i, i, name, i)
	}
	return b.String()
}

// jsonFields has objects with each name as that of a property, required or not, and objects with pairs of them.
func jsonFields() string {
	var defs []string
	one := func(prefix, rest string, names ...string) {
		for _, required := range []string{"", quoted(names[0])} {
			var properties []string
			for _, name := range names {
				properties = append(properties, quoted(name)+`:{"type":["string","null"],"minLength":1}`, quoted(name+"_list")+`:{"type":"array","items":{"$ref":"#/$defs/Line"}}`)
			}
			title := fmt.Sprintf("%s%d", prefix, len(defs))
			defs = append(defs, fmt.Sprintf("%q:{\"type\":\"object\",\"required\":[%s],\"properties\":{%s}%s}", title, required, strings.Join(properties, ","), rest))
		}
	}
	for i, name := range slices.Concat(Names, JSONNames) {
		one("One", []string{"", `,"additionalProperties":{"type":"integer"}`, `,"additionalProperties":false`}[i%3], name)
	}
	for _, pair := range Pairs {
		one("Pair", "", pair...)
	}
	for _, class := range []string{"Line", "Mood", "Movement", "Note", "All"} { // a property named as a type, beside it and elsewhere
		kind := `{"$ref":"#/$defs/` + class + `"}`
		if class == "All" {
			kind = `{"$ref":"#"}`
		}
		defs = append(defs, fmt.Sprintf(`"As%s":{"type":"object","properties":{%q:%s,"other":%s,"many":{"type":"array","items":%s}}}`, class, class, kind, kind, kind))
	}
	return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"All","description":"All.",
"x-trestle":{"event":{"type":"all","topic":"all-json","key":["a"]}},"type":"object","properties":{"a":{"type":"string"}},
` + strings.TrimSuffix(jsonDefs, "}") + ",\n" + strings.Join(defs, ",\n") + "}}"
}

var typeWords = []string{
	"Events", "Topics", "Model", "Event", "Enum", "Any", "Validate", "String", "Error", "X", "Text", "Field", "List", "Dict", "None", "True",
	"Self", "Timestamp", "BaseModel", "ClassVar", "SCHEMAS", "EventInfo", "AppendJSON", "ParseMoodJSON", "Annotated", "Int32", "Final", "Exception",
	"ValueError", "Literal", "Union", "Optional", "JsonObject", "Uuid", "INT64", "SORTED", "Class", "Int", "Float", "Bool",
}

// protoTypeNames has messages and enums that are named as what generated code declares.
func protoTypeNames() string {
	var b strings.Builder
	fmt.Fprintf(&b, protoHead, `syntax = "proto3";`, "acme.proto.v1")
	b.WriteString("enum Mood { MOOD_UNSPECIFIED = 0; MOOD_GOOD = 1; }\n")
	for i, name := range typeWords {
		fmt.Fprintf(&b, "message %s { option (trestle.v1.event) = { topic: \"topic-%d\" }; string text = 1; repeated string words = 2; map<string, %s> %s = 3; Deep.Inner inner = 4; message Deep { message Inner { bool flag = 1; } } }\n", name, i, name, name)
	}
	for i, name := range []string{"Kind", "type", "lower_case", "str", "bytes", "checks", "datetime", "print", "cls"} {
		fmt.Fprintf(&b, "message %s { string text = 1; repeated Mood moods = 2; optional %s again = 3; oneof a_b { string c = 4; } oneof aB { int32 d = 5; } }\n", name, name)
		fmt.Fprintf(&b, "message Wrapped%d { oneof one { string text = 1; int32 number = 2; } message Text {} enum Number { NUMBER%d_NONE = 0; } message Inner { %s inner = 1; } }\n", i, i, name)
	}
	return b.String()
}

// jsonTypeNames has the same of objects, and enums whose values are no names.
func jsonTypeNames() string {
	var defs []string
	for _, name := range typeWords {
		defs = append(defs, fmt.Sprintf(`%q:{"type":"object","properties":{"text":{"type":"string","default":"x"},"words":{"type":"array","items":{"type":"number"}},%q:{"$ref":"#/$defs/%s"},"at":{"type":"string","format":"date-time"},"id":{"type":"string","format":"uuid"}}}`, name, name, name))
	}
	for i, list := range slices.Concat(Pairs, [][]string{Names, JSONNames}) {
		var values []string
		for _, value := range list {
			if value != "" {
				values = append(values, quoted(value))
			}
		}
		defs = append(defs, fmt.Sprintf(`"Values%d":{"enum":[%s]}`, i, strings.Join(values, ",")))
		defs = append(defs, fmt.Sprintf(`"UsesValues%d":{"type":"object","properties":{"value":{"$ref":"#/$defs/Values%d","default":%s},"Values%d":{"type":"object","propertyNames":{"$ref":"#/$defs/Values%d"},"additionalProperties":{"$ref":"#/$defs/Values%d"}}}}`, i, i, values[len(values)-1], i, i, i))
	}
	defs = append(defs,
		`"Color":{"enum":["red","Red","RED"]}`, `"ColorRed":{"type":"object","properties":{"a":{"type":"string"}}}`,
		`"A":{"enum":["bc"]}`, `"AB":{"enum":["c"]}`,
		`"First":{"type":"object","required":["kind"],"properties":{"kind":{"const":"first"}}}`,
		`"Choice":{"oneOf":[{"$ref":"#/$defs/First"},{"$ref":"#/$defs/Other"},{"$ref":"#/$defs/Unknown"}]}`,
		`"Other":{"type":"object","required":["kind"],"properties":{"kind":{"const":"other"}}}`,
		`"Unknown":{"type":"object","required":["kind"],"properties":{"kind":{"const":"unknown"},"choice":{"$ref":"#/$defs/Choice"}}}`,
		`"ValidateInto":{"type":"object","required":["kind"],"properties":{"kind":{"const":"a"}}}`,
		`"MarshalJSON":{"type":"object","required":["kind"],"properties":{"kind":{"const":"b"}}}`,
		`"Methods":{"oneOf":[{"$ref":"#/$defs/ValidateInto"},{"$ref":"#/$defs/MarshalJSON"}]}`,
	)
	return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"All","description":"All.",
"x-trestle":{"event":{"type":"all","topic":"all-json"}},"type":"object","properties":{"choice":{"$ref":"#/$defs/Choice"},"methods":{"$ref":"#/$defs/Methods"}},
"$defs":{` + strings.Join(defs, ",\n") + "}}"
}

// protoPackages has a package of each word, and one that uses them all.
func protoPackages(words []string) map[string][]byte {
	files := map[string][]byte{}
	var imports, fields []string
	for i, word := range words {
		if word == "event_types" {
			continue
		}
		path := "acme/" + word + "/kinds.proto"
		files[path] = fmt.Appendf(nil, `syntax = "proto3";
package acme.%s;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
message Kind {
  option (.trestle.v1.event) = { topic: "proto-%d" type: "proto-%d" };
  string text = 1 [(.buf.validate.field).string.pattern = "^a+$"];
}
enum Mood { MOOD_UNSPECIFIED = 0; MOOD_GOOD = 1; }
`, word, i, i)
		imports = append(imports, fmt.Sprintf("import %q;\n", path))
		fields = append(fields, fmt.Sprintf("  acme.%s.Kind %s = %d; optional acme.%s.Mood %s_mood = %d; map<string, acme.%s.Kind> %s_by_name = %d;\n", word, word, 3*i+1, word, word, 3*i+2, word, word, 3*i+3))
	}
	files["acme/all/v1/all.proto"] = []byte("syntax = \"proto3\";\npackage acme.all.v1;\n" + strings.Join(imports, "") + "message All {\n" + strings.Join(fields, "") + "}\n")
	return files
}

func object(title, properties string) string {
	return fmt.Sprintf(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":%q,"description":"One.","type":"object","properties":{%s}}`, title, properties)
}

// jsonPackages has a folder of each word, and one that uses them all.
func jsonPackages(words []string) map[string][]byte {
	files := map[string][]byte{}
	var properties []string
	for i, word := range words {
		if word == "none" {
			continue // None is among the folders
		}
		text := object("Kind", `"text":{"type":"string","pattern":"^a+$"},"mood":{"enum":["good"],"title":"Mood"},"rest":{"type":"string","not":{"const":"b"}}`)
		text = strings.Replace(text, `"type":"object"`, fmt.Sprintf(`"x-trestle":{"event":{"type":"json-%d","topic":"json-%d"}},"type":"object"`, i, i), 1)
		files["acme/"+word+"/kind.json"] = []byte(text)
		properties = append(properties, quoted(word)+`:{"$ref":"../../`+word+`/kind.json"}`, quoted(word+" mood")+`:{"$ref":"../../`+word+`/kind.json#/properties/mood","default":"good"}`)
	}
	files["acme/all/v1/all.json"] = []byte(object("All", strings.Join(properties, ",")))
	return files
}

// fileNames has files that the go tool would pass over, and that have the names of generated ones.
func fileNames() map[string][]byte {
	files := map[string][]byte{}
	for i, name := range []string{
		"order_windows", "order_test", "order_linux_test", "order_amd64", "windows", "_hidden", "a.b", "schemas", "trestle", "my order", "größe", "order-1",
		"UPPER", "con", "order_js",
	} {
		rest := `"text":{"type":"string","not":{"const":"b"}}`
		files["acme/files/v1/"+name+".json"] = []byte(object(fmt.Sprintf("Kind%d", i), rest))
		if !strings.Contains(name, " ") {
			files["acme/proto/v1/"+name+".proto"] = fmt.Appendf(nil, "syntax = \"proto3\";\npackage acme.proto.v1;\nmessage Kind%d { string text = 1; }\n", i)
		}
	}
	return files
}

// nestedPackages has packages whose names begin those of others, which they use and are used by.
func nestedPackages() map[string][]byte {
	files := map[string][]byte{
		"acme/sales/sale.json":             []byte(object("Sale", `"audit":{"$ref":"audit/audit.json"},"text":{"type":"string"}`)),
		"acme/sales/audit/audit.json":      []byte(object("Audit", `"text":{"type":"string"}`)),
		"acme/sales/audit/deep/deep.json":  []byte(object("Deep", `"audit":{"$ref":"../audit.json"},"orders":{"$ref":"../../../orders/order.json"}`)),
		"acme/orders/order.json":           []byte(object("audit", `"audit":{"type":"string"}`)),
		"acme/orders/audit/v1/order.json":  []byte(object("Order", `"order":{"$ref":"../../order.json"}`)),
		"acme/stock/stock.proto":           []byte("syntax = \"proto3\";\npackage acme.stock;\nmessage Stock { string text = 1; }\n"),
		"acme/stock/v1/stock.proto":        []byte("syntax = \"proto3\";\npackage acme.stock.v1;\nimport \"acme/stock/stock.proto\";\nmessage Stock { acme.stock.Stock stock = 1; }\n"),
		"acme/stock/v1/beta/stock.proto":   []byte("syntax = \"proto3\";\npackage acme.stock.v1.beta;\nimport \"acme/stock/v1/stock.proto\";\nmessage Stock { acme.stock.v1.Stock stock = 1; }\n"),
		"acme/stock/v1/topics/stock.proto": []byte("syntax = \"proto3\";\npackage acme.stock.v1.topics;\nmessage Stock { string text = 1; }\n"),
	}
	return maps.Clone(files)
}
