package docs

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// index makes the first page.
func (s *site) index() *page {
	p := &page{id: indexPage, title: s.opts.Title}
	s.current = p.id
	var topics, dead []*schema.Topic
	for _, t := range s.set.Topics {
		if len(t.DeadLetterOf) > 0 {
			dead = append(dead, t)
		} else {
			topics = append(topics, t)
		}
	}
	counts := []inline{inline{{text: plural(len(s.set.Events()), "event"), to: link{anchor: "events"}}}}
	count := func(n int, name string, to link) {
		if n > 0 {
			counts = append(counts, inline{{text: plural(n, name), to: to}})
		}
	}
	count(len(topics), "topic", link{anchor: "topics"})
	count(len(dead), "dead-letter topic", link{anchor: "dead-letter-topics"})
	count(len(s.set.Groups), "consumer group", link{anchor: "groups"})
	count(len(s.enums), "enum", link{page: enumsPage})
	count(len(s.opts.History), "release", link{page: changesPage})
	p.lead = []block{paragraph{joined(counts, " · ")}}

	p.body = append(p.body, heading{level: 2, anchor: "events", text: plain("Events")})
	for _, pkg := range s.set.Packages {
		if len(pkg.Events) == 0 && pkg.Family == nil {
			continue
		}
		p.body = append(p.body, heading{level: 3, anchor: anchor(pkg.Name), text: code(pkg.Name)})
		p.body = append(p.body, s.prose(pkg.Doc)...)
		p.body = append(p.body, s.packageVersions(pkg)...)
		if len(pkg.Events) > 0 {
			p.body = append(p.body, s.eventTable(sorted(pkg.Events), "Events of "+pkg.Name, true))
		}
	}
	if len(topics) > 0 {
		p.body = append(p.body, heading{level: 2, anchor: "topics", text: plain("Topics")}, s.topicTable(topics, "Topics"))
	}
	if len(dead) > 0 {
		p.body = append(p.body, heading{level: 2, anchor: "dead-letter-topics", text: plain("Dead-letter topics")}, s.deadTable(dead))
	}
	if len(s.set.Groups) > 0 {
		t := table{label: "Consumer groups", head: []string{"Group", "Run by", "Reads"}}
		for _, g := range s.set.Groups {
			var reads cell
			for _, name := range g.Topics {
				reads = append(reads, s.topicNamed(name))
			}
			t.rows = append(t.rows, []cell{
				{inline{{text: g.Name, code: true, to: link{page: groupsPage, anchor: anchor(g.Name)}}}}, {plain(g.Owner)}, reads,
			})
		}
		p.body = append(p.body, heading{level: 2, anchor: "groups", text: plain("Consumer groups")}, t)
	}
	if len(s.enums) > 0 {
		t := table{label: "Enums", head: []string{"Enum", "What it is"}}
		for _, e := range s.enums {
			t.rows = append(t.rows, []cell{{inline{{text: e.Name, to: link{page: enumsPage, anchor: s.enumAnchors[e]}}}}, {s.summary(e.Doc)}})
		}
		p.body = append(p.body, heading{level: 2, anchor: "enums", text: plain("Enums")}, t)
	}
	return p
}

// eventTable lists events with their topics, or, on the page of a topic, with their roles.
func (s *site) eventTable(events []*schema.Event, label string, withTopics bool) table {
	t := table{label: label, head: []string{"Event", "Role", "What it is"}}
	if withTopics {
		t.head[1] = "Topic"
	}
	for _, e := range events {
		name := cell{s.eventLink(e)}
		if e.Message.Deprecated != nil {
			name = append(name, inline{{text: "deprecated", badge: warnBadge}})
		} else if s.replacement(e) != nil {
			name = append(name, inline{{text: "replaced", badge: warnBadge}})
		}
		topic := cell{plain(strings.ToLower(roleWords[e.Role]))}
		if withTopics && e.Topic != nil {
			topic = cell{s.topicLink(e.Topic)}
		}
		t.rows = append(t.rows, []cell{name, topic, {s.summary(e.Message.Doc)}})
	}
	return t
}

func (s *site) topicTable(topics []*schema.Topic, label string) table {
	t := table{label: label, head: []string{"Topic", "Events", "Settings", "Dead letters"}}
	for _, topic := range topics {
		var events cell
		for _, e := range sorted(topic.Events) {
			events = append(events, s.eventLink(e))
		}
		if len(events) == 0 {
			events = cell{s.summary(topic.Description)}
		}
		var dead cell
		if topic.DeadLetter != nil {
			dead = cell{s.topicLink(topic.DeadLetter)}
		}
		t.rows = append(t.rows, []cell{{s.topicLink(topic)}, events, {plain(settingsWords(topic))}, dead})
	}
	return t
}

func (s *site) deadTable(topics []*schema.Topic) table {
	t := table{label: "Dead-letter topics", head: []string{"Topic", "Of", "Settings"}}
	for _, topic := range topics {
		var sources cell
		for _, source := range topic.DeadLetterOf {
			sources = append(sources, s.topicLink(source))
		}
		t.rows = append(t.rows, []cell{{s.topicLink(topic)}, sources, {plain(settingsWords(topic))}})
	}
	return t
}
