package lint

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Check is what a rule's check sees beside its element, and how it reports.
type Check struct {
	run  *run
	rule *Rule
	// path, name and pos are those of the element.
	path, name string
	pos        schema.Position
}

// Problem is what a check reports. Only Message must be set.
type Problem struct {
	// Message says what is wrong and what follows from it, in one line without a full stop.
	Message string
	// Severity and Fix replace the rule's, At the element's place.
	Severity Severity
	Fix      string
	At       schema.Position
}

// Report adds a finding about the element.
func (c *Check) Report(p Problem) {
	fix := p.Fix
	if fix == "" {
		fix = c.rule.Fix
		if strings.Contains(fix, "%s") {
			fix = fmt.Sprintf(fix, c.name)
		}
	}
	at := p.At
	if at.File == "" {
		at = c.pos
	}
	c.run.add(&Finding{
		Rule: c.rule.ID, Severity: cmp.Or(p.Severity, c.rule.Severity),
		Pos: at, Path: c.path, Message: p.Message, Fix: fix,
	})
}

// Reportf reports a problem with the rule's own severity and fix.
func (c *Check) Reportf(format string, args ...any) {
	c.Report(Problem{Message: fmt.Sprintf(format, args...)})
}
