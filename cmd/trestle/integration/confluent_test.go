package integration_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

// kiosk is a project whose protobuf files refer to each other over three levels, with events that are the first message of their file, the second, and
// one inside another.
const kiosk = "testdata/confluent"

// kioskEvent is an event as Confluent's clients show it.
type kioskEvent struct {
	eventType, topic, message, language string
	event                               map[string]any
}

func (e kioskEvent) subject() string {
	if e.topic == "kiosk.orders.v1" {
		return e.topic + "-" + e.eventType
	}
	return e.topic + "-value"
}

func kioskEvents() []kioskEvent {
	price := map[string]any{"cents": 250.0, "currency": "EUR"}
	return []kioskEvent{
		{"DayClosed", "kiosk.days.v1", "kiosk.v1.DayClosed", "PROTOBUF", map[string]any{"day": "2025-10-16", "total": price}},
		{"OrderPlaced", "kiosk.orders.v1", "kiosk.v1.OrderPlaced", "PROTOBUF", map[string]any{
			"order_id": "ord_1", "items": []any{map[string]any{"sku": "a", "price": price}, map[string]any{"sku": "é"}}, "placed_at": "2025-10-16T12:34:56.123Z",
		}},
		{"OrderShipped", "kiosk.orders.v1", "kiosk.v1.Order.Shipped", "PROTOBUF", map[string]any{"order_id": "ord_1", "postage": price}},
		{"door.opened", "kiosk.doors.v1", "", "JSON", map[string]any{
			"event_id": "123e4567-e89b-42d3-a456-426614174000", "event_type": "door.opened", "timestamp": "2025-10-16T12:34:56Z", "version": "1.0.0",
			"source":         map[string]any{"service_name": "kiosk", "service_version": "1.2", "instance_id": "a"},
			"correlation_id": nil, "trace_id": nil, "metadata": map[string]any{}, "payload": map[string]any{"kiosk": "Ulm", "width": 1.5},
		}},
	}
}

// confluentPeer is a process with one of Confluent's clients.
type confluentPeer struct {
	t    *testing.T
	name string
	in   io.Writer
	out  *bufio.Scanner
	kill func()
}

// peerPatience is how long a peer may take for an answer: its client has no deadline of its own.
const peerPatience = 2 * time.Minute

// peerTask is what a peer is asked: to read a value, or to write an event.
type peerTask struct {
	Do       string            `json:"do"`
	Language string            `json:"language"`
	Topic    string            `json:"topic"`
	Subject  string            `json:"subject"`
	Declared string            `json:"declared"` // the subject that we have registered
	Message  string            `json:"message"`
	Value    []byte            `json:"value,omitempty"`
	Event    map[string]any    `json:"event,omitempty"`
	Headers  map[string][]byte `json:"headers,omitempty"`
	InHeader bool              `json:"in_header"`
	Register bool              `json:"register"`
}

// startPeer starts a program of testdata, to be asked line by line. It is killed when the test ends.
func startPeer(t *testing.T, name, program string, args ...string) *confluentPeer {
	t.Helper()
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore", "NODE_OPTIONS=", "NODE_NO_WARNINGS=1")
	cmd.Stderr = os.Stderr
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
		kill()
		_ = cmd.Wait()
	})
	p := &confluentPeer{t, name, in, bufio.NewScanner(out), kill}
	p.out.Buffer(nil, 16<<20)
	return p
}

// ask has the peer do a task, and reads its answer. Its failure is the test's.
func (p *confluentPeer) ask(task peerTask, answer any) {
	p.t.Helper()
	line, err := json.Marshal(task)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	late := time.AfterFunc(peerPatience, p.kill)
	answered := p.out.Scan()
	if !late.Stop() {
		p.t.Fatalf("%s does not answer to %s %s %s on %s", p.name, task.Do, task.Language, task.Message, task.Topic)
	}
	if !answered {
		p.t.Fatalf("%s ended: %v", p.name, p.out.Err())
	}
	var said struct {
		Answer json.RawMessage
		Error  string
	}
	if err := json.Unmarshal(p.out.Bytes(), &said); err != nil {
		p.t.Fatalf("%s said %s: %v", p.name, p.out.Bytes(), err)
	}
	if said.Error != "" {
		p.t.Fatalf("%s can't %s %s on %s: %s", p.name, task.Do, task.Language+" "+task.Message, task.Topic, said.Error)
	}
	if err := json.Unmarshal(said.Answer, answer); err != nil {
		p.t.Fatalf("%s answered %s: %v", p.name, said.Answer, err)
	}
}

// confluentPeers are Confluent's clients for Python and JavaScript, that know the project's protobuf messages.
func confluentPeers(t *testing.T, address string) []*confluentPeer {
	t.Helper()
	python, node := services.PythonConfluent(t), services.Node(t, services.ConfluentRegistry)
	image := filepath.Join(t.TempDir(), "kiosk.binpb")
	trestleRun(t, kiosk, 0, "build", "-o", image)
	return []*confluentPeer{
		startPeer(t, "Python", python, "testdata/confluent_peer.py", address, image),
		startPeer(t, "JavaScript", "node", "testdata/confluent_peer.js", node, address, image),
	}
}

// TestConfluentClients has what we publish read by Confluent's own clients, and what these write read by a consumer of ours and shown by `peek`.
func TestConfluentClients(t *testing.T) {
	t.Parallel()
	t.Run("development registry", func(t *testing.T) {
		t.Parallel()
		stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stack.Close() })
		interoperate(t, stack.Registry, kioskEvents(), []peerTask{{}, {InHeader: true}, {Register: true}, {Register: true, InHeader: true}})
	})
	// Apicurio 3.3 gives compiled schemas of protobuf in bytes, of which JSON leaves little, and no GUIDs: Confluent's clients read no protobuf with it,
	// whoever wrote that, and write no headers.
	t.Run("Apicurio", func(t *testing.T) {
		t.Parallel()
		events := slices.DeleteFunc(kioskEvents(), func(e kioskEvent) bool { return e.language == "PROTOBUF" })
		interoperate(t, services.Registry(t), events, []peerTask{{}, {Register: true}})
	})
}

// interoperate publishes events, has peers read them, has these write the same events in each way, and reads all of that.
func interoperate(t *testing.T, address string, events []kioskEvent, ways []peerTask) {
	peers := confluentPeers(t, address)
	brokers := trestletest.NewCluster(t, kioskTopics(t)).Brokers()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	trestleRun(t, kiosk, 0, "register", "--registry", address)
	written := 0
	for _, e := range events {
		publishKiosk(t, e, "--brokers", strings.Join(brokers, ","), "--registry", address)
		written++
	}
	published := recordsOf(t, brokers, len(events))
	for _, p := range peers {
		for _, e := range events {
			task := e.task("read")
			task.Value, task.Headers = published[e.eventType].Value, map[string][]byte{}
			for _, h := range published[e.eventType].Headers {
				task.Headers[h.Key] = h.Value
			}
			var got map[string]any
			p.ask(task, &got)
			if diff := cmp.Diff(e.event, got); diff != "" {
				t.Errorf("%s read %s as (-published +read):\n%s", p.name, e.eventType, diff)
			}
			for _, way := range ways {
				if p.name == "Python" && strings.Contains(e.message, "Order.") && !way.Register {
					continue // Confluent's client finds no message inside of another in a schema that is registered
				}
				if err := client.ProduceSync(t.Context(), p.write(e, way)).FirstErr(); err != nil {
					t.Fatal(err)
				}
				written++
			}
		}
	}
	checkConsumed(t, brokers, events, written)
	checkPeeked(t, brokers, events, written)
}

// publishKiosk publishes an event by the command line.
func publishKiosk(t *testing.T, e kioskEvent, at ...string) {
	t.Helper()
	text, err := json.Marshal(e.event)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	trestleRun(t, kiosk, 0, append([]string{"publish", e.eventType, "-f", file}, at...)...)
}

func (e kioskEvent) task(do string) peerTask {
	return peerTask{Do: do, Language: e.language, Topic: e.topic, Subject: e.subject(), Declared: e.subject(), Message: e.message}
}

// payload is the event without its envelope.
func (e kioskEvent) payload() any {
	if e.language == "JSON" {
		return e.event["payload"]
	}
	return e.event
}

// write has the peer write an event: with the schema's id in front of the value, or in a header; by the schema that is registered, or by one that it registers
// itself.
func (p *confluentPeer) write(e kioskEvent, way peerTask) *kgo.Record {
	p.t.Helper()
	task := e.task("write")
	task.Event, task.Register, task.InHeader = e.event, way.Register, way.InHeader
	if way.Register {
		task.Subject = p.name + "-" + e.eventType
	}
	var wrote struct {
		Value   []byte
		Headers map[string][]byte
	}
	p.ask(task, &wrote)
	if len(wrote.Headers) > 0 != way.InHeader || len(wrote.Value) > 0 && (wrote.Value[0] == wire.Magic) == way.InHeader {
		p.t.Errorf("%s wrote %s as %x with headers %x", p.name, e.eventType, wrote.Value, wrote.Headers)
	}
	r := &kgo.Record{Topic: e.topic, Value: wrote.Value}
	for name, value := range wrote.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return r
}

// checkConsumed has a consumer of ours handle all records, each of which is one of the events.
func checkConsumed(t *testing.T, brokers []string, events []kioskEvent, records int) {
	t.Helper()
	ctx, done := context.WithCancel(within(t, patience))
	var left atomic.Int64
	left.Store(int64(records))
	c, err := trestle.NewConsumer(brokers, "kiosk", trestle.WithLogger(logTo(t)), trestle.WithObserver(func(o trestle.Outcome) {
		if o.Result != trestle.Handled {
			t.Errorf("%s/%d, %s: %s: %v", o.Delivery.Topic, o.Delivery.Offset, o.EventType, o.Result, o.Err)
		}
		if left.Add(-1) == 0 {
			done()
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range kioskTypes(t) {
		at := slices.IndexFunc(events, func(e kioskEvent) bool { return e.eventType == info.Type })
		if at < 0 {
			continue
		}
		trestle.HandleInfo(c, info, func(_ context.Context, e trestle.Event) error {
			text, err := e.AppendJSON(nil)
			if err != nil {
				return err
			}
			var got any
			if err := json.Unmarshal(text, &got); err != nil {
				return err
			}
			if diff := cmp.Diff(events[at].payload(), got); diff != "" {
				t.Errorf("%s was read as (-written +read):\n%s", info.Type, diff)
			}
			return nil
		})
	}
	if err := c.Run(ctx); err != nil || left.Load() != 0 {
		t.Fatalf("%d of %d records are left: %v", left.Load(), records, err)
	}
}

// checkPeeked has `peek` show all records.
func checkPeeked(t *testing.T, brokers []string, events []kioskEvent, records int) {
	t.Helper()
	for _, topic := range kioskTopics(t) {
		out := trestleRun(t, kiosk, 0, "peek", topic.Name, "--json", "-n", "100", "--brokers", strings.Join(brokers, ","))
		for line := range strings.Lines(out) {
			var shown struct {
				EventType string `json:"event_type"`
				Value     any
			}
			if err := json.Unmarshal([]byte(line), &shown); err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(events, func(e kioskEvent) bool { return e.eventType == shown.EventType })
			if at < 0 {
				t.Errorf("peek shows an event of type %q: %s", shown.EventType, line)
				continue
			}
			if diff := cmp.Diff(any(events[at].event), shown.Value); diff != "" {
				t.Errorf("peek shows %s as (-written +shown):\n%s", shown.EventType, diff)
			}
			records--
		}
	}
	if records != 0 {
		t.Errorf("peek does not show %d records", records)
	}
}

// recordsOf returns the first records on the kiosk's topics, by event type.
func recordsOf(t *testing.T, brokers []string, records int) map[string]*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("kiosk.days.v1", "kiosk.orders.v1", "kiosk.doors.v1"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	out := map[string]*kgo.Record{}
	for len(out) < records {
		fetches := client.PollFetches(within(t, patience))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			for _, h := range r.Headers {
				if h.Key == wire.HeaderEventType {
					out[string(h.Value)] = r
				}
			}
		})
	}
	return out
}

func kioskTypes(t *testing.T) []*trestle.EventInfo {
	t.Helper()
	project, err := ops.Open(kiosk)
	if err != nil {
		t.Fatal(err)
	}
	types, err := project.EventTypes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func kioskTopics(t *testing.T) []*trestle.TopicInfo {
	t.Helper()
	var out []*trestle.TopicInfo
	seen := map[string]bool{}
	for _, info := range kioskTypes(t) {
		if !seen[info.Topic.Name] {
			seen[info.Topic.Name] = true
			out = append(out, info.Topic)
		}
	}
	return out
}
