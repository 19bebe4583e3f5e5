package compat

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

var fieldPresenceChanged = Rule{
	ID:        "FIELD_PRESENCE_CHANGED",
	Purpose:   "absent and zero stay told apart, or not, where that matters",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Shown:     Absent,
	Backward:  "consumers of %s with the new schema take zero for absent, or absent for zero, in old events",
	Forward:   "consumers with the old schema do the same in new ones",
	Fix:       "keep `optional` on %s as it was",
	Field: func(c *Check, old, new *schema.Field) {
		// It matters where absent means something else than zero: by a default, or because zero is not valid.
		if old == nil || new == nil || old.Explicit == new.Explicit || old.Number == 0 || new.Number == 0 {
			return
		}
		zero := values.Zero(old.Type.Kind)
		if zero == "" && old.Type.Kind != schema.EnumKind || old.Type.Kind != new.Type.Kind {
			return
		}
		var breaks Direction
		if zeroMeetsDefault(old, new) {
			breaks |= Backward
		}
		if zeroMeetsDefault(new, old) {
			breaks |= Forward
		}
		if zero != "" && !new.Explicit && !values.SurelyAccepts(new.Type, zero) {
			breaks |= Backward
		}
		if zero != "" && !old.Explicit && !values.SurelyAccepts(old.Type, zero) {
			breaks |= Forward
		}
		if breaks == 0 {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("%s %s", fieldText(new), presenceText(new.Explicit)), Breaks: breaks,
			Acceptance: !defaultNotZero(old) && !defaultNotZero(new), // else absent is read as another value
		})
	},
}

// zeroMeetsDefault says whether a reader fills in its default where a writer, whose field tells absent from zero and the
// reader's does not or the other way round, wrote zero. A writer without presence that has a default itself writes no zero.
func zeroMeetsDefault(writer, reader *schema.Field) bool {
	return defaultNotZero(reader) && (writer.Explicit || !defaultNotZero(writer))
}

// defaultNotZero says whether the absence of a scalar is read as something else than zero.
func defaultNotZero(f *schema.Field) bool {
	if f.Default == "" {
		return false
	}
	if f.Type.Kind != schema.EnumKind {
		return !values.SameValue(f.Default, values.Zero(f.Type.Kind))
	}
	return !slices.ContainsFunc(f.Type.Enum.Values, func(v *schema.EnumValue) bool {
		return v.Number == 0 && v.JSONName != "" && f.Default == strconv.Quote(v.JSONName)
	})
}

func presenceText(explicit bool) string {
	if explicit {
		return "tells absent from zero now, which it did not"
	}
	return "no longer tells absent from zero"
}
