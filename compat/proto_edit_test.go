package compat_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (s protoSchema) clone() protoSchema {
	s.messages, s.enums = slices.Clone(s.messages), slices.Clone(s.enums)
	for i := range s.messages {
		s.messages[i].fields = slices.Clone(s.messages[i].fields)
		s.messages[i].needed = maps.Clone(s.messages[i].needed)
	}
	for i := range s.enums {
		s.enums[i].values = slices.Clone(s.enums[i].values)
	}
	return s
}

// edit returns a schema that differs in a thing or two.
func (g *protoMaker) edit(s protoSchema) protoSchema {
	s = s.clone()
	used := s.used()
	messages, enums := indexes(s.messages, func(m protoMessage) bool { return used[m.name] }), indexes(s.enums, func(e protoEnum) bool { return used[e.name] })
	for range 1 + g.IntN(2) {
		if len(enums) > 0 && g.IntN(5) == 0 {
			g.editEnum(&s.enums[one(g, enums...)])
			continue
		}
		g.editMessage(&s.messages[one(g, messages...)])
	}
	return s
}

// loosen returns a schema that takes all that the schema takes, and more, and says what it did.
func (g *protoMaker) loosen(s protoSchema) (out protoSchema, what string) {
	s = s.clone()
	used := s.used()
	m := &s.messages[one(g, indexes(s.messages, func(m protoMessage) bool { return used[m.name] })...)]
	f := &m.fields[g.IntN(len(m.fields))]
	switch g.IntN(6) {
	case 0:
		added := madeField{name: "n", number: 10, typ: one(g, protoScalars...), label: one(g, "", "optional", "repeated", "string")}
		m.fields = append(m.fields, added)
		return s, "a field more"
	case 1:
		if strings.HasPrefix(m.rules, "cel") { // without a oneof of fields, rules would hold for those that are zero
			m.rules = ""
		}
		return s, "no CEL of a message any more"
	case 2:
		m.needed["o"] = false
		return s, "no member of a oneof must be set any more"
	case 3:
		f.outer = nil
		return s, "no rules of a list or map any more"
	case 4:
		f.field = slices.DeleteFunc(slices.Clone(f.field), func(rule string) bool { return rule == "required: true" || strings.HasPrefix(rule, "cel") })
		return s, "not required any more, no CEL"
	}
	f.rules = nil
	return s, "no rules of a field any more"
}

func indexes[T any](list []T, of func(T) bool) []int {
	var out []int
	for i, x := range list {
		if of(x) {
			out = append(out, i)
		}
	}
	return out
}

func (g *protoMaker) editMessage(m *protoMessage) {
	fresh := 10 + g.IntN(3)
	i := g.IntN(len(m.fields))
	f := &m.fields[i]
	another := g.newField(m.name, f.name, f.number)
	switch g.IntN(17) {
	case 0, 1, 2:
		if !slices.ContainsFunc(m.fields, func(f madeField) bool { return f.number == fresh }) {
			added := g.newField(m.name, fmt.Sprint("n", fresh), fresh)
			m.fields = append(m.fields, added)
		}
	case 3:
		if len(m.fields) > 1 {
			m.fields, m.rules = slices.Delete(m.fields, i, i+1), "" // they would name what is not there
		}
	case 4:
		f.number += 20
	case 5:
		f.name, f.jsonName, m.rules = "r"+f.name, one(g, "", f.name), ""
	case 6:
		f.jsonName = one(g, "", f.name+"_json")
	case 7:
		f.typ = g.related(f.typ)
		g.constrain(f)
		f.value = ""
	case 8:
		f.typ, f.value = another.typ, ""
		g.constrain(f)
	case 9:
		f.label, f.oneof, f.value = another.label, another.oneof, ""
		g.constrain(f)
	case 10:
		f.oneof = one(g, "", "o", "p")
	case 11, 12:
		f.rules, f.outer, f.field = another.rules, another.outer, another.field
		if f.typ != another.typ || f.label != another.label {
			g.constrain(f)
		}
	case 13:
		f.rules = nil
	case 14:
		f.value = one(g, "", g.defaultOf(*f))
	case 15:
		f.jsonRequired = !f.jsonRequired
	case 16:
		if g.IntN(2) == 0 {
			m.needed["o"] = !m.needed["o"]
		} else if m.rules = ""; g.IntN(2) == 0 {
			m.rules = g.messageRule(*m)
		}
	}
}

// related is a type that a reader may take the same values by.
func (g *protoMaker) related(typ string) string {
	for _, family := range [][]string{
		{"int32", "int64", "uint32", "uint64", "bool", "E"}, {"sint32", "sint64"}, {"string", "bytes", "E", "google.protobuf.StringValue"},
		{"fixed32", "float"}, {"sfixed64", "double"}, {"A", "B", "C", "trestle.v1.JsonObject"}, {"E", "F"}, {"float", "double", "int32"},
		{"google.protobuf.Timestamp", "string", "google.protobuf.Duration"},
	} {
		if slices.Contains(family, typ) && g.IntN(2) == 0 {
			return one(g, family...)
		}
	}
	return typ
}

func (g *protoMaker) editEnum(e *protoEnum) {
	i := g.IntN(len(e.values))
	v := &e.values[i]
	switch g.IntN(6) {
	case 0, 1:
		e.values = append(e.values, protoValue{name: e.name + "_N", number: 7 + g.IntN(2)})
	case 2:
		if i > 0 {
			e.values = slices.Delete(e.values, i, i+1)
		}
	case 3:
		if i > 0 {
			v.number += 10
		}
	case 4:
		v.jsonName = one(g, "", strings.ToLower(v.name), "x")
	case 5:
		v.name, v.jsonName = v.name+"2", one(g, "", v.name)
	}
}

// text writes a schema down, without what the event does not need.
func (s protoSchema) text() string {
	var b strings.Builder
	b.WriteString("syntax = \"proto3\";\n")
	if s.edition {
		b.Reset()
		b.WriteString("edition = \"2023\";\n")
	}
	b.WriteString("package p.v1;\n")
	for _, f := range []string{
		"buf/validate/validate.proto", "google/protobuf/duration.proto", "google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto",
		"trestle/v1/json.proto", "trestle/v1/options.proto",
	} {
		fmt.Fprintf(&b, "import %q;\n", f)
	}
	used := s.used()
	for _, m := range s.messages {
		if used[m.name] {
			m.write(&b, s.edition)
		}
	}
	for _, e := range s.enums {
		if used[e.name] {
			e.write(&b)
		}
	}
	return b.String()
}

// used are the names of what the event is made of.
func (s protoSchema) used() map[string]bool {
	used := map[string]bool{}
	var use func(name string)
	use = func(name string) {
		if used[name] {
			return
		}
		used[name] = true
		for _, m := range s.messages {
			if m.name == name {
				for _, f := range m.fields {
					use(f.typ)
				}
			}
		}
	}
	use("A")
	return used
}

func (m protoMessage) write(b *strings.Builder, edition bool) {
	fmt.Fprintf(b, "message %s {\n", m.name)
	if m.rules != "" {
		fmt.Fprintf(b, "  option (buf.validate.message) = {%s};\n", m.rules)
	}
	for _, name := range []string{"o", "p"} {
		var members []madeField
		for _, f := range m.fields {
			if f.oneof == name {
				members = append(members, f)
			}
		}
		if len(members) == 0 {
			continue
		}
		fmt.Fprintf(b, "  oneof %s {\n", name)
		if m.needed[name] {
			b.WriteString("    option (buf.validate.oneof).required = true;\n")
		}
		for _, f := range members {
			f.label = ""
			f.write(b, edition)
		}
		b.WriteString("  }\n")
	}
	for _, f := range m.fields {
		if f.oneof == "" {
			f.write(b, edition)
		}
	}
	b.WriteString("}\n")
}

func (f madeField) write(b *strings.Builder, edition bool) {
	typ := f.typ
	var options []string
	switch f.label {
	case "":
		record := f.typ == "A" || f.typ == "B" || f.typ == "C" || strings.Contains(f.typ, ".")
		if edition && f.oneof == "" && !record {
			options = append(options, "features.field_presence = IMPLICIT")
		}
	case "optional":
		if !edition {
			typ = "optional " + typ
		}
	case "repeated":
		typ = "repeated " + typ
	default:
		typ = "map<" + f.label + ", " + typ + ">"
	}
	if f.jsonName != "" {
		options = append(options, fmt.Sprintf("json_name = %q", f.jsonName))
	}
	rules := f.field
	if f.typ == "google.protobuf.StringValue" && f.label == "repeated" {
		f.outer = nil // protovalidate takes a list of wrappers for a wrapper, and passes over what is said of the list
	}
	if len(f.rules) > 0 {
		kind := strings.ToLower(strings.TrimPrefix(f.typ, "google.protobuf."))
		if kind == "e" || kind == "f" {
			kind = "enum"
		}
		inner := kind + ": {" + strings.Join(f.rules, " ") + "}"
		switch f.label {
		case "", "optional":
			rules = append(slices.Clone(rules), inner)
		case "repeated":
			rules = append(slices.Clone(rules), "repeated: {items: {"+inner+"} "+strings.Join(f.outer, " ")+"}")
		default:
			rules = append(slices.Clone(rules), "map: {values: {"+inner+"} "+strings.Join(f.outer, " ")+"}")
		}
	} else if len(f.outer) > 0 && f.label != "" && f.label != "optional" {
		kind := "map"
		if f.label == "repeated" {
			kind = "repeated"
		}
		rules = append(slices.Clone(rules), kind+": {"+strings.Join(f.outer, " ")+"}")
	}
	if len(rules) > 0 {
		options = append(options, "(buf.validate.field) = {"+strings.Join(rules, " ")+"}")
	}
	if f.value != "" && f.oneof == "" { // no types can be made of a default in a oneof
		options = append(options, fmt.Sprintf("(trestle.v1.field).default = %q", f.value))
	}
	if f.jsonRequired {
		options = append(options, "(trestle.v1.field).json_required = true")
	}
	fmt.Fprintf(b, "  %s %s = %d", typ, f.name, f.number)
	if len(options) > 0 {
		fmt.Fprintf(b, " [%s]", strings.Join(options, ", "))
	}
	b.WriteString(";\n")
}

func (e protoEnum) write(b *strings.Builder) {
	fmt.Fprintf(b, "enum %s {\n", e.name)
	if e.closed {
		b.WriteString("  option features.enum_type = CLOSED;\n")
	}
	for _, v := range e.values {
		fmt.Fprintf(b, "  %s = %d", v.name, v.number)
		if v.jsonName != "" {
			fmt.Fprintf(b, " [(trestle.v1.enum_value).json_name = %q]", v.jsonName)
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
}
