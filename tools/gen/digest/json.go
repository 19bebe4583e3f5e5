package digest

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// annotations are the keywords that only people read: descriptions come from comments, and those of protobuf don't count either.
var annotations = []string{"$comment", "description"}

// unordered are the keywords whose lists have no order. That of `required` follows the fields of the source.
var unordered = []string{"enum", "required", "type"}

func jsonSum(text string) (string, error) {
	root, err := jsontree.Parse([]byte(text))
	if err != nil {
		return "", err
	}
	normalise(root)
	sortMembers(root)
	return sumOf(root.AppendJSON(nil)), nil
}

// normalise takes from a schema, and from those in it, what does not count. What only looks like a schema, such as a default, is left.
func normalise(s *jsontree.Value) {
	s.Members = slices.DeleteFunc(s.Members, func(m jsontree.Member) bool { return slices.Contains(annotations, m.Name) })
	for _, m := range s.Members {
		if slices.Contains(unordered, m.Name) {
			slices.SortFunc(m.Value.Items, func(a, b *jsontree.Value) int {
				sortMembers(a)
				sortMembers(b)
				return strings.Compare(a.JSON(), b.JSON())
			})
		}
	}
	subschema.Each(s, func(sub subschema.Subschema) { normalise(sub.Schema) })
}

// sortMembers sorts the members of all objects by name.
func sortMembers(v *jsontree.Value) {
	slices.SortFunc(v.Members, func(a, b jsontree.Member) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range v.Members {
		sortMembers(m.Value)
	}
	for _, item := range v.Items {
		sortMembers(item)
	}
}
