package compat

import (
	"fmt"
	"maps"
	"math/big"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// registryNode is a schema as a registry sees it: one kind of thing, with what that kind has.
type registryNode struct {
	kind  string // string, number, boolean, null, object, array, enum, const, not, combined, conditional, empty, false
	v     *jsontree.Value
	file  string
	parts []registryNode // of combined
	all   string         // of combined: allOf, anyOf, oneOf
}

// registryJSON compares two JSON Schemas keyword by keyword.
type registryJSON struct {
	out     []difference
	sets    [2]map[string]*jsontree.Value
	aliases [2]map[string]string
	visited map[[2]*jsontree.Value]bool
	err     error
}

func jsonDifferences(oldSet, newSet *schema.Set, old, new *schema.File) ([]difference, error) {
	r := &registryJSON{visited: map[[2]*jsontree.Value]bool{}}
	for i, s := range []*schema.Set{oldSet, newSet} {
		r.sets[i], r.aliases[i] = map[string]*jsontree.Value{}, s.Aliases
		for _, f := range jsonFiles(s) {
			v, err := jsontree.Parse(f.Source)
			if err != nil {
				return nil, fmt.Errorf("%s:%w", f.Path, err)
			}
			r.sets[i][f.Path] = v
		}
	}
	r.compare("#", r.node(0, old.Path, r.sets[0][old.Path]), r.node(1, new.Path, r.sets[1][new.Path]))
	return r.out, r.err
}

var typedKeywords = map[string][]string{
	"string": {"minLength", "maxLength", "pattern"},
	"number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
	"array":  {"items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "prefixItems", "unevaluatedItems"},
	"object": {"properties", "required", "minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas",
		"patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"},
}

// node reads a schema; side says whose.
func (r *registryJSON) node(side int, file string, v *jsontree.Value) registryNode {
	for range 100 {
		ref := v.Get("$ref")
		if ref == nil {
			break
		}
		document, pointer, _ := strings.Cut(ref.Text, "#")
		if document != "" {
			to, ok := r.aliases[side][document]
			if !ok {
				to = path.Join(path.Dir(file), document)
			}
			file = to
		}
		target := r.sets[side][file].Find(pointer)
		if target == nil {
			r.err = fmt.Errorf("%s:%d:%d: $ref %s leads to nothing", file, ref.Line, ref.Col, ref.JSON())
			return registryNode{kind: "empty", v: v, file: file}
		}
		v = target
	}
	at := registryNode{v: v, file: file}
	if v.Kind == jsontree.Bool {
		if at.kind = "empty"; v.IsFalse() {
			at.kind = "false"
		}
		return at
	}
	var parts []registryNode
	add := func(kind string) { parts = append(parts, registryNode{kind: kind, v: v, file: file}) }
	for _, k := range []string{"allOf", "anyOf", "oneOf"} {
		if list := v.Get(k); list != nil {
			n := registryNode{kind: "combined", all: k, v: v, file: file}
			for _, e := range list.Items {
				n.parts = append(n.parts, r.node(side, file, e))
			}
			parts = append(parts, n)
		}
	}
	if v.Get("not") != nil {
		add("not")
	}
	if v.Get("if") != nil {
		add("conditional")
	}
	if v.Get("enum") != nil {
		add("enum")
	}
	if v.Get("const") != nil {
		add("const")
	}
	typed := func(name string) string {
		if name == "integer" {
			return "number"
		}
		return name
	}
	switch t := v.Get("type"); {
	case t == nil:
		for _, kind := range []string{"string", "number", "array", "object"} {
			if slices.ContainsFunc(typedKeywords[kind], func(k string) bool { return v.Get(k) != nil }) {
				add(kind)
			}
		}
	case t.Kind == jsontree.Array:
		n := registryNode{kind: "combined", all: "anyOf", v: v, file: file}
		for _, e := range t.Items {
			n.parts = append(n.parts, registryNode{kind: typed(e.Text), v: v, file: file})
		}
		parts = append(parts, n)
	case v.Get("enum") != nil || v.Get("const") != nil:
		add(typed(t.Text))
	default:
		add(typed(t.Text))
	}
	switch len(parts) {
	case 0:
		at.kind = "empty"
		return at
	case 1:
		return parts[0]
	}
	at.kind, at.all, at.parts = "combined", "allOf", parts
	return at
}

func (r *registryJSON) add(at, kind string, bad bool) {
	r.out = append(r.out, difference{at, kind, bad})
}

// apart compares without keeping what is found.
func (r *registryJSON) apart(at string, old, new registryNode) []difference {
	sub := &registryJSON{sets: r.sets, aliases: r.aliases, visited: maps.Clone(r.visited)}
	sub.compare(at, old, new)
	if r.err == nil {
		r.err = sub.err
	}
	return sub.out
}

func (r *registryJSON) compare(at string, old, new registryNode) {
	switch {
	case old.kind != "combined" && new.kind == "combined":
		if len(new.parts) == 1 || new.all != "allOf" {
			for _, p := range new.parts {
				if compatibleAll(r.apart(at, old, p)) {
					return
				}
			}
		}
	case old.kind == "combined" && new.kind != "combined" && (len(old.parts) == 1 || old.all == "allOf"):
		for _, p := range old.parts {
			if compatibleAll(r.apart(at, p, new)) {
				return
			}
		}
	}
	if old.kind != new.kind {
		if old.kind != "false" && new.kind != "empty" {
			r.add(at, "TYPE_CHANGED", true)
		}
		return
	}
	key := [2]*jsontree.Value{old.v, new.v}
	if old.kind == "object" || old.kind == "array" {
		if r.visited[key] {
			return
		}
		r.visited[key] = true
		defer delete(r.visited, key)
	}
	switch old.kind {
	case "string":
		r.limits(at, old, new, "maxLength", "minLength")
		r.pattern(at, old, new)
	case "number":
		r.numbers(at, old, new)
	case "enum":
		r.enums(at, old, new)
	case "const":
		if a, b := old.v.Get("const"), new.v.Get("const"); a.JSON() != b.JSON() {
			r.add(at+"/const", "ENUM_ARRAY_CHANGED", true)
		}
	case "combined":
		r.combined(at, old, new)
	case "not":
		a, b := r.node(0, old.file, old.v.Get("not")), r.node(1, new.file, new.v.Get("not"))
		back := &registryJSON{sets: [2]map[string]*jsontree.Value{r.sets[1], r.sets[0]}, aliases: [2]map[string]string{r.aliases[1], r.aliases[0]},
			visited: map[[2]*jsontree.Value]bool{}}
		if back.compare(at+"/not", b, a); !compatibleAll(back.out) {
			r.add(at+"/not", "NOT_TYPE_EXTENDED", true)
		}
	case "object":
		r.objects(at, old, new)
	case "array":
		r.arrays(at, old, new)
	}
}

// limits compares an upper and a lower bound.
func (r *registryJSON) limits(at string, old, new registryNode, upper, lower string) {
	for _, k := range []string{upper, lower} {
		a, okA := ratio(old.v.Get(k))
		b, okB := ratio(new.v.Get(k))
		name := strings.ToUpper(strings.NewReplacer("L", "_L", "I", "_I", "P", "_P", "M", "_M", "C", "_C").Replace(k))
		switch {
		case !okB:
		case !okA:
			r.add(at+"/"+k, name+"_ADDED", true)
		case k == upper && b.Cmp(a) < 0:
			r.add(at+"/"+k, name+"_DECREASED", true)
		case k == lower && b.Cmp(a) > 0:
			r.add(at+"/"+k, name+"_INCREASED", true)
		}
	}
}

func ratio(v *jsontree.Value) (*big.Rat, bool) {
	if v == nil || v.Kind != jsontree.Number || len(v.Text) > 400 {
		return nil, false
	}
	return new(big.Rat).SetString(v.Text)
}

func (r *registryJSON) pattern(at string, old, new registryNode) {
	a, b := old.v.Get("pattern"), new.v.Get("pattern")
	switch {
	case b == nil:
	case a == nil:
		r.add(at+"/pattern", "PATTERN_ADDED", true)
	case a.Text != b.Text:
		r.add(at+"/pattern", "PATTERN_CHANGED", true)
	}
}

func (r *registryJSON) numbers(at string, old, new registryNode) {
	r.limits(at, old, new, "maximum", "minimum")
	r.limits(at, old, new, "exclusiveMaximum", "exclusiveMinimum")
	a, okA := ratio(old.v.Get("multipleOf"))
	b, okB := ratio(new.v.Get("multipleOf"))
	switch {
	case !okB || okA && a.Cmp(b) == 0:
	case !okA:
		r.add(at+"/multipleOf", "MULTIPLE_OF_ADDED", true)
	case divides(whole(a), whole(b)):
		r.add(at+"/multipleOf", "MULTIPLE_OF_EXPANDED", true)
	case !divides(whole(b), whole(a)):
		r.add(at+"/multipleOf", "MULTIPLE_OF_CHANGED", true)
	}
	if typeWord(old.v) != "integer" && typeWord(new.v) == "integer" {
		r.add(at, "TYPE_NARROWED", true)
	}
}

// whole cuts a number's fraction off, as a registry does before it divides.
func whole(r *big.Rat) *big.Int { return new(big.Int).Quo(r.Num(), r.Denom()) }

func divides(a, b *big.Int) bool { return a.Sign() != 0 && new(big.Int).Rem(b, a).Sign() == 0 }

func typeWord(v *jsontree.Value) string {
	if t := v.Get("type"); t != nil && t.Kind == jsontree.String {
		return t.Text
	} else if t != nil && slices.ContainsFunc(t.Items, func(e *jsontree.Value) bool { return e.Text == "integer" }) {
		return "integer"
	}
	return ""
}

func (r *registryJSON) enums(at string, old, new registryNode) {
	has := func(list *jsontree.Value, v *jsontree.Value) bool {
		return slices.ContainsFunc(list.Items, func(e *jsontree.Value) bool { return e.JSON() == v.JSON() })
	}
	a, b := old.v.Get("enum"), new.v.Get("enum")
	if slices.ContainsFunc(a.Items, func(e *jsontree.Value) bool { return !has(b, e) }) {
		r.add(at+"/enum", "ENUM_ARRAY_NARROWED", true)
	}
}

func (r *registryJSON) combined(at string, old, new registryNode) {
	wasOne, isOne := len(old.parts) == 1, len(new.parts) == 1
	if old.all != new.all && new.all != "anyOf" && !(wasOne && (isOne || new.all == "oneOf")) && !(isOne && old.all == "allOf") {
		r.add(at, "COMBINED_TYPE_CHANGED", true)
		return
	}
	old.parts, new.parts = distinctParts(old.parts), distinctParts(new.parts)
	switch {
	case len(old.parts) < len(new.parts) && new.all == "allOf":
		r.add(at, "PRODUCT_TYPE_EXTENDED", true)
	case len(old.parts) > len(new.parts) && old.all != "allOf":
		r.add(at, "SUM_TYPE_NARROWED", true)
	}
	// Each part of the shorter list has to have one of its own in the other.
	fits := make([][]int, len(old.parts))
	for i, a := range old.parts {
		for j, b := range new.parts {
			if compatibleAll(r.apart(at, a, b)) {
				fits[i] = append(fits[i], j)
			}
		}
	}
	partner := map[int]int{}
	var match func(i int, tried map[int]bool) bool
	match = func(i int, tried map[int]bool) bool {
		for _, j := range fits[i] {
			if tried[j] {
				continue
			}
			tried[j] = true
			if k, taken := partner[j]; !taken || match(k, tried) {
				partner[j] = i
				return true
			}
		}
		return false
	}
	for i := range old.parts {
		match(i, map[int]bool{})
	}
	if len(partner) < min(len(old.parts), len(new.parts)) {
		r.add(at, "COMBINED_TYPE_SUBSCHEMAS_CHANGED", true)
	}
}

// distinctParts leaves out what is there twice.
func distinctParts(parts []registryNode) []registryNode {
	seen := map[string]bool{}
	var out []registryNode
	for _, p := range parts {
		if key := p.kind + p.all + p.v.JSON(); !seen[key] {
			seen[key] = true
			out = append(out, p)
		}
	}
	return out
}

// openObject says whether properties that a schema does not name may be anything.
func openObject(n registryNode) bool {
	extra := n.v.Get("additionalProperties")
	if extra == nil {
		extra = n.v.Get("unevaluatedProperties")
	}
	return n.v.Get("patternProperties") == nil && (extra == nil || extra.IsTrue())
}

// restOf is the schema of a property that is not named, if there is one for that name.
func (r *registryJSON) restOf(side int, n registryNode, name string) (registryNode, bool) {
	if p := n.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			if re, err := regexp.Compile(m.Name); err == nil && re.MatchString(name) {
				return r.node(side, n.file, m.Value), true
			}
		}
	}
	for _, k := range []string{"additionalProperties", "unevaluatedProperties"} {
		if v := n.v.Get(k); v != nil {
			return r.node(side, n.file, v), v.Kind == jsontree.Object
		}
	}
	return registryNode{}, false
}

func isRequired(n registryNode, name string) bool {
	list := n.v.Get("required")
	return list != nil && slices.ContainsFunc(list.Items, func(e *jsontree.Value) bool { return e.Text == name })
}

func (r *registryJSON) objects(at string, old, new registryNode) {
	a, b := old.v.Get("properties"), new.v.Get("properties")
	names := map[string]bool{}
	for _, v := range []*jsontree.Value{a, b} {
		if v != nil {
			for _, m := range v.Members {
				names[m.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		where := at + "/properties/" + name
		was, is := a.Get(name), b.Get(name)
		switch {
		case is == nil:
			if openObject(new) {
				continue
			}
			o := r.node(0, old.file, was)
			if rest, ok := r.restOf(1, new, name); ok {
				if !compatibleAll(r.apart(where, o, rest)) {
					r.add(where, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", true)
				}
			} else if o.kind != "false" {
				r.add(where, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", true)
			}
		case was == nil:
			n := r.node(1, new.file, is)
			if openObject(old) {
				if n.kind != "empty" {
					r.add(where, "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", true)
				}
				continue
			}
			if rest, ok := r.restOf(0, old, name); ok && !compatibleAll(r.apart(where, rest, n)) {
				r.add(where, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", true)
			}
			if isRequired(new, name) && is.Get("default") == nil {
				r.add(where, "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", true)
			}
		default:
			if isRequired(new, name) && !isRequired(old, name) && is.Get("default") == nil {
				r.add(at+"/required/"+name, "REQUIRED_ATTRIBUTE_ADDED", true)
			}
			r.compare(where, r.node(0, old.file, was), r.node(1, new.file, is))
		}
	}
	r.rest(at+"/additionalProperties", "ADDITIONAL_PROPERTIES", old, new, old.v.Get("additionalProperties"), new.v.Get("additionalProperties"))
	r.limits(at, old, new, "maxProperties", "minProperties")
	r.dependencies(at, old, new)
}

// rest compares what is said of properties, or items, that have no schema of their own.
func (r *registryJSON) rest(at, name string, old, new registryNode, a, b *jsontree.Value) {
	isSchema := func(v *jsontree.Value) bool { return v != nil && v.Kind == jsontree.Object }
	switch {
	case !a.IsFalse() && b.IsFalse():
		r.add(at, name+"_REMOVED", true)
	case a.IsFalse():
	case !isSchema(a) && isSchema(b):
		r.add(at, name+"_NARROWED", true)
	case isSchema(a) && isSchema(b):
		r.compare(at, r.node(0, old.file, a), r.node(1, new.file, b))
	}
}

func (r *registryJSON) dependencies(at string, old, new registryNode) {
	for _, k := range []string{"dependencies", "dependentRequired", "dependentSchemas"} {
		b := new.v.Get(k)
		if b == nil {
			continue
		}
		for _, m := range b.Members {
			where := at + "/" + k + "/" + m.Name
			was := old.v.Get(k).Get(m.Name)
			switch {
			case was == nil && m.Value.Kind == jsontree.Array:
				r.add(where, "DEPENDENCY_ARRAY_ADDED", true)
			case was == nil:
				r.add(where, "DEPENDENCY_SCHEMA_ADDED", true)
			case m.Value.Kind == jsontree.Array:
				for _, e := range m.Value.Items {
					if !slices.ContainsFunc(was.Items, func(o *jsontree.Value) bool { return o.Text == e.Text }) {
						r.add(where, "DEPENDENCY_ARRAY_EXTENDED", true)
						break
					}
				}
			default:
				r.compare(where, r.node(0, old.file, was), r.node(1, new.file, m.Value))
			}
		}
	}
}

func (r *registryJSON) arrays(at string, old, new registryNode) {
	oldFirst, oldRest := itemLists(old.v)
	newFirst, newRest := itemLists(new.v)
	tuples := len(oldFirst)+len(newFirst) > 0
	if !tuples {
		switch {
		case newRest == nil:
		case oldRest == nil:
			r.add(at+"/items", "SCHEMA_ADDED", true)
		default:
			r.compare(at+"/items", r.node(0, old.file, oldRest), r.node(1, new.file, newRest))
		}
	}
	open := func(rest *jsontree.Value) bool { return rest == nil || rest.IsTrue() }
	for i := range max(len(oldFirst), len(newFirst)) {
		where := fmt.Sprintf("%s/items/%d", at, i)
		switch {
		case i < len(oldFirst) && i < len(newFirst):
			r.compare(where, r.node(0, old.file, oldFirst[i]), r.node(1, new.file, newFirst[i]))
		case i < len(oldFirst) && !open(newRest):
			o := r.node(0, old.file, oldFirst[i])
			if newRest.IsFalse() && o.kind != "false" {
				r.add(where, "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", true)
			} else if !newRest.IsFalse() && !compatibleAll(r.apart(where, o, r.node(1, new.file, newRest))) {
				r.add(where, "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", true)
			}
		case i >= len(oldFirst) && open(oldRest):
			if r.node(1, new.file, newFirst[i]).kind != "empty" {
				r.add(where, "ITEM_ADDED_TO_OPEN_CONTENT_MODEL", true)
			}
		case i >= len(oldFirst) && !oldRest.IsFalse():
			if !compatibleAll(r.apart(where, r.node(0, old.file, oldRest), r.node(1, new.file, newFirst[i]))) {
				r.add(where, "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", true)
			}
		}
	}
	if !tuples {
		oldRest, newRest = old.v.Get("additionalItems"), new.v.Get("additionalItems")
	}
	r.rest(at+"/additionalItems", "ADDITIONAL_ITEMS", old, new, oldRest, newRest)
	r.limits(at, old, new, "maxItems", "minItems")
	r.limits(at, old, new, "maxContains", "minContains")
	if !old.v.Get("uniqueItems").IsTrue() && new.v.Get("uniqueItems").IsTrue() {
		r.add(at+"/uniqueItems", "UNIQUE_ITEMS_ADDED", true)
	}
}

func itemLists(v *jsontree.Value) (first []*jsontree.Value, rest *jsontree.Value) {
	if items := v.Get("items"); items != nil && items.Kind == jsontree.Array {
		return items.Items, v.Get("additionalItems")
	}
	if p := v.Get("prefixItems"); p != nil {
		if rest = v.Get("items"); rest == nil {
			rest = v.Get("unevaluatedItems")
		}
		return p.Items, rest
	}
	return nil, v.Get("items")
}
