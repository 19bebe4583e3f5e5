package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var keyOptional = Rule{
	ID:       "KEY_OPTIONAL",
	Purpose:  "a key has a value in every event",
	Why:      "A record whose key paths are all absent has no key: it goes to any partition, and is read before or after those it belongs with.",
	Severity: Error,
	Fix:      "make the last path of %s's key one that is always there: a required field, or an id that the envelope always has",
	Event: func(c *Check, e *schema.Event) {
		// A dead letter has the key of the record it holds, which may have had none.
		if e.Role == schema.RoleDeadLetter || !mayLackKey(c, e) {
			return
		}
		p := Problem{Message: fmt.Sprintf("the key of event %s (%s) may be absent: such a record goes to any partition of %s",
			e.Type, strings.Join(e.Key, ", else "), topicWords(c, e))}
		if c.run.index.partitions(e) <= 1 {
			p.Severity = Warning
			p.Message = fmt.Sprintf("the key of event %s (%s) may be absent: order is lost when its topic grows beyond one partition",
				e.Type, strings.Join(e.Key, ", else "))
		}
		c.Report(p)
	},
}

// mayLackKey says whether an event that names a key may be without one. Where nothing can be read from any of its
// paths, that is another rule's.
func mayLackKey(c *Check, e *schema.Event) bool {
	paths := e.KeyPaths()
	return slices.ContainsFunc(paths, (*schema.KeyPath).Known) &&
		!slices.ContainsFunc(paths, func(k *schema.KeyPath) bool { return alwaysThere(c.run.schemas, k) })
}
