package event

import (
	"slices"
	"strings"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var roles = map[schema.Role]trestle.Role{
	schema.RoleRequest:    trestle.RoleRequest,
	schema.RoleResponse:   trestle.RoleResponse,
	schema.RoleStatus:     trestle.RoleStatus,
	schema.RoleEvent:      trestle.RoleEvent,
	schema.RoleDeadLetter: trestle.RoleDeadLetter,
}

var envelopes = map[schema.Envelope]wire.Kind{
	schema.EnvelopeNone:      wire.None,
	schema.EnvelopeOnexV1:    wire.OnexV1,
	schema.EnvelopeBaseEvent: wire.BaseEvent,
}

// Events returns the descriptions of all events of a set: those of [Schemas.Events].
func Events(set *schema.Set) []*trestle.EventInfo { return New(set).Events() }

// Events returns the descriptions of all events of the set, in its order, as a generated package's Events does; the digests of their schemas are those
// of [WithDigests]. Events of
// them may be used as generated ones are: one by one goroutine, different ones by many.
//
// A schema that cannot be compiled for validation is reported by the Validate of its events, as an error that is no
// ValidationError.
func (s *Schemas) Events() []*trestle.EventInfo {
	var out []*trestle.EventInfo
	topics := map[*schema.Topic]*trestle.TopicInfo{}
	for _, e := range s.set.Events() {
		info := &trestle.EventInfo{
			Type:     e.Type,
			FullName: e.Message.FullName,
			Role:     roles[e.Role],
			Envelope: envelopes[e.Envelope],

			SchemaDigest: s.digest(e),
		}
		if e.Encoding == schema.EncodingProtobuf {
			info.Encoding = trestle.Protobuf
		}
		if e.Topic != nil {
			if topics[e.Topic] == nil {
				topics[e.Topic] = topicInfo(e.Topic)
			}
			info.Topic = topics[e.Topic]
		}
		if e.Reply != nil {
			info.Reply = e.Reply.Type
		}
		if e.Message.HoldsSensitive {
			info.Masks = s.set.Masks(typeOf(e.Message))
		}
		info.SensitiveKey = slices.ContainsFunc(e.Key, func(key string) bool { return e.Message.SensitivePath(strings.Split(key, ".")) })
		info.SealedKeys = s.set.SealedKeys(e.Message)
		if e.DataSubject != nil {
			info.DataSubject = textAt(e.DataSubject, e.SubjectNames())
		}
		info.KeyedByCorrelation = e.KeyedByCorrelation()
		info.RuledTimes = e.Message.RuledTimes()
		t := s.typeOf(e.Message)
		if e.Message.HasBinary() {
			info.MessageIndexes = messageIndexes(e.Message.Proto)
			info.New = func() trestle.Event { return &protoEvent{newProtoValue(t), info, e} }
		} else {
			info.New = func() trestle.Event { return &jsonEvent{newJSONValue(t), info, e} }
		}
		if f := e.Message.Field(schema.VersionField); e.SchemaVersion() != "" && f.Type.Kind == schema.String && f.Oneof == nil {
			info.SchemaVersion, info.VersionOf = e.SchemaVersion(), textIn(f)
		}
		out = append(out, info)
	}
	return out
}

// textIn reads a field of events that is text.
func textIn(f *schema.Field) func(trestle.Event) string {
	return func(e trestle.Event) string {
		switch e := e.(type) {
		case *protoEvent:
			return e.Get(f.Proto).String()
		case *jsonEvent:
			text, _ := e.o.get(f).(string)
			return text
		}
		return ""
	}
}

// textAt reads a field of events that is text, to which others lead; path are their names.
func textAt(fields []*schema.Field, path []string) func(trestle.Event) string {
	return func(e trestle.Event) string {
		switch e := e.(type) {
		case *protoEvent:
			m := e.ProtoReflect()
			for _, f := range fields[:len(fields)-1] {
				m = m.Get(fieldOf(m, f)).Message()
			}
			return m.Get(fieldOf(m, fields[len(fields)-1])).String()
		case *jsonEvent:
			text, _ := e.text(path)
			return text
		}
		return ""
	}
}

func topicInfo(t *schema.Topic) *trestle.TopicInfo {
	info := &trestle.TopicInfo{
		Name: t.Name, MaxMessageBytes: int(t.Settings.MaxMessageBytes), Compacted: t.Settings.Compacted(),
		Partitions: t.Settings.Partitions, Config: t.Settings.Config(),
	}
	if t.DeadLetter != nil {
		info.DeadLetter = t.DeadLetter.Name
	}
	for _, r := range t.Retries {
		info.Retries = append(info.Retries, trestle.RetryTopic{Name: r.Topic.Name, Delay: r.Delay, Attempts: r.Attempts})
	}
	for _, e := range t.Events {
		info.EventTypes = append(info.EventTypes, e.Type)
	}
	slices.Sort(info.EventTypes)
	info.EventTypes = slices.Compact(info.EventTypes)
	return info
}

// messageIndexes are the positions of a message and those around it in their file, outermost first.
func messageIndexes(desc protoreflect.MessageDescriptor) []int {
	var path []int
	for {
		path = append(path, desc.Index())
		parent, ok := desc.Parent().(protoreflect.MessageDescriptor)
		if !ok {
			slices.Reverse(path)
			return path
		}
		desc = parent
	}
}
