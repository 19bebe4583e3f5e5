package event_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/event/eventtest"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

const root = "../.."

var loadSet = sync.OnceValues(func() (*schema.Set, error) {
	return load.Schemas(context.Background(), load.Dir(filepath.Join(root, "schemas")))
})

// both are all event types of this repository, as generated and as made from the schemas.
func both(t testing.TB) (generated, made map[string]*trestle.EventInfo) {
	t.Helper()
	set, err := loadSet()
	if err != nil {
		t.Fatal(err)
	}
	generated, made = map[string]*trestle.EventInfo{}, map[string]*trestle.EventInfo{}
	for _, info := range slices.Concat(codegenv1.Events(), hooksv1.Events()) {
		generated[info.Type] = info
	}
	for _, info := range event.New(set, event.WithDigests(digest.New(set).Known)).Events() {
		made[info.Type] = info
	}
	return generated, made
}

func TestInfoIsThatOfGeneratedTypes(t *testing.T) {
	t.Parallel()
	generated, made := both(t)
	if diff := cmp.Diff(generated, made, cmpopts.IgnoreFields(trestle.EventInfo{}, "New", "VersionOf"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-generated +dynamic):\n%s", diff)
	}
	for name, info := range made {
		if got := info.New().EventInfo(); got != info {
			t.Errorf("%s: New makes an event of %s", name, got.Type)
		}
		if of := generated[name].VersionOf; of != nil {
			e := info.New()
			e.SetDefaults(time.Now())
			if info.VersionOf == nil || info.VersionOf(e) != info.SchemaVersion {
				t.Errorf("%s: an event with its defaults has another schema_version than %s", name, info.SchemaVersion)
			}
		}
	}
}

// documents are records of every event type: what Python writes, and examples.
func documents(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, dir := range []string{"runtime/event/testdata/python-writes", "runtime/event/testdata/examples", "cmd/trestle/demo/samples"} {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.json"))
		if err != nil || len(paths) < 10 {
			t.Fatalf("%s: %d files, %v", dir, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(dir)+"/"+filepath.Base(path)] = withSource(text)
		}
	}
	out["alert"] = []byte(`{"event_type":"DLQAlertEvent","correlation_id":"` + id + `","timestamp":"2025-10-16T12:34:56Z",
		"payload":{"dlq_topic":"a_dlq","failure_count":11,"threshold":10,"state":"raised"}}`)
	out["threshold"] = []byte(`{"event_type":"ThresholdAlertEvent","correlation_id":"` + id + `","timestamp":"2025-10-16T12:34:56Z",
		"payload":{"name":"lag:billing","measure":"lag","subject":"billing","value":250.5,"limit":100,"state":"cleared"}}`)
	out["dead letter"] = []byte(`{"event_type":"DeadLetterEvent","source_topic":"a","retry_count":1,"error":{"error_type":"x","error_message":"y"},
		"original_event":{"a":1.0},"original_headers":[{"key":"k","value":"dg=="}],"original_partition":1,"original_offset":9007199254740993}`)
	return out
}

// withSource gives an example of a hook what it leaves out of the envelope.
func withSource(text []byte) []byte {
	if strings.Contains(string(text), `"envelope_version"`) || strings.Contains(string(text), `"source"`) {
		return text
	}
	return []byte(strings.Replace(string(text), "{", `{"event_id":"`+id+`","timestamp":"2025-10-16T12:34:56Z","source":{"service_name":"a","service_version":"1","instance_id":"a-1"},`, 1))
}

const id = "550e8400-e29b-41d4-a716-446655440000"

// read is everything that a reader makes of a record.
type read struct {
	Violations    []trestle.Violation
	Error         string
	JSON          string
	Key           string
	Envelope      trestle.Envelope
	ZonelessTimes int
}

func decode(info *trestle.EventInfo, types *trestle.Types, value []byte) read {
	rec := trestle.Record{
		Topic: "any", Value: value, Timestamp: time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC),
		Headers: []trestle.Header{{Key: wire.HeaderEventType, Value: []byte(info.Type)}},
	}
	if info.Topic != nil {
		rec.Topic = info.Topic.Name
	}
	decoded, err := trestle.Decode(&rec, types, trestle.DecodeOptions{})
	return readOf(decoded, err)
}

func readOf(decoded trestle.Decoded, err error) read {
	out := read{Envelope: decoded.Envelope, ZonelessTimes: decoded.ZonelessTimes}
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
		out.Violations = slices.Clone(invalid.Violations)
		slices.SortStableFunc(out.Violations, func(a, b trestle.Violation) int {
			return strings.Compare(a.Path+" "+a.Rule, b.Path+" "+b.Rule)
		})
	}
	if err == nil {
		text, err := decoded.Event.AppendJSON(nil)
		out.JSON = string(text)
		if err != nil {
			out.Error = err.Error()
		}
		out.Key = decoded.Event.PartitionKey(&decoded.Envelope)
	} else if out.Violations == nil {
		out.Error = err.Error()
	}
	return out
}

// TestSameAsGenerated gives generated and dynamic types the same records, as they are and with every value in them
// taken away and exchanged: they must agree on everything.
func TestSameAsGenerated(t *testing.T) {
	t.Parallel()
	generated, made := both(t)
	ours := trestle.NewTypes(slices.Collect(maps.Values(generated))...)
	theirs := trestle.NewTypes(slices.Collect(maps.Values(made))...)
	unseen := maps.Clone(generated)
	for name, text := range documents(t) {
		eventType := wire.EventType(text)
		info := generated[eventType]
		if info == nil {
			t.Fatalf("%s: no event type %q", name, eventType)
		}
		delete(unseen, eventType)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			valid, invalid := 0, 0
			for _, text := range mutations(t, text) {
				want, got := decode(info, ours, text), decode(info, theirs, text)
				if diff := cmp.Diff(want, got, ignored...); diff != "" {
					t.Fatalf("(-generated +dynamic):\n%s\nrecord: %s", diff, text)
				}
				if want.JSON != "" {
					valid++
				} else {
					invalid++
				}
			}
			if invalid < 10 || valid < 5 {
				t.Errorf("%d valid and %d invalid records are too few", valid, invalid)
			}
		})
	}
	if len(unseen) > 0 {
		t.Errorf("no records of %v", slices.Collect(maps.Keys(unseen)))
	}
}

var ignored = []cmp.Option{cmpopts.EquateEmpty()}

func mutations(t testing.TB, text []byte) [][]byte {
	t.Helper()
	out, err := eventtest.Mutations(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDuplicateNamesAreErrors(t *testing.T) {
	t.Parallel()
	generated, made := both(t)
	for name, payload := range map[string]string{
		"service.lifecycle.started": `{"service_info":{"name":"a","name":"b"}}`,
		"CodegenStatusEvent":        `{"message":"a","message":"b"}`,
	} {
		value := []byte(`{"correlation_id":"` + id + `","timestamp":"2025-10-16T12:34:56Z","payload":` + payload + `}`)
		want := decode(generated[name], trestle.NewTypes(generated[name]), value)
		got := decode(made[name], trestle.NewTypes(made[name]), value)
		if diff := cmp.Diff(want, got, ignored...); diff != "" || got.Error == "" {
			t.Errorf("%s: got %q (-generated +dynamic):\n%s", name, got.Error, diff)
		}
	}
}

// TestBinary writes protobuf with one and reads it with the other.
func TestBinary(t *testing.T) {
	t.Parallel()
	generated, made := both(t)
	ours := trestle.NewTypes(slices.Collect(maps.Values(generated))...)
	count := 0
	for name, text := range documents(t) {
		info := generated[wire.EventType(text)]
		if info.MessageIndexes == nil {
			continue
		}
		rec := trestle.Record{Topic: "any", Value: text, Headers: []trestle.Header{{Key: wire.HeaderEventType, Value: []byte(info.Type)}}}
		if info.Topic != nil {
			rec.Topic = info.Topic.Name
		}
		decoded, err := trestle.Decode(&rec, ours, trestle.DecodeOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		count++
		binary := marshal(t, decoded.Event)
		other := made[info.Type].New()
		if err := proto.Unmarshal(binary, other.(proto.Message)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := other.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(appended(t, decoded.Event), appended(t, other)); diff != "" {
			t.Errorf("%s: (-generated +dynamic):\n%s", name, diff)
		}
		if diff := cmp.Diff(binary, marshal(t, other)); diff != "" {
			t.Errorf("%s: binary (-generated +dynamic):\n%s", name, diff)
		}
	}
	if count < 18 {
		t.Errorf("%d records are too few", count)
	}
}

func marshal(t testing.TB, e trestle.Event) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(e.(proto.Message))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func appended(t testing.TB, e trestle.Event) string {
	t.Helper()
	b, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBinaryEnumWithoutName refuses to write a number as JSON, as generated types do.
func TestBinaryEnumWithoutName(t *testing.T) {
	t.Parallel()
	generated, made := both(t)
	binary := marshal(t, &codegenv1.CodegenStatusEvent{Status: 99, SessionId: id})
	var got []string
	for _, info := range []*trestle.EventInfo{generated["CodegenStatusEvent"], made["CodegenStatusEvent"]} {
		e := info.New()
		if err := proto.Unmarshal(binary, e.(proto.Message)); err != nil {
			t.Fatal(err)
		}
		_, err := e.AppendJSON(nil)
		got = append(got, fmt.Sprint(err), fmt.Sprint(e.Validate()))
	}
	if !strings.Contains(got[0], strconv.Itoa(99)) || got[0] != got[2] || got[1] != got[3] {
		t.Errorf("got %q", got)
	}
}
