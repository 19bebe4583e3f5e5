package lint

import (
	"regexp"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var deprecatedReplacement = Rule{
	ID:       "DEPRECATED_REPLACEMENT",
	Purpose:  "what is deprecated says why, and what to use instead",
	Why:      "Whoever reads or writes it learns that it will go, but not where to, and so stays with it.",
	Severity: Warning,
	Message: func(c *Check, m *schema.Message) {
		reportDeprecation(c, m.Deprecated, m.Doc, "in a line of its comment that begins with \"Deprecated:\"")
	},
	Field: func(c *Check, f *schema.Field) {
		reportDeprecation(c, f.Deprecated, f.Doc, "in deprecated_reason")
	},
	EnumValue: func(c *Check, _ *schema.Enum, v *schema.EnumValue) {
		reportDeprecation(c, v.Deprecated, v.Doc, "in a line of its comment that begins with \"Deprecated:\"")
	},
}

// deprecatedLine is how a comment says why: messages and enum values have no option for it.
var deprecatedLine = regexp.MustCompile(`(?m)^Deprecated: *\S`)

func reportDeprecation(c *Check, d *schema.Deprecation, doc, where string) {
	if d == nil || strings.TrimSpace(d.Reason) != "" || deprecatedLine.MatchString(doc) {
		return
	}
	c.Report(Problem{
		Message: c.name + " is deprecated, and does not say what to use instead",
		Fix:     "say why, and what replaces it, " + where,
	})
}
