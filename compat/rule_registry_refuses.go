package compat

import "github.com/omninode/trestle/tools/schema"

// registryRefuses is the one rule of profile confluent.
var registryRefuses = Rule{
	ID:        "REGISTRY_REFUSES",
	Purpose:   "a Schema Registry accepts the schema as the next version of its subject",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "a registry whose level asks for backward compatibility refuses the schema",
	Forward:   "a registry whose level asks for forward compatibility refuses the schema",
	Fix:       "undo the change, or register it under a new subject",
}

// RulesOf lists the rules that judge in a profile, sorted by id.
func RulesOf(p Profile) []Rule {
	if p == Confluent {
		return []Rule{registryRefuses}
	}
	return Rules()
}

// registryVerdict judges as a Confluent Schema Registry does, file by file, and notes what that misses.
func (c *comparison) registryVerdict() {
	for _, p := range pairFiles(c.old, c.new) {
		if p[0] == nil || p[1] == nil {
			continue // another subject, or none any more
		}
		for _, d := range []Direction{Backward, Forward} {
			first, second := p[0], p[1]
			firstSet, secondSet := c.old, c.new
			if d == Forward {
				first, second, firstSet, secondSet = second, first, secondSet, firstSet
			}
			var diffs []difference
			switch {
			case first.Language() != second.Language():
				diffs = differs(second.Path, "TYPE_CHANGED")
			case first.Language() == schema.Protobuf:
				diffs = protobufDifferences(first.Proto, second.Proto)
			default:
				var err error
				if diffs, err = jsonDifferences(firstSet, secondSet, first, second); err != nil {
					c.fault(err)
					return
				}
			}
			c.reportDifferences(diffs, p, d)
		}
	}
	c.noteUnsound()
}

func pairFiles(old, new *schema.Set) [][2]*schema.File {
	olds, news := allFiles(old), allFiles(new)
	if len(olds) == 1 && len(news) == 1 {
		return [][2]*schema.File{{olds[0], news[0]}}
	}
	return pairBy(olds, news, func(f *schema.File) string { return f.Path })
}

func allFiles(s *schema.Set) []*schema.File {
	var out []*schema.File
	for _, p := range s.Packages {
		out = append(out, p.Files...)
	}
	return out
}

// difference is one thing between two schemas for which a registry refuses the second.
type difference struct{ path, kind string }

func (c *comparison) reportDifferences(diffs []difference, files [2]*schema.File, breaks Direction) {
	seen := map[difference]bool{}
	for _, d := range diffs {
		if seen[d] {
			continue
		}
		seen[d] = true
		at := place{path: d.path, old: schema.Position{File: files[0].Path, Line: 1, Col: 1}, new: schema.Position{File: files[1].Path, Line: 1, Col: 1}}
		encodings := jsonOnly
		if files[1].Language() == schema.Protobuf {
			encodings = protobufOnly
		}
		check := &Check{c, &registryRefuses, at}
		check.Report(Problem{Change: d.kind + " at " + d.path, Breaks: breaks, Encodings: encodings})
	}
}

// noteUnsound says what profile guide finds where the registry is content: its verdict stays, and misses that.
func (c *comparison) noteUnsound() {
	var refused Direction
	for _, f := range c.findings {
		refused |= f.Breaks
	}
	g := newComparison(c.old, c.new, c.newUse, Options{Profile: Guide, Mode: c.opts.Mode, NoWitness: c.opts.NoWitness})
	g.run()
	if g.err != nil {
		return
	}
	wanted := c.opts.Mode.directions()
	for _, f := range g.findings {
		if rest := f.Breaks & wanted &^ refused; rest != 0 && f.Severity == Error && !ruleIsPolicy(f.Rule) {
			c.notes = append(c.notes, Note{Subject: f.Subject, Path: f.Path, Pos: f.Pos, Missed: true, Text: "a registry accepts this, but profile guide does not: " + f.Rule + ": " + f.Message()})
		}
	}
}

func ruleIsPolicy(id string) bool {
	for _, r := range Rules() {
		if r.ID == id {
			return r.Policy
		}
	}
	return false
}
