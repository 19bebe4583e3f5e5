package wire_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/wire"
)

func TestConfluent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id      int
		indexes []int
		want    string // hex
		back    []int
	}{
		{1, nil, "0000000001" + "00", []int{0}},
		{1, []int{0}, "0000000001" + "00", []int{0}},
		{258, []int{1}, "0000000102" + "0202", []int{1}},
		{1<<31 - 1, []int{1, 0}, "007fffffff" + "040200", []int{1, 0}},
		{7, []int{0, 0}, "0000000007" + "040000", []int{0, 0}},
		{7, []int{100, 64}, "0000000007" + "04c8018001", []int{100, 64}},
	} {
		got := wire.AppendConfluent(nil, tt.id, tt.indexes)
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("AppendConfluent(%d, %v) = %x, want %s", tt.id, tt.indexes, got, tt.want)
		}
		f, err := wire.Unframe(append(got, "message"...), nil)
		if err != nil || !f.Protobuf || f.SchemaID != tt.id || string(f.Body) != "message" || !cmp.Equal(f.Indexes, tt.back) {
			t.Errorf("Unframe(%s) = %+v, %v", tt.want, f, err)
		}
	}
	// The long form of the first message is read as well.
	if f, err := wire.Unframe([]byte{0, 0, 0, 0, 1, 2, 0, 9}, nil); err != nil || !cmp.Equal(f.Indexes, []int{0}) {
		t.Errorf("frame = %+v, %v", f, err)
	}
}

func TestUnframeRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"00000000":               "cut off in the schema id: the value has 4 bytes",
		"00ffffffff00":           "the schema id -1 is negative",
		"0000000001":             "cut off in the number of message indexes",
		"000000000180":           "cut off in the number of message indexes",
		"000000000101":           "-1 message indexes do not fit into the 0 bytes left",
		"0000000001047b":         "2 message indexes do not fit into the 1 bytes left",
		"00000000010480":         "2 message indexes do not fit into the 1 bytes left",
		"0000000001048080":       "cut off in message index 0",
		"00000000010201":         "message index 0 is -1",
		"000000000102feffffff7f": "message index 0 is 17179869183",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := wire.Unframe(b, nil); err == nil || err.Error() != want || !f.Protobuf {
			t.Errorf("Unframe(%s) = %+v, %v, want %s", in, f, err, want)
		}
	}
	for in, want := range map[string]string{
		"":               "the header __value_schema_id holds neither an id of a schema nor a GUID: it is ",
		"00":             "the header __value_schema_id holds neither an id of a schema nor a GUID: it is 00",
		"7b7d":           "the header __value_schema_id holds neither an id of a schema nor a GUID: it is 7b7d",
		"010203":         "the header __value_schema_id holds neither an id of a schema nor a GUID: it is 010203",
		"0000000001047b": "2 message indexes do not fit into the 1 bytes left",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.Unframe([]byte("{}"), []wire.Header{{Key: wire.HeaderConfluentID, Value: b}}); err == nil || err.Error() != want {
			t.Errorf("Unframe by the header %s: %v, want %s", in, err, want)
		}
	}
	protobuf := []wire.Header{{Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeProtobuf)}}
	for _, value := range []string{"", "{}", "\x0a\x01a"} {
		if f, err := wire.Unframe([]byte(value), protobuf); err == nil || !f.Protobuf {
			t.Errorf("Unframe(%q) that says protobuf and has no frame = %+v, %v", value, f, err)
		}
	}
}

func TestUnframe(t *testing.T) {
	t.Parallel()
	const guid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
	by := func(id string) []wire.Header { return []wire.Header{{Key: wire.HeaderConfluentID, Value: []byte(id)}} }
	json := []wire.Header{{Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)}}
	inHeader := "\x01" + string(uuidBytes(guid))
	for _, tt := range []struct {
		name    string
		value   string
		headers []wire.Header
		want    wire.Frame
	}{
		{"JSON", `{"a":1}`, nil, wire.Frame{Body: []byte(`{"a":1}`)}},
		{"JSON behind a space", ` {}`, json, wire.Frame{Body: []byte(` {}`)}},
		{"nothing", "", nil, wire.Frame{Body: []byte{}}},
		{"framed JSON", "\x00\x00\x00\x01\x02{}", nil, wire.Frame{SchemaID: 258, Body: []byte("{}")}},
		{"framed JSON and a header", "\x00\x00\x00\x00\x01{}", by("\x00\x00\x00\x00\x09"), wire.Frame{SchemaID: 1, Body: []byte("{}")}},
		{"JSON, its id in a header", "{}", by("\x00\x00\x00\x01\x02"), wire.Frame{SchemaID: 258, Body: []byte("{}")}},
		{"JSON, its GUID in a header", "{}", by(inHeader), wire.Frame{GUID: uuid.MustParse(guid), Body: []byte("{}")}},
		{"framed protobuf", "\x00\x00\x00\x00\x01\x00\x0a\x01a", nil, wire.Frame{Protobuf: true, SchemaID: 1, Indexes: []int{0}, Body: []byte("\x0a\x01a")}},
		{"framed protobuf that says JSON", "\x00\x00\x00\x00\x01\x00", json, wire.Frame{Protobuf: true, SchemaID: 1, Indexes: []int{0}, Body: []byte{}}},
		{"protobuf, its GUID in a header", "\x0a\x01a", by(inHeader + "\x00"), wire.Frame{Protobuf: true, GUID: uuid.MustParse(guid), Indexes: []int{0}, Body: []byte("\x0a\x01a")}},
		{"nested protobuf without fields", "", by("\x00\x00\x00\x00\x01\x04\x02\x00"), wire.Frame{Protobuf: true, SchemaID: 1, Indexes: []int{1, 0}, Body: []byte{}}},
	} {
		got, err := wire.Unframe([]byte(tt.value), tt.headers)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
	if got := wire.AppendConfluentID(nil, 258); string(got) != "\x00\x00\x00\x01\x02" {
		t.Errorf("AppendConfluentID(258) = %x", got)
	}
}

func uuidBytes(s string) []byte {
	id := uuid.MustParse(s)
	return id[:]
}

func TestCloudEvent(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]wire.Envelope{"onex": onex, "onex without a session": onexBare, "hook": hookEvent, "bare hook": hookBare} {
		headers := wire.AppendCloudEvent(nil, &env)
		found := wire.ReadCloudEvent(headers, wire.ReadOptions{StrictTime: true})
		if diff := cmp.Diff(env, found.Envelope); diff != "" || len(found.Faults) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", name, found.Faults, diff)
		}
	}
	got := map[string]string{}
	for _, h := range wire.AppendCloudEvent(nil, &hookEvent) {
		got[h.Key] = string(h.Value)
	}
	want := map[string]string{
		"ce_specversion": "1.0", "ce_id": eventID, "ce_type": "service.lifecycle.started", "ce_source": "omni%20agent/prod%2F001",
		"ce_time": "2025-10-16T12:34:56.789Z", "ce_correlationid": correlation, "ce_traceid": "4bf92f3577b34da6a3ce929d0e0e4736",
		"ce_envelopeversion": "1.1.0", "ce_serviceversion": "1.2.3", "ce_metadata": `{"zone":"eu","n":1.0}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got := wire.HeaderValue(wire.AppendCloudEvent(nil, &onex), "ce_source"); got != "trestle" {
		t.Errorf("ce_source = %s", got)
	}
}

func TestCloudEventFaults(t *testing.T) {
	t.Parallel()
	h := func(name, value string) wire.Header { return wire.Header{Key: name, Value: []byte(value)} }
	found := wire.ReadCloudEvent([]wire.Header{
		h("ce_id", "x"), h("ce_correlationid", "y"), h("ce_sessionid", "z"), h("ce_time", "yesterday"), h("ce_metadata", "[]"),
		h("ce_source", "https://example.org/%zz"), h("ce_type", "first"), h("ce_type", "second"), h("other", "o"),
	}, wire.ReadOptions{})
	var got []string
	for _, f := range found.Faults {
		got = append(got, f.Path+" "+f.Rule+" "+f.Found)
	}
	want := []string{
		`envelope.event_id string.uuid "x"`, `envelope.correlation_id string.uuid "y"`, `envelope.session_id string.uuid "z"`,
		`envelope.timestamp format "yesterday"`, `envelope.metadata type "[]"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if source := found.Envelope.Source; source.ServiceName != "https:" || source.InstanceID != "/example.org/%zz" {
		t.Errorf("source = %+v", source)
	}
	if found.Envelope.EventType != "first" {
		t.Errorf("type = %s", found.Envelope.EventType)
	}
	zoneless := []wire.Header{h("ce_time", "2025-10-16 12:34:56.789")}
	if f := wire.ReadCloudEvent(zoneless, wire.ReadOptions{}); f.Zoneless != 1 || !f.Envelope.Timestamp.Equal(at) || len(f.Faults) > 0 {
		t.Errorf("zoneless: %+v", f)
	}
	if f := wire.ReadCloudEvent(zoneless, wire.ReadOptions{StrictTime: true}); len(f.Faults) != 1 {
		t.Errorf("strict: %+v", f)
	}
}

func FuzzUnframe(f *testing.F) {
	f.Add(wire.AppendConfluent(nil, 1, nil), []byte(nil))
	f.Add(append(wire.AppendConfluent(nil, 1<<31-1, []int{3, 0, 200}), "message"...), []byte{1})
	f.Add([]byte{0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, []byte{0, 0, 0, 0, 1, 4, 2, 0})
	f.Add([]byte("{}"), []byte("\x010123456789abcdef"))
	f.Fuzz(func(t *testing.T, value, id []byte) {
		frame, err := wire.Unframe(value, []wire.Header{{Key: wire.HeaderConfluentID, Value: id}})
		if err != nil || !frame.Protobuf {
			return
		}
		if len(frame.Indexes) == 0 {
			t.Fatalf("%x: %+v", value, frame)
		}
		again, err := wire.Unframe(append(wire.AppendConfluent(nil, max(frame.SchemaID, 0), frame.Indexes), frame.Body...), nil)
		if err != nil || !cmp.Equal(frame.Indexes, again.Indexes) || !bytes.Equal(frame.Body, again.Body) {
			t.Fatalf("%x: %+v, %v", value, again, err)
		}
	})
}
