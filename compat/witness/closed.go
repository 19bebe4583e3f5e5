package witness

import "github.com/omninode/trestle/tools/schema"

// closedSide is a side whose readers refuse fields that it does not declare.
func (f *Finder) closedSide(set *schema.Set, s *side) (*side, error) {
	if f.closed == nil {
		f.closed = map[*schema.Message]*schema.Message{}
	}
	t, err := f.of(set).Type(f.close(s.Message()))
	if err != nil {
		return nil, err
	}
	return &side{Type: t}, nil
}

// close returns a message, and all that it is made of, as closed ones. What keeps undeclared members keeps none then.
func (f *Finder) close(m *schema.Message) *schema.Message {
	if known := f.closed[m]; known != nil {
		return known
	}
	if m.WellKnown() != "" {
		return m
	}
	out := *m
	f.closed[m] = &out
	out.Closed, out.KeepUnknown, out.Undeclared = m.Undeclared == nil, false, nil
	if m.Undeclared != nil {
		out.KeepUnknown, out.Undeclared = m.KeepUnknown, f.closeType(m.Undeclared)
	}
	out.Fields = make([]*schema.Field, len(m.Fields))
	for i, field := range m.Fields {
		with := *field
		with.Message, with.Type = &out, f.closeType(field.Type)
		out.Fields[i] = &with
	}
	return &out
}

func (f *Finder) closeType(t *schema.Type) *schema.Type {
	if t == nil {
		return nil
	}
	out := *t
	out.Elem = f.closeType(t.Elem)
	if t.Message != nil {
		out.Message = f.close(t.Message)
	}
	if t.Union != nil {
		union := *t.Union
		union.Variants = make([]*schema.Variant, len(t.Union.Variants))
		for i, v := range t.Union.Variants {
			with := *v
			with.Message = f.close(v.Message)
			union.Variants[i] = &with
		}
		out.Union = &union
	}
	return &out
}
