package compat

import (
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// requirement is what a reader demands of a field being there.
type requirement uint8

const (
	optional requirement = iota // it may be absent, or a default fills it in
	present                     // the key must be there
	nonZero                     // it must be there and hold something: not zero, not empty
)

// requirementOf says what readers of a field demand, by its constraints too: a field without presence is validated as
// zero, or as empty, where it is absent, and a rule that zero breaks makes it as good as required.
func requirementOf(f *schema.Field) requirement {
	if d := declaredRequirement(f); d == nonZero || f.Default != "" || f.Explicit || f.Number == 0 || !zeroBreaks(f.Type) {
		return d
	}
	return nonZero
}

// requirementUncertain says that it is not known whether zero breaks the constraints that make a field as good as
// required.
func requirementUncertain(f *schema.Field) bool {
	if requirementOf(f) == declaredRequirement(f) || values.Zero(f.Type.Kind) == "" {
		return false
	}
	ok, _ := values.Accepts(f.Type, values.Zero(f.Type.Kind))
	return ok
}

// zeroBreaks says whether the zero value of a type may break its constraints.
func zeroBreaks(t *schema.Type) bool {
	c := t.Constraints
	switch {
	case c.SkipZero:
		return false
	case t.Kind == schema.List:
		return c.MinItems != nil && *c.MinItems > 0
	case t.Kind == schema.Map:
		return c.MinPairs != nil && *c.MinPairs > 0
	}
	zero := values.Zero(t.Kind)
	return zero != "" && !values.SurelyAccepts(t, zero)
}

// declaredRequirement says what a field itself demands, whatever its constraints do. A default satisfies every demand,
// as readers fill it in first.
func declaredRequirement(f *schema.Field) requirement {
	switch {
	case f.Default != "" && !f.RequiredOnWire():
		return optional
	case f.Required && !f.Explicit:
		return nonZero
	case f.Required, f.JSONRequired, f.RequiredOnWire():
		return present
	}
	return optional
}

func (r requirement) String() string {
	switch r {
	case present:
		return "required"
	case nonZero:
		return "required and not empty"
	}
	return "optional"
}

// requirementEncodings says where a demand matters: that of a key alone is one of JSON.
func requirementEncodings(f *schema.Field) []schema.Encoding {
	if !f.Required && !f.RequiredOnWire() && requirementOf(f) != nonZero {
		return jsonOnly
	}
	return bothEncodings
}
