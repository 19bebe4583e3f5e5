package values

import (
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Judge says what is wrong with an object that is read as a message: the paths of the fields that break rules, empty ones for
// the message as a whole.
type Judge func(of *schema.Message, object map[string]any) (broken []string)

// JudgedBy has the maker ask about the objects that it makes, and try other values for fields that break rules which it does
// not know by itself, such as expressions.
func (m *Maker) JudgedBy(j Judge) { m.judge = j }

// mostTries limits the objects that are judged for one message.
const mostTries = 300

// repaired returns an object that breaks no rule, or fewer of them, with other values for its fields.
func (m *Maker) repaired(of *schema.Message, object map[string]any) map[string]any {
	if m.judge == nil || !ruled(of) {
		return object
	}
	broken := m.judge(of, object)
	for tries := mostTries; len(broken) > 0 && tries > 0; {
		better, left := map[string]any(nil), broken
		for _, f := range brokenFields(of, broken) {
			for _, v := range append(m.named(f.Type, expressions(of.Rules)), m.Candidates(f.Type, nil)...) {
				if tries--; tries < 0 {
					break
				}
				other := maps.Clone(object)
				other[f.JSONName] = v
				if got := m.judge(of, other); len(got) < len(left) {
					better, left = other, got
					break
				}
			}
			if better != nil {
				break
			}
		}
		if better == nil {
			break
		}
		object, broken = better, left
	}
	return object
}

// ruled says whether there is a rule on a message or one of its fields.
func ruled(of *schema.Message) bool {
	return of.Rules != nil || slices.ContainsFunc(of.Fields, func(f *schema.Field) bool { return !freeThroughout(f.Type) })
}

func freeThroughout(t *schema.Type) bool {
	return t == nil || Free(t) && freeThroughout(t.Key) && freeThroughout(t.Elem)
}

// brokenFields are the fields that paths lead to; where one is empty, also those that the expressions on the message name.
func brokenFields(of *schema.Message, paths []string) []*schema.Field {
	var out []*schema.Field
	for _, f := range of.Fields {
		for _, path := range paths {
			name := path
			if i := strings.IndexAny(path, ".["); i >= 0 {
				name = path[:i]
			}
			if name == f.JSONName || name == f.Name || name == "" && (namedIn(of, f) || f.Oneof != nil) {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// namedIn says whether an expression or a rule on a message names a field.
func namedIn(of *schema.Message, f *schema.Field) bool {
	for _, expr := range expressions(of.Rules) {
		if slices.Contains(word.FindAllString(expr, -1), f.Name) {
			return true
		}
	}
	for _, o := range of.Rules.GetOneof() {
		if slices.Contains(o.GetFields(), f.Name) {
			return true
		}
	}
	return false
}
