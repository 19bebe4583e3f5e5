package compat

import (
	"github.com/omninode/trestle/compat/confluent"
	"github.com/omninode/trestle/tools/schema"
)

// judgeAsRegistry judges as a Confluent Schema Registry does, and notes what that misses. It takes no other step: what a
// registry refuses, no event shows.
func (c *comparison) judgeAsRegistry() {
	sides, err := c.references()
	if err != nil {
		c.fail(err)
		return
	}
	whole := c.pairWholeSchemas(sides)
	c.countCompared(pairRoots(c.old, c.new, c.oldUse, c.newUse, whole.compared), whole)
	refusals, err := confluent.Compare(c.old, c.new, whole.compared)
	if err != nil {
		c.fail(err)
		return
	}
	for _, r := range refusals {
		at := &element{path: r.Path, oldPos: schema.Position{File: r.Old.Path, Line: 1, Col: 1}, newPos: schema.Position{File: r.New.Path, Line: 1, Col: 1}}
		p := Problem{Change: r.Kind + " at " + r.Path, Breaks: Backward, Encodings: jsonOnly}
		if r.Forward {
			p.Breaks = Forward
		}
		if r.New.Language() == schema.Protobuf {
			p.Encodings = protobufOnly
		}
		c.report(&registryRefuses, at, p)
	}
	c.word()
	c.noteMissed()
}

// noteMissed notes what profile guide finds where the registry is content: the registry's verdict stays, and misses that.
func (c *comparison) noteMissed() {
	var refused Direction
	for _, f := range c.findings {
		refused |= f.Breaks
	}
	guide := newComparison(c.old, c.new, c.newUse, Options{Profile: Guide, Mode: c.opts.Mode, NoWitness: c.opts.NoWitness})
	guide.run()
	if guide.err != nil {
		return
	}
	if c.compared.allNew {
		c.notes = guide.notes
	}
	for _, f := range guide.findings {
		missed := f.Breaks & c.opts.Mode.directions() &^ refused
		if missed != 0 && !f.Policy && f.Severity == Error {
			c.notes = append(c.notes, Note{
				Subject: f.Subject, Path: f.Path, Pos: f.Pos, Missed: true,
				Text: "a registry accepts this, but profile guide does not: " + f.Rule + ": " + f.Message(),
			})
		}
	}
}
