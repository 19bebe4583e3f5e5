package values

import "github.com/omninode/trestle/tools/schema"

// AtPath is every object that has, at the end of a path of fields, through lists and maps, a value of a shape.
func (s *Space) AtPath(path []*schema.Field, end *Shape) *Shape {
	for i := len(path) - 1; i >= 0; i-- {
		end = s.AtField(path[i], schema.EncodingJSON, end)
	}
	return end
}

// somewhereIn is every value of a type that is in a shape, or has an item or entry that is.
func (s *Space) somewhereIn(t *schema.Type, a *Shape) *Shape {
	switch t.Kind {
	case schema.List:
		return s.And(s.OfKind(Array), s.AtLeast(1, 0, s.somewhereIn(t.Elem, a)))
	case schema.Map:
		return s.And(s.OfKind(Object), s.Not(s.Members(s.Everything(), s.Not(s.somewhereIn(t.Elem, a)))))
	}
	return a
}
