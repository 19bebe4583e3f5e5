package compat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
)

// shop is a project in protobuf whose events are consumed by billing, by stock, and by both as binary.
func shop(t *testing.T, line, paid string) map[string][]byte {
	t.Helper()
	return map[string][]byte{"shop/v1/shop.proto": []byte(`edition = "2023";
package shop.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE, topic_settings: {partitions: 3, retention_ms: 604800000, cleanup_policy: "delete"}};
message Line { string sku = 1; ` + line + ` }
message OrderPlaced {
  option (trestle.v1.event) = {topic: "shop.placed", key: "id", consumed_by: "stock"};
  string id = 1;
  repeated Line lines = 2;
}
message OrderPaid {
  option (trestle.v1.event) = {topic: "shop.paid", key: "id", consumed_by: ["billing", "audit"]};
  string id = 1;
  map<string, Line> lines = 2;
  ` + paid + `
}
message OrderCounted {
  option (trestle.v1.event) = {topic: "shop.counted", key: "id", encoding: ENCODING_PROTOBUF, consumed_by: "billing"};
  string id = 1;
}
`)}
}

// TestClosedServices adds fields to what closed services consume, and to what they do not.
func TestClosedServices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		line, paid string
		closed     []string
		path       string // of the finding, empty for none
		says       []string
		event      string
	}{
		"nobody is closed":          {paid: "string coupon = 3;"},
		"another service is closed": {paid: "string coupon = 3;", closed: []string{"stock", "web"}},
		"its consumer is closed": {
			paid: "string coupon = 3;", closed: []string{"billing"}, path: "shop.v1.OrderPaid.coupon",
			says: []string{
				"coupon (3) was added, and billing refuses fields that its schema lacks",
				"billing with the old schema refuses new events of shop.paid that carry the field",
				"deploy billing before the first producer",
			},
			event: `"coupon":`,
		},
		"both consumers are closed": {
			paid: "string coupon = 3;", closed: []string{"billing", "audit"}, path: "shop.v1.OrderPaid.coupon",
			says: []string{"audit and billing refuse fields that their schema lacks"}, event: `"coupon":`,
		},
		"inside a message that others have, too": {
			line: "int64 quantity = 2;", closed: []string{"billing"}, path: "shop.v1.Line.quantity",
			says: []string{"billing refuses"}, event: `"lines":{`,
		},
		"inside a list": {
			line: "int64 quantity = 2;", closed: []string{"stock"}, path: "shop.v1.Line.quantity",
			says: []string{"stock refuses"}, event: `"lines":[`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, new := loadFiles(t, shop(t, "", "")), loadFiles(t, shop(t, tt.line, tt.paid))
			r := compare(t, old, new, compat.Options{ClosedServices: tt.closed})
			if tt.path == "" {
				if len(r.Findings) > 0 || len(r.Notes) == 0 {
					t.Errorf("found %v, noted %d changes", r.Findings[0].Message(), len(r.Notes))
				}
				return
			}
			if len(r.Findings) != 1 || r.Compatible || r.DeployFirst != compat.Consumers {
				t.Fatalf("%d findings, compatible: %t, deploy first: %s", len(r.Findings), r.Compatible, r.DeployFirst)
			}
			f := r.Findings[0]
			if f.Rule != "FIELD_ADDED_TO_CLOSED" || f.Path != tt.path || f.Breaks != compat.Forward {
				t.Errorf("%s at %s breaks %s", f.Rule, f.Path, f.Breaks)
			}
			for _, text := range tt.says {
				if !strings.Contains(f.Message(), text) {
					t.Errorf("%q does not say %q", f.Message(), text)
				}
			}
			w := f.Witness
			if w == nil || w.WrittenBy != "new" || !strings.Contains(string(w.Event), tt.event) || !strings.Contains(w.Detail, "[additionalProperties]") {
				text, _ := json.Marshal(w)
				t.Errorf("shown by %s, want an event with %s", text, tt.event)
			}
			if backward := compare(t, old, new, compat.Options{ClosedServices: tt.closed, Mode: compat.ModeBackward}); !backward.Compatible {
				t.Error("it breaks backward")
			}
		})
	}
}

// TestClosedServicesOfJSONSchemas adds properties at every depth.
func TestClosedServicesOfJSONSchemas(t *testing.T) {
	t.Parallel()
	placed := func(properties, consumers string) map[string][]byte {
		return map[string][]byte{"shop/v1/placed.json": fmt.Appendf(nil, `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Placed",
"x-trestle":{"family":{"envelope":"none","topic_settings":{"partitions":3,"retention_ms":604800000,"cleanup_policy":"delete"}},
"event":{"type":"placed","topic":"shop.placed","key":["id"],"role":"event"%s}},"type":"object","required":["id"],
"properties":{"id":{"type":"string"}%s}}`, consumers, properties)}
	}
	const consumed = `,"consumed_by":["stock"]`
	tests := map[string]struct {
		old, new              string
		consumers, consumers2 string
		path                  string
	}{
		"at the top":                {"", `,"note":{"type":"string"}`, consumed, consumed, "shop.v1.Placed.note"},
		"by the new side's words":   {"", `,"note":{"type":"string"}`, "", consumed, "shop.v1.Placed.note"},
		"by the old side's words":   {"", `,"note":{"type":"string"}`, consumed, "", "shop.v1.Placed.note"},
		"by nobody":                 {"", `,"note":{"type":"string"}`, "", "", ""},
		"inside an object":          {`,"a":{"type":"object","properties":{"x":{"type":"string"}}}`, `,"a":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"integer"}}}`, consumed, consumed, "shop.v1.PlacedA.y"},
		"to what is closed already": {`,"a":{"type":"object","properties":{},"additionalProperties":false}`, `,"a":{"type":"object","properties":{"y":{"type":"integer"}},"additionalProperties":false}`, consumed, consumed, "shop.v1.PlacedA.y"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadFiles(t, placed(tt.old, tt.consumers)), loadFiles(t, placed(tt.new, tt.consumers2)), compat.Options{ClosedServices: []string{"stock"}})
			if tt.path == "" {
				if !r.Compatible {
					t.Errorf("found %s", r.Findings[0].Message())
				}
				return
			}
			if len(r.Findings) != 1 || r.Findings[0].Path != tt.path || r.Findings[0].Rule != "FIELD_ADDED_TO_CLOSED" || r.Findings[0].Witness == nil {
				t.Fatalf("found %+v", r.Findings)
			}
		})
	}
}
