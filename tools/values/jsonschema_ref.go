package values

import (
	"maps"
	"slices"
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

// resolve finds what a reference leads to. One that leads nowhere is a fault, unless it is to a schema that every library
// has.
func (l *lowering) resolve(at spot, ref *jsontree.Value) (spot, bool) {
	if ref.Kind != jsontree.String {
		l.fail(at, "$ref is %s: it is a string", ref.Kind)
		return at, false
	}
	to, err := l.docs.resolve(at, ref.Text)
	if err != nil && !IsMetaSchema(ref.Text) {
		l.fail(spot{at.file, ref}, "$ref %s %v", ref.JSON(), err)
	}
	return to, err == nil
}

// IsMetaSchema says whether a reference leads to a schema of schemas, which every library has.
func IsMetaSchema(ref string) bool {
	return strings.HasPrefix(ref, "https://json-schema.org/draft") || strings.HasPrefix(ref, "http://json-schema.org/draft")
}

// dynamic reads references whose target depends on the way to them: where there is one schema that they can lead to, they
// are as others.
func (l *lowering) dynamic(at spot) (parts []*Shape) {
	of := map[string]draft{"$recursiveRef": draft2019, "$dynamicRef": draft2020}
	for _, keyword := range slices.Sorted(maps.Keys(of)) {
		ref := at.v.Get(keyword)
		if ref == nil || l.draft(at) < of[keyword] {
			continue
		}
		target, ok := l.resolve(at, ref)
		if ok {
			parts = append(parts, l.reference(target))
		}
		_, name, _ := strings.Cut(ref.Text, "#")
		if !ok || l.docs.indexed().dynamic[name] > 1 {
			parts = append(parts, l.Opaque(AnyKind, keyword+" "+ref.JSON(), nil))
		}
	}
	return parts
}

func (l *lowering) draft(at spot) draft { return l.docs.resourceOf(at).draft }
