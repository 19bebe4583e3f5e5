package compat

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Some services refuse events with fields that their version of the schema lacks, whatever the schema says of such fields.
// Schemas say who consumes an event; which of those are closed is said in [Options.ClosedServices].

// closedConsumersOf returns the closed services that consume an event as JSON, by what one side says.
func (c *comparison) closedConsumersOf(e *schema.Event) []string {
	if e == nil || e.Encoding == schema.EncodingProtobuf {
		return nil // unknown numbers are passed over in binary
	}
	return slices.DeleteFunc(slices.Clone(e.ConsumedBy), func(s string) bool { return !slices.Contains(c.opts.ClosedServices, s) })
}

// closedConsumers returns the closed services that consume, by either side, an event that carries an element, sorted.
func (c *comparison) closedConsumers(at *element) []string {
	if len(c.opts.ClosedServices) == 0 {
		return nil
	}
	var out []string
	for _, e := range c.eventsOf(at) {
		out = append(out, c.closedConsumersOf(e)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// closedTrail leads to a field from an event that a closed service consumes; the field may also be part of others.
func (c *comparison) closedTrail(at *element) witness.Trail {
	type way struct {
		to    [2]*schema.Message
		trail witness.Trail
	}
	var open []way
	for _, e := range c.pairs {
		if e[0] == nil || e[1] == nil || len(c.closedConsumersOf(e[0]))+len(c.closedConsumersOf(e[1])) == 0 {
			continue
		}
		if e[0].Message == at.trail.Old && e[1].Message == at.trail.New {
			return at.trail
		}
		open = append(open, way{[2]*schema.Message{e[0].Message, e[1].Message}, witness.Trail{Old: e[0].Message, New: e[1].Message}})
	}
	seen := map[[2]*schema.Message]bool{}
	for len(open) > 0 {
		next := open[0]
		open = open[1:]
		if next.to == at.messages {
			return next.trail.Step(at.oldField, at.newField)
		}
		if next.to[0] == nil || next.to[1] == nil || seen[next.to] {
			continue
		}
		seen[next.to] = true
		for _, p := range pairFields(next.to[0], next.to[1]).list {
			if p.old != nil && p.new != nil {
				to := [2]*schema.Message{values.Innermost(p.old.Type), values.Innermost(p.new.Type)}
				open = append(open, way{to, next.trail.Step(p.old, p.new)})
			}
		}
	}
	return at.trail
}

// listed joins words as in a sentence: "a, b and c".
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
