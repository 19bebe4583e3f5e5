package lint

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var routeUnreachable = Rule{
	ID:       "ROUTE_UNREACHABLE",
	Purpose:  "every route can be taken",
	Why:      "The first route that matches an event type is taken: one that stands behind a shorter prefix never is.",
	Severity: Error,
	Package: func(c *Check, p *schema.Package) {
		if p.Family == nil {
			return
		}
		for i, r := range p.Family.Routes {
			for _, before := range p.Family.Routes[:i] {
				if routeMatches(before.Prefix, r.Prefix) {
					c.Report(Problem{
						Message: fmt.Sprintf("route %q to %s is never taken: route %q to %s stands before it and takes all that it would",
							r.Prefix, r.Topic, before.Prefix, before.Topic),
						Fix: "move the longer prefix before the shorter, or remove it",
					})
					break
				}
			}
		}
	},
}

// routeMatches says whether a route takes an event type: by its prefix up to a dot or the end; an empty one takes all.
func routeMatches(prefix, eventType string) bool {
	rest, ok := strings.CutPrefix(eventType, prefix)
	return ok && (prefix == "" || rest == "" || rest[0] == '.')
}
