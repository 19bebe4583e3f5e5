package ops

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/tools/load"
)

const orderSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Placed",
"x-trestle":{"event":{"type":"placed","topic":"orders","key":["card"]}},"type":"object","properties":{
"card":{"type":"string","x-trestle":{"field":{"sensitive":true}}},
"correlation_id":{"type":"string","x-trestle":{"field":{"sensitive":true}}},"n":{"type":"number"}}}`

// TestShowerWithholds shows of a record with a secret everything but that, in whatever state it is.
func TestShowerWithholds(t *testing.T) {
	t.Parallel()
	p := Of(load.Files(map[string][]byte{"shop/v1/placed.json": []byte(orderSchema)}))
	for name, tt := range map[string]struct{ value, want string }{
		"a payload":  {`{"card":"MARKER","n":1.0}`, `"value":{"card":"***","n":1.0}`},
		"no JSON":    {`{"card":"MARKER"`, `"value":null,"withheld":"the value cannot be read`},
		"no text":    {"MARKER", `"withheld":"`},
		"an unknown": {`{"event_type":"lost","card":"MARKER"}`, `{"event_type":"lost","card":"***"}`},
		"protobuf":   {"\x00\x00\x00\x00\x01\x00MARKER", `"withheld":"`},
		"in a frame": {"\x00\x00\x00\x00\x01" + `{"card":"MARKER"}`, `{"card":"***"}`},
	} {
		for _, reveal := range []bool{false, true} {
			s, err := newShower(context.Background(), p, Environment{}, reveal, nil)
			if err != nil {
				t.Fatal(err)
			}
			out, err := json.Marshal(s.peeked(&kafka.Record{Topic: "orders", Key: []byte("MARKER"), Value: []byte(tt.value)}))
			text := string(out)
			switch {
			case err != nil:
				t.Fatal(err)
			case reveal && (!strings.Contains(text, `"key":"MARKER"`) || strings.Contains(text, "***") || strings.Contains(text, "withheld")):
				t.Errorf("%s: revealed as %s", name, text)
			case !reveal && (strings.Contains(text, "MARKER") || strings.Contains(text, "base64") || !strings.Contains(text, tt.want) || !strings.Contains(text, `"key":"***"`)):
				t.Errorf("%s: shown as %s", name, text)
			}
		}
	}
}

func TestShowerSaysWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	s, err := newShower(context.Background(), Of(load.Files(nil)), Environment{}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := s.peeked(&kafka.Record{Topic: "orders", Oversized: &kafka.OversizedError{Bytes: 5 << 20, Limit: 1 << 20}})
	if got.Withheld != "record of 5242880 bytes was not read: its topic takes 1048576" || string(got.Value) != "null" {
		t.Errorf("shown as %+v", got)
	}
}

func TestTimelineHides(t *testing.T) {
	t.Parallel()
	p := Of(load.Files(map[string][]byte{"shop/v1/placed.json": []byte(orderSchema)}))
	set, err := p.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const letter = `{"original_event":{"card":"MARKER"},"error":{"error_message":"no MARKER"},"source_topic":"orders"}`
	out, err := json.Marshal(Timeline(set, []eventtrace.Event{
		{Topic: "orders", EventType: "placed", CorrelationID: "MARKER", Payload: `{"card":"MARKER","n":1.0}`},
		{Topic: "orders.dead", EventType: "DeadLetterEvent", Payload: letter},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(out); strings.Contains(text, "MARKER") || !strings.Contains(text, `"payload":{"card":"***","n":1.0}`) || !strings.Contains(text, `"correlation_id":"***"`) {
		t.Errorf("shown as %s", text)
	}
}
