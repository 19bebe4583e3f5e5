package shape

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

func (l *lowering) array(at spot) *Shape {
	parts := []*Shape{l.sized(at, Array, "minItems", "maxItems")}
	if at.v.Get("uniqueItems").IsTrue() {
		parts = append(parts, l.Unique())
	}
	prefix, rest := l.itemSchemas(at)
	for i, p := range prefix {
		parts = append(parts, l.Item(i, l.schema(p)))
	}
	if rest != nil {
		parts = append(parts, l.Items(len(prefix), l.schema(*rest)))
	}
	if c := at.v.Get("contains"); c != nil {
		inner := l.schema(spot{at.file, c})
		low, ok := l.count(at, "minContains")
		if !ok || l.old {
			low = 1
		}
		parts = append(parts, l.AtLeast(low, 0, inner))
		if high, ok := l.count(at, "maxContains"); ok && !l.old {
			parts = append(parts, l.Or(l.OfKind(AnyKind&^Array), l.Not(l.AtLeast(high+1, 0, inner))))
		}
	}
	if u := at.v.Get("unevaluatedItems"); u != nil && !l.old {
		parts = append(parts, l.unevaluatedItems(at, spot{at.file, u}))
	}
	return l.And(parts...)
}

// itemSchemas returns the schemas of the first items, and that of all others.
func (l *lowering) itemSchemas(at spot) (prefix []spot, rest *spot) {
	if !l.old {
		prefix = below(at, "prefixItems")
	}
	items, more := at.v.Get("items"), "items"
	if items != nil && items.Kind == jsontree.Array {
		prefix, more = below(at, "items"), "additionalItems"
	}
	if v := at.v.Get(more); v != nil {
		rest = &spot{at.file, v}
	}
	return prefix, rest
}

// declared are the names that the keywords of one schema, without those it is combined with, say something about.
type declared struct {
	fixed    []string
	patterns []string
	all      bool // additionalProperties, or unevaluatedProperties, says something about the others
}

func (l *lowering) declares(at spot) declared {
	var d declared
	if p := at.v.Get("properties"); p != nil {
		for _, m := range p.Members {
			d.fixed = append(d.fixed, m.Name)
		}
	}
	if p := at.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			d.patterns = append(d.patterns, m.Name)
		}
	}
	d.all = at.v.Get("additionalProperties") != nil
	return d
}

// language is the names of d but for all; ok is false where a pattern is none that automata take.
func (l *lowering) language(d declared) (*Language, bool) {
	parts := []*Language{l.Exactly(d.fixed...)}
	for _, p := range d.patterns {
		lang, err := l.Matching(p)
		if err != nil {
			return nil, false
		}
		parts = append(parts, lang)
	}
	return l.Union(parts...), true
}

func (l *lowering) object(at spot) *Shape {
	parts := []*Shape{l.sized(at, Object, "minProperties", "maxProperties")}
	properties := at.v.Get("properties")
	if properties != nil {
		for _, m := range properties.Members {
			parts = append(parts, l.Members(l.Exactly(m.Name), l.schema(spot{at.file, m.Value})))
		}
	}
	if p := at.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			lang, err := l.Matching(m.Name)
			if err != nil {
				parts = append(parts, l.Opaque(Object, fmt.Sprintf("patternProperties %q: %s", m.Name, m.Value.JSON()), nil))
				continue
			}
			parts = append(parts, l.Members(lang, l.schema(spot{at.file, m.Value})))
		}
	}
	if rest := at.v.Get("additionalProperties"); rest != nil {
		if names, ok := l.language(l.declares(at)); ok {
			parts = append(parts, l.Members(l.Except(names), l.schema(spot{at.file, rest})))
		} else {
			parts = append(parts, l.Opaque(Object, "additionalProperties beside a pattern of names: "+rest.JSON(), nil))
		}
	}
	if names := at.v.Get("propertyNames"); names != nil {
		parts = append(parts, l.propertyNames(spot{at.file, names}))
	}
	if required := at.v.Get("required"); required != nil {
		for _, r := range required.Items {
			if l.role == Reader && hasDefault(properties.Get(r.Text)) {
				continue // readers fill it in
			}
			parts = append(parts, l.Has(r.Text, l.Any()))
		}
	}
	parts = append(parts, l.dependent(at)...)
	if u := at.v.Get("unevaluatedProperties"); u != nil && !l.old {
		parts = append(parts, l.unevaluatedProperties(at, spot{at.file, u}))
	}
	return l.And(parts...)
}

func hasDefault(v *jsontree.Value) bool {
	d := v.Get("default")
	return d != nil && d.Kind != jsontree.Null || v.Get("x-trestle").Get("field").Get("default") != nil
}

// dependent reads what is asked of an object where it has some member.
func (l *lowering) dependent(at spot) []*Shape {
	var parts []*Shape
	when := func(name string, then *Shape) {
		parts = append(parts, l.Or(l.Not(l.And(l.OfKind(Object), l.Has(name, l.Any()))), then))
	}
	for _, keyword := range l.dependencyKeywords() {
		v := at.v.Get(keyword)
		if v == nil {
			continue
		}
		for _, m := range v.Members {
			if m.Value.Kind != jsontree.Array {
				when(m.Name, l.schema(spot{at.file, m.Value}))
				continue
			}
			for _, e := range m.Value.Items {
				when(m.Name, l.Has(e.Text, l.Any()))
			}
		}
	}
	return parts
}

// dependencyKeywords are those that the draft knows, and that validators read of an older one besides.
func (l *lowering) dependencyKeywords() []string {
	if l.old {
		return []string{"dependencies"}
	}
	return []string{"dependentRequired", "dependentSchemas", "dependencies"}
}

// propertyNames limits names by a schema of strings: keyword by keyword, as each keeps some names out.
func (l *lowering) propertyNames(at spot) *Shape {
	return l.names(at, map[*jsontree.Value]bool{})
}

// names is propertyNames; seen holds the schemas that refer to this one, as one that refers to itself adds nothing.
func (l *lowering) names(at spot, seen map[*jsontree.Value]bool) *Shape {
	if at.v.IsFalse() {
		return l.Length(Object, 0, 0)
	}
	if seen[at.v] {
		return l.Any()
	}
	seen[at.v] = true
	var parts []*Shape
	if ref := at.v.Get("$ref"); ref != nil {
		if target, ok := l.resolve(at, ref); ok {
			parts = append(parts, l.names(target, seen))
		}
		if l.old {
			// Draft-07 ignores what stands beside $ref, and validators do not agree on that.
			if len(at.v.Members) > 1 {
				parts = append(parts, l.Opaque(Object, "propertyNames beside $ref: "+at.v.JSON(), nil))
			}
			return l.And(parts...)
		}
	}
	within := func(names *Language) { parts = append(parts, l.Members(l.Except(names), l.Never())) }
	for _, m := range at.v.Members {
		switch m.Name {
		case "pattern":
			if lang, err := l.Matching(m.Value.Text); err == nil {
				within(lang)
				continue
			}
		case "const":
			within(l.Exactly(m.Value.Text))
			continue
		case "enum":
			var texts []string
			for _, e := range m.Value.Items {
				if e.Kind == jsontree.String {
					texts = append(texts, e.Text)
				}
			}
			within(l.Exactly(texts...))
			continue
		case "minLength", "maxLength":
			n, _ := l.count(at, m.Name)
			expr := fmt.Sprintf("^(?s:.{%d,})$", n)
			if m.Name == "maxLength" {
				expr = fmt.Sprintf("^(?s:.{0,%d})$", n)
			}
			if lang, err := l.Matching(expr); err == nil {
				within(lang)
				continue
			}
		case "type":
			if m.Value.Text == "string" {
				continue
			}
		case "$ref", "title", "description", "$comment", "examples", "default", "deprecated", "$defs", "definitions":
			continue
		}
		parts = append(parts, l.Opaque(Object, fmt.Sprintf("propertyNames %s: %s", m.Name, m.Value.JSON()), nil))
	}
	return l.And(parts...)
}

func patternTest(expr string) func(any) bool {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil
	}
	return func(v any) bool { s, _ := v.(string); return re.MatchString(s) }
}

// inPlace calls f with the schemas that judge the same value as a schema does, itself first, and the condition under
// which each counts; nil is always.
func (l *lowering) inPlace(at spot, seen map[*jsontree.Value]bool, when []*Shape, f func(at spot, when []*Shape)) {
	if seen[at.v] || at.v.Kind != jsontree.Object || l.tire(at) {
		return
	}
	seen[at.v] = true
	defer delete(seen, at.v)
	f(at, when)
	if ref := at.v.Get("$ref"); ref != nil {
		if target, ok := l.resolve(at, ref); ok {
			l.inPlace(target, seen, when, f)
		}
		if l.old {
			return
		}
	}
	for _, e := range below(at, "allOf") {
		l.inPlace(e, seen, when, f)
	}
	also := func(cond *Shape) []*Shape { return append(slices.Clone(when), cond) }
	for _, keyword := range []string{"anyOf", "oneOf"} {
		for _, e := range below(at, keyword) {
			l.inPlace(e, seen, also(l.plainly(e)), f)
		}
	}
	if cond := at.v.Get("if"); cond != nil {
		c := l.plainly(spot{at.file, cond})
		l.inPlace(spot{at.file, cond}, seen, also(c), f)
		if then := at.v.Get("then"); then != nil {
			l.inPlace(spot{at.file, then}, seen, also(c), f)
		}
		if otherwise := at.v.Get("else"); otherwise != nil {
			l.inPlace(spot{at.file, otherwise}, seen, also(l.Not(c)), f)
		}
	}
	for _, keyword := range l.dependencyKeywords() {
		v := at.v.Get(keyword)
		if v == nil {
			continue
		}
		for _, m := range v.Members {
			if m.Value.Kind == jsontree.Object {
				l.inPlace(spot{at.file, m.Value}, seen, also(l.And(l.OfKind(Object), l.Has(m.Name, l.Any()))), f)
			}
		}
	}
}

// evaluation is what one schema evaluates, and when.
type evaluation struct {
	when  *Shape
	names *Language
	items int
	all   bool
}

// maxConditions bounds the cases that unevaluated keywords are taken apart into.
const maxConditions = 6

// eachCase calls f with every combination of conditions, and returns the alternatives; ok is false where there are
// too many.
func (l *lowering) eachCase(list []evaluation, f func(holding []evaluation) *Shape) (*Shape, bool) {
	var always, sometimes []evaluation
	var conditions []*Shape
	for _, e := range list {
		if e.when == l.Any() {
			always = append(always, e)
			continue
		}
		sometimes = append(sometimes, e)
		if !slices.Contains(conditions, e.when) {
			conditions = append(conditions, e.when)
		}
	}
	if len(conditions) > maxConditions {
		return nil, false
	}
	var out []*Shape
	for mask := range 1 << len(conditions) {
		parts := []*Shape{}
		holding := slices.Clone(always)
		for i, c := range conditions {
			if mask&(1<<i) == 0 {
				parts = append(parts, l.Not(c))
				continue
			}
			parts = append(parts, c)
			for _, e := range sometimes {
				if e.when == c {
					holding = append(holding, e)
				}
			}
		}
		out = append(out, l.And(append(parts, f(holding))...))
	}
	return l.Or(out...), true
}

func (l *lowering) unevaluatedProperties(at, rest spot) *Shape {
	var list []evaluation
	failed := false
	l.inPlace(at, map[*jsontree.Value]bool{}, nil, func(in spot, when []*Shape) {
		d := l.declares(in)
		names, ok := l.language(d)
		failed = failed || !ok
		all := d.all || in.v != at.v && in.v.Get("unevaluatedProperties") != nil
		list = append(list, evaluation{when: l.And(when...), names: names, all: all})
	})
	inner := l.schema(rest)
	if !failed {
		out, ok := l.eachCase(list, func(holding []evaluation) *Shape {
			names := []*Language{}
			for _, e := range holding {
				if e.all {
					return l.Any()
				}
				names = append(names, e.names)
			}
			return l.Members(l.Except(l.Union(names...)), inner)
		})
		if ok {
			return out
		}
	}
	return l.Opaque(Object, "unevaluatedProperties of "+at.v.JSON(), nil)
}

func (l *lowering) unevaluatedItems(at, rest spot) *Shape {
	var list []evaluation
	failed := false
	l.inPlace(at, map[*jsontree.Value]bool{}, nil, func(in spot, when []*Shape) {
		prefix, more := l.itemSchemas(in)
		failed = failed || in.v.Get("contains") != nil // what it finds is evaluated, wherever that is
		all := more != nil || in.v != at.v && in.v.Get("unevaluatedItems") != nil
		list = append(list, evaluation{when: l.And(when...), items: len(prefix), all: all})
	})
	inner := l.schema(rest)
	if !failed {
		out, ok := l.eachCase(list, func(holding []evaluation) *Shape {
			from := 0
			for _, e := range holding {
				if e.all {
					return l.Any()
				}
				from = max(from, e.items)
			}
			return l.Items(from, inner)
		})
		if ok {
			return out
		}
	}
	return l.Opaque(Array, "unevaluatedItems of "+at.v.JSON(), nil)
}

// declaredOnly is what a writer keeps to: where the schemas of an object declare properties, it writes no others. The
// schemas are those that judge the same value.
func (l *lowering) declaredOnly(roots []spot) *Shape {
	var in []spot
	seen := map[*jsontree.Value]bool{}
	for _, r := range roots {
		l.inPlace(r, map[*jsontree.Value]bool{}, nil, func(at spot, _ []*Shape) {
			if !seen[at.v] {
				seen[at.v] = true
				in = append(in, at)
			}
		})
	}
	if len(in) == 0 || l.err != nil {
		return l.Any()
	}
	keys := make([]string, len(in))
	for i, at := range in {
		keys[i] = l.name(at)
	}
	slices.Sort(keys)
	ref, known := l.Ref("declared " + strings.Join(keys, ";"))
	if known {
		return ref
	}
	var parts []*Shape
	under := map[string][]spot{}
	var all declared
	open := true // the rest is described by some schema
	var rests []spot
	var patterned []spot
	for _, at := range in {
		if p := at.v.Get("properties"); p != nil {
			for _, m := range p.Members {
				all.fixed = append(all.fixed, m.Name)
				under[m.Name] = append(under[m.Name], spot{at.file, m.Value})
			}
		}
		if p := at.v.Get("patternProperties"); p != nil {
			for _, m := range p.Members {
				all.patterns = append(all.patterns, m.Name)
				patterned = append(patterned, spot{at.file, m.Value})
			}
		}
		for _, k := range []string{"additionalProperties", "unevaluatedProperties"} {
			if r := at.v.Get(k); r != nil && r.Kind == jsontree.Object && len(r.Members) > 0 {
				rests = append(rests, spot{at.file, r})
			}
		}
	}
	open = len(rests) > 0 || len(all.fixed)+len(all.patterns) == 0
	others := append(slices.Clone(rests), patterned...)
	for _, name := range sortedUnique(all.fixed) {
		parts = append(parts, l.Members(l.Exactly(name), l.declaredOnly(append(under[name], others...))))
	}
	if !open {
		if names, ok := l.language(all); ok {
			parts = append(parts, l.Members(l.Except(names), l.Never()))
		}
	}
	if len(others) > 0 {
		parts = append(parts, l.Members(l.Except(l.Exactly(sortedUnique(all.fixed)...)), l.declaredOnly(others)))
	}
	var items []spot
	for _, at := range in {
		prefix, rest := l.itemSchemas(at)
		items = append(items, prefix...)
		if rest != nil {
			items = append(items, *rest)
		}
	}
	if len(items) > 0 {
		parts = append(parts, l.Items(0, l.declaredOnly(items)))
	}
	content := l.And(parts...)
	l.Define(ref, content)
	if !containsRef(content, ref, map[*Shape]bool{}) {
		return content
	}
	return ref
}
