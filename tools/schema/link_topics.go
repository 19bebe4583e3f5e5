package schema

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Settings of a topic that nothing says anything about: Kafka's defaults.
var defaultSettings = TopicSettings{
	Partitions: 1, Retention: 7 * 24 * time.Hour, CleanupPolicy: "delete", CompressionType: "producer",
}

// topicDraft is a topic while its declarations are collected.
type topicDraft struct {
	topic *Topic
	// explicit are the settings that events and topic declarations name, by the vocabulary's words.
	explicit map[string]explicitSetting
	// packages that declare the topic, in order.
	packages []*Package
	// deadLetter is the dead-letter topic that is named or derived, empty for none.
	deadLetter    string
	deadLetterPos Position
	// sources are the topics whose dead letters this one takes.
	sources []*topicDraft
}

type explicitSetting struct {
	value protoreflect.Value
	pos   Position
}

// linkTopics collects the topics that events and families declare, derives their dead-letter topics and resolves the
// settings of all.
func (l *loader) linkTopics(set *Set) {
	drafts := map[string]*topicDraft{}
	draft := func(name string, p *Package, pos Position) *topicDraft {
		d, ok := drafts[name]
		if !ok {
			if err := checkTopicName(name); err != nil {
				l.errs.add(pos, "%v", err)
			}
			d = &topicDraft{topic: &Topic{Name: name, Package: p, Pos: pos}, explicit: map[string]explicitSetting{}}
			drafts[name] = d
		}
		if !slices.Contains(d.packages, p) {
			d.packages = append(d.packages, p)
		}
		return d
	}
	for _, f := range l.families {
		for i, o := range f.option.GetTopics() {
			pos := f.at("topics", i)
			d := draft(o.GetName(), f.pkg, pos)
			d.topic.Description = cmp.Or(d.topic.Description, o.GetDescription())
			l.mergeSettings(d, o.GetSettings(), pos)
			l.nameDeadLetter(d, o.GetDeadLetterTopic(), pos)
		}
	}
	for _, e := range l.events {
		name := e.option.GetTopic()
		if name == "" || e.event.Role == RoleDeadLetter {
			continue
		}
		d := draft(name, e.event.Package, e.at("topic", -1))
		d.topic.Events = append(d.topic.Events, e.event)
		e.event.Topic = d.topic
		l.mergeSettings(d, e.option.GetTopicSettings(), e.at("topic_settings", -1))
		l.nameDeadLetter(d, e.option.GetDeadLetterTopic(), e.at("dead_letter_topic", -1))
	}
	l.deriveDeadLetters(drafts)
	for _, name := range slices.Sorted(maps.Keys(drafts)) {
		d := drafts[name]
		if d.deadLetter == "" {
			continue
		}
		dead := draft(d.deadLetter, d.packages[0], d.deadLetterPos)
		dead.sources = append(dead.sources, d)
	}
	l.finishTopics(set, drafts)
}

// mergeSettings adds what one declaration says of a topic's settings.
func (l *loader) mergeSettings(d *topicDraft, o *trestlev1.TopicSettings, pos Position) {
	l.checkSettings(o, pos)
	o.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(fd.Name())
		if other, ok := d.explicit[name]; ok && !other.value.Equal(v) {
			l.errs.add(pos, "%s of topic %s is %v here and %v at %s: a topic has one setting", name, d.topic.Name, v, other.value, other.pos)
		} else if !ok {
			d.explicit[name] = explicitSetting{value: v, pos: pos}
		}
		return true
	})
}

func (l *loader) nameDeadLetter(d *topicDraft, name string, pos Position) {
	switch {
	case name == "":
	case d.deadLetter == "":
		d.deadLetter, d.deadLetterPos = name, pos
	case d.deadLetter != name:
		l.errs.add(pos, "the dead-letter topic of %s is %s here and %s at %s: a topic has one", d.topic.Name, name, d.deadLetter, d.deadLetterPos)
	}
}

// deriveDeadLetters names, by the family's pattern, the dead-letter topic of each topic that has none and is none.
func (l *loader) deriveDeadLetters(drafts map[string]*topicDraft) {
	names := slices.Sorted(maps.Keys(drafts))
	isDeadLetter := map[string]bool{}
	for _, name := range names {
		d := drafts[name]
		if d.deadLetter != "" {
			isDeadLetter[d.deadLetter] = true
		} else if derived, ok := d.derive(); ok {
			isDeadLetter[derived] = true
		}
	}
	for _, name := range names {
		d := drafts[name]
		if d.deadLetter != "" || isDeadLetter[name] {
			continue
		}
		derived, ok := d.derive()
		if !ok && !l.tree.partial {
			family := d.packages[0].Family
			l.errs.add(d.topic.Pos, "topic %s does not follow topic_pattern %q, which its dead-letter topic %q is derived by: rename it, or name dead_letter_topic",
				name, family.TopicPattern, family.DeadLetterPattern)
		}
		if ok {
			d.deadLetter, d.deadLetterPos = derived, d.topic.Pos
		}
	}
}

func (d *topicDraft) derive() (string, bool) {
	if d.packages[0].Family == nil {
		return "", true
	}
	return d.packages[0].Family.DeadLetterName(d.topic.Name)
}

func (l *loader) finishTopics(set *Set, drafts map[string]*topicDraft) {
	for _, name := range slices.Sorted(maps.Keys(drafts)) {
		d := drafts[name]
		t := d.topic
		t.Settings = l.resolveSettings(d)
		if d.deadLetter != "" {
			t.DeadLetter = drafts[d.deadLetter].topic
		}
		var of []string
		for _, s := range d.sources {
			t.DeadLetterOf = append(t.DeadLetterOf, s.topic)
			of = append(of, s.topic.Name)
		}
		if len(of) > 0 {
			t.Description = cmp.Or(t.Description, "Dead letters of "+strings.Join(of, ", ")+".")
			if e := l.deadLetterEvent(t); e != nil {
				t.Events = append(t.Events, e)
			}
		}
		set.Topics = append(set.Topics, t)
	}
}

// deadLetterEvent finds the event that a dead-letter topic carries: that of its own package, else the only one there
// is.
func (l *loader) deadLetterEvent(t *Topic) *Event {
	var all, own []*Event
	for _, d := range l.events {
		if d.event.Role == RoleDeadLetter {
			all = append(all, d.event)
			if d.event.Package == t.Package {
				own = append(own, d.event)
			}
		}
	}
	candidates := all
	if len(own) > 0 {
		candidates = own
	}
	if len(candidates) > 1 {
		l.errs.add(candidates[1].Pos, "two events are dead letters, %s (%s) and %s: a dead-letter topic carries one",
			candidates[0].Type, candidates[0].Pos, candidates[1].Type)
	}
	if len(candidates) == 0 {
		return nil
	}
	return candidates[0]
}

// resolveSettings layers a topic's settings: what its declarations say, over the family's, over Kafka's defaults.
func (l *loader) resolveSettings(d *topicDraft) TopicSettings {
	option := &trestlev1.TopicSettings{}
	for name, s := range d.explicit {
		option.ProtoReflect().Set(option.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name)), s.value)
	}
	explicit := settingsFrom(option)
	resolved := explicit.over(inherited(d, d.packages[0])).over(defaultSettings)
	for _, p := range d.packages[1:] {
		other := explicit.over(inherited(d, p)).over(defaultSettings)
		if other != resolved {
			l.errs.add(d.topic.Pos, "topic %s inherits %s from package %s and %s from package %s: name its settings",
				d.topic.Name, resolved, d.packages[0].Name, other, p.Name)
		}
	}
	return resolved
}

// inherited are the settings that a topic has from a package's family.
func inherited(d *topicDraft, p *Package) TopicSettings {
	switch {
	case p.Family == nil:
		return TopicSettings{}
	case len(d.sources) > 0:
		return p.Family.DeadLetterSettings.over(p.Family.TopicSettings)
	}
	return p.Family.TopicSettings
}

// over returns s, with what it leaves open taken from base.
func (s TopicSettings) over(base TopicSettings) TopicSettings {
	return TopicSettings{
		Partitions:      cmp.Or(s.Partitions, base.Partitions),
		Retention:       cmp.Or(s.Retention, base.Retention),
		CleanupPolicy:   cmp.Or(s.CleanupPolicy, base.CleanupPolicy),
		CompressionType: cmp.Or(s.CompressionType, base.CompressionType),
		MaxMessageBytes: cmp.Or(s.MaxMessageBytes, base.MaxMessageBytes),
	}
}

// String renders the settings in the vocabulary's words.
func (s TopicSettings) String() string {
	retention := int64(-1)
	if s.Retention >= 0 {
		retention = s.Retention.Milliseconds()
	}
	return fmt.Sprintf("partitions %d, retention_ms %d, cleanup_policy %s, compression_type %s, max_message_bytes %d",
		s.Partitions, retention, s.CleanupPolicy, s.CompressionType, s.MaxMessageBytes)
}

func settingsFrom(o *trestlev1.TopicSettings) TopicSettings {
	s := TopicSettings{
		Partitions: o.GetPartitions(), CleanupPolicy: o.GetCleanupPolicy(), CompressionType: o.GetCompressionType(),
		MaxMessageBytes: o.GetMaxMessageBytes(),
	}
	if s.Retention = time.Duration(o.GetRetentionMs()) * time.Millisecond; o.GetRetentionMs() < 0 {
		s.Retention = -1
	}
	return s
}

var (
	cleanupPolicies  = []string{"", "delete", "compact", "compact,delete"}
	compressionTypes = []string{"", "gzip", "snappy", "lz4", "zstd", "uncompressed", "producer"}
)

// maxRetention is the longest time, in milliseconds, that a time.Duration holds.
const maxRetention = math.MaxInt64 / int64(time.Millisecond)

// checkSettings finds settings that a broker would refuse.
func (l *loader) checkSettings(o *trestlev1.TopicSettings, pos Position) {
	if o.GetPartitions() < 0 || o.GetMaxMessageBytes() < 0 {
		l.errs.add(pos, "partitions and max_message_bytes cannot be negative")
	}
	if ms := o.GetRetentionMs(); ms < -1 || ms > maxRetention {
		l.errs.add(pos, "retention_ms is %d: it is at least 1 and at most %d, or -1 for ever", ms, maxRetention)
	}
	if !slices.Contains(cleanupPolicies, o.GetCleanupPolicy()) {
		l.errs.add(pos, "cleanup_policy is %q: it is one of %s", o.GetCleanupPolicy(), strings.Join(cleanupPolicies[1:], "; "))
	}
	if !slices.Contains(compressionTypes, o.GetCompressionType()) {
		l.errs.add(pos, "compression_type is %q: it is one of %s", o.GetCompressionType(), strings.Join(compressionTypes[1:], ", "))
	}
}
