package lint

import (
	"regexp"

	"github.com/omninode/trestle/tools/schema"
)

var topicVersion = Rule{
	ID:       "TOPIC_VERSION",
	Purpose:  "a topic has the version of the package whose events it carries",
	Why:      "A new version of a package has topics of its own, so that readers of the old one are left alone. A topic of another version mixes the two.",
	Severity: Error,
	Topic: func(c *Check, t *schema.Topic) {
		version := packageVersion.FindStringSubmatch(t.Package.Name)
		if version == nil || t.Package.Family == nil || len(t.DeadLetterOf) > 0 || t.RetryOf != nil {
			return
		}
		parts, ok := t.Package.Family.MatchTopic(t.Name)
		if !ok || parts.Version == "" || parts.Version == version[1] {
			return
		}
		c.Report(Problem{
			Message: "topic " + t.Name + " is of version " + parts.Version + ", and its events are of package " + t.Package.Name,
			Fix:     "name a topic of version " + version[1] + ", or move the events to a package of version " + parts.Version,
		})
	},
}

// packageVersion finds the version that ends a package's name: omninode.codegen.v1.
var packageVersion = regexp.MustCompile(`(?:^|\.)v([0-9]+)$`)
