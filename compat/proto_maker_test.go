package compat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// protoMaker makes random protobuf schemas and edits of them.
type protoMaker struct{ *rand.Rand }

// protoSchema is a schema as it is edited; its first message is the event.
type protoSchema struct {
	edition  bool // 2023, else proto3
	messages []protoMessage
	enums    []protoEnum
}

type protoMessage struct {
	name   string
	fields []madeField
	rules  string
	// needed are the oneofs of which one member must be set.
	needed map[string]bool
}

type madeField struct {
	name, jsonName string
	number         int
	typ            string // a scalar's, a message's or an enum's name
	label          string // "", "optional", "repeated", or the type of a map's keys
	oneof          string
	rules          []string // on the value
	outer          []string // on the list or map around it
	field          []string // required, ignore, cel
	value          string   // the default
	jsonRequired   bool
}

// needed says whether the field cannot be absent.
func (f madeField) needed() bool {
	return f.jsonRequired || slices.Contains(f.field, "required: true")
}

type protoEnum struct {
	name   string
	closed bool
	values []protoValue
}

type protoValue struct {
	name, jsonName string
	number         int
}

func one[T any](g *protoMaker, list ...T) T { return list[g.IntN(len(list))] }

var protoScalars = []string{
	"string", "string", "string", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "sfixed64", "bool", "bytes",
	"float", "double", "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.StringValue", "trestle.v1.JsonObject",
}

func (g *protoMaker) schema() protoSchema {
	s := protoSchema{edition: g.IntN(3) == 0}
	for _, name := range []string{"E", "F"} {
		s.enums = append(s.enums, g.enum(name, s.edition && g.IntN(3) == 0))
	}
	for _, name := range []string{"A", "B", "C"} {
		s.messages = append(s.messages, g.message(name))
	}
	return s
}

func (g *protoMaker) enum(name string, closed bool) protoEnum {
	e := protoEnum{name: name, closed: closed}
	for i := range 2 + g.IntN(3) {
		v := protoValue{name: fmt.Sprintf("%s_%c", name, 'A'+i), number: i}
		if i == 0 && g.IntN(2) == 0 {
			v.name = name + "_UNSPECIFIED"
		} else if g.IntN(3) == 0 {
			v.jsonName = strings.ToLower(v.name)
		}
		e.values = append(e.values, v)
	}
	return e
}

func (g *protoMaker) message(name string) protoMessage {
	m := protoMessage{name: name, needed: map[string]bool{}}
	for i := range 1 + g.IntN(4) {
		m.fields = append(m.fields, g.newField(name, fmt.Sprintf("f%d", i), i+1))
	}
	if g.IntN(4) == 0 {
		m.needed["o"] = true
	}
	if g.IntN(8) == 0 && !slices.ContainsFunc(m.fields, madeField.needed) {
		m.rules = g.messageRule(m)
	}
	return m
}

func (g *protoMaker) messageRule(m protoMessage) string {
	var names []string
	for _, f := range m.fields {
		names = append(names, fmt.Sprintf("%q", f.name))
	}
	if g.IntN(2) == 0 {
		return `cel: {id: "c" message: "no" expression: "true || has(this.` + m.fields[0].name + `)"}`
	}
	return "oneof: {fields: [" + strings.Join(names, ", ") + "]}"
}

func (g *protoMaker) newField(message, name string, number int) madeField {
	f := madeField{name: name, number: number, typ: g.typ(message)}
	switch g.IntN(8) {
	case 0, 1:
		f.label = "optional"
	case 2:
		f.label = "repeated"
	case 3:
		f.label = one(g, "string", "string", "int32", "bool", "uint64")
	case 4:
		f.oneof = "o"
	}
	g.describe(&f)
	return f
}

func (g *protoMaker) typ(message string) string {
	switch g.IntN(8) {
	case 0:
		return one(g, "E", "F")
	case 1, 2:
		return one(g, map[string][]string{"A": {"B"}, "B": {"C"}, "C": {"C", "B", "A", "string"}}[message]...)
	}
	return one(g, protoScalars...)
}

// describe gives a field a name in JSON, rules and a default, or takes them away.
func (g *protoMaker) describe(f *madeField) {
	f.jsonName, f.jsonRequired = "", g.IntN(12) == 0
	if g.IntN(8) == 0 {
		f.jsonName = f.name + "_json"
	}
	f.value = ""
	if g.IntN(6) == 0 {
		f.value = g.defaultOf(*f)
	}
	g.constrain(f)
}

func (g *protoMaker) defaultOf(f madeField) string {
	v := one(g, protoDefaults[f.typ]...)
	switch {
	case v == "" || f.label == "" || f.label == "optional":
		return v
	case f.label == "repeated":
		return "[" + v + "]"
	}
	return "{" + map[string]string{"string": `"a"`, "int32": `"1"`, "uint64": `"1"`, "bool": `"true"`}[f.label] + ":" + v + "}"
}

var protoDefaults = map[string][]string{
	"string": {`"a"`, `"ab"`, `""`}, "int32": {"0", "1", "3"}, "int64": {"0", "1", "3"}, "uint32": {"0", "1", "3"},
	"uint64": {"0", "2"}, "sint32": {"0", "2"}, "sint64": {"0", "2"}, "fixed32": {"0", "2"}, "sfixed64": {"0", "2"}, "bool": {"true", "false"},
	"bytes": {`"YWI="`}, "float": {"0.5", "1"}, "double": {"0.5", "1"}, "google.protobuf.Timestamp": {"now"},
	"google.protobuf.Duration": {`"1s"`}, "google.protobuf.StringValue": {`"a"`}, "trestle.v1.JsonObject": {"{}"}, "A": {"{}"}, "B": {"{}"}, "C": {"{}"},
	"E": {`"E_B"`, `"e_b"`}, "F": {`"F_B"`},
}

func (g *protoMaker) constrain(f *madeField) {
	f.rules, f.outer, f.field = nil, nil, nil
	if g.IntN(2) == 0 {
		f.rules = append(f.rules, g.rule(f.typ))
		if pair := protoPairs[f.typ]; pair != nil && g.IntN(4) == 0 {
			f.rules = one(g, pair...)
		}
		f.rules = slices.DeleteFunc(f.rules, func(r string) bool { return r == "" })
	}
	n := g.IntN(3)
	switch f.label {
	case "", "optional":
	case "repeated":
		f.outer = one(g, nil, nil, []string{fmt.Sprint("min_items: ", n)}, []string{fmt.Sprint("max_items: ", n+1)}, []string{"unique: true"})
		if f.typ[0] < 'a' || strings.Contains(f.typ, ".") {
			f.outer = slices.DeleteFunc(slices.Clone(f.outer), func(r string) bool { return r == "unique: true" })
		}
	default:
		f.outer = one(g, nil, nil, []string{fmt.Sprint("min_pairs: ", n)}, []string{fmt.Sprint("max_pairs: ", n+1)})
		if f.label == "string" && g.IntN(3) == 0 {
			f.outer = append(f.outer, "keys: {string: {"+g.rule("string")+"}}")
		}
	}
	if g.IntN(6) == 0 {
		f.field = append(f.field, "required: true")
	}
	switch g.IntN(16) {
	case 0, 1:
		f.field = append(f.field, "ignore: IGNORE_IF_ZERO_VALUE")
	case 2:
		f.field = append(f.field, "ignore: IGNORE_ALWAYS")
	case 3:
		if f.typ == "string" && (f.label == "" || f.label == "optional") {
			f.field = append(f.field, `cel: {id: "ab" message: "no" expression: "this != 'ab'"}`)
		}
	}
}

// protoPairs are rules that some value keeps together.
var protoPairs = map[string][][]string{
	"string": {{"min_len: 1", "max_len: 3"}, {"min_len: 2", `not_in: ["ab"]`}, {`pattern: "^a"`, "max_len: 2"}, {`prefix: "a"`, `suffix: "b"`},
		{`in: ["a", "ab"]`, `const: "ab"`}, {"min_bytes: 1", "max_len: 4"}, {"len: 2", "min_len: 1"}},
	"int32":  {{"gte: 1", "lte: 3"}, {"gt: 0", "not_in: [2]"}, {"in: [1, 3]", "gt: 2"}, {"gt: 5", "lt: 1"}},
	"uint64": {{"gte: 1", "lte: 3"}, {"gt: 1", "lt: 3"}, {"gte: 4", "lt: 2"}},
	"double": {{"gte: 0.5", "lt: 2.5"}, {"gt: 3", "lt: 1"}},
	"E":      {{"defined_only: true", "not_in: [1]"}},
}

// rule returns a rule on values of a type, empty for types that have none here.
func (g *protoMaker) rule(typ string) string {
	n := g.IntN(4)
	switch typ {
	case "string":
		return one(g, fmt.Sprint("min_len: ", n), fmt.Sprint("max_len: ", n+1), fmt.Sprint("len: ", n), `pattern: "^a"`, `pattern: "b$"`,
			`pattern: "^[ab]*$"`, `in: ["a", "ab"]`, `in: ["a"]`, `not_in: ["a"]`, `const: "ab"`, `prefix: "a"`, `prefix: "ab"`, `suffix: "b"`,
			`contains: "a"`, `not_contains: "b"`, fmt.Sprint("min_bytes: ", n), fmt.Sprint("max_bytes: ", n+1), "email: true", "uuid: true")
	case "bool":
		return one(g, "const: true", "const: false")
	case "bytes":
		return one(g, fmt.Sprint("min_len: ", n), fmt.Sprint("max_len: ", n+1), `in: ["a", "ab"]`, `prefix: "a"`)
	case "float", "double":
		return one(g, fmt.Sprint("gte: ", n), fmt.Sprint("lte: ", n+1), fmt.Sprint("gt: ", n), "lt: 2.5", "in: [0.5, 1]", "const: 1")
	case "E", "F":
		return one(g, "defined_only: true", "in: [1, 2]", "in: [0, 1]", "not_in: [1]", "not_in: [0]", "const: 1")
	case "google.protobuf.Duration":
		return one(g, "gte: {seconds: 1}", "lt: {seconds: 5}")
	case "google.protobuf.Timestamp":
		return one(g, "gt: {seconds: 1}", "lt_now: true")
	}
	if protoDefaults[typ] == nil || typ[0] < 'a' || strings.Contains(typ, ".") {
		return ""
	}
	return one(g, fmt.Sprint("gte: ", n), fmt.Sprint("lte: ", n+1), fmt.Sprint("gt: ", n), fmt.Sprint("lt: ", n+2), "in: [1, 3]", "in: [0, 1]",
		"not_in: [1]", "const: 2")
}
