package docs

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Release is what a version of the schemas changed since the one before it.
type Release struct {
	Name, Since string // "v1.1.0", "v1.0.0"
	Changes     []Change
}

// Change is what a release changed of an event, or of something that several events share or none carries.
type Change struct {
	// Event is an event's type, empty for what is none; Name then says what it is.
	Event, Name string
	// SharedBy holds the types of the events that share it.
	SharedBy []string
	// Added says that the event came with this release, Version what its schema version did, "1.0 → 1.1".
	Added   bool
	Version string
	Points  []Point
}

// Point is one thing that changed.
type Point struct {
	Kind     string // "added", "changed", "deprecated", "removed", "documented"
	Breaking bool
	Text     string
}

// changesPage is the page of all releases; there is none without a history.
const changesPage = "changes"

func (s *site) changes() *page {
	p := &page{id: changesPage, title: "Changes"}
	s.current = p.id
	p.lead = []block{paragraph{plain("What changed from version to version, the newest first.")}}
	for _, r := range s.opts.History {
		p.body = append(p.body, heading{level: 2, anchor: anchor(r.Name), text: plain(r.Name)})
		p.body = append(p.body, paragraph{and(plain("Since "), plain(r.Since), plain("."))})
		t := table{label: "Changes of " + r.Name, head: []string{"What", "Changes"}}
		for _, c := range r.Changes {
			if len(c.Points) == 0 && c.Version == "" {
				continue // what it shares with others has a row of its own
			}
			name := cell{code(c.Name)}
			if c.Event != "" {
				name = cell{s.eventNamed(c.Event)}
			}
			if c.Version != "" {
				name = append(name, inline{{text: "schema version " + c.Version, badge: plainBadge}})
			}
			var points cell
			for _, point := range c.Points {
				points = append(points, pointLine(point))
			}
			if len(c.SharedBy) > 0 {
				var users []inline
				for _, e := range c.SharedBy {
					users = append(users, s.eventNamed(e))
				}
				points = append(points, and(plain("in "), joined(users, ", ")))
			}
			t.rows = append(t.rows, []cell{name, points})
		}
		p.body = append(p.body, t)
		s.entries = append(s.entries, entry{Kind: "Changes", Name: r.Name, page: changesPage, anchor: anchor(r.Name)})
	}
	return p
}

// eventNamed leads to the page of an event, where there is one.
func (s *site) eventNamed(eventType string) inline {
	if e := s.set.Event(eventType); e != nil {
		return s.eventLink(e)
	}
	return code(eventType)
}

// pointBadges are the marks of what one should look at twice.
var pointBadges = map[string]badge{"deprecated": warnBadge, "removed": warnBadge}

func pointLine(p Point) inline {
	mark := span{text: p.Kind, badge: plainBadge}
	if b := pointBadges[p.Kind]; b != noBadge {
		mark.badge = b
	}
	if p.Breaking {
		mark = span{text: "breaking", badge: warnBadge}
	}
	return and(inline{mark}, plain(p.Text))
}

// eventChanges are the releases that changed an event, the newest first.
func (s *site) eventChanges(e *schema.Event) []block {
	var out []block
	for _, r := range s.opts.History {
		var points []inline
		title := inline{{text: r.Name, to: link{page: changesPage, anchor: anchor(r.Name)}}}
		for _, c := range r.Changes {
			if !c.concerns(e) {
				continue
			}
			if c.Version != "" {
				title = and(title, plain(" · schema version "+c.Version))
			}
			for _, point := range c.Points {
				if c.Event == "" {
					point.Text += " (" + lastPart(c.Name) + ")"
				}
				points = append(points, pointLine(point))
			}
		}
		if len(points) > 0 || len(title) > 1 {
			out = append(out, heading{level: 3, anchor: "changes-" + anchor(r.Name), text: title})
		}
		if len(points) > 0 {
			out = append(out, list{points})
		}
	}
	if len(out) > 0 {
		out = append([]block{heading{level: 2, anchor: "changes", text: plain("Changes")}}, out...)
	}
	return out
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// concerns says whether a change is one of an event, or of what it shares with others.
func (c *Change) concerns(e *schema.Event) bool {
	if c.Event != "" {
		return c.Event == e.Type
	}
	for _, t := range c.SharedBy {
		if t == e.Type {
			return true
		}
	}
	return false
}

// since is the release that an event came with, empty when it is older than the history.
func (s *site) since(e *schema.Event) inline {
	for _, r := range s.opts.History {
		for _, c := range r.Changes {
			if c.Added && c.Event == e.Type {
				return inline{{text: r.Name, to: link{page: changesPage, anchor: anchor(r.Name)}}}
			}
		}
	}
	return nil
}
