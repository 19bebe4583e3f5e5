package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/cmd/trestle/ops"
	trestle "github.com/omninode/trestle/runtime"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/load"
)

const (
	stormTopics = 50
	stormRate   = 2000           // events a second at most, and over 12 seconds at least, so that a replay has time to be killed while more come
	stormGroup  = "storm_orders" // fails
	stormAudit  = "storm_audit"  // does not
	stormPython = "storm_python" // fails
)

// The causes of a storm, in the header by which handlers know what to fail on. The first is the one that is replayed.
var stormCauses = []string{"answer", "lock", "python"}

// saidStorm is what the Python service says of a storm, by key.
type saidStorm struct {
	Handled map[string]int `json:"handled"`
	Failed  map[string]int `json:"failed"`
	Passed  map[string]int `json:"passed"`
}

// stormEvent is an event that one of the services fails on.
type stormEvent struct{ key, cause, topic string }

// stormOf makes events over all topics, of all causes, with keys of the kinds that there are.
func stormOf(n int) []stormEvent {
	random := rand.New(rand.NewPCG(uint64(n), 3))
	letters := func(alphabet string, n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(out)
	}
	known := map[string]bool{}
	events := make([]stormEvent, 0, n)
	for len(events) < n {
		i := len(events)
		var key string
		switch random.IntN(4) {
		case 0:
			key = uuid.NewString()
		case 1:
			key = strconv.Itoa(1_000_000 + i)
		case 2: // some of them without a digit, as those that follow
			key = letters("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-abcdefghijklmnopqrstuvwxyz", 21)
		case 3:
			key = letters("0123456789abcdef", 12)
		}
		if !known[key] {
			known[key] = true
			events = append(events, stormEvent{key, stormCauses[i%3], fmt.Sprintf("storm_%02d", i/3%stormTopics)})
		}
	}
	return events
}

// stormProject is a project with an event for each topic.
func stormProject(t *testing.T) string {
	t.Helper()
	var schema strings.Builder
	schema.WriteString(`syntax = "proto3";

// Storms.
package storm.v1;

import "trestle/v1/options.proto";

option (trestle.v1.family) = {
  envelope: ENVELOPE_BASE_EVENT
  dead_letter_pattern: "{topic}_dlq"
  topic_settings: {partitions: 1 retention_ms: 604800000}
  dead_letter_settings: {partitions: 1 retention_ms: 2592000000}
};
`)
	for i := range stormTopics {
		fmt.Fprintf(&schema, `
// Storm%02[1]d fails.
message Storm%02[1]d {
  option (trestle.v1.event) = {topic: "storm_%02[1]d" key: "id"};
  // Which one.
  string id = 1;
}
`, i)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "schemas/storm/v1"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "trestle.yaml"), "go_import: example.org/storm/gen\n")
	writeFile(t, filepath.Join(dir, "schemas/storm/v1/storm.proto"), schema.String())
	return dir
}

// stormLedger counts what a group did with each event, by key.
type stormLedger struct {
	mu                       sync.Mutex
	handled, failed, skipped map[string]int
	other                    []string
}

func (l *stormLedger) observe(o trestle.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := string(o.Delivery.Key)
	switch o.Result {
	case trestle.Handled:
		l.handled[key]++
	case trestle.DeadLettered:
		l.failed[key]++
	case trestle.Skipped:
		l.skipped[key]++
	default:
		l.other = append(l.other, fmt.Sprintf("%s: %s: %v", key, o.Result, o.Err))
	}
}

// counts are how many it has handled, failed and skipped.
func (l *stormLedger) counts() [3]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return [3]int{total(l.handled), total(l.failed), total(l.skipped)}
}

// stormConsumer runs a Go group on all topics. What is replayed it can handle.
func stormConsumer(t *testing.T, brokers []string, project, group string, fails ...string) *stormLedger {
	t.Helper()
	l := &stormLedger{handled: map[string]int{}, failed: map[string]int{}, skipped: map[string]int{}}
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(project, "schemas")), load.WithGoPrefix("example.org/storm/gen"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := trestle.NewConsumer(brokers, group, trestle.WithoutBreaker(), trestle.WithKeyWorkers(64), trestle.WithObserver(l.observe),
		trestle.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range ops.EventTypesOf(set) {
		trestle.HandleInfo(c, info, func(ctx context.Context, _ trestle.Event) error {
			d, _ := trestle.DeliveryFrom(ctx)
			record := trestle.Record{Headers: d.Headers}
			cause := record.Header("cause")
			if record.Header("replay-group") != "" || !slices.Contains(fails, cause) {
				return nil
			}
			if cause == "lock" {
				return trestle.Permanent(fmt.Errorf("order:%s is locked by '%s', since %v", d.Key, d.Key, d.Timestamp))
			}
			return trestle.Permanent(fmt.Errorf("no answer for %s from 10.0.3.%d:5432 (trace %s)", d.Key, d.Offset%255, d.EventID))
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("group %s: %v", group, err)
		}
	})
	return l
}

// publishStorm publishes events at a rate, and counts them.
func publishStorm(t *testing.T, brokers []string, events []stormEvent, rate int) (end func() bool) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	done := make(chan struct{})
	go func() {
		defer close(done)
		begun := time.Now()
		for i, e := range events {
			due := time.Until(begun.Add(time.Duration(i) * time.Second / time.Duration(rate)))
			if due > 5*time.Millisecond && connection.Sleep(t.Context(), due) != nil {
				return
			}
			value := fmt.Appendf(nil, `{"event_id":%q,"event_type":"Storm%s","version":"1.0","timestamp":"2025-10-16T12:00:00Z",`+
				`"source":{"service_name":"a","service_version":"1","instance_id":"i"},"payload":{"id":%q}}`, uuid.NewString(), e.topic[len("storm_"):], e.key)
			client.Produce(t.Context(), &kgo.Record{Topic: e.topic, Key: []byte(e.key), Value: value, Headers: []kgo.RecordHeader{{Key: "cause", Value: []byte(e.cause)}}},
				func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	return func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// TestStorm has a Go group and a Python service fail on events of fifty topics, for three reasons between them. One of these is replayed for the group that failed,
// at a rate, while more come, and the replay is killed and begun again: each letter of it is handled once, by that group, and nothing else is. TRESTLE_TEST_STORM says
// how many fail; 5,000 do without it.
func TestStorm(t *testing.T) {
	t.Parallel()
	n := 5_000
	if text := os.Getenv("TRESTLE_TEST_STORM"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 100 {
			t.Fatalf("TRESTLE_TEST_STORM=%s: want a number from 100", text)
		}
	}
	k := connect(t, services.Kafka(t).Brokers())
	brokers := strings.Join(k.brokers, ",")
	project := stormProject(t)
	begun := time.Now()
	lap := func(what string) { t.Logf("%v: %s", time.Since(begun).Round(10*time.Millisecond), what) }
	trestleRun(t, project, 0, "topics", "apply", "--brokers", brokers)
	lap("topics are there")

	events, of := stormOf(n), map[string]int{}
	var topics []string
	for _, e := range events {
		of[e.cause]++
	}
	for i := range stormTopics {
		topics = append(topics, fmt.Sprintf("storm_%02d", i))
	}
	program := startPython(t, "", "storm.py", brokers, stormPython, strings.Join(topics, ","), strconv.Itoa(n), strconv.Itoa(of["answer"]))
	orders, audit := stormConsumer(t, k.brokers, project, stormGroup, "answer", "lock"), stormConsumer(t, k.brokers, project, stormAudit)
	program.ready()
	isPublished := publishStorm(t, k.brokers, events, min(n/12, stormRate))
	await := func(what string, longest time.Duration, holds func() bool) {
		t.Helper()
		for ctx := within(t, longest); !holds(); {
			if connection.Sleep(ctx, 20*time.Millisecond) != nil {
				t.Fatalf("%s: not within %v: %s has handled, failed and skipped %v, %s %v", what, longest, stormGroup, orders.counts(), stormAudit, audit.counts())
			}
		}
	}
	await("letters come", patience, func() bool { return orders.counts()[1] > n/6 })
	lap("letters come")

	stats := func() (s ops.DeadLetterStats) {
		t.Helper()
		if err := json.Unmarshal([]byte(trestleRun(t, project, 0, "dlq", "stats", "--json", "--brokers", brokers)), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	var cause string
	for _, a := range stats().Across {
		if a.Group == stormGroup && strings.Contains(a.Cause, "no answer for # from # (trace #") {
			cause = a.ID
		}
	}
	if cause == "" {
		t.Fatalf("the cause that is to be replayed is none of %+v", stats().Across)
	}
	rate := max(of["answer"]/8, 10)
	replay := []string{"dlq", "replay", "--cause", cause, "--rate", strconv.Itoa(rate), "--json", "--brokers", brokers}
	returned := func() int { return audit.counts()[2] } // replays, which it skips

	cmd := trestleProcess(t, project, replay)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await("a replay is under way", patience, func() bool { return returned() > n/100 })
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || isPublished() {
		t.Errorf("the replay ended by itself (%v), or no more were published: the test shows nothing", err)
	}
	lap(fmt.Sprintf("a replay is killed, %d of its events are there", returned()))

	done := 0
	for passes := 1; ; passes++ {
		last := isPublished() && orders.counts()[1] == of["answer"]+of["lock"]
		var r resolved
		started := time.Now()
		if err := json.Unmarshal([]byte(trestleRun(t, project, 0, replay...)), &r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); float64(r.Done) > float64(rate)*(took.Seconds()+1) {
			t.Errorf("%d were replayed within %v, at a rate of %d a second", r.Done, took, rate)
		}
		done += r.Done
		lap(fmt.Sprintf("replay %d: %d of %d", passes, r.Done, r.Selected))
		if last && r.Selected == 0 {
			break
		}
	}
	all := max(patience, time.Duration(n/1000)*time.Second)
	await("all is handled", all, func() bool {
		return orders.counts() == [3]int{of["python"] + of["answer"], of["answer"] + of["lock"], 0} && audit.counts() == [3]int{n, 0, of["answer"]}
	})
	lap("all is handled")
	var python *saidStorm
	for _, line := range program.rest() {
		if line.Storm != nil {
			python = line.Storm
		}
	}
	if python == nil {
		t.Fatal("the Python service does not say what it has done")
	}
	lap("Python ends")

	inLog, letters := map[string]int{}, map[string]int{}
	var deadLetters []string
	for _, topic := range topics {
		deadLetters = append(deadLetters, topic+"_dlq")
	}
	for r, err := range connection.Scan(within(t, all), connection.Connection{Brokers: k.brokers}, slices.Concat(topics, deadLetters), connection.FromStart(), connection.ToEnd()) {
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasSuffix(r.Topic, "_dlq"):
			letters[string(r.Key)]++
		default:
			inLog[string(r.Key)]++
		}
	}
	wrong := 0
	for _, e := range events {
		one := map[bool]int{true: 1}
		answer := one[e.cause == "answer"]
		got := [10]int{
			inLog[e.key], letters[e.key], orders.handled[e.key], orders.failed[e.key], audit.handled[e.key], audit.failed[e.key], audit.skipped[e.key],
			python.Handled[e.key], python.Failed[e.key], python.Passed[e.key],
		}
		want := [10]int{1 + answer, 1, one[e.cause != "lock"], one[e.cause != "python"], 1, 0, answer, one[e.cause != "python"], one[e.cause == "python"], answer}
		if got != want {
			if wrong++; wrong < 10 {
				t.Errorf("%s of cause %s: %v, want %v", e.key, e.cause, got, want)
			}
		}
	}
	if wrong > 0 || len(orders.other)+len(audit.other) > 0 {
		t.Errorf("%d of %d events are not as they should be; %q", wrong, n, slices.Concat(orders.other, audit.other)[:min(10, len(orders.other)+len(audit.other))])
	}

	left := stats()
	var got []string
	for _, a := range left.Across {
		got = append(got, fmt.Sprintf("%s of %q: %d of %d topics", a.Cause, a.Group, a.Count, a.Topics))
	}
	slices.Sort(got)
	want := []string{
		fmt.Sprintf("HandlerError: # is locked by \"…\", since # # # UTC of %q: %d of %d topics", stormGroup, of["lock"], stormTopics),
		fmt.Sprintf("KafkaTimeoutError: no acknowledgement of # within # ms of %q: %d of %d topics", "", of["python"], stormTopics),
	}
	again := 0
	for _, topic := range left.Topics {
		again += topic.Replayed
	}
	if !slices.Equal(got, want) || again != of["answer"] {
		t.Errorf("left are %d causes, %q, want %q; %d are replayed, want %d", len(left.Across), got[:min(len(got), 10)], want, again, of["answer"])
	}
	lap(fmt.Sprintf("%d failed, %d were replayed by those that were not killed", n, done))
}
