package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

const nightSettings = `go_import: example.org/shop/gen
monitor: {alerts: {topic: alerts, webhook: {url: %s}}}
`

const nightSchema = `syntax = "proto3";

// Orders.
package shop.v1;

import "trestle/v1/options.proto";

option (trestle.v1.family) = {
  envelope: ENVELOPE_BASE_EVENT
  dead_letter_pattern: "{topic}_dlq"
  topic_settings: {partitions: 3 retention_ms: 604800000}
  dead_letter_settings: {partitions: 1 retention_ms: 2592000000}
};

// OrderShipped says how an order fares.
message OrderShipped {
  option (trestle.v1.event) = {topic: "orders" key: "order_id"};
  // The order.
  string order_id = 1;
  // Its status.
  Status status = 2;
}

// Status is closed: consumers know no others.
enum Status {
  // Nobody knows.
  STATUS_UNSPECIFIED = 0;
  // It waits.
  STATUS_IN_TRANSIT = 1 [(trestle.v1.enum_value).json_name = "in_transit"];
  // It is there.
  STATUS_DELIVERED = 2 [(trestle.v1.enum_value).json_name = "delivered"];
}
`

// nightEvening is the schema of before, by which a status is any text.
func nightEvening() string {
	schema, _, _ := strings.Cut(nightSchema, "// Status is closed")
	return strings.Replace(schema, "  Status status", "  string status", 1)
}

// TestTightenedSchema is the night on which a status became a closed enum while thousands of events held it in three spellings. The check of what is stored had warned;
// nobody listened, and the alert begins the night. Sent as they are all letters would be refused again; the dry run of a repair proves that each is valid, the replay
// empties the queue, and the alert is over.
func TestTightenedSchema(t *testing.T) {
	t.Parallel()
	letters := 2_300
	if os.Getenv("TRESTLE_TEST_WHOLE_NIGHT") != "" {
		letters = 23_000
	}
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	hook := newTold(t)
	project := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(project, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("trestle.yaml", fmt.Sprintf(nightSettings, hook.URL))
	write("schemas/shop/v1/order.proto", nightEvening())
	trestle := func(args ...string) string {
		t.Helper()
		return trestleOutput(t, "", append([]string{"-C", project, "--brokers", stack.Brokers}, args...)...)
	}
	refused := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), append([]string{"-C", project, "--brokers", stack.Brokers}, args...), nil, &stdout, &stderr); status != exitNo {
			t.Fatalf("trestle %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), status, exitNo, &stdout, &stderr)
		}
		return stdout.String()
	}
	trestle("topics", "apply")

	client, err := kgo.NewClient(kgo.SeedBrokers(stack.Brokers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	spellings := []string{"In Transit", "IN_TRANSIT", "in-transit"}
	order := func(i int) []byte {
		return fmt.Appendf(nil, `{"event_id":"0f8fad5b-d9cb-469f-a165-%012d","event_type":"OrderShipped","version":"1.0","timestamp":"2025-10-16T12:00:00Z",`+
			`"source":{"service_name":"a","service_version":"1","instance_id":"i"},"payload":{"order_id":"o%d","status":%q}}`, i, i, spellings[i%3])
	}
	send := func(r *kafka.Record) {
		client.Produce(t.Context(), kafka.ToClient(r), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i := range letters {
		send(&kafka.Record{Topic: "orders", Key: fmt.Appendf(nil, "o%d", i), Value: order(i), Headers: []kafka.Header{{Key: "event-type", Value: []byte("OrderShipped")}}})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	write("schemas/shop/v1/order.proto", nightSchema)
	warning := refused("check", "--records")
	repair := regexp.MustCompile(`repair: (\d+) of \d+ are valid after --type OrderShipped --repair '([^\n]*)'\n`).FindStringSubmatch(warning)
	if !strings.Contains(warning, fmt.Sprintf("RECORD_REFUSED: status: %d of %[1]d records of orders are refused", letters)) || repair == nil || repair[1] != strconv.Itoa(letters) {
		t.Fatalf("the check of what is stored says %s", warning)
	}
	if deaf := trestle("monitor", "--json"); strings.Contains(deaf, `"passed":true`) {
		t.Errorf("before anything fails a limit is passed: %s", deaf)
	}
	for i := range letters {
		d := deadletter.DeadLetter{
			Original:    deadletter.Original{Key: fmt.Appendf(nil, "o%d", i), Offset: int64(i), Value: order(i)},
			Error:       deadletter.Error{Type: "ValidationError", Message: fmt.Sprintf("order o%d: status: no such value, got %q", i, spellings[i%3]), Timestamp: time.Now()},
			SourceTopic: "orders", ConsumerGroup: "billing", Timestamp: time.Now(),
		}
		send(&kafka.Record{Topic: "orders_dlq", Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers()})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	const alert = "dead_letters:orders_dlq "
	refused("monitor")
	if got := hook.told("dead_letters:"); !slices.Equal(got, []string{alert + "raised"}) {
		t.Errorf("the night begins, and the webhook is told %q", got)
	}
	watching, enough := context.WithCancel(t.Context())
	defer enough()
	var seen safeBuffer
	watched := make(chan int, 1)
	go func() {
		watched <- run(watching, []string{"-C", project, "--brokers", stack.Brokers, "dlq", "watch", "--every", "50ms"}, nil, &seen, io.Discard)
	}()

	resolved := func(args ...string) (out ops.ResolvedDeadLetters) {
		t.Helper()
		begun := time.Now()
		if err := json.Unmarshal([]byte(trestle(append(args, "--json")...)), &out); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %v", strings.Join(args, " "), time.Since(begun).Round(time.Millisecond))
		return out
	}
	var stats ops.DeadLetterStats
	if err := json.Unmarshal([]byte(trestle("dlq", "stats", "--json")), &stats); err != nil || stats.Unresolved != letters || len(stats.Groups) != 1 {
		t.Fatalf("%+v, %v", stats, err)
	}
	as := resolved("dlq", "replay", "--dry-run")
	if as.ValidBefore != 0 || len(as.Examined) != 1 || len(as.Examined[0].Invalid) != 1 || as.Examined[0].Invalid[0].Events != letters {
		t.Errorf("as they are: %+v", as)
	}
	const half, whole = `payload.merge({"status": payload.status.lowerAscii()})`, `payload.merge({"status": payload.status.lowerAscii().replace(" ", "_").replace("-", "_")})`
	// A repair that is not enough says so, and how far it goes.
	if got := resolved("dlq", "replay", "--dry-run", "--repair", half); got.ValidAfter != (letters+1)/3 || got.Skipped != letters-got.ValidAfter || got.Examined[0].Invalid[0].Path != "status" {
		t.Errorf("half repaired: %+v", got)
	}
	if got := resolved("dlq", "replay", "--dry-run", "--repair", repair[2]); got.ValidAfter != letters {
		t.Errorf("repaired as the check of what is stored said: %+v", got)
	}
	plan := resolved("dlq", "replay", "--dry-run", "--repair", whole)
	if plan.ValidBefore != 0 || plan.ValidAfter != letters || plan.Skipped != 0 || len(plan.Examined) != 1 {
		t.Fatalf("the plan: %+v", plan)
	}
	changes := plan.Examined[0].Changes
	if len(changes) != 1 || changes[0].Path != "status" || changes[0].Events != letters || len(changes[0].Values) != 3 || changes[0].Values[0].To != `"in_transit"` {
		t.Errorf("the changes: %+v", changes)
	}
	if got := resolved("dlq", "replay", "--repair", whole); got.Done != letters || got.ValidAfter != letters {
		t.Errorf("the replay: %+v", got)
	}
	var left ops.DeadLetterStats
	if err := json.Unmarshal([]byte(trestle("dlq", "stats", "--json")), &left); err != nil || left.Unresolved != 0 || left.Topics[0].Replayed != letters {
		t.Errorf("left: %+v, %v", left, err)
	}
	deadline := time.After(time.Minute)
	for !strings.Contains(seen.String(), "well  orders_dlq: 0 are not resolved") || len(hook.told("dead_letters:")) < 2 {
		select {
		case <-deadline:
			t.Fatalf("the watch has shown %s, the webhook is told %q", seen.String(), hook.told("dead_letters:"))
		case <-time.After(10 * time.Millisecond):
		}
	}
	enough()
	if status := <-watched; status != exitInterrupted || !strings.Contains(seen.String(), fmt.Sprintf("TOO MANY  orders_dlq: %d are not resolved", letters)) ||
		!strings.Contains(seen.String(), "trestle dlq list --cause "+stats.Across[0].ID) {
		t.Errorf("the watch ends with %d, and has shown %s", status, seen.String())
	}
	want := []string{alert + "raised", alert + "cleared"}
	refused("monitor") // for the part of events that failed is that of the last minutes
	if got := hook.told("dead_letters:"); !slices.Equal(got, want) {
		t.Errorf("the webhook was told %q, want %q", got, want)
	}
	var events []string
	for record, err := range kafka.Scan(t.Context(), kafka.Connection{Brokers: []string{stack.Brokers}}, []string{"alerts"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		if name := record.Header("alert-name"); strings.HasPrefix(name, "dead_letters:") {
			events = append(events, name+" "+record.Header("alert-state"))
		}
	}
	if !slices.Equal(events, want) {
		t.Errorf("the topic has %q, want %q", events, want)
	}
	there := map[string]int{}
	for record, err := range kafka.Scan(t.Context(), kafka.Connection{Brokers: []string{stack.Brokers}}, []string{"orders"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(record.Value), `"status":"in_transit"`) && record.Header("replay-group") == "billing" {
			there[string(record.Key)]++
		}
	}
	if len(there) != letters {
		t.Errorf("%d events are there", len(there))
	}
	for key, n := range there {
		if n != 1 {
			t.Errorf("%s was sent %d times", key, n)
		}
	}
}

// told is a webhook that remembers what it was told.
type told struct {
	*httptest.Server
	mu    sync.Mutex
	taken []string // name and state
}

func newTold(t *testing.T) *told {
	hook := &told{}
	hook.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a ops.Alert
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		hook.mu.Lock()
		defer hook.mu.Unlock()
		hook.taken = append(hook.taken, a.Name+" "+a.State)
	}))
	t.Cleanup(hook.Close)
	return hook
}

// told is what it was told of measures whose names begin so.
func (h *told) told(measure string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.taken), func(s string) bool { return !strings.HasPrefix(s, measure) })
}
