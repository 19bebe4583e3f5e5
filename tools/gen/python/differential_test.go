package python_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/format"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/schema"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// casesPerEvent is how many records of each event type Go and Python judge.
const casesPerEvent = 600

var recordTime = time.Date(2025, 10, 16, 12, 34, 56, 789_012_000, time.UTC)

const (
	recordID  = "01990000-0000-7000-8000-000000000001"
	fallbacks = "events.general_dlq" // where a dead letter is read from
)

// TestGoAndPythonAgree has Go and Python read random records of every event, valid and invalid: what one accepts and
// writes, the other accepts and reads, equal number for number.
func TestGoAndPythonAgree(t *testing.T) {
	t.Parallel()
	python := startRepository(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, e := range loadRepository(t).Events() {
		g := &records{rng: rng}
		valid := 0
		for n := range casesPerEvent {
			g.odds = []float64{0, 0.02, 0.1}[n%3]
			text := g.record(e)
			if python.compare(t, e, text) {
				valid++
			}
			if t.Failed() {
				t.Fatalf("seed %d, %s, case %d", seed, e.Type, n)
			}
		}
		t.Logf("%s: %d valid, %d invalid", e.Type, valid, casesPerEvent-valid)
		if valid < casesPerEvent/5 || valid == casesPerEvent {
			t.Errorf("%s: %d of %d records are valid: the generator tests too little", e.Type, valid, casesPerEvent)
		}
	}
}

// TestWritten has both read what the guide's classes write, and the examples of the guide.
func TestWritten(t *testing.T) {
	t.Parallel()
	python := startRepository(t)
	set := loadRepository(t)
	for _, folder := range []string{"runtime/event/testdata/python-writes", "cmd/trestle/demo/samples"} {
		paths, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(folder), "*.json"))
		if err != nil || len(paths) < 10 {
			t.Fatalf("%s: %d files, %v", folder, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var members map[string]json.RawMessage
			var eventType string
			if err := json.Unmarshal(text, &members); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if err := json.Unmarshal(members["event_type"], &eventType); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if members["source"] == nil && members["envelope_version"] == nil { // the examples leave it out
				members["event_id"] = json.RawMessage(`"` + recordID + `"`)
				members["source"] = json.RawMessage(`{"service_name":"a","service_version":"1","instance_id":"a-1"}`)
				if text, err = json.Marshal(members); err != nil {
					t.Fatal(err)
				}
			}
			if !python.compare(t, set.Event(eventType), string(text)) {
				t.Errorf("%s: invalid", path)
			}
		}
	}
}

// TestServices has both read what OmniNode's services write beside the guide: the payload alone, and a wider envelope.
func TestServices(t *testing.T) {
	t.Parallel()
	python := startRepository(t)
	set := loadRepository(t)
	paths, err := filepath.Glob("../../../runtime/event/testdata/python-services/Codegen*.json")
	if err != nil || len(paths) != 18 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		eventType, form, _ := strings.Cut(filepath.Base(path), ".")
		if eventType == "CodegenStatusEvent" && form == "bare.json" { // written again, each gives it a correlation id of its own
			if _, err := python.goRead(set.Event(eventType), text); err != nil {
				t.Errorf("Go says %v", err)
			}
			if theirs := python.read(t, set.Event(eventType), text); theirs.Error != "" {
				t.Errorf("Python says %s", theirs.Error)
			}
			continue
		}
		if !python.compare(t, set.Event(eventType), string(text)) {
			t.Errorf("%s: invalid", path)
		}
		for name, edit := range map[string]string{
			"an id of the event that is none":  strings.Replace(string(text), `"event_id": "1`, `"event_id": "x`, 1),
			"a time of the event that is none": strings.Replace(string(text), `"event_timestamp": "2`, `"event_timestamp": "x`, 1),
			"a time beside it":                 strings.Replace(string(text), `"event_timestamp"`, `"timestamp": "2025-10-16T12:34:57Z", "event_timestamp"`, 1),
			"no envelope's version":            strings.Replace(string(text), `"envelope_version": "1.0", `, "", 1),
			"no event type":                    strings.Replace(string(text), `"event_type": "`+eventType+`", `, "", 1),
			"another session":                  strings.Replace(string(text), `"session_id": "7`, `"session_id": "x`, 1),
		} {
			if edit != string(text) {
				t.Run(name, func(t *testing.T) { python.compare(t, set.Event(eventType), edit) })
			}
		}
	}
}

// TestLimits has both judge how deeply values may be nested, and how many digits numbers may have.
func TestLimits(t *testing.T) {
	t.Parallel()
	python := startRepository(t)
	set := loadRepository(t)
	request, started := set.Event("CodegenAnalysisRequest"), set.Event("service.lifecycle.started")
	for n := 500; n <= 520; n++ {
		nested := strings.Repeat("[", n) + strings.Repeat("]", n)
		python.compare(t, request, `{"correlation_id":"`+recordID+`","session_id":"`+recordID+`","event_type":"CodegenAnalysisRequest",
			"timestamp":"2025-10-16T12:34:56Z","payload":{"prd_content":"","workspace_context":{"a":`+nested+`}}}`)
		python.compare(t, started, `{"event_id":"`+recordID+`","event_type":"service.lifecycle.started",
			"source":{"service_name":"a","service_version":"b","instance_id":"c"},"metadata":{"a":`+nested+`},
			"payload":{"service_info":{"name":"a","version":"1.2.3","type":"t","instance_id":"i","host":"h","port":1,"health_check_url":"u"},
			"startup_info":{"startup_time_ms":1,"initialization_steps":[{"step":"s","duration_ms":1,"status":"success","more":`+nested+`}]}}}`)
	}
	for _, number := range []string{strings.Repeat("9", 5000), "-" + strings.Repeat("8", 5000) + ".5", "0." + strings.Repeat("3", 5000)} {
		if !python.compare(t, request, `{"correlation_id":"`+recordID+`","session_id":"`+recordID+`","event_type":"CodegenAnalysisRequest",
			"timestamp":"2025-10-16T12:34:56Z","payload":{"prd_content":"","workspace_context":{"a":`+number+`}}}`) {
			t.Errorf("a number of %d digits is invalid", len(number))
		}
	}
}

// TestConstructed has Go read what Python code makes without a record to start from.
func TestConstructed(t *testing.T) {
	t.Parallel()
	python := startRepository(t)
	var made []reply
	python.ask(t, map[string]string{"op": "construct"}, &made)
	if len(made) != 3 {
		t.Fatalf("got %d records", len(made))
	}
	for _, r := range made {
		rec := r.record(t)
		d, err := event.Decode(&rec, python.types, event.DecodeOptions{})
		if err != nil {
			t.Fatalf("%s: %v", rec.Value, err)
		}
		again, err := event.Encode(d.Event, &d.Envelope, event.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(rec.Value), string(again.Value)); diff != "" {
			t.Errorf("(-Python +Go):\n%s", diff)
		}
		if diff := cmp.Diff(rec.Headers, again.Headers); diff != "" {
			t.Errorf("headers (-Python +Go):\n%s", diff)
		}
		if string(rec.Key) != string(again.Key) {
			t.Errorf("key: Python %s, Go %s", rec.Key, again.Key)
		}
	}
}

// peer is a running Python process that answers a line with a line, and the Go types that it is held to.
type peer struct {
	types  *event.Types
	in     io.Writer
	out    *bufio.Scanner
	errors written
}

// written is what a process has written, and nobody has looked at yet.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// take returns what has been written since it was called last.
func (w *written) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.text.Reset()
	return w.text.String()
}

// startRepository starts a peer of the events of this repository, as they are committed.
func startRepository(t *testing.T) *peer {
	t.Helper()
	packages, err := filepath.Abs(filepath.Join("..", "..", "..", "gen", "python"))
	if err != nil {
		t.Fatal(err)
	}
	return startPeer(t, packages, "omninode_events", append(codegenv1.Events(), hooksv1.Events()...))
}

// startPeer starts Python with the package of that name in the folder.
func startPeer(t *testing.T, folder, name string, events []*event.EventInfo) *peer {
	t.Helper()
	p := startProgram(t, "peer.py", folder, name)
	p.types = event.NewTypes(events...)
	return p
}

// startProgram starts a program of testdata that finds packages in path.
func startProgram(t *testing.T, program, path string, args ...string) *peer {
	t.Helper()
	p := &peer{}
	cmd := exec.Command(services.Python(t), append([]string{filepath.Join("testdata", program)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+path)
	cmd.Stderr = &p.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("Python ended with %v:\n%s", err, p.errors.take())
		}
	})
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, 64<<20)
	return p
}

func (p *peer) ask(t *testing.T, request any, into any) {
	t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("ask Python: %v\n%s", err, p.errors.take())
	}
	if !p.out.Scan() {
		t.Fatalf("Python did not answer %s: %v\n%s", line, p.out.Err(), p.errors.take())
	}
	if err := json.Unmarshal(p.out.Bytes(), into); err != nil {
		t.Fatalf("Python answered %s: %v", p.out.Text(), err)
	}
}

// reply is a record as Python writes it, or why it has none.
type reply struct {
	Error   string
	Topic   string
	Key     *string
	Value   []byte
	Headers [][2]string
}

func (r reply) record(t *testing.T) event.Record {
	t.Helper()
	rec := event.Record{Topic: r.Topic, Value: r.Value, Timestamp: recordTime}
	if r.Key != nil {
		rec.Key = []byte(*r.Key)
	}
	for _, h := range r.Headers {
		rec.Headers = append(rec.Headers, event.Header{Key: h[0], Value: []byte(h[1])})
	}
	return rec
}

// read has Python read a record's value and write it again.
func (p *peer) read(t *testing.T, e *schema.Event, value []byte) reply {
	t.Helper()
	var r reply
	p.ask(t, map[string]string{
		"op": "read", "type": e.Type, "id": recordID, "topic": topicOf(e), "timestamp": recordTime.Format(time.RFC3339Nano),
		"value": base64.StdEncoding.EncodeToString(value),
	}, &r)
	return r
}

// goRead has Go read a record's value and write it again.
func (p *peer) goRead(e *schema.Event, value []byte) (event.Record, error) {
	rec := event.Record{
		Topic: topicOf(e), Value: value, Timestamp: recordTime,
		Headers: []event.Header{{Key: "event-type", Value: []byte(e.Type)}, {Key: "event-id", Value: []byte(recordID)}},
	}
	d, err := event.Decode(&rec, p.types, event.DecodeOptions{})
	if err != nil {
		return event.Record{}, err
	}
	return event.Encode(d.Event, &d.Envelope, event.EncodeOptions{Topic: rec.Topic})
}

func topicOf(e *schema.Event) string {
	if e.Topic == nil {
		return fallbacks
	}
	return e.Topic.Name
}

// compare has both read a record and write it again, each read what the other wrote, and reports whether it is valid.
func (p *peer) compare(t *testing.T, e *schema.Event, text string) (valid bool) {
	t.Helper()
	ours, err := p.goRead(e, []byte(text))
	theirs := p.read(t, e, []byte(text))
	if (err == nil) != (theirs.Error == "") {
		t.Errorf("of %s\nGo says %v\nPython says %s", text, err, theirs.Error)
		return false
	}
	if err != nil {
		return false
	}
	// cmp takes too long where values are nested deeply.
	if want, got := exactly(t, ours.Value), exactly(t, theirs.Value); !reflect.DeepEqual(want, got) {
		t.Errorf("of %s\n(-Go wrote +Python wrote):\n%s", text, cmp.Diff(want, got))
	}
	if !strings.EqualFold(string(ours.Key), string(theirs.record(t).Key)) {
		t.Errorf("of %s\nkey: Go %s, Python %s", text, ours.Key, *theirs.Key)
	}
	// What Python wrote is in the one form that both write: Go writes the same bytes.
	again, err := p.goRead(e, theirs.Value)
	if err != nil {
		t.Errorf("Python wrote %s\nGo says %v", theirs.Value, err)
	} else if string(again.Value) != string(theirs.Value) {
		t.Errorf("Python wrote %s\nGo wrote     %s", theirs.Value, again.Value)
	}
	back := p.read(t, e, ours.Value)
	if back.Error != "" {
		t.Errorf("Go wrote %s\nPython says %s", ours.Value, back.Error)
	} else if string(back.Value) != string(theirs.Value) {
		t.Errorf("of what Go wrote, Python writes %s\nbut of the original     %s", back.Value, theirs.Value)
	}
	return true
}

// exactly is a JSON value to compare: numbers by their exact value, UUIDs without regard to case.
func exactly(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return exact(v)
}

func exact(v any) any {
	switch x := v.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(x.String()); ok {
			return "number " + r.RatString()
		}
	case string:
		if format.UUID(x) {
			return strings.ToLower(x)
		}
	case map[string]any:
		for k := range x {
			x[k] = exact(x[k])
		}
	case []any:
		for i := range x {
			x[i] = exact(x[i])
		}
	}
	return v
}
