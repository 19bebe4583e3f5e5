package golang

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// hasDefaults says whether SetDefaults of a message can change anything. Messages may contain themselves.
func hasDefaults(m *schema.Message, visiting map[*schema.Message]bool) bool {
	if visiting[m] || foreign(m) {
		return false
	}
	visiting[m] = true
	if typeHasDefaults(m.Undeclared, visiting) {
		return true
	}
	for _, f := range m.Fields {
		if f.Default != "" || typeHasDefaults(f.Type, visiting) {
			return true
		}
	}
	return false
}

func typeHasDefaults(t *schema.Type, visiting map[*schema.Message]bool) bool {
	for ; t != nil; t = t.Elem {
		if t.Kind == schema.MessageKind && hasDefaults(t.Message, visiting) {
			return true
		}
		if t.Union != nil {
			return true // what tells its members apart is filled in
		}
	}
	return false
}

// setDefaults writes the message's SetDefaults method.
func (g *file) setDefaults(m *schema.Message, goName string) error {
	g.p("// SetDefaults fills fields that are absent and have a default; now is for those whose default is the present.")
	if !hasDefaults(m, map[*schema.Message]bool{}) {
		g.p("func (x *%s) SetDefaults(%s) {}\n", goName, g.std("time", "Time"))
		return nil
	}
	g.p("func (x *%s) SetDefaults(now %s) {", goName, g.std("time", "Time"))
	if g.proto() {
		g.p("if x == nil {")
		g.p("return")
		g.p("}")
	}
	for _, f := range m.Fields {
		v := g.view(f)
		if f.Default != "" {
			if err := g.setDefault(v); err != nil {
				return err
			}
		}
		g.defaultsWithin(v)
	}
	if m.Undeclared != nil {
		g.defaultsWithin(view{Field: restField(m), expr: restExpr})
	}
	g.p("}\n")
	return nil
}

// defaultsWithin fills the defaults of messages inside the field.
func (g *file) defaultsWithin(v view) {
	if !defaultsInside(v.Type) {
		return
	}
	lines := g.defaultsIn(v.expr, v.Type, 0)
	switch {
	case v.Type.Kind == schema.MessageKind && v.wrapper != "":
		lines = guarded(fmt.Sprintf("if o, ok := %s.(*%s); ok {", v.holder, v.wrapper), lines)
	case v.Type.Kind == schema.MessageKind && v.has != "":
		lines = guarded("if "+v.has+" {", lines)
	}
	g.p("%s", strings.Join(lines, "\n"))
}

// defaultsInside says whether there are messages with defaults in a type.
func defaultsInside(t *schema.Type) bool {
	for t.Elem != nil {
		t = t.Elem
	}
	return t.Kind == schema.MessageKind && hasDefaults(t.Message, map[*schema.Message]bool{})
}

// defaultsIn fills the defaults of the messages in a value, which stands in so many lists and maps.
func (g *file) defaultsIn(expr string, t *schema.Type, depth int) []string {
	switch t.Kind {
	case schema.List:
		i := at("i", depth)
		return guarded("for "+i+" := range "+expr+" {", g.defaultsIn(expr+"["+i+"]", t.Elem, depth+1))
	case schema.Map:
		k, m := at("k", depth), at("m", depth)
		lines := g.defaultsIn(m, t.Elem, depth+1)
		if g.proto() || t.Elem.Kind != schema.MessageKind {
			return guarded("for _, "+m+" := range "+expr+" {", lines)
		}
		return guarded("for "+k+", "+m+" := range "+expr+" {", append(lines, expr+"["+k+"] = "+m))
	}
	return []string{expr + ".SetDefaults(now)"}
}

// setDefault fills the field itself.
func (g *file) setDefault(v view) error {
	if v.wrapper != "" {
		return refuse(v.Pos, v.element, "a member of a oneof cannot have a default")
	}
	value, err := g.defaultValue(v)
	if err != nil {
		return err
	}
	if value == "" {
		return nil
	}
	hasNot := v.hasNot
	if !g.proto() && (v.Type.Kind == schema.List || v.Type.Kind == schema.Map) {
		hasNot = v.expr + " == nil"
	}
	if hasNot == "" {
		return refuse(v.Pos, v.element, "a required field cannot have a default: it is never absent")
	}
	if v.Field.TellsNull() {
		hasNot += " && !x.Nulls.Has(" + goString(v.JSONName) + ")"
	}
	g.p("if %s {", hasNot)
	if v.pointer {
		g.p("%s = new(%s)", v.expr, value)
	} else {
		g.p("%s = %s", v.expr, value)
	}
	g.p("}")
	return nil
}

// defaultValue is the Go expression of the default; empty where the zero value already is it.
func (g *file) defaultValue(v view) (string, error) {
	bad := func() (string, error) {
		return "", refuse(v.Pos, v.element, "default %s is no %s: write one of its values as JSON", v.Default, v.Type.Kind)
	}
	if v.Default == "now" {
		if v.Type.Kind != schema.Timestamp {
			return bad()
		}
		if g.proto() {
			return g.pkg(tspbPath, "timestamppb") + ".New(now)", nil
		}
		return "now", nil
	}
	text := []byte(v.Default)
	implicit := g.proto() && !v.Explicit
	switch v.Type.Kind {
	case schema.String:
		var s string
		if json.Unmarshal(text, &s) != nil {
			return bad()
		}
		if implicit && s == "" {
			return "", nil
		}
		return goString(s), nil
	case schema.EnumKind:
		var s string
		if json.Unmarshal(text, &s) != nil {
			return bad()
		}
		for _, ev := range v.Type.Enum.Values {
			if ev.JSONName == s && s != "" {
				return g.enumConst(v.Type.Enum, ev), nil
			}
		}
		return "", refuse(v.Pos, v.element, "default %s is not a JSON name of %s", v.Default, v.Type.Enum.FullName)
	case schema.Bool:
		var b bool
		if json.Unmarshal(text, &b) != nil {
			return bad()
		}
		if implicit {
			return g.implicitDefault(v, !b)
		}
		return strconv.FormatBool(b), nil
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		n, ok := new(big.Rat).SetString(v.Default)
		if !ok || !n.IsInt() || !inRange(v.Type.Kind, n.Num()) {
			return bad()
		}
		if implicit {
			return g.implicitDefault(v, n.Sign() == 0)
		}
		return scalarTypes[v.Type.Kind] + "(" + n.Num().String() + ")", nil
	case schema.Float, schema.Double:
		n, err := strconv.ParseFloat(v.Default, map[schema.Kind]int{schema.Float: 32, schema.Double: 64}[v.Type.Kind])
		if err != nil {
			return bad()
		}
		if implicit {
			return g.implicitDefault(v, n == 0)
		}
		return scalarTypes[v.Type.Kind] + "(" + strconv.FormatFloat(n, 'g', -1, 64) + ")", nil
	case schema.Bytes:
		var data []byte
		if json.Unmarshal(text, &data) != nil || implicit {
			return bad()
		}
		return "[]byte(" + strconv.Quote(string(data)) + ")", nil
	case schema.List, schema.Map:
		return g.emptyContainer(v)
	case schema.JSONObject:
		if !json.Valid(text) || text[0] != '{' {
			return bad()
		}
		if g.proto() {
			return "&" + g.jsonObjectType() + "{Json: " + goString(v.Default) + "}", nil
		}
		return goString(v.Default), nil
	case schema.JSONValue:
		if !json.Valid(text) || g.proto() {
			return bad()
		}
		return goString(v.Default), nil
	}
	return "", refuse(v.Pos, v.element, "a %s cannot have a default", v.Type.Kind)
}

// inRange says whether an integer is one of a kind.
func inRange(kind schema.Kind, n *big.Int) bool {
	switch kind {
	case schema.Int32:
		return n.IsInt64() && n.Int64() == int64(int32(n.Int64()))
	case schema.Uint32:
		return n.IsUint64() && n.Uint64() <= math.MaxUint32
	case schema.Uint64:
		return n.IsUint64()
	}
	return n.IsInt64()
}

// implicitDefault is the default of a protobuf scalar whose zero cannot be told from absent.
func (g *file) implicitDefault(v view, zero bool) (string, error) {
	if zero {
		return "", nil
	}
	return "", refuse(v.Pos, v.element, "default %s would also replace a zero that was meant: make the field optional", v.Default)
}

func (g *file) emptyContainer(v view) (string, error) {
	want := "[]"
	if v.Type.Kind == schema.Map {
		want = "{}"
	}
	if v.Default != want {
		return "", refuse(v.Pos, v.element, "default %s: the default of a %s can only be %s", v.Default, v.Type.Kind, want)
	}
	if g.proto() {
		return "", nil // absent and empty are the same, and written as empty
	}
	return g.goType(v.Type) + "{}", nil
}
