package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var reservedRemoved = Rule{
	ID:        "RESERVED_REMOVED",
	Purpose:   "what a removed field or value used stays reserved",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "data in %s from before it was removed would be read as something else",
	Forward:   "readers from before it was removed would read something else as it",
	Fix:       "put the reservation back, and use numbers and names in %s that were never used",
	Message: func(c *Check, old, new *schema.Message) {
		if old == nil || new == nil {
			return
		}
		users := map[int32]string{}
		for _, f := range new.Fields {
			users[f.Number] = f.Name
		}
		c.reportUnreserved(new.Name, reservation{old.ReservedNumbers, old.ReservedNames}, reservation{new.ReservedNumbers, new.ReservedNames}, users)
	},
	Enum: func(c *Check, old, new *schema.Enum) {
		if new == nil {
			return
		}
		users := map[int32]string{}
		for _, v := range new.Values {
			users[v.Number] = v.Name
		}
		c.reportUnreserved(new.Name, reservedOf(old), reservedOf(new), users)
	},
}

// reservation is what a message or an enum keeps from being used again; both ends of a range are in it.
type reservation struct {
	numbers [][2]int32
	names   []string
}

func reservedOf(e *schema.Enum) reservation {
	var out reservation
	if !e.HasNumbers() {
		return out
	}
	for i := range e.Proto.ReservedRanges().Len() {
		r := e.Proto.ReservedRanges().Get(i)
		out.numbers = append(out.numbers, [2]int32{int32(r[0]), int32(r[1])})
	}
	for i := range e.Proto.ReservedNames().Len() {
		out.names = append(out.names, string(e.Proto.ReservedNames().Get(i)))
	}
	return out
}

// reportUnreserved reports what is no longer reserved; users are the names that use a number now.
func (c *Check) reportUnreserved(of string, old, new reservation, users map[int32]string) {
	for _, r := range old.numbers {
		if free, ok := firstFree(r, new.numbers); ok {
			text := fmt.Sprintf("number %d of %s is no longer reserved", free, of)
			if user := users[free]; user != "" {
				text += ", and " + user + " uses it"
			}
			c.Report(Problem{Change: text, Encodings: protobufOnly})
		}
	}
	for _, name := range old.names {
		if !slices.Contains(new.names, name) {
			c.Report(Problem{Change: fmt.Sprintf("name %s of %s is no longer reserved", name, of), Encodings: jsonOnly})
		}
	}
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
