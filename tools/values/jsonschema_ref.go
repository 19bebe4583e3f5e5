package values

import (
	"net/url"
	"path"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

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
	if !l.settle(content, ref) {
		return ref
	}
	l.plain[ref] = content
	return content
}

// settle says whether a shape is no part of itself, nor of one that is not known yet: neither it nor what it is made of
// holds the reference to it.
func (s *Space) settle(content, ref *Shape) bool {
	if s.containsRef(content, ref, map[*Shape]bool{}) {
		return false
	}
	s.settled[content] = true
	return true
}

// containsRef says whether a reference is part of a shape, or of one that is not known yet.
func (s *Space) containsRef(a, ref *Shape, seen map[*Shape]bool) bool {
	if a == nil || a == ref {
		return true
	}
	if seen[a] || s.settled[a] {
		return false
	}
	seen[a] = true
	for _, k := range a.kids {
		if s.containsRef(k, ref, seen) {
			return true
		}
	}
	inner := innerOf(a.atom)
	return inner != nil && s.containsRef(inner, ref, seen)
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
