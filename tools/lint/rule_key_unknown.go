package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var keyUnknown = Rule{
	ID:       "KEY_UNKNOWN",
	Purpose:  "every path of a key leads to a string of the payload or of the envelope",
	Why:      "A path that leads nowhere is passed over in silence, and the record has another key than was meant, or none.",
	Severity: Error,
	Event: func(c *Check, e *schema.Event) {
		for _, k := range keyPaths(e) {
			if k.known() {
				continue
			}
			c.Report(Problem{
				Message: "key path " + k.text + " of event " + e.Type + " leads nowhere: " + k.fault + ", and " + envelopeWords(e.Envelope, k.text),
				Fix:     "name a string field by its JSON name, with dots between the parts" + envelopeChoice(e.Envelope),
			})
		}
	},
}

func envelopeWords(e schema.Envelope, path string) string {
	if e == schema.EnvelopeNone {
		return "there is no envelope around it"
	}
	return "the envelope " + string(e) + " has no " + path
}

func envelopeChoice(e schema.Envelope) string {
	paths := slices.Sorted(maps.Keys(envelopePaths[e]))
	if len(paths) == 0 {
		return ""
	}
	return ", or one of the envelope's: " + strings.Join(paths, ", ")
}
