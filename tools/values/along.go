package values

import "github.com/omninode/trestle/tools/schema"

// Along is every object that has, at the end of a way of fields, through lists and maps, an object of a shape.
func (s *Space) Along(way []*schema.Field, end *Shape) *Shape {
	for i := len(way) - 1; i >= 0; i-- {
		end = s.And(s.OfKind(Object), s.Has(way[i].JSONName, s.within(way[i].Type, end)))
	}
	return end
}

// within is every value of a type that is in a shape, or has an item or member that is.
func (s *Space) within(t *schema.Type, a *Shape) *Shape {
	switch t.Kind {
	case schema.List:
		return s.And(s.OfKind(Array), s.AtLeast(1, 0, s.within(t.Elem, a)))
	case schema.Map:
		return s.And(s.OfKind(Object), s.Not(s.Members(s.Everything(), s.Not(s.within(t.Elem, a)))))
	}
	return a
}

// Demand is every object, in an encoding, that keeps what readers of a protobuf field demand.
func (s *Space) Demand(f *schema.Field, e schema.Encoding) *Shape {
	return form{s, e == schema.EncodingProtobuf}.field(f, false)
}

// Find returns a small value that is in all shapes; ok is false where none was found. It is likely but not certain to
// be one.
func (p *Prover) Find(all ...*Shape) (v any, ok bool) {
	a := p.Includes(p.And(all...), p.Never())
	return a.Member, a.HasMember
}
