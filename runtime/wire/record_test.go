package wire_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		id, indexes, message, err := wire.ParseConfluent(append(got, "message"...))
		if err != nil || id != tt.id || string(message) != "message" || !cmp.Equal(indexes, tt.back) {
			t.Errorf("ParseConfluent(%s) = %d, %v, %q, %v", tt.want, id, indexes, message, err)
		}
	}
	// The long form of the first message is read as well.
	if _, indexes, _, err := wire.ParseConfluent([]byte{0, 0, 0, 0, 1, 2, 0, 9}); err != nil || !cmp.Equal(indexes, []int{0}) {
		t.Errorf("indexes = %v, %v", indexes, err)
	}
}

func TestParseConfluentRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                       "not in the Confluent wire format: it does not begin with the magic byte 0",
		"7b7d":                   "not in the Confluent wire format: it does not begin with the magic byte 0",
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
		if _, _, _, err := wire.ParseConfluent(b); err == nil || err.Error() != want {
			t.Errorf("ParseConfluent(%s): error = %v, want %s", in, err, want)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	protobuf := []wire.Header{{Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeProtobuf)}}
	json := []wire.Header{{Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)}}
	for _, tt := range []struct {
		value   string
		headers []wire.Header
		want    wire.Format
	}{
		{`{"a":1}`, nil, wire.PlainJSON},
		{` {}`, json, wire.PlainJSON},
		{"", nil, wire.PlainJSON},
		{"\x00\x00\x00\x00\x01\x00\x0a\x01a", nil, wire.Confluent},
		{"\x00\x00\x00\x00\x01\x00", json, wire.Confluent}, // the value knows better
		{"\x00", nil, wire.Confluent},
		{"\x0a\x01a", protobuf, wire.Confluent},
		{"\x00\x00\x00\x00\x01{}", nil, wire.FramedJSON},
	} {
		if got := wire.Sniff([]byte(tt.value), tt.headers); got != tt.want {
			t.Errorf("Sniff(%q, %v) = %d, want %d", tt.value, tt.headers, got, tt.want)
		}
	}
	id, text, err := wire.ParseFramedJSON([]byte("\x00\x00\x00\x01\x02{}"))
	if id != 258 || string(text) != "{}" || err != nil {
		t.Errorf("ParseFramedJSON = %d, %s, %v", id, text, err)
	}
	if _, _, err := wire.ParseFramedJSON([]byte("{}")); err == nil {
		t.Error("ParseFramedJSON took plain JSON")
	}
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

func FuzzParseConfluent(f *testing.F) {
	f.Add(wire.AppendConfluent(nil, 1, nil))
	f.Add(append(wire.AppendConfluent(nil, 1<<31-1, []int{3, 0, 200}), "message"...))
	f.Add([]byte{0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, value []byte) {
		_ = wire.Sniff(value, nil)
		id, indexes, message, err := wire.ParseConfluent(value)
		if err != nil {
			return
		}
		if len(indexes) == 0 || id < 0 {
			t.Fatalf("%x: id %d, indexes %v", value, id, indexes)
		}
		again, indexesAgain, messageAgain, err := wire.ParseConfluent(append(wire.AppendConfluent(nil, id, indexes), message...))
		if err != nil || again != id || !cmp.Equal(indexes, indexesAgain) || !bytes.Equal(message, messageAgain) {
			t.Fatalf("%x: %d, %v, %x, %v", value, again, indexesAgain, messageAgain, err)
		}
	})
}
