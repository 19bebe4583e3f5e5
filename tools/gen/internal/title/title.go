// Package title names a set of schemas for people.
package title

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Of is a set's title, by what the names of its packages begin with: "Events of omninode".
func Of(set *schema.Set) string {
	var shared []string
	for i, name := range packages(set) {
		parts := strings.Split(name, ".")
		if i == 0 {
			shared = parts
			continue
		}
		n := 0
		for n < len(shared) && n < len(parts) && shared[n] == parts[n] {
			n++
		}
		shared = shared[:n]
	}
	if len(shared) == 0 || shared[0] == "" {
		return "Events"
	}
	return "Events of " + strings.Join(shared, ".")
}

// packages names those that declare events or what they share.
func packages(set *schema.Set) []string {
	var names []string
	for _, p := range set.Packages {
		if len(p.Events) > 0 || p.Family != nil {
			names = append(names, p.Name)
		}
	}
	return names
}
