package jsonedit

import (
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Difference is a part of a text that another has not, or otherwise.
type Difference struct {
	// Path leads to it, with `[]` for any element of an array: `items[].quantity`; empty: all of it.
	Path string `json:"path"`
	// From and To are what the texts show there, excerpts of JSON; empty: nothing.
	From string `json:"from"`
	To   string `json:"to"`
}

// Differences are what differs between two texts, in the order of the first. Objects are compared member by member, and arrays of one length
// element by element. shownFrom and shownTo are the texts as they may be shown: with [jsonio.Hidden] in the place of some values, inside of which no
// path leads.
func Differences(from, to, shownFrom, shownTo *Value) []Difference {
	var out []Difference
	differences(&out, "", from, to, shownFrom, shownTo)
	return out
}

func differences(out *[]Difference, path string, from, to, shownFrom, shownTo *Value) {
	if Same(from, to) {
		return
	}
	if from != nil && to != nil && from.Kind == to.Kind && !hidden(from, shownFrom) && !hidden(to, shownTo) {
		switch {
		case from.Kind == '{':
			members(out, path, from, to, shownFrom, shownTo)
			return
		case from.Kind == '[' && len(from.Elements) == len(to.Elements):
			for i := range from.Elements {
				differences(out, path+"[]", from.Elements[i], to.Elements[i], element(shownFrom, i), element(shownTo, i))
			}
			return
		}
	}
	*out = append(*out, Difference{path, excerpt(shownFrom), excerpt(shownTo)})
}

func members(out *[]Difference, path string, from, to, shownFrom, shownTo *Value) {
	for _, m := range slices.Concat(from.Members, to.Members) {
		if before := from.Member(m.Name); before == m.Value || before == nil { // once
			inner := jsonio.JoinPath(path, jsonio.MemberPath(m.Name))
			differences(out, inner, before, to.Member(m.Name), shownFrom.Member(m.Name), shownTo.Member(m.Name))
		}
	}
}

func element(v *Value, i int) *Value {
	if v == nil || i < 0 || i >= len(v.Elements) {
		return nil
	}
	return v.Elements[i]
}

// hidden says whether what is shown is not the value.
func hidden(v, shown *Value) bool { return shown == nil || shown.Kind != v.Kind }

func excerpt(v *Value) string {
	if v == nil {
		return ""
	}
	return jsonio.Excerpt(jsonio.Raw(v.Append(nil)))
}
