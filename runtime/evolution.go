package trestle

import (
	"cmp"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
)

// deprecating is an event whose schema has deprecated fields; generated code writes the method.
type deprecating interface {
	// DeprecatedFields appends the full names of the deprecated fields that the event has, and messages in it have. One that has
	// the value which is filled in where it is absent counts as absent.
	DeprecatedFields(names []string) []string
}

// unknownMajor returns the version that an event carries if its major part is not that of the event's type.
func unknownMajor(info *EventInfo, event Event) (version string, unknown bool) {
	if info.VersionOf == nil {
		return "", false
	}
	version = info.VersionOf(event)
	return version, version != "" && majorOf(version) != majorOf(info.SchemaVersion)
}

func majorOf(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return major
}

// fieldKey is the attribute with the full name of a field.
const fieldKey = attribute.Key("trestle.field")

// noteEvolution counts what an event shows of other versions, and reports it once a producer: what its type does not know of
// them, and what of it is not to be used any more. Both are handled like anything else, but whoever runs the consumer should
// hear of it.
func (c *Consumer) noteEvolution(topic *topicHandlers, t *task, info *EventInfo, event Event) {
	if version, unknown := unknownMajor(info, event); unknown {
		topic.meter.count(t.part.ctx, c.meter.unknownMajors, t.delivery)
		c.warnOnce(t, "a producer writes a schema_version whose major part is unknown; its events are handled as far as they are understood",
			slog.String("major", majorOf(version)), slog.String("known_major", majorOf(info.SchemaVersion)))
	}
	old, ok := event.(deprecating)
	if !ok {
		return
	}
	for _, field := range old.DeprecatedFields(nil) {
		topic.meter.count(t.part.ctx, c.meter.deprecated, t.delivery, fieldKey.String(field))
		c.warnOnce(t, "a producer uses a deprecated field", slog.String("field", field))
	}
}

// maxWarned bounds how many producers are told apart.
const maxWarned = 1000

// warned is what was reported of whom.
type warned struct {
	said sync.Map
	n    atomic.Int64
}

// warnOnce reports something about the producer of an event, once for each producer, event type and first attribute. A producer
// is known by the source that the envelope names, where it names one.
func (c *Consumer) warnOnce(t *task, msg string, attrs ...slog.Attr) {
	topic, env := c.topics[t.part.tp.topic], &t.delivery.Envelope
	producer := cmp.Or(env.Source.ServiceName, env.Source.InstanceID)
	key := msg + "\x00" + producer + "\x00" + env.EventType
	if len(attrs) > 0 {
		key += "\x00" + attrs[0].Value.String()
	}
	if _, said := topic.warned.said.Load(key); said || topic.warned.n.Load() >= maxWarned {
		return
	}
	if _, said := topic.warned.said.LoadOrStore(key, true); said {
		return
	}
	topic.warned.n.Add(1)
	if producer != "" {
		attrs = append(attrs, slog.String("producer", producer))
	}
	c.log(slog.LevelWarn, t, msg, attrs...)
}
