package records_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/records"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/repair"
	"github.com/omninode/trestle/tools/schema"
)

const orders = `syntax = "proto3";
// Orders.
package shop.v1;
import "buf/validate/validate.proto";
import "trestle/v1/json.proto";
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_BASE_EVENT topic_settings: {partitions: 1}};
// Placed says so.
message Placed {
  option (trestle.v1.event) = {topic: "orders" key: "order_id"};
  // The order.
  string order_id = 1;
  // Its status.
  string status = 2 STATUS;
  // What was ordered.
  repeated Item items = 3;
  // By name.
  map<string, Item> named = 4;
  // A code.
  string code = 5 CODE;
}
// Item is one.
message Item {
  // Its state.
  string state = 1 STATE;
}
`

func set(t *testing.T, rules ...string) *schema.Set {
	t.Helper()
	text := strings.NewReplacer(append(rules, "STATUS", "", "STATE", "", "CODE", "")...).Replace(orders)
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/a.proto": []byte(text)}))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func placed(payload string) *trestle.Record {
	return &trestle.Record{Topic: "orders", Value: fmt.Appendf(nil, `{"event_id":"0f8fad5b-d9cb-469f-a165-70867728950e","event_type":"Placed","correlation_id":`+
		`"550e8400-e29b-41d4-a716-446655440000","timestamp":"2025-10-16T12:00:00Z","version":"1.0.0","source":{"service_name":"web","service_version":"1","instance_id":"a"},`+
		`"metadata":{},"payload":%s}`, payload)}
}

func examine(t *testing.T, next, old *schema.Set, payloads ...string) *compat.Report {
	t.Helper()
	x := records.NewExaminer(next, old, records.Options{})
	for i, p := range payloads {
		x.Examine(placed(p), records.Place{Topic: "orders", Offset: int64(i), Time: time.Unix(int64(i), 0)})
	}
	r := &compat.Report{RecordsOnly: true}
	x.Conclude(r)
	return r
}

// What is refused for its spelling is exchanged for the one value that is meant, wherever it stands; what is offered is what a replay takes, and does what is said of it.
func TestRepairs(t *testing.T) {
	t.Parallel()
	next := set(t, "STATUS", `[(buf.validate.field).string = {in: ["new", "in_transit", "cancelled"]}]`,
		"STATE", `[(buf.validate.field).string = {in: ["ready", "gone"]}]`, "CODE", `[(buf.validate.field).string.pattern = "^[A-Z]*$"]`)
	payloads := []string{
		`{"order_id":"a","status":"new","items":[]}`,
		`{"order_id":"b","status":"IN-TRANSIT","items":[]}`,
		`{"order_id":"c","status":"In Transit","items":[{"state":"Ready"},{"state":"gone"},{"state":"GONE"}]}`,
		`{"order_id":"d","status":"canceled","items":[],"code":"ab"}`,
		`{"order_id":"e","status":"sent","items":[]}`,
		`{"order_id":"f","status":"NEW","items":[],"code":"a1"}`,
	}
	r := examine(t, next, nil, payloads...)
	got := map[string]string{}
	var text string
	for _, f := range r.Findings {
		if f.Stored.Repair == nil {
			t.Fatalf("%s: nothing repairs it", f.Path)
		}
		got[f.Stored.Field] = fmt.Sprintf("%d of %d", f.Stored.Repair.Valid, f.Stored.Repair.Of)
		text = f.Stored.Repair.Text
	}
	for field, want := range map[string]string{"status": "3 of 5", "items[].state": "1 of 1", "code": "1 of 2"} {
		if got[field] != want {
			t.Errorf("%s: %q are valid, want %q", field, got[field], want)
		}
	}
	mend, err := repair.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	types := trestle.NewTypes(event.New(next).Events()...)
	valid := 0
	for _, p := range payloads {
		record := placed(p)
		if record.Value, record.Headers, err = mend.Apply(types, record); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if _, err := trestle.Decode(record, types, trestle.DecodeOptions{}); err == nil {
			valid++
		}
	}
	if valid != 4 {
		t.Errorf("%d of %d are valid after %s, want 4", valid, len(payloads), text)
	}
}

// Nothing is offered where it is not beyond doubt what is meant: two values that are as close, and what no value is close to.
func TestNoRepair(t *testing.T) {
	t.Parallel()
	next := set(t, "STATUS", `[(buf.validate.field).string = {in: ["started", "starter", "a-b", "ab"]}]`)
	r := examine(t, next, nil, `{"order_id":"a","status":"starte","items":[]}`, `{"order_id":"b","status":"AB","items":[]}`, `{"order_id":"c","status":"sent","items":[]}`)
	if len(r.Findings) != 1 || r.Findings[0].Stored.Repair != nil || r.Findings[0].Stored.Records != 3 {
		t.Errorf("%+v", r.Findings)
	}
}

// With the old schemas what is lost is what they read, and what they refuse already is told.
func TestBeside(t *testing.T) {
	t.Parallel()
	old := set(t, "STATUS", `[(buf.validate.field).string.max_len = 5]`)
	next := set(t, "STATUS", `[(buf.validate.field).string.max_len = 3]`, `  // A code.
  string code = 5 CODE;
`, "")
	payloads := []string{
		`{"order_id":"a","status":"abcd","items":[],"code":"x"}`, `{"order_id":"b","status":"abcdef","items":[]}`, `{"order_id":"c","status":"a","items":[],"code":"x","more":1}`,
		`{"order_id":"d","status":"a","items":[],"more":1}`,
	}
	r := examine(t, next, old, payloads...)
	topic := r.Records[0]
	if topic.Read != 4 || topic.Refused != 2 || topic.Lost != 1 || r.Compatible {
		t.Errorf("%+v", topic)
	}
	for _, f := range r.Findings {
		if s := f.Stored; s.Field == "status" && (s.Records != 2 || s.Before != 1) || s.Field == "code" && (s.Records != 1 || s.Broken != "dropped") || s.Field == "more" {
			t.Errorf("%+v", s)
		}
	}
	alone := examine(t, next, nil, payloads...)
	if alone.Records[0].Lost != 2 {
		t.Errorf("without the old schemas: %+v, want what is unknown", alone.Records[0])
	}
}
