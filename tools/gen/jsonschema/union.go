package jsonschema

import "github.com/omninode/trestle/tools/schema"

// unionInto describes a choice of messages.
func (b *builder) unionInto(o *object, u *schema.Union, null bool) error {
	var choices []*object
	for _, v := range u.Variants {
		ref, err := b.ref(v.Message)
		if err != nil {
			return err
		}
		choice := &object{}
		choice.Set("$ref", ref)
		choices = append(choices, choice)
	}
	if null {
		none := &object{}
		none.Set("type", "null")
		choices = append(choices, none)
	}
	o.Set("oneOf", choices)
	return nil
}
