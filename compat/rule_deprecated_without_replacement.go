package compat

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var deprecatedWithoutReplacement = Rule{
	ID:        "DEPRECATED_WITHOUT_REPLACEMENT",
	Purpose:   "what is deprecated says what to use instead",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "whoever reads or writes it in %s learns that it will go, but not where to",
	Forward:   "whoever reads or writes it in %s learns that it will go, but not where to",
	Fix:       "say in the deprecation of %s why, and what replaces it",
	Message: func(c *Check, old, new *schema.Message) {
		if new != nil {
			c.reportDeprecation(old != nil && old.Deprecated != nil, new.Deprecated)
		}
	},
	Field: func(c *Check, old, new *schema.Field) {
		if new != nil {
			c.reportDeprecation(old != nil && old.Deprecated != nil, new.Deprecated)
		}
	},
	EnumValue: func(c *Check, old, new *schema.EnumValue) {
		if new != nil {
			c.reportDeprecation(old != nil && old.Deprecated != nil, new.Deprecated)
		}
	},
}

func (c *Check) reportDeprecation(was bool, d *schema.Deprecation) {
	if d != nil && !was && strings.TrimSpace(d.Reason) == "" {
		c.Report(Problem{Kind: Deprecated, Change: c.Name() + " was deprecated without saying what replaces it"})
	}
}
