package values

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Role says whose view of a schema a shape is.
type Role uint8

// The roles. A reader accepts what its schema does not forbid, and fills in defaults before it looks for what is
// required. A writer writes only what its schema declares: of an object with properties, only those; a typed one has
// types made of the schema, whose integers are of 64 bits. Strict is the schema's own set, which is what a registry
// compares.
const (
	Reader Role = iota
	Writer
	TypedWriter
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
	return s.FromKeywords(docs, name, file, pointer, nil, role)
}

// FromKeywords is FromJSONSchema for a schema as if it had no other keywords than these; all of them where none are named.
func (s *Space) FromKeywords(docs *Documents, name, file, pointer string, keywords []string, role Role) (*Shape, error) {
	v := docs.Files[file].Find(pointer)
	if v == nil {
		return nil, fmt.Errorf("%s has no schema at %q", file, pointer)
	}
	if len(keywords) > 0 {
		v = docs.only(v, keywords)
	}
	l := &lowering{Space: s, docs: docs, id: name, role: role, plain: map[*Shape]*Shape{}}
	at := spot{file, v}
	out := l.schema(at)
	if role == Writer || role == TypedWriter {
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
		} else {
			parts = append(parts, l.Opaque(AnyKind, "$ref "+ref.JSON(), nil))
		}
		if l.draft(at) <= draft7 {
			// Draft-07 ignores what stands beside $ref, and validators do not agree on that.
			for _, k := range []string{"const", "contains", "propertyNames", "if"} {
				if beside := at.v.Get(k); beside != nil {
					parts = append(parts, l.Opaque(AnyKind, "beside $ref, "+k+" "+beside.JSON(), nil))
				}
			}
			return l.And(parts...)
		}
	}
	parts = append(parts, l.dynamic(at)...)
	parts = append(parts, l.general(at), l.number(at), l.text(at), l.array(at), l.object(at), l.combined(at))
	return l.And(parts...)
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
		some := l.all(list)
		whole := some
		if l.writes() { // what types cannot hold of one alternative is no less valid by it
			whole = whole[:0:0]
			for _, e := range list {
				whole = append(whole, l.plainly(e))
			}
		}
		parts = append(parts, l.oneOf(some, whole))
	}
	if not := at.v.Get("not"); not != nil {
		parts = append(parts, l.Not(l.plainly(spot{at.file, not})))
	}
	if cond := at.v.Get("if"); cond != nil && l.draft(at) >= draft7 {
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

// writes says whether a schema is read for what is written by it.
func (l *lowering) writes() bool { return l.role == Writer || l.role == TypedWriter }

// plainly reads a schema as it is written, whoever asks: what a condition says is not filled in.
func (l *lowering) plainly(at spot) *Shape {
	role := l.role
	l.role = Strict
	defer func() { l.role = role }()
	return l.schema(at)
}

func sortedUnique(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
