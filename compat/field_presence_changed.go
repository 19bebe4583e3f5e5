package compat

import (
	"fmt"

	"github.com/omninode/trestle/compat/shape"
	"github.com/omninode/trestle/tools/schema"
)

var fieldPresenceChanged = Rule{
	ID:        "FIELD_PRESENCE_CHANGED",
	Purpose:   "absent and zero stay told apart, or not, where that matters",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema take zero for absent, or absent for zero, in old events",
	Forward:   "consumers with the old schema do the same in new ones",
	Fix:       "keep `optional` on %s as it was",
	Field: func(c *Check, old, new *schema.Field) {
		// It matters where absent means something else than zero: by a default, or because zero is not valid.
		if old == nil || new == nil || old.Explicit == new.Explicit || old.Number == 0 || new.Number == 0 {
			return
		}
		zero := shape.Zero(old.Type.Kind)
		if zero == "" || old.Type.Kind != new.Type.Kind {
			return
		}
		var breaks Direction
		if filled(old, zero) || filled(new, zero) {
			breaks = Backward | Forward
		}
		if !new.Explicit && !shape.Surely(new.Type, zero) {
			breaks |= Backward
		}
		if !old.Explicit && !shape.Surely(old.Type, zero) {
			breaks |= Forward
		}
		if breaks == 0 {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("%s %s", fieldText(new), presenceText(new.Explicit)), Breaks: breaks,
		})
	},
}

// filled says whether absence is read as something else than zero.
func filled(f *schema.Field, zero string) bool {
	return f.Default != "" && !shape.SameValue(f.Default, zero)
}

func presenceText(explicit bool) string {
	if explicit {
		return "tells absent from zero now, which it did not"
	}
	return "no longer tells absent from zero"
}
