package compat

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Check is what a rule's check sees beside its pair: where the pair stands, and how to report.
type Check struct {
	cmp  *comparison
	rule *Rule
	at   place
}

// Name is the last part of the element's path.
func (c *Check) Name() string {
	if c.at.topics != [2]*schema.Topic{} || strings.HasSuffix(c.at.path, ".json") {
		return c.at.path
	}
	return c.at.path[strings.LastIndexByte(c.at.path, '.')+1:]
}

// NewField returns what a field of the old message became, nil when it is gone.
func (c *Check) NewField(old *schema.Field) *schema.Field { return c.at.fields.toNew[old] }

// OldField returns what a field of the new message was, nil when it is new.
func (c *Check) OldField(new *schema.Field) *schema.Field { return c.at.fields.toOld[new] }

// Reshaped says, of an event that is settled, whether other data is written or read as it than before.
func (c *Check) Reshaped() bool { return c.at.reshaped }

// OldSet returns the old schemas.
func (c *Check) OldSet() *schema.Set { return c.cmp.old }

// NewSet returns the new schemas.
func (c *Check) NewSet() *schema.Set { return c.cmp.new }

// Report adds a finding.
func (c *Check) Report(p Problem) {
	r := c.rule
	f := &Finding{
		Subject: c.cmp.subject(c.at, p.Kind), Rule: r.ID, Path: c.at.path, Change: p.Change, Unknown: p.Unknown,
		Severity: cmp.Or(p.Severity, r.Severity), Breaks: cmp.Or(p.Breaks, r.Breaks),
		Encodings: r.Encodings, Pos: p.At,
	}
	if p.Encodings != nil {
		f.Encodings = p.Encodings
	}
	f.Encodings = c.spoken(f.Encodings)
	if f.Pos.File == "" {
		f.Pos = c.at.new
	}
	if f.Pos.File == "" {
		f.Pos, f.InOld = c.at.old, true
	}
	root := c.cmp.new.Root
	if f.InOld {
		root = c.cmp.old.Root
	}
	f.Pos.File = path.Join(root, f.Pos.File)
	f.Fix = p.Fix
	if f.Fix == "" {
		f.Fix = r.Fix
		if strings.Contains(f.Fix, "%s") {
			f.Fix = fmt.Sprintf(f.Fix, cmp.Or(p.Name, c.Name()))
		}
	}
	topics := c.topics(c.cmp.eventsAt(c.at))
	f.Consequence = consequence(f.Breaks, cmp.Or(p.Backward, r.Backward), cmp.Or(p.Forward, r.Forward), c.audience(topics))
	f.rollout = !r.Policy || c.at.events != [2]*schema.Event{}
	if !r.Policy && f.Severity == Error {
		f.Deploy = deployAdvice(f.Breaks, topics)
		known := len(c.cmp.known) > 0 && c.cmp.known[f.Fingerprint()] != nil
		if f.Witness = p.Witness; f.Witness == nil && !known {
			c.show(f, p)
		}
		if f.Witness == nil && !known && (r.Acceptance || p.Acceptance) && !c.narrow(f) {
			return
		}
	}
	if !r.Policy && f.Severity == Error {
		c.cmp.broken = append(c.cmp.broken, broken{f.Breaks, f.Encodings, c.at.messages, c.at.enums, c.at.events})
	}
	c.cmp.findings = append(c.cmp.findings, f)
}

// show looks for a witness.
func (c *Check) show(f *Finding, p Problem) {
	if !c.cmp.opts.NoWitness && c.at.trail.Old != nil {
		f.Witness = c.find(f, p)
	}
}

// find looks for an event that shows a finding.
func (c *Check) find(f *Finding, p Problem) *Witness {
	backward, forward := f.Breaks&Backward != 0, f.Breaks&Forward != 0
	trail := c.at.trail.About(p.Rejections...).Trying(p.Members...)
	if p.Within {
		trail = trail.Inner()
	}
	if p.AsWritten {
		trail = trail.AsWritten()
	}
	w := c.cmp.witnesses.Find(trail, backward, forward, f.Encodings)
	for _, other := range p.Beside {
		if w == nil {
			w = c.cmp.witnesses.Find(c.at.trail.Beside(other.old, other.new), backward, forward, f.Encodings)
		}
	}
	return w
}

// narrow leaves out the encodings of a finding in which it is proved that readers take everything; false where that is
// all of them. What is left is unknown, where the algebra cannot tell and no event was found that does.
func (c *Check) narrow(f *Finding) bool {
	var left []schema.Encoding
	sure := c.cmp.opts.NoWitness || f.Unknown
	for _, e := range f.Encodings {
		switch c.acceptance(f.Breaks, e) {
		case values.Included:
			continue
		case values.NotIncluded:
			sure = true
		}
		left = append(left, e)
	}
	f.Encodings = left
	if !sure {
		f.Unknown = true
		f.Change += " (unknown: no event was found that this breaks)"
	}
	return left != nil
}

// spoken leaves out the encodings that the element does not have: what JSON Schema describes is JSON.
func (c *Check) spoken(all []schema.Encoding) []schema.Encoding {
	lang := schema.JSONSchema
	add := func(p *schema.Package) {
		if p != nil && p.Language == schema.Protobuf {
			lang = schema.Protobuf
		}
	}
	found := false
	for i := range 2 {
		if m := c.at.messages[i]; m != nil {
			add(m.Package)
			found = true
		}
		if e := c.at.enums[i]; e != nil {
			add(e.Package)
			found = true
		}
		if e := c.at.events[i]; e != nil {
			add(e.Package)
			found = true
		}
		if t := c.at.topics[i]; t != nil {
			add(t.Package)
			found = true
		}
	}
	if found && lang == schema.JSONSchema {
		return jsonOnly
	}
	return all
}

// topics returns where records with the element are, sorted by name, each name once.
func (c *Check) topics(events []*schema.Event) []*schema.Topic {
	byName := map[string]*schema.Topic{}
	for _, t := range c.at.topics {
		if t != nil {
			byName[t.Name] = t
		}
	}
	if len(byName) == 0 {
		for _, e := range events {
			if e.Topic != nil {
				byName[e.Topic.Name] = e.Topic
			}
		}
	}
	out := make([]*schema.Topic, 0, len(byName))
	for _, t := range byName {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *schema.Topic) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// audience says where the records are, for the consequence.
func (c *Check) audience(topics []*schema.Topic) string {
	switch {
	case len(topics) == 1:
		return topics[0].Name
	case len(topics) == 2:
		return topics[0].Name + " and " + topics[1].Name
	case len(topics) > 2:
		return fmt.Sprintf("%s and %d other topics", topics[0].Name, len(topics)-1)
	case c.at.trail.New != nil:
		return c.at.trail.New.FullName
	}
	return c.at.path
}

func consequence(d Direction, backward, forward, audience string) string {
	var parts []string
	add := func(text string) {
		if text == "" {
			return
		}
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, audience)
		}
		if !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	if d&Backward != 0 {
		add(backward)
	}
	if d&Forward != 0 {
		add(forward)
	}
	return strings.Join(parts, "; ")
}

func deployAdvice(d Direction, topics []*schema.Topic) string {
	switch d {
	case Forward:
		return "if it must be, deploy every consumer before the first producer"
	case Backward:
		keep, forever := retention(topics)
		switch {
		case forever:
			return "old records are kept for ever, so no order of deployment helps"
		case keep > 0:
			return fmt.Sprintf("if it must be, deploy producers first and let old records run out (%s, dead letters included) before consumers follow", days(keep))
		}
		return "if it must be, deploy producers first and let old records run out before consumers follow"
	}
	return "no order of deployment helps"
}

// retention returns how long old records may still be read, dead letters included.
func retention(topics []*schema.Topic) (keep time.Duration, forever bool) {
	for _, t := range topics {
		for ; t != nil; t = t.DeadLetter {
			if t.Settings.Retention < 0 {
				return 0, true
			}
			keep = max(keep, t.Settings.Retention)
			if t.DeadLetter == t {
				break
			}
		}
	}
	return keep, false
}

// days renders a duration in the largest unit that divides it: "7 days", "36 hours".
func days(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= u.unit && d%u.unit == 0 {
			if d == u.unit {
				return "1 " + u.name
			}
			return fmt.Sprintf("%d %ss", d/u.unit, u.name)
		}
	}
	return d.String()
}
