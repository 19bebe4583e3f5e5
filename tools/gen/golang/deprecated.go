package golang

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// deprecatedMethod is the method by which a message names its deprecated fields. Only messages that have such, or that hold a
// message which has, have it.
const deprecatedMethod = "DeprecatedFields"

// hasDeprecated says whether a message, or one in it, has deprecated fields. Messages may contain themselves.
func hasDeprecated(m *schema.Message, visiting map[*schema.Message]bool) bool {
	if visiting[m] || foreign(m) {
		return false
	}
	visiting[m] = true
	if typeHasDeprecated(m.Undeclared, visiting) {
		return true
	}
	for _, f := range m.Fields {
		if f.Deprecated != nil || typeHasDeprecated(f.Type, visiting) {
			return true
		}
	}
	return false
}

func typeHasDeprecated(t *schema.Type, visiting map[*schema.Message]bool) bool {
	for ; t != nil; t = t.Elem {
		if t.Kind == schema.MessageKind && hasDeprecated(t.Message, visiting) {
			return true
		}
		if t.Union != nil && unionHasDeprecated(t.Union, visiting) {
			return true
		}
	}
	return false
}

func unionHasDeprecated(u *schema.Union, visiting map[*schema.Message]bool) bool {
	for _, v := range u.Variants {
		if hasDeprecated(v.Message, visiting) {
			return true
		}
	}
	return false
}

// deprecatedFields writes the message's DeprecatedFields method, if it has any.
func (g *file) deprecatedFields(m *schema.Message, goName string) error {
	if !hasDeprecated(m, map[*schema.Message]bool{}) {
		return nil
	}
	g.p("// %s appends the full names of the deprecated fields that x has, and messages in it have. One that has the value", deprecatedMethod)
	g.p("// which is filled in where it is absent counts as absent.")
	g.p("func (x *%s) %s(names []string) []string {", goName, deprecatedMethod)
	if g.proto() {
		g.p("if x == nil {")
		g.p("return names")
		g.p("}")
	}
	for _, f := range m.Fields {
		v := g.view(f)
		if err := g.deprecatedField(v); err != nil {
			return err
		}
		g.deprecatedWithin(v, f.Type)
	}
	if m.Undeclared != nil {
		f := restField(m)
		g.deprecatedWithin(view{Field: f, expr: restExpr}, f.Type)
	}
	g.p("return names")
	g.p("}\n")
	return nil
}

// deprecatedUnion writes the method of a union.
func (g *file) deprecatedUnion(u *schema.Union, goName string, variants []variant) {
	if !unionHasDeprecated(u, map[*schema.Message]bool{}) {
		return
	}
	g.p("// %s appends the full names of the deprecated fields that the member which is set has.", deprecatedMethod)
	g.p("func (x *%s) %s(names []string) []string {", goName, deprecatedMethod)
	g.p("switch {")
	for _, v := range variants {
		if hasDeprecated(v.Message, map[*schema.Message]bool{}) {
			g.p("case %s != nil:", v.expr)
			g.p("return %s.%s(names)", v.expr, deprecatedMethod)
		}
	}
	g.p("}")
	g.p("return names")
	g.p("}\n")
}

// deprecatedField names the field itself where an event has it.
func (g *file) deprecatedField(v view) error {
	if v.Field.Deprecated == nil || v.Default == "now" { // the present, filled in earlier, is not told from a time that was sent
		return nil
	}
	has := v.has
	switch {
	case v.wrapper != "":
		has = "_, ok := " + v.holder + ".(*" + v.wrapper + "); ok"
	case v.Default != "" && (v.Type.Kind == schema.List || v.Type.Kind == schema.Map): // it can only be empty
		has = "len(" + v.expr + ") > 0"
	case v.Default != "":
		differs, err := g.differsFromDefault(v)
		if err != nil {
			return err
		}
		if differs != "" {
			has += " && " + differs
		}
	}
	appended := "names = append(names, " + goString(fieldName(v.Field)) + ")"
	if has == "" {
		g.p("%s", appended)
	} else {
		g.p("%s", strings.Join(guarded("if "+has+" {", []string{appended}), "\n"))
	}
	return nil
}

// differsFromDefault is the condition that a field that is there has another value than is filled in; empty where that is said
// by its being there.
func (g *file) differsFromDefault(v view) (string, error) {
	value, err := g.defaultValue(v)
	switch {
	case err != nil || value == "":
		return "", err
	case v.Type.Kind == schema.Bytes:
		return "!" + g.std("bytes", "Equal") + "(" + v.value + ", " + value + ")", nil
	case v.Type.Kind == schema.JSONObject && g.proto():
		return v.expr + ".GetJson() != " + goString(v.Default), nil
	}
	return v.value + " != " + value, nil
}

// deprecatedWithin names those of messages inside the field, t being its type before it is lowered.
func (g *file) deprecatedWithin(v view, t *schema.Type) {
	if !typeHasDeprecated(t, map[*schema.Message]bool{}) {
		return
	}
	lines := g.deprecatedIn(v.expr, v.Type, 0)
	switch {
	case v.Type.Kind == schema.MessageKind && v.wrapper != "":
		lines = guarded("if o, ok := "+v.holder+".(*"+v.wrapper+"); ok {", lines)
	case v.Type.Kind == schema.MessageKind && v.has != "":
		lines = guarded("if "+v.has+" {", lines)
	}
	g.p("%s", strings.Join(lines, "\n"))
}

// deprecatedIn names those of the messages in a value, which stands in so many lists and maps.
func (g *file) deprecatedIn(expr string, t *schema.Type, depth int) []string {
	switch t.Kind {
	case schema.List:
		i := at("i", depth)
		return guarded("for "+i+" := range "+expr+" {", g.deprecatedIn(expr+"["+i+"]", t.Elem, depth+1))
	case schema.Map:
		m := at("m", depth)
		return guarded("for _, "+m+" := range "+expr+" {", g.deprecatedIn(m, t.Elem, depth+1))
	}
	return []string{"names = " + expr + "." + deprecatedMethod + "(names)"}
}
