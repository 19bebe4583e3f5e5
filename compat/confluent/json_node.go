package confluent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// The kinds of nodes that are not types or keywords.
const (
	kindCombined = "combined"
	kindEmpty    = "empty"
	kindFalse    = "false"
	kindRef      = "ref"
)

// node is a schema as a registry sees it: one kind of thing. A schema whose keywords are of several kinds is
// made a combination of them.
type node struct {
	side       int    // whose: 0 old, 1 new
	kind       string // a type (integer is number), or enum, const, not, conditional, or one of the above
	v          *jsontree.Value
	file       string
	combinator string // of combined: allOf, anyOf, oneOf
	implicit   bool   // of combined: no keyword of the schema says so
}

// typesByPriority are the types with keywords of their own, in the order in which a registry looks for them.
var typesByPriority = []string{"array", "object", "number", "string"}

// typeKeywords tell the type that a schema is about: by older drafts, and by 2019-09 and 2020-12.
var typeKeywords = [2]map[string][]string{
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
func (c *jsonComparison) keywords(side int, typ string) []string {
	if c.modern[side] {
		return typeKeywords[1][typ]
	}
	return typeKeywords[0][typ]
}

// read returns the node of a schema.
func (c *jsonComparison) read(side int, file string, v *jsontree.Value) node {
	at := node{side: side, v: v, file: file}
	switch {
	case v.IsFalse():
		at.kind = kindFalse
		return at
	case v.Kind == jsontree.Object && v.Get("$ref") != nil && !c.modern[side]:
		at.kind = kindRef
		return at
	}
	switch pieces := c.pieces(at); len(pieces) {
	case 0:
		at.kind = kindEmpty
	case 1:
		at = pieces[0]
	default:
		at.kind, at.combinator, at.implicit = kindCombined, "allOf", true
	}
	return at
}

// child reads a schema that stands in that of a node.
func (c *jsonComparison) child(n node, v *jsontree.Value) node {
	return c.read(n.side, n.file, v)
}

// pieces are the kinds of things that the keywords of a schema say.
func (c *jsonComparison) pieces(at node) []node {
	var out []node
	has := func(keyword string) bool { return at.v.Get(keyword) != nil }
	add := func(n node) {
		n.side, n.v, n.file = at.side, at.v, at.file
		out = append(out, n)
	}
	if has("$ref") {
		add(node{kind: kindRef})
	}
	for _, k := range []string{"allOf", "anyOf", "oneOf"} {
		if has(k) {
			add(node{kind: kindCombined, combinator: k})
		}
	}
	for _, k := range []string{"not", "enum", "const"} {
		if has(k) {
			add(node{kind: k})
		}
	}
	if has("if") || !c.modern[at.side] && (has("then") || has("else")) {
		add(node{kind: "conditional"})
	}
	typ := at.v.Get("type")
	switch {
	case typ == nil:
	case typ.Kind == jsontree.Array:
		add(node{kind: kindCombined, combinator: "anyOf", implicit: true})
	default:
		add(node{kind: typeKind(typ.Text)})
	}
	for _, t := range typesByPriority {
		if !namesType(typ, t) && slices.ContainsFunc(c.keywords(at.side, t), has) {
			add(node{kind: t})
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
func (c *jsonComparison) parts(n node) []node {
	switch {
	case n.implicit && n.combinator == "allOf":
		return c.pieces(node{side: n.side, v: n.v, file: n.file})
	case n.implicit:
		var out []node
		for _, e := range n.v.Get("type").Items {
			out = append(out, node{side: n.side, kind: typeKind(e.Text), v: n.v, file: n.file})
		}
		return out
	}
	var out []node
	for _, e := range n.v.Get(n.combinator).Items {
		part := c.child(n, e)
		// Of newer drafts a registry puts what several keywords make of a part among the other parts, whatever the
		// combination.
		if part.implicit && part.combinator == "allOf" && c.modern[n.side] {
			out = append(out, c.parts(part)...)
			continue
		}
		out = append(out, part)
	}
	return out
}

// resolve follows references. One that leads nowhere but to others says nothing, and so does one to a schema of schemas.
func (c *jsonComparison) resolve(n node) node {
	for range 100 {
		if n.kind != kindRef {
			return n
		}
		ref := n.v.Get("$ref")
		to, err := c.docs[n.side].Resolve(values.Spot{File: n.file, Schema: n.v}, ref.Text)
		if err != nil {
			if c.err == nil && !values.IsMetaSchema(ref.Text) {
				c.err = fmt.Errorf("%s:%d:%d: $ref %s %w", n.file, ref.Line, ref.Col, ref.JSON(), err)
			}
			break
		}
		target := to.Schema
		if !c.modern[n.side] {
			target = c.merge(n.v, target)
		}
		n = c.read(n.side, to.File, target)
	}
	return node{side: n.side, kind: kindEmpty, v: n.v, file: n.file}
}

// merge returns what a reference with other keywords beside it is in an older draft, to a registry: the schema that it
// leads to, with these in place of its own.
func (c *jsonComparison) merge(ref, target *jsontree.Value) *jsontree.Value {
	if len(ref.Members) == 1 || target.Kind != jsontree.Object {
		return target
	}
	if known := c.merged[ref]; known != nil {
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
	c.merged[ref] = out
	return out
}
