package compat

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// The kinds of nodes that are not types or keywords.
const (
	kindCombined = "combined"
	kindEmpty    = "empty"
	kindFalse    = "false"
	kindRef      = "ref"
)

// registryNode is a schema as a registry sees it: one kind of thing. A schema whose keywords are of several kinds is
// made a combination of them.
type registryNode struct {
	side int    // whose: 0 old, 1 new
	kind string // a type (integer is number), or enum, const, not, conditional, or one of the above
	v    *jsontree.Value
	file string
	all  string // of combined: allOf, anyOf, oneOf
	made bool   // of combined: no keyword of the schema says so
}

// registryTypes are the types with keywords of their own, in the order in which a registry looks for them.
var registryTypes = []string{"array", "object", "number", "string"}

// registryKeywords tell the type that a schema is about: by older drafts, and by 2019-09 and 2020-12.
var registryKeywords = [2]map[string][]string{
	{
		"array":  {"items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"},
		"object": {"properties", "required", "minProperties", "maxProperties", "dependencies", "patternProperties", "additionalProperties", "propertyNames"},
		"number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
		"string": {"minLength", "maxLength", "pattern", "format"},
	},
	{
		"array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "unevaluatedItems"},
		"object": {"properties", "required", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas",
			"patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"},
		"number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
		"string": {"minLength", "maxLength", "pattern"},
	},
}

func isModern(root *jsontree.Value) bool {
	declared := root.Get("$schema")
	return declared != nil && (strings.Contains(declared.Text, "/draft/2019-09/") || strings.Contains(declared.Text, "/draft/2020-12/"))
}

// keywords are those of a type in the draft of the node's side.
func (r *registryJSON) keywords(side int, typ string) []string {
	if r.modern[side] {
		return registryKeywords[1][typ]
	}
	return registryKeywords[0][typ]
}

// read returns the node of a schema.
func (r *registryJSON) read(side int, file string, v *jsontree.Value) registryNode {
	at := registryNode{side: side, v: v, file: file}
	switch {
	case v.IsFalse():
		at.kind = kindFalse
		return at
	case v.Kind == jsontree.Object && v.Get("$ref") != nil && !r.modern[side]:
		at.kind = kindRef
		return at
	}
	switch pieces := r.pieces(at); len(pieces) {
	case 0:
		at.kind = kindEmpty
	case 1:
		at = pieces[0]
	default:
		at.kind, at.all, at.made = kindCombined, "allOf", true
	}
	return at
}

// child reads a schema that stands in that of a node.
func (r *registryJSON) child(n registryNode, v *jsontree.Value) registryNode {
	return r.read(n.side, n.file, v)
}

// pieces are the kinds of things that the keywords of a schema say.
func (r *registryJSON) pieces(at registryNode) []registryNode {
	var out []registryNode
	has := func(keyword string) bool { return at.v.Get(keyword) != nil }
	add := func(n registryNode) {
		n.side, n.v, n.file = at.side, at.v, at.file
		out = append(out, n)
	}
	if has("$ref") {
		add(registryNode{kind: kindRef})
	}
	for _, k := range []string{"allOf", "anyOf", "oneOf"} {
		if has(k) {
			add(registryNode{kind: kindCombined, all: k})
		}
	}
	for _, k := range []string{"not", "enum", "const"} {
		if has(k) {
			add(registryNode{kind: k})
		}
	}
	if has("if") || !r.modern[at.side] && (has("then") || has("else")) {
		add(registryNode{kind: "conditional"})
	}
	typ := at.v.Get("type")
	switch {
	case typ == nil:
	case typ.Kind == jsontree.Array:
		add(registryNode{kind: kindCombined, all: "anyOf", made: true})
	default:
		add(registryNode{kind: typeKind(typ.Text)})
	}
	for _, t := range registryTypes {
		if !namesType(typ, t) && slices.ContainsFunc(r.keywords(at.side, t), has) {
			add(registryNode{kind: t})
		}
	}
	return out
}

func typeKind(name string) string {
	if name == "integer" {
		return "number"
	}
	return name
}

func namesType(typ *jsontree.Value, kind string) bool {
	if typ == nil {
		return false
	}
	return typeKind(typ.Text) == kind || slices.ContainsFunc(typ.Items, func(e *jsontree.Value) bool { return typeKind(e.Text) == kind })
}

// parts are what a combined node combines.
func (r *registryJSON) parts(n registryNode) []registryNode {
	switch {
	case n.made && n.all == "allOf":
		return r.pieces(registryNode{side: n.side, v: n.v, file: n.file})
	case n.made:
		var out []registryNode
		for _, e := range n.v.Get("type").Items {
			out = append(out, registryNode{side: n.side, kind: typeKind(e.Text), v: n.v, file: n.file})
		}
		return out
	}
	var out []registryNode
	for _, e := range n.v.Get(n.all).Items {
		part := r.child(n, e)
		// Of newer drafts a registry puts what several keywords make of a part among the other parts, whatever the
		// combination.
		if part.made && part.all == "allOf" && r.modern[n.side] {
			out = append(out, r.parts(part)...)
			continue
		}
		out = append(out, part)
	}
	return out
}

// resolve follows references.
func (r *registryJSON) resolve(n registryNode) registryNode {
	for range 100 {
		if n.kind != kindRef {
			return n
		}
		ref := n.v.Get("$ref")
		file := n.file
		document, pointer, _ := strings.Cut(ref.Text, "#")
		if document != "" {
			to, ok := r.aliases[n.side][document]
			if !ok {
				to = path.Join(path.Dir(file), document)
			}
			file = to
		}
		target := r.sets[n.side][file].Find(pointer)
		if target == nil {
			r.fault(n, ref, "leads to nothing")
			return registryNode{kind: kindEmpty, v: n.v}
		}
		if !r.modern[n.side] {
			target = r.merge(n.v, target)
		}
		n = r.read(n.side, file, target)
	}
	r.fault(n, n.v.Get("$ref"), "leads to itself")
	return registryNode{kind: kindEmpty, v: n.v}
}

func (r *registryJSON) fault(n registryNode, ref *jsontree.Value, text string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d:%d: $ref %s %s", n.file, ref.Line, ref.Col, ref.JSON(), text)
	}
}

// merge returns what a reference with other keywords beside it is in an older draft, to a registry: the schema that it
// leads to, with these in place of its own.
func (r *registryJSON) merge(ref, target *jsontree.Value) *jsontree.Value {
	if len(ref.Members) == 1 || target.Kind != jsontree.Object {
		return target
	}
	if known := r.merged[ref]; known != nil {
		return known
	}
	out := &jsontree.Value{Kind: jsontree.Object, Place: target.Place}
	for _, m := range target.Members {
		if m.Name == "$ref" || ref.Get(m.Name) == nil {
			out.Members = append(out.Members, m)
		}
	}
	for _, m := range ref.Members {
		if m.Name != "$ref" {
			out.Members = append(out.Members, m)
		}
	}
	r.merged[ref] = out
	return out
}
