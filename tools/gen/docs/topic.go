package docs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// settingsWords says in short how a topic is set.
func settingsWords(t *schema.Topic) string {
	return plural(int64(t.Settings.Partitions), "partition") + ", kept " + retention(t.Settings.Retention)
}

// topic makes a topic's page.
func (s *site) topic(t *schema.Topic) *page {
	p := &page{id: topicID(t.Name), kind: "Topic", title: t.Name}
	s.current = p.id
	if len(t.DeadLetterOf) > 0 {
		p.kind = "Dead-letter topic"
	}
	if t.RetryOf != nil {
		p.kind = "Retry topic"
	}
	p.lead = s.prose(t.Description)
	p.facts = s.topicFacts(t)
	for _, e := range sorted(t.Events) {
		if e.Topic == t {
			p.flow = append(p.flow, flow{e.PublishedBy, s.eventLink(e), e.ConsumedBy})
		}
	}
	p.body = append(p.body, heading{level: 2, anchor: "events", text: plain("Events")})
	switch {
	case t.RetryOf != nil:
		p.body = append(p.body, paragraph{append(plain("Those of "), append(s.topicLink(t.RetryOf), plain(" that wait to be handled again.")...)...)})
	case len(t.Events) == 0:
		p.body = append(p.body, paragraph{plain("No schema declares an event for this topic.")})
	default:
		p.body = append(p.body, s.eventTable(sorted(t.Events), "Events on "+t.Name, false))
	}
	if len(t.DeadLetterOf) > 0 {
		p.body = append(p.body, heading{level: 2, text: plain("Takes the dead letters of")})
		var items []inline
		for _, source := range t.DeadLetterOf {
			items = append(items, s.topicLink(source))
		}
		p.body = append(p.body, list{items})
	}
	if routes := s.routesTo(t); len(routes) > 0 {
		p.body = append(p.body, heading{level: 2, text: plain("Routes")},
			paragraph{plain("Events whose type no schema declares come here by the beginning of their type:")}, list{routes})
	}
	var words []string
	for _, e := range t.Events {
		words = append(words, e.Type)
	}
	summary := s.summary(t.Description)
	if len(summary) == 0 {
		summary = plain(strings.Join(words, ", "))
	}
	s.searchable(p, summary, words...)
	return p
}

func sorted(events []*schema.Event) []*schema.Event {
	list := slices.Clone(events)
	slices.SortStableFunc(list, func(a, b *schema.Event) int { return strings.Compare(a.Type, b.Type) })
	return list
}

func (s *site) routesTo(t *schema.Topic) []inline {
	var out []inline
	for _, p := range s.set.Packages {
		if p.Family == nil {
			continue
		}
		for _, r := range p.Family.Routes {
			switch {
			case r.Topic != t.Name:
			case r.Prefix == "":
				out = append(out, plain("anything else"))
			default:
				out = append(out, code(r.Prefix+".*"))
			}
		}
	}
	return out
}

func (s *site) topicFacts(t *schema.Topic) []fact {
	var out []fact
	add := func(name string, lines ...inline) {
		if len(lines) > 0 && len(lines[0]) > 0 {
			out = append(out, fact{name, lines})
		}
	}
	words := t.Settings
	if words.Partitions > 0 {
		add("Partitions", plain(strconv.Itoa(int(words.Partitions))))
	}
	add("Kept", plain(retention(words.Retention)))
	if words.CleanupPolicy != "" {
		add("Cleanup", code(words.CleanupPolicy))
	}
	if words.CompressionType != "" {
		add("Compression", code(words.CompressionType))
	}
	if words.MaxMessageBytes > 0 {
		add("Largest message", plain(size(words.MaxMessageBytes)))
	}
	if t.DeadLetter != nil {
		add("Dead letters", s.topicLink(t.DeadLetter))
	}
	for _, r := range t.Retries {
		add("Tried again", append(plain(fmt.Sprintf("%s, after %v: ", plural(int64(r.Attempts), "time"), r.Delay)), s.topicLink(r.Topic)...))
	}
	add("Consumer groups", s.groupLinks(t.Name)...)
	if t.Package != nil {
		add("Package", inline{{text: t.Package.Name, code: true, to: link{page: indexPage, anchor: anchor(t.Package.Name)}}})
	}
	if t.Pos.File != "" {
		add("Schema", s.position(t.Pos))
	}
	return out
}

// groups makes the page of the consumer groups.
func (s *site) groups() *page {
	p := &page{id: groupsPage, title: "Consumer groups"}
	s.current = p.id
	p.lead = []block{paragraph{plain("The consumer groups that the schemas declare, and what they read.")}}
	for _, g := range s.set.Groups {
		p.body = append(p.body, heading{level: 2, anchor: anchor(g.Name), text: code(g.Name)})
		t := table{label: "Settings of " + g.Name, head: []string{"Setting", "Value"}}
		row := func(name string, lines ...inline) { t.rows = append(t.rows, []cell{{plain(name)}, lines}) }
		if g.Owner != "" {
			row("Run by", plain(g.Owner))
		}
		var topics cell
		for _, name := range g.Topics {
			topics = append(topics, s.topicNamed(name))
		}
		row("Reads", topics...)
		if g.AutoOffsetReset != "" {
			row("Starts at, without a committed offset", plain(g.AutoOffsetReset))
		}
		if g.EnableAutoCommit {
			row("Commits", plain("as work is done"))
		} else {
			row("Commits", plain("by the handler"))
		}
		if g.SessionTimeout > 0 {
			row("Session timeout", plain(retention(g.SessionTimeout)))
		}
		if g.HeartbeatInterval > 0 {
			row("Heartbeat", plain("every "+retention(g.HeartbeatInterval)))
		}
		if g.Pos.File != "" {
			row("Schema", s.position(g.Pos))
		}
		p.body = append(p.body, t)
		s.entries = append(s.entries, entry{Kind: "Consumer group", Name: g.Name, page: groupsPage, anchor: anchor(g.Name), Words: strings.Join(append(g.Topics[:len(g.Topics):len(g.Topics)], g.Owner), " ")})
	}
	return p
}

// enumPage makes the page of the enums.
func (s *site) enumPage() *page {
	p := &page{id: enumsPage, title: "Enums"}
	s.current = p.id
	p.lead = []block{paragraph{plain("The lists of values that fields of events choose from, as they are written in JSON.")}}
	for _, e := range s.enums {
		p.body = append(p.body, heading{level: 2, anchor: s.enumAnchors[e], text: plain(e.Name)})
		p.body = append(p.body, s.prose(e.Doc)...)
		t := table{label: "Values of " + e.Name, head: []string{"Value", "What it means"}}
		var words []string
		for _, v := range e.Values {
			if v.JSONName == "" {
				continue
			}
			words = append(words, v.JSONName)
			first, what := cell{code(v.JSONName)}, s.lines(v.Doc)
			if d := v.Deprecated; d != nil {
				first = append(first, inline{{text: "deprecated", badge: warnBadge}})
				if d.Reason != "" {
					what = append(what, s.line(d.Reason))
				}
			}
			t.rows = append(t.rows, []cell{first, what})
		}
		if !slices.ContainsFunc(t.rows, func(r []cell) bool { return len(r[1]) > 0 }) {
			t.head = t.head[:1]
			for i := range t.rows {
				t.rows[i] = t.rows[i][:1]
			}
		}
		p.body = append(p.body, t)
		if users := s.usersOf(e); len(users) > 0 {
			p.body = append(p.body, paragraph{and(plain("Used by "), joined(users, ", "), plain("."))})
		}
		if e.Pos.File != "" {
			p.body = append(p.body, paragraph{and(plain("Schema: "), s.position(e.Pos))})
		}
		s.entries = append(s.entries, entry{
			Kind: "Enum", Name: e.Name, page: enumsPage, anchor: s.enumAnchors[e], About: flat(s.summary(e.Doc)), Words: strings.Join(words, " "),
		})
	}
	return p
}

func (s *site) usersOf(enum *schema.Enum) []inline {
	var out []inline
	for _, e := range s.enumUsers[enum] {
		out = append(out, s.eventLink(e))
	}
	return out
}
