package compat

import "github.com/omninode/trestle/tools/schema"

// Check is what a rule's check sees beside its pair: where the pair stands, and how to report.
type Check struct {
	cmp  *comparison
	rule *Rule
	at   *element
}

// Name is the last part of the element's path.
func (c *Check) Name() string { return c.at.name() }

// NewField returns what a field of the old message became, nil when it is gone.
func (c *Check) NewField(old *schema.Field) *schema.Field { return c.at.fields.toNew[old] }

// OldField returns what a field of the new message was, nil when it is new.
func (c *Check) OldField(new *schema.Field) *schema.Field { return c.at.fields.toOld[new] }

// DataChanged says, in a check of events last, whether other data is written or read as the event than before.
func (c *Check) DataChanged() bool { return c.at.dataChanged }

// OldSet returns the old schemas.
func (c *Check) OldSet() *schema.Set { return c.cmp.old }

// NewSet returns the new schemas.
func (c *Check) NewSet() *schema.Set { return c.cmp.new }

// Report adds a candidate for a finding.
func (c *Check) Report(p Problem) { c.cmp.report(c.rule, c.at, p) }
