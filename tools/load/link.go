package load

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
)

// linker resolves what packages say of each other.
type linker struct {
	*draft.Draft
	root string
	// partial says that the files asked for may name events and topics that others declare.
	partial bool
}

// link resolves what packages say of each other: families, event types, replies, topics, groups.
func (l *linker) link() *schema.Set {
	slices.SortFunc(l.Packages, func(a, b *schema.Package) int { return strings.Compare(a.Name, b.Name) })
	set := &schema.Set{Root: l.root, Packages: l.Packages}
	for _, p := range l.Packages {
		slices.SortFunc(p.Files, func(a, b *schema.File) int { return strings.Compare(a.Path, b.Path) })
	}
	l.linkFamilies()
	l.linkKeys(set)
	types := l.linkEvents()
	l.linkReplies(types)
	l.linkTopics(set)
	l.linkGroups(set)
	l.linkRoutes(set)
	return set
}

func (l *linker) linkFamilies() {
	for _, d := range l.Families {
		pos := d.At("", -1)
		if other := d.Package.Family; other != nil {
			l.Fault(pos, "package %s declares its family here and at %s: keep one of them", d.Package.Name, other.Pos)
			continue
		}
		o := d.Option
		l.checkSettings(o.GetTopicSettings(), d.At("topic_settings", -1))
		l.checkSettings(o.GetDeadLetterSettings(), d.At("dead_letter_settings", -1))
		f := &schema.Family{
			Envelope:     cmp.Or(schema.Envelope(draft.ShortName(o.GetEnvelope().Descriptor(), o.GetEnvelope().Number())), schema.EnvelopeNone),
			TopicPattern: o.GetTopicPattern(), DeadLetterPattern: o.GetDeadLetterPattern(),
			TopicSettings: settingsFrom(o.GetTopicSettings()), DeadLetterSettings: settingsFrom(o.GetDeadLetterSettings()),
			EncryptionKey: o.GetEncryptionKey(), Pos: pos,
		}
		if f.EncryptionKey == draft.NoKey {
			l.Fault(d.At("encryption_key", -1), "encryption_key is none, which goes without saying of a family: leave it out")
			f.EncryptionKey = ""
		}
		l.CheckKeyClass(f.EncryptionKey, d.At("encryption_key", -1))
		if f.TopicPattern != "" {
			if err := schema.CheckTopicPattern(f.TopicPattern); err != nil {
				l.Fault(d.At("topic_pattern", -1), "topic_pattern %q: %v", f.TopicPattern, err)
			}
		}
		if err := schema.CheckDeadLetterPattern(f.DeadLetterPattern, f.TopicPattern); err != nil {
			l.Fault(d.At("dead_letter_pattern", -1), "dead_letter_pattern %q: %v", f.DeadLetterPattern, err)
		}
		for _, r := range o.GetRoutes() {
			f.Routes = append(f.Routes, schema.Route{Prefix: r.GetPrefix(), Topic: r.GetTopic()})
		}
		d.Package.Family = f
	}
}

// linkEvents completes the events by their families and returns them by type.
func (l *linker) linkEvents() map[string]*schema.Event {
	types := map[string]*schema.Event{}
	for _, d := range l.Events {
		e := d.Event
		e.Envelope = schema.EnvelopeNone
		if e.Package.Family != nil {
			e.Envelope = e.Package.Family.Envelope
		}
		if name := draft.ShortName(d.Option.GetEnvelope().Descriptor(), d.Option.GetEnvelope().Number()); name != "" {
			e.Envelope = schema.Envelope(name)
		}
		if other, ok := types[e.Type]; ok {
			l.Fault(d.At("type", -1), "event type %q is declared here and at %s: each event needs a type of its own", e.Type, other.Pos)
			continue
		}
		types[e.Type] = e
		switch topic := d.Option.GetTopic(); {
		case e.Role == schema.RoleDeadLetter && topic != "":
			l.Fault(d.At("topic", -1), "%s is a dead letter, which goes to the dead-letter topic of its source: leave topic empty", e.Type)
		case e.Role != schema.RoleDeadLetter && topic == "" && !l.partial:
			l.Fault(e.Pos, "event %s has no topic: name one", e.Type)
		}
	}
	return types
}

func (l *linker) linkReplies(types map[string]*schema.Event) {
	for _, d := range l.Events {
		name := d.Option.GetReply()
		if name == "" {
			continue
		}
		d.Event.Reply = types[name]
		if d.Event.Reply == nil && !l.partial {
			l.Fault(d.At("reply", -1), "reply %q of %s is no event type: is it spelled as the event's type, not its message?", name, d.Event.Type)
		}
	}
}

// The defaults of a group are Kafka's own.
const (
	defaultSessionTimeout    = 45 * time.Second
	defaultHeartbeatInterval = 3 * time.Second
)

func (l *linker) linkGroups(set *schema.Set) {
	first := map[string]*schema.Group{}
	for _, d := range l.Families {
		for i, o := range d.Option.GetConsumerGroups() {
			pos := d.At("consumer_groups", i)
			g := &schema.Group{
				Name: o.GetName(), Topics: o.GetTopics(), AutoOffsetReset: cmp.Or(o.GetAutoOffsetReset(), "latest"),
				EnableAutoCommit:  o.GetEnableAutoCommit(),
				SessionTimeout:    cmp.Or(time.Duration(o.GetSessionTimeoutMs())*time.Millisecond, defaultSessionTimeout),
				HeartbeatInterval: cmp.Or(time.Duration(o.GetHeartbeatIntervalMs())*time.Millisecond, defaultHeartbeatInterval),
				Owner:             o.GetOwner(), Package: d.Package, Pos: pos,
			}
			switch other := first[g.Name]; {
			case g.Name == "":
				l.Fault(pos, "a consumer group needs a name")
			case other != nil:
				l.Fault(pos, "consumer group %q is declared here and at %s: keep one of them", g.Name, other.Pos)
			}
			if g.AutoOffsetReset != "latest" && g.AutoOffsetReset != "earliest" {
				l.Fault(pos, "auto_offset_reset of group %q is %q: it is latest or earliest", g.Name, g.AutoOffsetReset)
			}
			if g.SessionTimeout < 0 || g.HeartbeatInterval < 0 {
				l.Fault(pos, "a time of group %q is negative", g.Name)
			}
			for _, name := range g.Topics {
				if set.Topic(name) == nil && !l.partial {
					l.Fault(pos, "group %q reads topic %q, which nothing declares", g.Name, name)
				}
			}
			first[g.Name] = g
			set.Groups = append(set.Groups, g)
		}
	}
	slices.SortFunc(set.Groups, func(a, b *schema.Group) int { return strings.Compare(a.Name, b.Name) })
}

func (l *linker) linkRoutes(set *schema.Set) {
	for _, d := range l.Families {
		for i, r := range d.Option.GetRoutes() {
			if set.Topic(r.GetTopic()) == nil && !l.partial {
				l.Fault(d.At("routes", i), "route %q leads to topic %q, which nothing declares: add it to the family's topics", r.GetPrefix(), r.GetTopic())
			}
		}
	}
}
