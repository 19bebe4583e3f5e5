package load

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Settings of a topic that nothing says anything about: Kafka's defaults.
var defaultSettings = schema.TopicSettings{
	Partitions: 1, Retention: 7 * 24 * time.Hour, CleanupPolicy: "delete", CompressionType: "producer",
}

// topicDraft is a topic while its declarations are collected.
type topicDraft struct {
	topic *schema.Topic
	// explicit are the settings that events and topic declarations name, by the vocabulary's words.
	explicit map[string]explicitSetting
	// packages that declare the topic, in order.
	packages []*schema.Package
	// deadLetter is the dead-letter topic that is named or derived, empty for none.
	deadLetter    string
	deadLetterPos schema.Position
	// sources are the topics whose dead letters this one takes.
	sources []*topicDraft
	// retries are where its events wait that failed; retryOf is the topic whose events wait here.
	retries []retryDraft
	retryOf *topicDraft
}

type retryDraft struct {
	name     string
	delay    time.Duration
	attempts int
	pos      schema.Position
}

type explicitSetting struct {
	value protoreflect.Value
	pos   schema.Position
}

// linkTopics collects the topics that events and families declare, derives their dead-letter topics and resolves the
// settings of all.
func (l *linker) linkTopics(set *schema.Set) {
	drafts := map[string]*topicDraft{}
	draft := func(name string, p *schema.Package, pos schema.Position) *topicDraft {
		d, ok := drafts[name]
		if !ok {
			if err := checkTopicName(name); err != nil {
				l.Fault(pos, "%v", err)
			}
			d = &topicDraft{topic: &schema.Topic{Name: name, Package: p, Pos: pos}, explicit: map[string]explicitSetting{}}
			drafts[name] = d
		}
		if !slices.Contains(d.packages, p) {
			d.packages = append(d.packages, p)
		}
		return d
	}
	for _, f := range l.Families {
		for i, o := range f.Option.GetTopics() {
			pos := f.At("topics", i)
			d := draft(o.GetName(), f.Package, pos)
			d.topic.Description = cmp.Or(d.topic.Description, o.GetDescription())
			l.mergeSettings(d, o.GetSettings(), pos)
			l.nameDeadLetter(d, o.GetDeadLetterTopic(), pos)
			l.nameRetries(d, o.GetRetries(), pos)
		}
	}
	for _, e := range l.Events {
		name := e.Option.GetTopic()
		if name == "" || e.Event.Role == schema.RoleDeadLetter {
			continue
		}
		d := draft(name, e.Event.Package, e.At("topic", -1))
		d.topic.Events = append(d.topic.Events, e.Event)
		e.Event.Topic = d.topic
		l.mergeSettings(d, e.Option.GetTopicSettings(), e.At("topic_settings", -1))
		l.nameDeadLetter(d, e.Option.GetDeadLetterTopic(), e.At("dead_letter_topic", -1))
		l.nameRetries(d, e.Option.GetRetries(), e.At("retries", 0))
	}
	for _, name := range slices.Sorted(maps.Keys(drafts)) {
		d := drafts[name]
		for _, r := range d.retries {
			retry := draft(r.name, d.packages[0], r.pos)
			switch {
			case retry.retryOf != nil:
				l.Fault(r.pos, "%s is a retry topic of %s already: each belongs to one topic, once", r.name, retry.retryOf.topic.Name)
			case len(retry.topic.Events) > 0 || len(retry.retries) > 0:
				l.Fault(r.pos, "%s is a retry topic of %s, and has events or retries of its own", r.name, name)
			default:
				retry.retryOf = d
			}
		}
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

// topicName leaves the length out: a pattern that counts to 249 takes milliseconds of every command's start to compile.
var topicName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// checkTopicName says what Kafka would refuse about a topic's name.
func checkTopicName(name string) error {
	if name == "." || name == ".." || len(name) > 249 || !topicName.MatchString(name) {
		return fmt.Errorf("topic name %q: a name has 1 to 249 letters, digits, dots, underscores and hyphens", name)
	}
	return nil
}

// mergeSettings adds what one declaration says of a topic's settings.
func (l *linker) mergeSettings(d *topicDraft, o *trestlev1.TopicSettings, pos schema.Position) {
	l.checkSettings(o, pos)
	o.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(fd.Name())
		if other, ok := d.explicit[name]; ok && !other.value.Equal(v) {
			l.Fault(pos, "%s of topic %s is %v here and %v at %s: a topic has one setting", name, d.topic.Name, v, other.value, other.pos)
		} else if !ok {
			d.explicit[name] = explicitSetting{value: v, pos: pos}
		}
		return true
	})
}

func (l *linker) nameDeadLetter(d *topicDraft, name string, pos schema.Position) {
	switch {
	case name == "":
	case d.deadLetter == "":
		d.deadLetter, d.deadLetterPos = name, pos
	case d.deadLetter != name:
		l.Fault(pos, "the dead-letter topic of %s is %s here and %s at %s: a topic has one", d.topic.Name, name, d.deadLetter, d.deadLetterPos)
	}
}

func (l *linker) nameRetries(d *topicDraft, declared []*trestlev1.Retry, pos schema.Position) {
	var retries []retryDraft
	for _, o := range declared {
		name := strings.ReplaceAll(o.GetTopic(), "{topic}", d.topic.Name)
		delay := o.GetDelayMs()
		if name == "" || delay < 1 || delay > math.MaxInt64/int64(time.Millisecond) || o.GetAttempts() < 0 {
			l.Fault(pos, "a retry topic of %s is %q with delay_ms %d and attempts %d: it has a name, a delay of a millisecond at least, and no negative attempts",
				d.topic.Name, name, delay, o.GetAttempts())
			return
		}
		retries = append(retries, retryDraft{name, time.Duration(delay) * time.Millisecond, max(1, int(o.GetAttempts())), pos})
	}
	same := func(a, b retryDraft) bool { return a.name == b.name && a.delay == b.delay && a.attempts == b.attempts }
	switch {
	case len(retries) == 0:
	case len(d.retries) == 0:
		d.retries = retries
	case !slices.EqualFunc(d.retries, retries, same):
		l.Fault(pos, "the retry topics of %s are others here than at %s: a topic has one list of them", d.topic.Name, d.retries[0].pos)
	}
}

// deriveDeadLetters names, by the family's pattern, the dead-letter topic of each topic that has none and is none.
func (l *linker) deriveDeadLetters(drafts map[string]*topicDraft) {
	names := slices.Sorted(maps.Keys(drafts))
	isDeadLetter := map[string]bool{}
	for _, name := range names {
		d := drafts[name]
		if d.deadLetter != "" {
			isDeadLetter[d.deadLetter] = true
		} else if d.retryOf != nil {
			continue
		} else if derived, ok := d.derive(); ok {
			isDeadLetter[derived] = true
		}
	}
	for _, name := range names {
		d := drafts[name]
		if d.deadLetter != "" || d.retryOf != nil || isDeadLetter[name] {
			continue
		}
		derived, ok := d.derive()
		if !ok && !l.partial {
			family := d.packages[0].Family
			l.Fault(d.topic.Pos, "topic %s does not follow topic_pattern %q, which its dead-letter topic %q is derived by: rename it, or name dead_letter_topic",
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

func (l *linker) finishTopics(set *schema.Set, drafts map[string]*topicDraft) {
	for _, name := range slices.Sorted(maps.Keys(drafts)) {
		d := drafts[name]
		t := d.topic
		if d.retryOf == nil {
			t.Settings = l.resolveSettings(d)
		}
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
	for _, name := range slices.Sorted(maps.Keys(drafts)) {
		for _, r := range drafts[name].retries {
			l.finishRetry(drafts[name].topic, drafts[r.name], r)
		}
	}
}

// retryHeaderBytes is what the headers of a retry add to a record, and more.
const retryHeaderBytes = 4096

// finishRetry has a retry topic take what its source does, and keep it until it is due and for as long as the source would then.
func (l *linker) finishRetry(source *schema.Topic, d *topicDraft, r retryDraft) {
	if d.retryOf == nil || d.retryOf.topic != source {
		return // it was refused
	}
	t := d.topic
	if t.DeadLetter != nil || len(t.DeadLetterOf) > 0 {
		l.Fault(r.pos, "%s is a retry topic of %s, and takes or has dead letters: those are in the dead-letter topic of %s", r.name, source.Name, source.Name)
		return
	}
	source.Retries = append(source.Retries, schema.Retry{Topic: t, Delay: r.delay, Attempts: r.attempts})
	t.RetryOf = source
	t.Description = cmp.Or(t.Description, fmt.Sprintf("Events of %s that wait for %v to be handled again.", source.Name, r.delay))
	base := source.Settings
	base.CleanupPolicy = "delete"
	if base.Retention >= 0 {
		base.Retention += r.delay
	}
	if base.MaxMessageBytes > 0 && base.MaxMessageBytes <= math.MaxInt32-retryHeaderBytes {
		base.MaxMessageBytes += retryHeaderBytes
	}
	t.Settings = over(explicitSettings(d), base)
	if t.Settings.Retention >= 0 && t.Settings.Retention <= r.delay {
		l.Fault(r.pos, "retry topic %s keeps records for %v, in which none is due: they wait for %v", r.name, t.Settings.Retention, r.delay)
	}
	if t.Settings.Compacted() {
		l.Fault(r.pos, "retry topic %s is compacted: of the events with the same key only the last would be handled again", r.name)
	}
}

// deadLetterEvent finds the event that a dead-letter topic carries: that of its own package, else the only one there
// is.
func (l *linker) deadLetterEvent(t *schema.Topic) *schema.Event {
	var all, own []*schema.Event
	for _, d := range l.Events {
		if d.Event.Role == schema.RoleDeadLetter {
			all = append(all, d.Event)
			if d.Event.Package == t.Package {
				own = append(own, d.Event)
			}
		}
	}
	candidates := all
	if len(own) > 0 {
		candidates = own
	}
	if len(candidates) > 1 {
		l.Fault(candidates[1].Pos, "two events are dead letters, %s (%s) and %s: a dead-letter topic carries one",
			candidates[0].Type, candidates[0].Pos, candidates[1].Type)
	}
	if len(candidates) == 0 {
		return nil
	}
	return candidates[0]
}

// resolveSettings layers a topic's settings: what its declarations say, over the family's, over Kafka's defaults.
func (l *linker) resolveSettings(d *topicDraft) schema.TopicSettings {
	explicit := explicitSettings(d)
	resolved := over(over(explicit, inherited(d, d.packages[0])), defaultSettings)
	for _, p := range d.packages[1:] {
		other := over(over(explicit, inherited(d, p)), defaultSettings)
		if other != resolved {
			l.Fault(d.topic.Pos, "topic %s inherits %s from package %s and %s from package %s: name its settings",
				d.topic.Name, resolved, d.packages[0].Name, other, p.Name)
		}
	}
	return resolved
}

// explicitSettings are those that a topic's declarations name.
func explicitSettings(d *topicDraft) schema.TopicSettings {
	option := &trestlev1.TopicSettings{}
	for name, s := range d.explicit {
		option.ProtoReflect().Set(option.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name)), s.value)
	}
	return settingsFrom(option)
}

// inherited are the settings that a topic has from a package's family.
func inherited(d *topicDraft, p *schema.Package) schema.TopicSettings {
	switch {
	case p.Family == nil:
		return schema.TopicSettings{}
	case len(d.sources) > 0:
		return over(p.Family.DeadLetterSettings, p.Family.TopicSettings)
	}
	return p.Family.TopicSettings
}

// over returns s, with what it leaves open taken from base.
func over(s, base schema.TopicSettings) schema.TopicSettings {
	return schema.TopicSettings{
		Partitions:      cmp.Or(s.Partitions, base.Partitions),
		Retention:       cmp.Or(s.Retention, base.Retention),
		CleanupPolicy:   cmp.Or(s.CleanupPolicy, base.CleanupPolicy),
		CompressionType: cmp.Or(s.CompressionType, base.CompressionType),
		MaxMessageBytes: cmp.Or(s.MaxMessageBytes, base.MaxMessageBytes),
	}
}

func settingsFrom(o *trestlev1.TopicSettings) schema.TopicSettings {
	s := schema.TopicSettings{
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
func (l *linker) checkSettings(o *trestlev1.TopicSettings, pos schema.Position) {
	if o.GetPartitions() < 0 || o.GetMaxMessageBytes() < 0 {
		l.Fault(pos, "partitions and max_message_bytes cannot be negative")
	}
	if ms := o.GetRetentionMs(); ms < -1 || ms > maxRetention {
		l.Fault(pos, "retention_ms is %d: it is at least 1 and at most %d, or -1 for ever", ms, maxRetention)
	}
	if !slices.Contains(cleanupPolicies, o.GetCleanupPolicy()) {
		l.Fault(pos, "cleanup_policy is %q: it is one of %s", o.GetCleanupPolicy(), strings.Join(cleanupPolicies[1:], "; "))
	}
	if !slices.Contains(compressionTypes, o.GetCompressionType()) {
		l.Fault(pos, "compression_type is %q: it is one of %s", o.GetCompressionType(), strings.Join(compressionTypes[1:], ", "))
	}
}
