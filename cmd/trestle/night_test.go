package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

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

// TestTightenedSchema is the night on which a status became a closed enum while thousands of letters held it in three spellings: sent as they are all would be refused
// again; the dry run of a repair proves that each is valid, and the replay empties the queue.
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
	project := t.TempDir()
	for name, text := range map[string]string{"trestle.yaml": "go_import: example.org/shop/gen\n", "schemas/shop/v1/order.proto": nightSchema} {
		path := filepath.Join(project, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trestle := func(args ...string) string {
		t.Helper()
		return trestleOutput(t, "", append([]string{"-C", project, "--brokers", stack.Brokers}, args...)...)
	}
	trestleOutput(t, "", "-C", project, "topics", "apply", "--brokers", stack.Brokers)

	client, err := kgo.NewClient(kgo.SeedBrokers(stack.Brokers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	spellings := []string{"In Transit", "IN_TRANSIT", "in-transit"}
	for i := range letters {
		d := deadletter.DeadLetter{
			Original: deadletter.Original{Key: fmt.Appendf(nil, "o%d", i), Offset: int64(i), Value: fmt.Appendf(nil,
				`{"event_id":"0f8fad5b-d9cb-469f-a165-%012d","event_type":"OrderShipped","version":"1.0","timestamp":"2025-10-16T12:00:00Z",`+
					`"source":{"service_name":"a","service_version":"1","instance_id":"i"},"payload":{"order_id":"o%d","status":%q}}`, i, i, spellings[i%3])},
			Error:       deadletter.Error{Type: "ValidationError", Message: fmt.Sprintf("order o%d: status: no such value, got %q", i, spellings[i%3]), Timestamp: time.Now()},
			SourceTopic: "orders", ConsumerGroup: "billing", Timestamp: time.Now(),
		}
		client.Produce(t.Context(), kafka.ToClient(&kafka.Record{Topic: "orders_dlq", Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers()}), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

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
	stats = ops.DeadLetterStats{}
	if err := json.Unmarshal([]byte(trestle("dlq", "stats", "--json")), &stats); err != nil || stats.Unresolved != 0 || stats.Topics[0].Replayed != letters {
		t.Errorf("left: %+v, %v", stats, err)
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
