package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var reservedRemoved = Rule{
	ID:        "RESERVED_REMOVED",
	Purpose:   "what a removed field used stays reserved",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "data in %s from before the field was removed would be read as another field",
	Forward:   "readers from before it was removed would read another field as that one",
	Fix:       "put the reservation back, and give new fields of %s numbers and names that were never used",
	Message: func(c *Check, old, new *schema.Message) {
		if old == nil || new == nil {
			return
		}
		for _, r := range old.ReservedNumbers {
			if free, ok := firstFree(r, new.ReservedNumbers); ok {
				text := fmt.Sprintf("number %d of %s is no longer reserved", free, new.Name)
				if i := slices.IndexFunc(new.Fields, func(f *schema.Field) bool { return f.Number == free }); i >= 0 {
					text += ", and " + new.Fields[i].Name + " uses it"
				}
				c.Report(Problem{Change: text, Encodings: protobufOnly})
			}
		}
		for _, name := range old.ReservedNames {
			if !slices.Contains(new.ReservedNames, name) {
				c.Report(Problem{Change: fmt.Sprintf("name %s of %s is no longer reserved", name, new.Name), Encodings: jsonOnly})
			}
		}
	},
}

// firstFree returns the first number of a range that no other range holds; both ends of a range are in it.
func firstFree(r [2]int32, kept [][2]int32) (int32, bool) {
	sorted := slices.SortedFunc(slices.Values(kept), func(a, b [2]int32) int { return int(a[0]) - int(b[0]) })
	next := int64(r[0])
	for _, k := range sorted {
		if int64(k[0]) > next {
			break
		}
		next = max(next, int64(k[1])+1)
	}
	return int32(next), next <= int64(r[1])
}
