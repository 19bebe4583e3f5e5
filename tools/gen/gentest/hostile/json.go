package hostile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// schemas of JSON Schema, by kind; NAME stands for a title of its own.
var values = []string{
	`{"type":"string"}`, `{"type":"string","minLength":1,"maxLength":9}`, `{"type":"string","pattern":"^[a-z]+$"}`, `{"type":"string","pattern":"(?i:x)"}`,
	"{\"type\":\"string\",\"pattern\":\"`\\\"\"}", `{"type":"string","const":"a\"\\"}`, `{"type":"string","format":"uuid"}`, `{"type":"string","format":"email"}`,
	`{"type":"string","format":"date"}`, `{"type":"string","format":"date-time"}`, `{"type":"string","format":"duration"}`, `{"type":"string","format":"regex"}`,
	`{"type":"string","contentEncoding":"base64"}`, `{"type":"string","enum":["a","b"],"title":"NAME"}`, `{"enum":["x"],"title":"NAME","type":["string","null"]}`,
	`{"type":"string","enum":["<","<=","=",">=",">"],"title":"NAME"}`, `{"type":"string","enum":["a b","a-b","aB","+1","-1","é","北京","上海"],"title":"NAME"}`,
	`{"type":"integer"}`, `{"type":"integer","minimum":1.5,"maximum":9}`, `{"type":"integer","format":"int32","exclusiveMinimum":-3}`,
	`{"type":"integer","multipleOf":5}`, `{"type":"integer","enum":[1,2]}`, `{"type":"integer","const":3}`, `{"type":["integer","null"]}`,
	`{"type":"integer","enum":[` + counted(100) + `]}`, `{"type":"string","not":{"enum":["` + strings.ReplaceAll(counted(100), ",", `","`) + `"]}}`,
	`{"type":"number"}`, `{"type":"number","minimum":0,"exclusiveMaximum":0.5}`, `{"type":"number","format":"float"}`, `{"type":"number","multipleOf":0.01}`,
	`{"type":"number","enum":[0.5,1]}`, `{"type":"number","const":1e3}`, `{"type":"boolean"}`, `{"type":"boolean","const":true}`, `{"type":["boolean","null"]}`,
	`{"type":"object"}`, `{"type":"object","minProperties":1}`, `true`, `{}`, `{"description":"Anything."}`, `{"type":["string","null"]}`,
	`{"type":["object","null"]}`, `{"type":["array","null"],"items":{"type":"string"}}`,
	`{"$ref":"#/$defs/Line"}`, `{"$ref":"#/$defs/Mood"}`, `{"$ref":"#/$defs/Movement"}`, `{"$ref":"#/$defs/Words"}`, `{"$ref":"#/$defs/ByName"}`, `{"$ref":"#"}`,
	`{"anyOf":[{"$ref":"#/$defs/Line"},{"type":"null"}]}`, `{"anyOf":[{"$ref":"#/$defs/Movement"},{"type":"null"}]}`,
	`{"type":"string","not":{"const":"a"}}`, `{"type":"string","minLength":1,"if":{"minLength":3},"then":{"pattern":"a"}}`,
	`{"anyOf":[{"type":"string"},{"type":"integer"}]}`, `{"oneOf":[{"minimum":3},{"type":"string"}]}`, `{"type":["integer","string"]}`,
	`{"type":"object","properties":{"a":{"type":"string"},"_a":{"type":"integer"}},"title":"NAME","required":["a"]}`,
	`{"type":"object","properties":{"a":{"type":"string"}},"title":"NAME","additionalProperties":false}`,
	`{"type":"object","properties":{"additional":{"type":"string"}},"title":"NAME","additionalProperties":{"type":"integer"}}`,
	`{"type":"object","properties":{"a":{"type":"string"}},"title":"NAME","patternProperties":{"^x":{"type":"integer"}}}`,
	`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":["string","null"]}},"title":"NAME","dependentRequired":{"a":["b"]},"minProperties":1}`,
	`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"boolean"}},"title":"NAME","anyOf":[{"required":["a"]},{"required":["b"]}]}`,
	`{"type":"object","properties":{"a":{"type":"integer"}},"title":"NAME","if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"required":["b"]}}`,
}

// counted are n numbers.
func counted(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = strconv.Itoa(i)
	}
	return strings.Join(texts, ",")
}

// containers hold a value in place of X.
var containers = []string{
	`X`, `X`, `X`, `{"type":"array","items":X}`, `{"type":"array","items":X,"minItems":1,"maxItems":3,"uniqueItems":true}`,
	`{"type":"object","additionalProperties":X}`, `{"type":"object","additionalProperties":X,"minProperties":1,"maxProperties":4}`,
	`{"type":"object","additionalProperties":X,"propertyNames":{"pattern":"^a"}}`, `{"type":"object","additionalProperties":X,"propertyNames":{"$ref":"#/$defs/Mood"}}`,
	`{"type":"array","items":{"type":"array","items":X}}`, `{"type":"object","additionalProperties":{"type":"array","items":X}}`,
	`{"type":"array","items":X,"contains":{"type":"integer"}}`,
}

// defaults are those of some values.
var defaults = map[string]string{
	`{"type":"string"}`: `"a"`, `{"type":"integer"}`: `3`, `{"type":"number"}`: `0.5`, `{"type":"boolean"}`: `true`, `{"$ref":"#/$defs/Mood"}`: `"good"`,
	`{"type":"object"}`: `{"a":[1,null]}`, `{}`: `[1]`, `{"type":["integer","null"]}`: `4`,
}

const jsonDefs = `"$defs":{
"Line":{"type":"object","description":"Line.","required":["sku","kind"],"properties":{"sku":{"type":"string","minLength":1},"kind":{"const":"line"},"next":{"$ref":"#/$defs/Line"}}},
"Note":{"type":"object","required":["kind"],"properties":{"kind":{"enum":["note","remark"]},"Note":{"$ref":"#/$defs/Line"}}},
"Movement":{"oneOf":[{"$ref":"#/$defs/Line"},{"$ref":"#/$defs/Note"}]},
"Mood":{"enum":["good","bad"]},
"Words":{"type":"array","items":{"type":"string","minLength":2}},
"ByName":{"type":"object","additionalProperties":{"$ref":"#/$defs/Line"}}}`

// jsonSchema is a file with an object of many kinds, an event.
func jsonSchema(rng *rand.Rand) string {
	var properties, required []string
	taken := map[string]bool{}
	add := func(name, text string) {
		if taken[name] {
			return
		}
		taken[name] = true
		properties = append(properties, quoted(name)+":"+text)
		if rng.IntN(4) == 0 && !strings.Contains(text, `"default"`) {
			required = append(required, quoted(name))
		}
	}
	n := one(rng, []int{0, 1, 2, 5, 9, 70})
	for i := range n {
		value := one(rng, values)
		text := strings.ReplaceAll(one(rng, containers), "X", value)
		if d := defaults[value]; d != "" && text == value && rng.IntN(2) == 0 {
			text = strings.TrimSuffix(value, "}")
			if !strings.HasSuffix(text, "{") {
				text += ","
			}
			text += `"default":` + d + "}"
		}
		if strings.HasPrefix(text, "{") && text != "{}" && rng.IntN(8) == 0 {
			text = `{"x-trestle":{"field":{"sensitive":true}},` + text[1:]
		}
		text = strings.ReplaceAll(text, "NAME", fmt.Sprintf("Inner%d", i))
		switch rng.IntN(4) {
		case 0:
			add(one(rng, Names), text)
		case 1:
			add(one(rng, JSONNames), text)
		default:
			add(fmt.Sprintf("f%d", i), text)
		}
	}
	for _, name := range one(rng, Pairs) {
		add(name, `{"type":"string"}`)
	}
	add("", `{"$ref":"#/$defs/Line"}`)
	head := fmt.Sprintf(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"All","description":"All of it.",
"x-trestle":{"family":{"envelope":%q},"event":{"type":"all","topic":"all-json"}},
"type":"object","required":[%s],"properties":{%s},`, one(rng, []string{"none", "onex_v1", "base_event"}), strings.Join(required, ","), strings.Join(properties, ",\n"))
	switch rng.IntN(6) {
	case 0:
		head += `"additionalProperties":false,`
	case 1:
		head += `"additionalProperties":{"type":"array","items":{"$ref":"#/$defs/Movement"}},`
	case 2:
		head += `"minProperties":2,`
	}
	return head + "\n" + jsonDefs + "}"
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(text)
}
