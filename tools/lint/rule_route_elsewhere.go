package lint

import "github.com/omninode/trestle/tools/schema"

var routeElsewhere = Rule{
	ID:       "ROUTE_ELSEWHERE",
	Purpose:  "an event's topic is the one that the routes of its family lead to",
	Why:      "Producers that know the event's schema and those that only know the routes publish it to different topics, and consumers of either see half of it.",
	Severity: Warning,
	Event: func(c *Check, e *schema.Event) {
		if e.Package.Family == nil || e.Topic == nil {
			return
		}
		for _, r := range e.Package.Family.Routes {
			if !routeMatches(r.Prefix, e.Type) {
				continue
			}
			// The route of what no other takes says nothing about events that are declared.
			if r.Prefix != "" && r.Topic != e.Topic.Name {
				c.Report(Problem{
					Message: "event " + e.Type + " is declared for topic " + e.Topic.Name + ", and route \"" + r.Prefix + "\" sends its type to " + r.Topic,
					Fix:     "name the same topic in both, or give the route a prefix that does not match",
				})
			}
			return
		}
	},
}
