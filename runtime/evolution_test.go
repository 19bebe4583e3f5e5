package trestle_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
)

// noteMoved is an event whose schema has a version and deprecated fields: color, and font within a list.
type noteMoved struct {
	orderPlaced
	version    string
	deprecated []string
}

var noteMovedInfo = trestle.EventInfo{
	Type: "OrderPlaced", FullName: "test.NoteMoved", Envelope: orderPlacedInfo.Envelope, Topic: orders,
	New:           func() trestle.Event { return new(noteMoved) },
	SchemaVersion: "1.0",
	VersionOf:     func(e trestle.Event) string { return e.(*noteMoved).version },
}

func (*noteMoved) EventInfo() *trestle.EventInfo { return &noteMovedInfo }

func (e *noteMoved) DeprecatedFields(names []string) []string { return append(names, e.deprecated...) }

func (e *noteMoved) DecodeJSON(r *jsonio.Reader) {
	if !r.BeginObject() {
		return
	}
	for r.More() {
		switch name := r.Name(); name {
		case "schema_version":
			e.version = r.String()
		case "color":
			if r.String() != "black" { // its default
				e.deprecated = append(e.deprecated, "test.NoteMoved.color")
			}
		case "font":
			e.deprecated = append(e.deprecated, "test.Line.font")
			r.Skip()
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
