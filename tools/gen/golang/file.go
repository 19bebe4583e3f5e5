package golang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/omninode/trestle/runtime/genapi/celvalidate"
	"github.com/omninode/trestle/tools/schema"
)

// file writes the code of one generated file.
type file struct {
	*writer
	set   *schema.Set
	owner *schema.Package
	// names holds the Go names that protoc-gen-go gave; nil in a JSON Schema package.
	names *protoNames
	// json holds the Go names of properties and values; nil in a protobuf package.
	json *jsonNames
	// onlyValidators leaves codecs, defaults and JSON names out.
	onlyValidators bool
	// keepRefused makes validators of refused messages fail.
	keepRefused bool
}

// protoNames maps protobuf full names to what protoc-gen-go calls them.
type protoNames struct {
	messages map[string]*protogen.Message
	enums    map[string]*protogen.Enum
	fields   map[string]*protogen.Field
	values   map[string]map[string]protogen.GoIdent // by enum and name; see value
	packages map[string]protogen.GoPackageName      // import path → name
	// taken holds the names that protoc-gen-go declares in the package at hand.
	taken map[string]string
	// withRules remembers which messages have rules, or hold one that has.
	withRules map[*schema.Message]bool
	compiler  func() (*celvalidate.Compiler, error)
}

// value is the constant of an enum's value.
func (n *protoNames) value(e *schema.Enum, v *schema.EnumValue) (protogen.GoIdent, bool) {
	constants, ok := n.values[e.FullName]
	if !ok {
		constants = map[string]protogen.GoIdent{}
		for _, pv := range n.enums[e.FullName].Values {
			constants[string(pv.Desc.Name())] = pv.GoIdent
		}
		n.values[e.FullName] = constants
	}
	id, ok := constants[v.Name]
	return id, ok
}

// function is the name of a function of the package, with an underscore where a type has it.
func (g *file) function(name string) string {
	taken := func(name string) bool { return slices.Contains(typeNames(g.owner), name) }
	if g.proto() {
		taken = func(name string) bool { return g.names.taken[name] != "" }
	}
	for taken(name) {
		name += "_"
	}
	return name
}

func (g *file) proto() bool { return g.names != nil }

// refuse returns an error about a place in the schema.
func refuse(pos schema.Position, element, format string, args ...any) error {
	return &schema.Error{Pos: pos, Message: element + ": " + fmt.Sprintf(format, args...)}
}

// fieldName names a field in an error: "omninode.codegen.v1.CodegenPatternRequest.limit".
func fieldName(f *schema.Field) string { return f.Message.FullName + "." + f.Name }

// goIdent refers to a Go name of protoc-gen-go.
func (g *file) goIdent(id protogen.GoIdent) string {
	name := string(g.names.packages[string(id.GoImportPath)])
	if name == "" {
		name = lastElement(string(id.GoImportPath))
	}
	return g.ident(string(id.GoImportPath), name, id.GoName)
}

func lastElement(importPath string) string {
	return importPath[strings.LastIndexByte(importPath, '/')+1:]
}

// messageType names the Go struct of a message.
func (g *file) messageType(m *schema.Message) string {
	if m.Language() == schema.JSONSchema {
		return g.ident(goImport(m.Package), goPackage(m.Package), jsonTypeName(m))
	}
	if pm := g.names.messages[m.FullName]; pm != nil {
		return g.goIdent(pm.GoIdent)
	}
	return camel(m.Name)
}

// enumType names the Go type of an enum.
func (g *file) enumType(e *schema.Enum) string {
	if e.Language() == schema.JSONSchema {
		return g.ident(goImport(e.Package), goPackage(e.Package), jsonEnumName(e))
	}
	return g.goIdent(g.names.enums[e.FullName].GoIdent)
}

// enumConst names the Go constant of an enum value.
func (g *file) enumConst(e *schema.Enum, v *schema.EnumValue) string {
	if e.Language() == schema.JSONSchema {
		return g.ident(goImport(e.Package), goPackage(e.Package), g.json.value(e, v))
	}
	if id, ok := g.names.value(e, v); ok {
		return g.goIdent(id)
	}
	return strconv.Itoa(int(v.Number))
}

// scalarTypes are the Go types of scalar kinds.
var scalarTypes = map[schema.Kind]string{
	schema.Bool: "bool", schema.Int32: "int32", schema.Int64: "int64", schema.Uint32: "uint32",
	schema.Uint64: "uint64", schema.Float: "float32", schema.Double: "float64", schema.String: "string",
	schema.Bytes: "[]byte",
}

// goType is the Go type of a value: of a required field, a list's item, a map's value.
func (g *file) goType(t *schema.Type) string {
	if name, ok := scalarTypes[t.Kind]; ok {
		return name
	}
	switch t.Kind {
	case schema.EnumKind:
		return g.enumType(t.Enum)
	case schema.MessageKind:
		if g.proto() {
			return "*" + g.messageType(t.Message)
		}
		return g.messageType(t.Message)
	case schema.Timestamp:
		if g.proto() {
			return "*" + g.pkg(tspbPath, "timestamppb") + ".Timestamp"
		}
		return g.std("time", "Time")
	case schema.JSONObject, schema.JSONValue:
		if g.proto() {
			return "*" + g.jsonObjectType()
		}
		return g.jsonio("Raw")
	case schema.List:
		return "[]" + g.goType(t.Elem)
	case schema.Map:
		return "map[" + g.goType(t.Key) + "]" + g.goType(t.Elem)
	}
	return "any"
}

// jsonObjectType names the Go type of trestle.v1.JsonObject.
func (g *file) jsonObjectType() string {
	if pm := g.names.messages["trestle.v1.JsonObject"]; pm != nil {
		return g.goIdent(pm.GoIdent)
	}
	return g.ident("github.com/omninode/trestle/gen/trestle/v1", "trestlev1", "JsonObject")
}

// view is a field as generated code sees it.
type view struct {
	*schema.Field
	expr string // "x.Limit"
	// value is the field's value where it is present: "*x.Limit".
	value string
	// has and hasNot are conditions; empty for a field that is always there.
	has, hasNot string
	// pointer says that expr is a pointer to a scalar, enum, time or, in a JSON Schema package, struct.
	pointer bool
	// oneof is set for a member of a oneof: its wrapper type, and the interface field that holds it.
	wrapper, holder string
	// element names the field in errors.
	element string
}

// view describes how the field appears in Go.
func (g *file) view(f *schema.Field) view {
	v := view{Field: f, element: fieldName(f)}
	if !g.proto() {
		return g.jsonView(v)
	}
	pf := g.names.fields[string(f.Proto.FullName())]
	if pf.Oneof != nil && !pf.Oneof.Desc.IsSynthetic() {
		v.wrapper, v.holder = g.goIdent(pf.GoIdent), "x."+pf.Oneof.GoName
		v.expr, v.value = "o."+pf.GoName, "o."+pf.GoName
		return v
	}
	v.expr = "x." + pf.GoName
	v.value = v.expr
	switch f.Type.Kind {
	case schema.List, schema.Map:
		v.has, v.hasNot = "len("+v.expr+") > 0", "len("+v.expr+") == 0"
		return v
	case schema.MessageKind, schema.Timestamp, schema.JSONObject, schema.JSONValue:
		v.has, v.hasNot = v.expr+" != nil", v.expr+" == nil"
		return v
	}
	if f.Explicit {
		v.has, v.hasNot = v.expr+" != nil", v.expr+" == nil"
		if f.Type.Kind != schema.Bytes {
			v.pointer, v.value = true, "*"+v.expr
		}
		return v
	}
	v.has, v.hasNot = zeroConditions(g, f.Type.Kind, v.expr)
	return v
}

// zeroConditions are the conditions that a scalar is not zero, and that it is.
func zeroConditions(g *file, kind schema.Kind, expr string) (has, hasNot string) {
	switch kind {
	case schema.String:
		return expr + ` != ""`, expr + ` == ""`
	case schema.Bytes:
		return "len(" + expr + ") > 0", "len(" + expr + ") == 0"
	case schema.Bool:
		return expr, "!" + expr
	case schema.Float, schema.Double:
		// Protobuf takes negative zero for set.
		signbit := g.std("math", "Signbit") + "(float64(" + expr + "))"
		return expr + " != 0 || " + signbit, expr + " == 0 && !" + signbit
	default:
		return expr + " != 0", expr + " == 0"
	}
}
