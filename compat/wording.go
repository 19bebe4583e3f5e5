package compat

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/schema"
)

// Wording makes findings of the remaining candidates: it says where each is, what follows for whom, in which order
// to deploy, and what to do instead.
func (c *comparison) word() {
	for _, k := range c.candidates {
		c.findings = append(c.findings, c.finding(k))
	}
}

func (c *comparison) finding(k *candidate) *Finding {
	r, at := k.rule, k.about
	judged := cmp.Or(k.Breaks&c.opts.Mode.directions(), k.Breaks)
	unshown := judged&^k.doubtful == 0
	f := &Finding{
		Subject: c.subject(at, k.Kind), Rule: r.ID, Path: at.path, Change: k.Change, Unknown: k.Unknown || unshown,
		Severity: k.Severity, Breaks: k.Breaks, Encodings: k.Encodings, Fix: k.Fix, Witness: c.witnessOf(k, judged),
		Policy: k.Policy, rollout: !k.Policy || at.events != [2]*schema.Event{},
	}
	f.Pos, f.InOld = c.position(k)
	if unshown {
		f.Change += " (unknown: no event was found that this breaks)"
	}
	if f.Fix == "" {
		f.Fix = fill(r.Fix, cmp.Or(k.Name, at.name()))
	}
	topics := c.topicsOf(at)
	f.Consequence = consequence(k.Breaks, cmp.Or(k.Backward, r.Backward), cmp.Or(k.Forward, r.Forward), at.audience(topics))
	if k.breaksData() || k.Encrypted {
		f.Deploy = cmp.Or(k.Deploy, deployAdvice(k.Breaks, topics))
	}
	return f
}

// position is where a candidate is; in the old files where the new ones do not have it.
func (c *comparison) position(k *candidate) (pos schema.Position, inOld bool) {
	pos = k.At
	if pos.File == "" {
		pos = k.about.newPos
	}
	root := c.new.Root
	if pos.File == "" {
		pos, inOld, root = k.about.oldPos, true, c.old.Root
	}
	pos.File = path.Join(root, pos.File)
	return pos, inOld
}

// fill puts a text where another has %s.
func fill(text, what string) string {
	if !strings.Contains(text, "%s") {
		return text
	}
	return fmt.Sprintf(text, what)
}

// topicsOf returns where records with an element are, sorted by name, each name once.
func (c *comparison) topicsOf(at *element) []*schema.Topic {
	byName := map[string]*schema.Topic{}
	for _, t := range at.topics {
		if t != nil {
			byName[t.Name] = t
		}
	}
	if len(byName) == 0 {
		for _, e := range c.eventsOf(at) {
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
func (e *element) audience(topics []*schema.Topic) string {
	switch {
	case len(topics) == 1:
		return topics[0].Name
	case len(topics) == 2:
		return topics[0].Name + " and " + topics[1].Name
	case len(topics) > 2:
		return fmt.Sprintf("%s and %d other topics", topics[0].Name, len(topics)-1)
	case e.trail.New != nil:
		return e.trail.New.FullName
	case e.messages[1] != nil:
		return e.messages[1].FullName
	case e.schemas[1] != nil:
		return e.schemas[1].path()
	}
	return e.path
}

func consequence(d Direction, backward, forward, audience string) string {
	var parts []string
	add := func(text string) {
		if text == "" {
			return
		}
		if text = fill(text, audience); !slices.Contains(parts, text) {
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
