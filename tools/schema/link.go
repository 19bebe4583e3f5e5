package schema

import (
	"cmp"
	"slices"
	"strings"
	"time"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
)

// addEvent notes a message that is an event.
func (l *loader) addEvent(m *Message, option *trestlev1.Event, at locator) {
	e := &Event{
		Type: cmp.Or(option.GetType(), m.Name), Message: m, Package: m.Package, Key: option.GetKey(),
		Encoding:    cmp.Or(Encoding(shortName(option.GetEncoding().Descriptor(), option.GetEncoding().Number())), EncodingJSON),
		Role:        cmp.Or(Role(shortName(option.GetRole().Descriptor(), option.GetRole().Number())), RoleEvent),
		PublishedBy: option.GetPublishedBy(), ConsumedBy: option.GetConsumedBy(), Pos: at("", -1),
	}
	m.Package.Events = append(m.Package.Events, e)
	l.events = append(l.events, eventDecl{event: e, option: option, at: at})
}

// link resolves what packages say of each other: families, event types, replies, topics, groups.
func (l *loader) link() *Set {
	slices.SortFunc(l.listed, func(a, b *Package) int { return strings.Compare(a.Name, b.Name) })
	set := &Set{Root: l.tree.root, Packages: l.listed}
	for _, p := range l.listed {
		slices.SortFunc(p.Files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
	}
	l.linkFamilies()
	types := l.linkEvents()
	l.linkReplies(types)
	l.linkTopics(set)
	l.linkGroups(set)
	l.linkRoutes(set)
	return set
}

func (l *loader) linkFamilies() {
	for _, d := range l.families {
		pos := d.at("", -1)
		if other := d.pkg.Family; other != nil {
			l.errs.add(pos, "package %s declares its family here and at %s: keep one of them", d.pkg.Name, other.Pos)
			continue
		}
		o := d.option
		l.checkSettings(o.GetTopicSettings(), d.at("topic_settings", -1))
		l.checkSettings(o.GetDeadLetterSettings(), d.at("dead_letter_settings", -1))
		f := &Family{
			Envelope:     cmp.Or(Envelope(shortName(o.GetEnvelope().Descriptor(), o.GetEnvelope().Number())), EnvelopeNone),
			TopicPattern: o.GetTopicPattern(), DeadLetterPattern: o.GetDeadLetterPattern(),
			TopicSettings: settingsFrom(o.GetTopicSettings()), DeadLetterSettings: settingsFrom(o.GetDeadLetterSettings()),
			Pos: pos,
		}
		if f.TopicPattern != "" {
			if _, err := compileTopicPattern(f.TopicPattern); err != nil {
				l.errs.add(d.at("topic_pattern", -1), "topic_pattern %q: %v", f.TopicPattern, err)
			}
		}
		if err := checkDeadLetterPattern(f.DeadLetterPattern, f.TopicPattern); err != nil {
			l.errs.add(d.at("dead_letter_pattern", -1), "dead_letter_pattern %q: %v", f.DeadLetterPattern, err)
		}
		for _, r := range o.GetRoutes() {
			f.Routes = append(f.Routes, Route{Prefix: r.GetPrefix(), Topic: r.GetTopic()})
		}
		d.pkg.Family = f
	}
}

// linkEvents completes the events by their families and returns them by type.
func (l *loader) linkEvents() map[string]*Event {
	types := map[string]*Event{}
	for _, d := range l.events {
		e := d.event
		e.Envelope = EnvelopeNone
		if e.Package.Family != nil {
			e.Envelope = e.Package.Family.Envelope
		}
		if name := shortName(d.option.GetEnvelope().Descriptor(), d.option.GetEnvelope().Number()); name != "" {
			e.Envelope = Envelope(name)
		}
		if other, ok := types[e.Type]; ok {
			l.errs.add(d.at("type", -1), "event type %q is declared here and at %s: each event needs a type of its own", e.Type, other.Pos)
			continue
		}
		types[e.Type] = e
		switch topic := d.option.GetTopic(); {
		case e.Role == RoleDeadLetter && topic != "":
			l.errs.add(d.at("topic", -1), "%s is a dead letter, which goes to the dead-letter topic of its source: leave topic empty", e.Type)
		case e.Role != RoleDeadLetter && topic == "" && !l.tree.partial:
			l.errs.add(e.Pos, "event %s has no topic: name one", e.Type)
		}
	}
	return types
}

func (l *loader) linkReplies(types map[string]*Event) {
	for _, d := range l.events {
		name := d.option.GetReply()
		if name == "" {
			continue
		}
		d.event.Reply = types[name]
		if d.event.Reply == nil && !l.tree.partial {
			l.errs.add(d.at("reply", -1), "reply %q of %s is no event type: is it spelled as the event's type, not its message?", name, d.event.Type)
		}
	}
}

// The defaults of a group are Kafka's own.
const (
	defaultSessionTimeout    = 45 * time.Second
	defaultHeartbeatInterval = 3 * time.Second
)

func (l *loader) linkGroups(set *Set) {
	first := map[string]*Group{}
	for _, d := range l.families {
		for i, o := range d.option.GetConsumerGroups() {
			pos := d.at("consumer_groups", i)
			g := &Group{
				Name: o.GetName(), Topics: o.GetTopics(), AutoOffsetReset: cmp.Or(o.GetAutoOffsetReset(), "latest"),
				EnableAutoCommit:  o.GetEnableAutoCommit(),
				SessionTimeout:    cmp.Or(time.Duration(o.GetSessionTimeoutMs())*time.Millisecond, defaultSessionTimeout),
				HeartbeatInterval: cmp.Or(time.Duration(o.GetHeartbeatIntervalMs())*time.Millisecond, defaultHeartbeatInterval),
				Owner:             o.GetOwner(), Pos: pos,
			}
			switch other := first[g.Name]; {
			case g.Name == "":
				l.errs.add(pos, "a consumer group needs a name")
			case other != nil:
				l.errs.add(pos, "consumer group %q is declared here and at %s: keep one of them", g.Name, other.Pos)
			}
			if g.AutoOffsetReset != "latest" && g.AutoOffsetReset != "earliest" {
				l.errs.add(pos, "auto_offset_reset of group %q is %q: it is latest or earliest", g.Name, g.AutoOffsetReset)
			}
			if g.SessionTimeout < 0 || g.HeartbeatInterval < 0 {
				l.errs.add(pos, "a time of group %q is negative", g.Name)
			}
			for _, name := range g.Topics {
				if set.Topic(name) == nil && !l.tree.partial {
					l.errs.add(pos, "group %q reads topic %q, which nothing declares", g.Name, name)
				}
			}
			first[g.Name] = g
			set.Groups = append(set.Groups, g)
		}
	}
	slices.SortFunc(set.Groups, func(a, b *Group) int { return strings.Compare(a.Name, b.Name) })
}

func (l *loader) linkRoutes(set *Set) {
	for _, d := range l.families {
		for i, r := range d.option.GetRoutes() {
			if set.Topic(r.GetTopic()) == nil && !l.tree.partial {
				l.errs.add(d.at("routes", i), "route %q leads to topic %q, which nothing declares: add it to the family's topics", r.GetPrefix(), r.GetTopic())
			}
		}
	}
}
