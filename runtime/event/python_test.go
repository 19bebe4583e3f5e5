package event_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// capture is an event of any type: it keeps its payload as it is.
type capture struct {
	info *event.EventInfo
	Text jsonio.Raw
}

func (e *capture) EventInfo() *event.EventInfo                    { return e.info }
func (*capture) Validate() error                                  { return nil }
func (*capture) SetDefaults(time.Time)                            {}
func (*capture) ShareEnvelope(*event.Envelope, *event.Violations) {}
func (*capture) PartitionKey(*event.Envelope) string              { return "" }
func (e *capture) AppendJSON(b []byte) ([]byte, error) {
	return jsonio.AppendObject(b, string(e.Text))
}
func (e *capture) DecodeJSON(r *jsonio.Reader) { e.Text = r.Object() }

// Every file of testdata/python-writes was written by the guide's own Python classes: `pydantic` by
// model_dump_json, `dumps` by json.dumps(model_dump(), default=str).
func TestWhatPythonWritesIsReadAndWrittenAgain(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/python-writes/*.json")
	if err != nil || len(files) != 19 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var original map[string]json.RawMessage
			if err := json.Unmarshal(value, &original); err != nil {
				t.Fatal(err)
			}
			info := &event.EventInfo{Envelope: wire.OnexV1, Topic: &event.TopicInfo{Name: "topic"}}
			info.Type = wire.EventType(value)
			info.New = func() event.Event { return &capture{info: info} }
			if strings.Contains(file, "hook.") {
				info.Envelope = wire.BaseEvent
			}
			got, err := event.Decode(&event.Record{Topic: "topic", Value: value}, event.NewTypes(info), event.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}

			env := got.Envelope
			for name, id := range map[string]string{"event_id": env.EventID, "correlation_id": env.CorrelationID, "session_id": env.SessionID} {
				want, there := original[name]
				if !there {
					continue
				}
				quoted, _ := json.Marshal(id)
				if id == "" {
					quoted = []byte("null")
				}
				if string(want) != string(quoted) {
					t.Errorf("%s = %s, want %s", name, quoted, want)
				}
			}
			micros := env.Timestamp.Format("05.999999")
			if text := string(original["timestamp"]); !strings.Contains(text, micros) || !strings.Contains(text, "2025-10-16") || env.Timestamp.Hour() != 12 {
				t.Errorf("timestamp = %s, want %s", env.Timestamp, text)
			}
			zoneless := 0
			if strings.HasSuffix(file, ".dumps.json") && info.Envelope == wire.OnexV1 {
				zoneless = 1
			}
			if got.ZonelessTimes != zoneless {
				t.Errorf("%d times without a zone, want %d", got.ZonelessTimes, zoneless)
			}

			rec, err := event.Encode(got.Event, &env, event.EncodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var written map[string]json.RawMessage
			if err := json.Unmarshal(rec.Value, &written); err != nil {
				t.Fatal(err)
			}
			var payload bytes.Buffer
			if err := json.Compact(&payload, original["payload"]); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(payload.String(), string(written["payload"])); diff != "" {
				t.Errorf("payload (-python +trestle):\n%s", diff)
			}
			for name := range original {
				if _, there := written[name]; !there {
					t.Errorf("%s is gone", name)
				}
			}
			if len(written) != len(original) {
				t.Errorf("%d members, had %d", len(written), len(original))
			}
		})
	}
}
