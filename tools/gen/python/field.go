package python

import (
	"encoding/json"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// field is a field of a model as Python, and how it is treated beside that.
type field struct {
	*schema.Field
	text         string
	zeroIsAbsent bool
	nullIsValue  bool
	tellsNull    bool
}

// field writes one field: its annotation, default and documentation.
func (g *module) field(f *schema.Field) (field, error) {
	out := field{Field: f, nullIsValue: f.JSONRequired && f.Nullable}
	out.tellsNull = f.TellsNull()
	implicit := !f.Explicit
	scalar := f.Type.Kind != schema.MessageKind && f.Type.Kind != schema.Timestamp && f.Type.Kind != schema.JSONObject && f.Type.Kind != schema.JSONValue
	out.zeroIsAbsent = implicit && scalar && g.zeroOf(f.Type) != "" &&
		(f.Required || f.Type.Kind == schema.String && f.Default != "")
	annotation, err := g.typeOf(f, f.Type, !implicit || f.Required)
	if err != nil {
		return out, err
	}
	value, required, err := g.defaultOf(f, implicit && scalar && f.Oneof == nil)
	if err != nil {
		return out, err
	}
	switch {
	case out.nullIsValue, out.tellsNull, !required && value == "default=None":
		annotation += " | None"
	}
	if f.Sensitive {
		g.uses("checks")
		bare, none := strings.CutSuffix(annotation, " | None")
		annotation = g.use("Annotated") + "[" + bare + ", checks.SECRET]"
		if none {
			annotation += " | None"
		}
	}
	name := g.fieldName(f)
	var arguments strings.Builder
	if !required {
		arguments.WriteString("        " + value + ",\n")
	}
	if name != f.JSONName {
		arguments.WriteString("        alias=" + quote(f.JSONName) + ",\n")
	}
	if f.Sensitive || holdsAny(f.Type) && f.Type.HoldsSensitive() {
		arguments.WriteString("        repr=False,\n")
	}
	if f.Deprecated != nil {
		arguments.WriteString(longString("        ", "deprecated", deprecation(f.Deprecated)))
	}
	if doc := strings.TrimSpace(f.Doc); doc != "" {
		arguments.WriteString(longString("        ", "description", docText(doc)))
	}
	if arguments.Len() == 0 {
		out.text = "    " + name + ": " + annotation + "\n"
		return out, nil
	}
	out.text = "    " + name + ": " + annotation + " = " + g.use("Field") + "(\n" + arguments.String() + "    )\n"
	return out, nil
}

// holdsAny says that values of the type are, or hold, messages that say themselves what they are: they are dicts, whose repr is all that they hold.
func holdsAny(t *schema.Type) bool {
	for ; t != nil; t = t.Elem {
		if t.Kind == schema.MessageKind && t.Message.WellKnown() == "Any" {
			return true
		}
	}
	return false
}

func inMessageOneof(f *schema.Field) bool {
	return slices.ContainsFunc(f.Message.Rules.GetOneof(), func(r *validate.MessageOneofRule) bool {
		return slices.Contains(r.GetFields(), f.Name)
	})
}

// defaultOf is the argument that gives a field its default, and whether it has none because it must be given.
// zeroed says that the field is zero where it is absent.
func (g *module) defaultOf(f *schema.Field, zeroed bool) (argument string, required bool, err error) {
	switch {
	case f.Default != "":
		argument, err = g.schemaDefault(f)
		return argument + validated(f.Type), false, err
	case f.Required || f.JSONRequired:
		return "", true, nil
	case !zeroed:
		return "default=None", false, nil
	}
	c := f.Type.Constraints
	free := skipsZero(f, f.Type) || ignoresAlways(f.Type)
	switch f.Type.Kind {
	case schema.List, schema.Map:
		factory := map[schema.Kind]string{schema.List: "list", schema.Map: "dict"}[f.Type.Kind]
		if least := c.MinItems; f.Type.Kind == schema.List && least != nil && *least > 0 && !free {
			return "", true, nil
		}
		if least := c.MinPairs; f.Type.Kind == schema.Map && least != nil && *least > 0 && !free {
			return "", true, nil
		}
		return "default_factory=" + factory, false, nil
	}
	zero := g.zeroOf(f.Type)
	if zero == "" { // of an enum without a name for it: None is zero
		return "default=None", !free && !takesZero(f.Type), nil
	}
	argument = "default=" + zero
	if !free {
		argument += validated(f.Type)
	}
	return argument, false, nil
}

// takesZero says whether the rules of an enum that has no name for zero take it.
func takesZero(t *schema.Type) bool {
	c := t.Constraints
	return (c.Const == "" || c.Const == "0") && (len(c.In) == 0 || slices.Contains(c.In, "0")) && !slices.Contains(c.NotIn, "0")
}

// validated is the argument beside a default that may break the type's rules.
func validated(t *schema.Type) string {
	if c := t.Constraints; !ignoresAlways(t) && (c.Rules != nil && c.Rules.HasType() || c.Format != "") {
		return ",\n        validate_default=True"
	}
	return ""
}

// schemaDefault is the default that the schema declares.
func (g *module) schemaDefault(f *schema.Field) (string, error) {
	bad := func() (string, error) {
		return "", refuse(f.Pos, f.Message.FullName+"."+f.Name, "default %s is no %s: write it as JSON", f.Default, f.Type.Kind)
	}
	if f.Default == "now" {
		return "default_factory=" + g.use("now"), nil
	}
	switch f.Type.Kind {
	case schema.EnumKind:
		var name string
		if json.Unmarshal([]byte(f.Default), &name) != nil {
			return bad()
		}
		for i, member := range memberNames(f.Type.Enum) {
			if f.Type.Enum.Values[i].JSONName == name {
				return "default=" + g.enumClass(f.Type.Enum) + "." + member, nil
			}
		}
		return bad()
	case schema.Float, schema.Double:
		return "default=" + floatLiteral(f.Default), nil
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		n, err := literal(f.Type, f.Default) // 1e3 is an integer
		if err != nil {
			return bad()
		}
		return "default=" + n, nil
	case schema.Bytes:
		var data []byte
		if json.Unmarshal([]byte(f.Default), &data) != nil {
			return bad()
		}
		return "default=" + quoteBytes(data), nil
	case schema.List, schema.Map, schema.JSONObject, schema.JSONValue, schema.Timestamp, schema.MessageKind:
		switch f.Default {
		case "[]":
			return "default_factory=list", nil
		case "{}":
			return "default_factory=dict", nil
		}
		value, exact, err := pythonValue(f.Default)
		if err != nil || f.Type.Kind != schema.JSONObject && f.Type.Kind != schema.JSONValue {
			return bad()
		}
		if !exact {
			value = g.use("checks") + ".default(" + quote(f.Default) + ")"
		}
		return "default_factory=lambda: " + value, nil
	}
	value, _, err := pythonValue(f.Default)
	if err != nil {
		return bad()
	}
	return "default=" + value, nil
}
