package trestle

import (
	"cmp"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// versionField is the field in which an event written in protobuf says the version of its schema, MAJOR.MINOR.
const versionField = "schema_version"

// evolution is what an event type written in protobuf says about versions: what it does not know of others, and what of its own
// is not to be used any more. Both are handled like anything else, but whoever runs the consumer should hear of it.
type evolution struct {
	version    protoreflect.FieldDescriptor // nil: it has none
	major      string                       // its own
	deprecated bool                         // it has such fields, or a message in it has
	defaults   protoreflect.Message         // an event with all that is filled in where it is absent
}

func newEvolution(info *EventInfo) evolution {
	if info.New == nil {
		return evolution{}
	}
	sample := info.New()
	message, ok := sample.(proto.Message)
	if !ok {
		return evolution{}
	}
	sample.SetDefaults(time.Now())
	e := evolution{defaults: message.ProtoReflect()}
	e.deprecated = hasDeprecated(e.defaults.Descriptor(), map[protoreflect.FullName]bool{})
	if f := e.defaults.Descriptor().Fields().ByName(versionField); f != nil && f.Kind() == protoreflect.StringKind && !f.IsList() {
		if e.major = majorOf(e.defaults.Get(f).String()); e.major != "" {
			e.version = f
		}
	}
	return e
}

func majorOf(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return major
}

func hasDeprecated(m protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[m.FullName()] {
		return false
	}
	seen[m.FullName()] = true
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if isDeprecated(f) || f.Message() != nil && hasDeprecated(f.Message(), seen) {
			return true
		}
	}
	return false
}

func isDeprecated(f protoreflect.FieldDescriptor) bool {
	options, ok := f.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDeprecated()
}

// unknownMajor returns an event's version if the major part is not that of the type.
func (e *evolution) unknownMajor(event Event) (version string, unknown bool) {
	if e.version == nil {
		return "", false
	}
	version = event.(proto.Message).ProtoReflect().Get(e.version).String()
	return version, version != "" && majorOf(version) != e.major
}

// inUse returns the deprecated fields that an event has. One that has the value that is filled in where it is absent counts as
// absent.
func (e *evolution) inUse(event Event) (fields []string) {
	if !e.deprecated {
		return nil
	}
	m := event.(proto.Message).ProtoReflect()
	return appendInUse(nil, m, func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		return e.defaults.Has(f) && e.defaults.Get(f).Equal(v)
	})
}

func appendInUse(fields []string, m protoreflect.Message, filledIn func(protoreflect.FieldDescriptor, protoreflect.Value) bool) []string {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if isDeprecated(f) && !filledIn(f, v) {
			fields = append(fields, string(f.FullName()))
		}
		within := func(v protoreflect.Value) {
			fields = appendInUse(fields, v.Message(), func(protoreflect.FieldDescriptor, protoreflect.Value) bool { return false })
		}
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { within(v); return true })
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				within(v.List().Get(i))
			}
		case f.Message() != nil && !f.IsMap():
			within(v)
		}
		return true
	})
	return fields
}

// fieldKey is the attribute with the full name of a field.
const fieldKey = attribute.Key("trestle.field")

// noteEvolution counts what an event shows of other versions, and reports it once a producer.
func (c *Consumer) noteEvolution(t *task, h *eventHandler, event Event) {
	topic := c.topics[t.part.tp.topic]
	if version, unknown := h.evolution.unknownMajor(event); unknown {
		topic.meter.count(t.part.ctx, c.meter.unknownMajors, t.delivery)
		c.warnOnce(t, "a producer writes a schema_version whose major part is unknown; its events are handled as far as they are understood",
			slog.String("major", majorOf(version)), slog.String("known_major", h.evolution.major))
	}
	for _, field := range h.evolution.inUse(event) {
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
