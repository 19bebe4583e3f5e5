package trestle_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
)

// noteMoved is an event whose schema has a version, a deprecated field with a default, and one within a list.
type noteMoved struct {
	orderPlaced
	message *dynamicpb.Message
}

var noteDescriptor = func() protoreflect.MessageDescriptor {
	text, list := descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	old := &descriptorpb.FieldOptions{Deprecated: proto.Bool(true)}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("note.proto"), Package: proto.String("test"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("NoteMoved"),
			Field: []*descriptorpb.FieldDescriptorProto{
				{Name: proto.String("schema_version"), Number: proto.Int32(1), Type: text},
				{Name: proto.String("color"), Number: proto.Int32(2), Type: text, Options: old},
				{Name: proto.String("lines"), Number: proto.Int32(3), Label: list, Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: proto.String(".test.Line")},
			},
		}, {
			Name:  proto.String("Line"),
			Field: []*descriptorpb.FieldDescriptorProto{{Name: proto.String("font"), Number: proto.Int32(1), Type: text, Options: old}},
		}},
	}, nil)
	if err != nil {
		panic(err)
	}
	return file.Messages().ByName("NoteMoved")
}()

var noteMovedInfo = trestle.EventInfo{
	Type: "OrderPlaced", FullName: "test.NoteMoved", Envelope: orderPlacedInfo.Envelope, Topic: orders,
	New: func() trestle.Event { return &noteMoved{message: dynamicpb.NewMessage(noteDescriptor)} },
}

func (*noteMoved) EventInfo() *trestle.EventInfo        { return &noteMovedInfo }
func (e *noteMoved) ProtoReflect() protoreflect.Message { return e.message }
func (e *noteMoved) field(name protoreflect.Name) protoreflect.FieldDescriptor {
	return noteDescriptor.Fields().ByName(name)
}

func (e *noteMoved) SetDefaults(time.Time) {
	for name, value := range map[protoreflect.Name]string{"schema_version": "1.0", "color": "black"} {
		if f := e.field(name); !e.message.Has(f) {
			e.message.Set(f, protoreflect.ValueOfString(value))
		}
	}
}

func (e *noteMoved) DecodeJSON(r *jsonio.Reader) {
	if !r.BeginObject() {
		return
	}
	for r.More() {
		switch name := r.Name(); name {
		case "schema_version", "color":
			e.message.Set(e.field(protoreflect.Name(name)), protoreflect.ValueOfString(r.String()))
		case "font":
			lines := e.message.Mutable(e.field("lines")).List()
			line := lines.NewElement()
			line.Message().Set(line.Message().Descriptor().Fields().ByName("font"), protoreflect.ValueOfString(r.String()))
			lines.Append(line)
		default:
			r.Skip()
		}
	}
}

func TestOtherMajorsAndDeprecatedFieldsAreHandledAndCounted(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	for i, payload := range []string{
		`"schema_version": "1.7"`, `"schema_version": "2.0"`, `"schema_version": "2.1", "color": "black"`, `"schema_version": "2.0"`,
		`"color": "red"`, `"color": "blue", "font": "a"`,
	} {
		c.write(t, &kgo.Record{Topic: orders.Name, Key: []byte("a"), Value: fmt.Appendf(nil,
			`{"envelope_version": "1.0", "correlation_id": %q, "event_type": "OrderPlaced", "timestamp": "2025-10-16T12:34:56Z", "payload": {"n": %d, %s}}`,
			conversationID, i, payload)})
	}
	m, lines := newMeters(t), &lineRecorder{Handler: quiet.Handler()}
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(m, trestle.WithLogger(slog.New(lines)))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(context.Context, *noteMoved) error { return nil })
	r := run(t, consumer)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 6 })
	r.stop()
	m.wantSums(
		sumOf(6, "trestle.consumer.events", "trestle.result", "handled"),
		sumOf(3, "trestle.consumer.unknown_major_versions", topicKey, orders.Name, typeKey, "OrderPlaced"),
		sumOf(2, "trestle.consumer.deprecated_fields", "trestle.field", "test.NoteMoved.color"),
		sumOf(1, "trestle.consumer.deprecated_fields", "trestle.field", "test.Line.font"),
	)
	for line, want := range map[string]int{"schema_version": 1, "deprecated": 2} { // 2; color and font
		if n := lines.count(line); n != want {
			t.Errorf("%d lines about %s, want %d: %q", n, line, want, lines.lines)
		}
	}
}
