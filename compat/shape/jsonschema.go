package shape

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Documents are JSON Schema files by path. A file may be read under its $id, too, and under the names in Aliases.
type Documents struct {
	Files   map[string]*jsontree.Value
	Aliases map[string]string
	byID    map[string]string
}

// Role says whose view of a schema a shape is.
type Role uint8

// The roles. A reader accepts what its schema does not forbid, and fills in defaults before it looks for what is
// required. A writer writes only what its schema declares: of an object with properties, only those. Strict is the
// schema's own set, which is what a registry compares.
const (
	Reader Role = iota
	Writer
	Strict
)

// SchemaError says what is wrong in a schema, and where.
type SchemaError struct {
	Path string
	jsontree.Place
	Message string
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Col, e.Message)
}

// spot is a schema and the file it stands in.
type spot struct {
	file string
	v    *jsontree.Value
}

// lowering turns the schemas of some documents into shapes.
type lowering struct {
	*Space
	docs  *Documents
	id    string // of the documents, so that references of several in one space differ
	old   bool   // draft-07 and before: what stands beside $ref is ignored
	err   *SchemaError
	role  Role
	depth int
	work  int
	// plain are the contents of references that are no part of themselves.
	plain map[*Shape]*Shape
}

// FromJSONSchema returns what the schema at a pointer of a file describes. The name tells these documents from others
// in the space: the same name must mean the same documents.
func (s *Space) FromJSONSchema(docs *Documents, name, file, pointer string, role Role) (*Shape, error) {
	root := docs.Files[file]
	v := root.Find(pointer)
	if v == nil {
		return nil, fmt.Errorf("%s has no schema at %q", file, pointer)
	}
	if docs.byID == nil {
		docs.byID = map[string]string{}
		for f, r := range docs.Files {
			if id := r.Get("$id"); id != nil {
				docs.byID[strings.TrimSuffix(id.Text, "#")] = f
			}
		}
	}
	l := &lowering{Space: s, docs: docs, id: name, role: role, plain: map[*Shape]*Shape{}}
	declared := root.Get("$schema")
	l.old = declared != nil && (strings.Contains(declared.Text, "draft-07") || strings.Contains(declared.Text, "draft-06") ||
		strings.Contains(declared.Text, "draft-04"))
	at := spot{file, v}
	out := l.schema(at)
	if role == Writer {
		out = s.And(out, l.declaredOnly([]spot{at}))
	}
	if l.err != nil {
		return nil, l.err
	}
	if loops(out) {
		return nil, &SchemaError{file, v.Place, "a schema refers to itself without a property or an item between"}
	}
	return out, nil
}

// loops says whether some shape below is part of itself as a judgement of the same value.
func loops(root *Shape) bool {
	const open, closed = 1, 2
	state := map[*Shape]int{}
	roots := []*Shape{root}
	var visit func(a *Shape) bool
	visit = func(a *Shape) bool {
		if state[a] != 0 {
			return state[a] == open
		}
		state[a] = open
		for _, k := range a.kids {
			if visit(k) {
				return true
			}
		}
		state[a] = closed
		if inner := innerOf(a.atom); inner != nil {
			roots = append(roots, inner)
		}
		return false
	}
	for len(roots) > 0 {
		a := roots[len(roots)-1]
		roots = roots[:len(roots)-1]
		if visit(a) {
			return true
		}
	}
	return false
}

// innerOf is the shape of items or members that an atom speaks of, or nil.
func innerOf(a atom) *Shape {
	switch x := a.(type) {
	case itemAt:
		return x.shape
	case atLeast:
		return x.shape
	case members:
		return x.shape
	}
	return nil
}

func (l *lowering) fail(at spot, format string, args ...any) {
	if l.err == nil {
		l.err = &SchemaError{at.file, at.v.Place, fmt.Sprintf(format, args...)}
	}
}

func (l *lowering) name(at spot) string {
	return fmt.Sprintf("%s %d %s:%d:%d", l.id, l.role, at.file, at.v.Line, at.v.Col)
}

// schema returns what a schema accepts.
func (l *lowering) schema(at spot) *Shape {
	switch {
	case l.err != nil || at.v.IsTrue():
		return l.Any()
	case at.v.IsFalse():
		return l.Never()
	case at.v.Kind != jsontree.Object:
		l.fail(at, "%s where a schema should be", at.v.Kind)
		return l.Any()
	}
	if l.tire(at) {
		return l.Any()
	}
	if l.depth++; l.depth > 1000 {
		l.fail(at, "schemas are nested or refer to one another too deep")
	}
	defer func() { l.depth-- }()
	var parts []*Shape
	if ref := at.v.Get("$ref"); ref != nil {
		if target, ok := l.resolve(at, ref); ok {
			parts = append(parts, l.reference(target))
		}
		if l.old {
			// Draft-07 ignores what stands beside $ref, and validators do not agree on that.
			for _, k := range []string{"const", "contains", "propertyNames", "if"} {
				if beside := at.v.Get(k); beside != nil {
					parts = append(parts, l.Opaque(AnyKind, "beside $ref, "+k+" "+beside.JSON(), nil))
				}
			}
			return l.And(parts...)
		}
	}
	for _, k := range []string{"$dynamicRef", "$recursiveRef"} {
		if ref := at.v.Get(k); ref != nil {
			if target, ok := l.resolve(at, ref); ok {
				parts = append(parts, l.reference(target))
			}
			parts = append(parts, l.Opaque(AnyKind, k+" "+ref.JSON(), nil))
		}
	}
	parts = append(parts, l.general(at), l.number(at), l.text(at), l.array(at), l.object(at), l.combined(at))
	return l.And(parts...)
}

// reference returns the shape of a schema that others refer to; it may be part of itself.
func (l *lowering) reference(target spot) *Shape {
	ref, known := l.Ref(l.name(target))
	if known {
		if plain := l.plain[ref]; plain != nil {
			return plain
		}
		return ref
	}
	content := l.schema(target)
	l.Define(ref, content)
	if containsRef(content, ref, map[*Shape]bool{}) {
		return ref
	}
	l.plain[ref] = content
	return content
}

// maxWork bounds what is read of schemas that refer to one another, so that each is answered in a bounded time.
const maxWork = 200_000

// tire counts a step of work; true when there were too many.
func (l *lowering) tire(at spot) bool {
	if l.work++; l.work > maxWork {
		l.fail(at, "the schemas refer to one another in too many ways to compare them")
	}
	return l.err != nil
}

// containsRef says whether a reference is part of a shape, or of one that is not known yet.
func containsRef(a, ref *Shape, seen map[*Shape]bool) bool {
	if a == nil || a == ref {
		return true
	}
	if seen[a] {
		return false
	}
	seen[a] = true
	for _, k := range a.kids {
		if containsRef(k, ref, seen) {
			return true
		}
	}
	inner := innerOf(a.atom)
	return inner != nil && containsRef(inner, ref, seen)
}

func (l *lowering) resolve(at spot, ref *jsontree.Value) (spot, bool) {
	if ref.Kind != jsontree.String {
		l.fail(at, "$ref is %s: it is a string", ref.Kind)
		return at, false
	}
	document, fragment, _ := strings.Cut(ref.Text, "#")
	file := at.file
	if document != "" {
		file = l.document(at.file, document)
	}
	root := l.docs.Files[file]
	if root == nil {
		l.fail(spot{at.file, ref}, "$ref %s leads to no schema that is loaded", ref.JSON())
		return at, false
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		pointer = fragment
	}
	if pointer != "" && pointer[0] != '/' {
		if v := anchor(root, pointer); v != nil {
			return spot{file, v}, true
		}
		l.fail(spot{at.file, ref}, "$ref %s names an anchor that is not there", ref.JSON())
		return at, false
	}
	v := root.Find(pointer)
	if v == nil {
		l.fail(spot{at.file, ref}, "$ref %s leads to nothing", ref.JSON())
		return at, false
	}
	return spot{file, v}, true
}

func (l *lowering) document(from, name string) string {
	if f, ok := l.docs.Aliases[name]; ok {
		return f
	}
	if f, ok := l.docs.byID[name]; ok {
		return f
	}
	if id := l.docs.Files[from].Get("$id"); id != nil {
		if base, err := url.Parse(id.Text); err == nil {
			if r, err := url.Parse(name); err == nil {
				if f, ok := l.docs.byID[base.ResolveReference(r).String()]; ok {
					return f
				}
			}
		}
	}
	return path.Join(path.Dir(from), name)
}

func anchor(v *jsontree.Value, name string) *jsontree.Value {
	for _, k := range []string{"$anchor", "$dynamicAnchor"} {
		if a := v.Get(k); a != nil && a.Text == name {
			return v
		}
	}
	for _, m := range v.Members {
		if found := anchor(m.Value, name); found != nil {
			return found
		}
	}
	for _, e := range v.Items {
		if found := anchor(e, name); found != nil {
			return found
		}
	}
	return nil
}

// general reads keywords about values of any kind.
func (l *lowering) general(at spot) *Shape {
	var parts []*Shape
	if t := at.v.Get("type"); t != nil {
		names := t.Items
		if t.Kind == jsontree.String {
			names = []*jsontree.Value{t}
		}
		var any []*Shape
		for _, n := range names {
			switch n.Text {
			case "integer":
				any = append(any, l.And(l.OfKind(Number), l.MultipleOf(One)))
			default:
				kind, ok := kindNames[n.Text]
				if !ok {
					l.fail(spot{at.file, n}, "type %s is none of JSON Schema's", n.JSON())
				}
				any = append(any, l.OfKind(kind))
			}
		}
		parts = append(parts, l.Or(any...))
	}
	if c := at.v.Get("const"); c != nil {
		parts = append(parts, l.values(at, c))
	}
	if e := at.v.Get("enum"); e != nil {
		parts = append(parts, l.values(at, e.Items...))
	}
	return l.And(parts...)
}

var kindNames = map[string]Kinds{
	"null": Null, "boolean": Bool, "number": Number, "string": String, "array": Array, "object": Object,
}

// values is a list of values: scalars together, so that long lists stay cheap.
func (l *lowering) values(at spot, list ...*jsontree.Value) *Shape {
	var texts []string
	var numbers []*big.Rat
	var out []*Shape
	for _, e := range list {
		switch e.Kind {
		case jsontree.String:
			texts = append(texts, e.Text)
		case jsontree.Number:
			if r, ok := l.rational(at, e); ok {
				numbers = append(numbers, r)
			}
		default:
			out = append(out, l.Value(plain(e)))
		}
	}
	if len(texts) > 0 {
		out = append(out, l.And(l.OfKind(String), l.Strings(texts...)))
	}
	if len(numbers) > 0 {
		out = append(out, l.And(l.OfKind(Number), l.Numbers(numbers...)))
	}
	return l.Or(out...)
}

func plain(v *jsontree.Value) any {
	switch v.Kind {
	case jsontree.Bool:
		return v.Text == "true"
	case jsontree.Number:
		return json.Number(v.Text)
	case jsontree.String:
		return v.Text
	case jsontree.Array:
		out := make([]any, len(v.Items))
		for i, e := range v.Items {
			out[i] = plain(e)
		}
		return out
	case jsontree.Object:
		out := make(map[string]any, len(v.Members))
		for _, m := range v.Members {
			out[m.Name] = plain(m.Value)
		}
		return out
	}
	return nil
}

func (l *lowering) rational(at spot, v *jsontree.Value) (*big.Rat, bool) {
	r, ok := rational(json.Number(v.Text))
	if v.Kind != jsontree.Number || !ok {
		l.fail(spot{at.file, v}, "%s is not a number that can be calculated with", v.JSON())
		return new(big.Rat), false
	}
	return r, true
}

func (l *lowering) number(at spot) *Shape {
	var parts []*Shape
	for _, m := range at.v.Members {
		switch m.Name {
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
			r, ok := l.rational(at, m.Value)
			if !ok {
				continue
			}
			i := Interval{Low: r, OpenLow: m.Name == "exclusiveMinimum"}
			if strings.HasSuffix(m.Name, "aximum") {
				i = Interval{High: r, OpenHigh: m.Name == "exclusiveMaximum"}
			}
			parts = append(parts, l.InRange(i))
		case "multipleOf":
			if r, ok := l.rational(at, m.Value); ok && r.Sign() > 0 {
				parts = append(parts, l.MultipleOf(r))
			} else if ok {
				l.fail(spot{at.file, m.Value}, "multipleOf is %s: it is above 0", m.Value.JSON())
			}
		}
	}
	return l.And(parts...)
}

// count reads a keyword that is a count; ok is false where it is not there.
func (l *lowering) count(at spot, keyword string) (int, bool) {
	v := at.v.Get(keyword)
	if v == nil {
		return 0, false
	}
	if r, ok := l.rational(at, v); ok && r.IsInt() && r.Sign() >= 0 && r.Num().IsInt64() {
		n, err := strconv.Atoi(r.Num().String())
		if err == nil {
			return min(n, 1<<30), true
		}
	}
	l.fail(spot{at.file, v}, "%s is %s: it is an integer, at least 0", keyword, v.JSON())
	return 0, false
}

func (l *lowering) sized(at spot, kind Kinds, least, most string) *Shape {
	low, _ := l.count(at, least)
	high, ok := l.count(at, most)
	if !ok {
		high = -1
	}
	return l.Length(kind, low, high)
}

func (l *lowering) text(at spot) *Shape {
	parts := []*Shape{l.sized(at, String, "minLength", "maxLength")}
	if p := at.v.Get("pattern"); p != nil {
		parts = append(parts, l.Pattern(p.Text))
	}
	if f := at.v.Get("format"); f != nil {
		parts = append(parts, l.Format(f.Text))
	}
	return l.And(parts...)
}

// Pattern limits strings to those in which an expression finds something; one that automata do not take is opaque.
func (s *Space) Pattern(expr string) *Shape {
	if lang, err := s.Matching(expr); err == nil {
		return s.InText(lang)
	}
	return s.Opaque(String, "pattern "+strconv.Quote(expr), patternTest(expr))
}

// schemas returns the schemas in a list, or under names.
func below(at spot, keyword string) []spot {
	v := at.v.Get(keyword)
	if v == nil {
		return nil
	}
	var out []spot
	for _, e := range v.Items {
		out = append(out, spot{at.file, e})
	}
	for _, m := range v.Members {
		out = append(out, spot{at.file, m.Value})
	}
	return out
}

func (l *lowering) all(list []spot) []*Shape {
	out := make([]*Shape, len(list))
	for i, at := range list {
		out[i] = l.schema(at)
	}
	return out
}

// combined reads keywords that combine schemas.
func (l *lowering) combined(at spot) *Shape {
	parts := l.all(below(at, "allOf"))
	if list := below(at, "anyOf"); list != nil {
		parts = append(parts, l.Or(l.all(list)...))
	}
	if list := below(at, "oneOf"); list != nil {
		parts = append(parts, l.One(l.all(list)...))
	}
	if not := at.v.Get("not"); not != nil {
		parts = append(parts, l.Not(l.plainly(spot{at.file, not})))
	}
	if cond := at.v.Get("if"); cond != nil {
		c := l.plainly(spot{at.file, cond})
		if then := at.v.Get("then"); then != nil {
			parts = append(parts, l.Or(l.Not(c), l.schema(spot{at.file, then})))
		}
		if otherwise := at.v.Get("else"); otherwise != nil {
			parts = append(parts, l.Or(c, l.schema(spot{at.file, otherwise})))
		}
	}
	return l.And(parts...)
}

// plainly reads a schema as it is written, whoever asks: what a condition says is not filled in.
func (l *lowering) plainly(at spot) *Shape {
	role := l.role
	l.role = Strict
	defer func() { l.role = role }()
	return l.schema(at)
}

func sortedUnique(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
