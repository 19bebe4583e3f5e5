package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the reports to testdata")

// example is a report with everything in it that formats have to take care of.
func example() *compat.Report {
	return &compat.Report{
		Profile: compat.Guide, Mode: compat.ModeFullTransitive, Events: 12, DeployFirst: compat.Neither,
		Findings: []*compat.Finding{
			{
				Rule: "CONSTRAINT_TIGHTENED", Severity: compat.Error, Breaks: compat.Backward,
				Encodings: []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf}, Path: "shop.v1.Order.code",
				Pos:         schema.Position{File: "schemas/shop/v1/order, new.proto", Line: 14, Col: 3},
				Change:      `code: pattern "a|b" was added`,
				Consequence: "consumers of shop.orders with the new schema reject old events",
				Deploy:      "if it must be, deploy producers first", Fix: "keep 100% of code", Subject: compat.Subject{Events: []string{"OrderPlaced"}},
				Witness: &compat.Witness{
					Event: json.RawMessage(`{"code":"<c>"}`), WrittenBy: "old", Outcome: "rejected", Detail: "code: does not match `a|b` [string.pattern]",
				},
			},
			{
				Rule: "FIELD_RENUMBERED", Severity: compat.Error, Breaks: compat.Backward | compat.Forward,
				Encodings: []schema.Encoding{schema.EncodingProtobuf}, Path: "shop.v1.Order.note", InOld: true,
				Pos:    schema.Position{File: "schemas/shop/v1/order.proto"},
				Change: "number of note changed from 2 to 3", Consequence: "consumers do not find it", Fix: "give it back",
				Subject: compat.Subject{Events: []string{"OrderPlaced"}},
				Witness: &compat.Witness{
					Event: json.RawMessage(`{"note":"a"}`), WrittenBy: "new", Outcome: "dropped", Detail: "note is \"a\" as written", Bytes: []byte{18, 1, 97},
				},
			},
			{
				Rule: "TOPIC_PARTITIONS_CHANGED", Severity: compat.Warning, Breaks: compat.Backward | compat.Forward,
				Encodings: []schema.Encoding{schema.EncodingJSON}, Path: "shop.orders",
				Pos:    schema.Position{File: "schemas/shop/v1/order.proto", Line: 9, Col: 1},
				Change: "partitions grow from 3 to 6", Consequence: "keys move", Fix: "let consumers catch up",
			},
		},
		Notes: []compat.Note{{Path: "shop.v1.Order.size", Text: "field size was added: either side may deploy first"}},
	}
}

// stored is a report about stored records alone.
func stored() *compat.Report {
	r := &compat.Report{RecordsOnly: true, Profile: compat.Guide, DeployFirst: compat.Either}
	r.AddRecords([]compat.TopicRecords{
		{Topic: "shop.orders", Read: 1000, Refused: 5, By: []compat.ProducerRecords{{Producer: "web", Path: "status", Count: 5}},
			Sample: &compat.Sample{Of: 2_000_000, RefusedBelow: 0.010485, LostBelow: 0.0029912, Confidence: 0.95}},
		{Topic: "shop.orders_dlq", DeadLetters: true, Read: 2, By: []compat.ProducerRecords{}, Skipped: []compat.Counted{{Name: "unreadable", Records: 1}}},
	}, []*compat.Finding{{
		Rule: compat.RecordRefused, Severity: compat.Error, Breaks: compat.Backward, Encodings: []schema.Encoding{schema.EncodingJSON},
		Path: "shop.v1.Order.status", Pos: schema.Position{File: "schemas/shop/v1/order.proto", Line: 14, Col: 3},
		Change:      "status: 5 of 1000 records of shop.orders are refused: must be in list [new, it's] [string.in]",
		Consequence: "consumers of shop.orders with the new schema refuse them", Fix: "accept what is stored in shop.orders, or wait until it has run out",
		Stored: &compat.Stored{
			Topic: "shop.orders", EventType: "OrderPlaced", Field: "status", Broken: "string.in", Records: 5, Before: 1,
			Producers: []compat.Counted{{Name: "web|1", Records: 4}}, OtherProducers: 1, Values: []compat.Counted{{Name: `"It's"`, Records: 5}},
			First: "shop.orders/0/7", Last: "shop.orders/2/19",
			Repair: &compat.StoredRepair{Text: `payload.merge({"status": {"It's": "it's"}[?payload.status].orValue(payload.status)})`, Valid: 5, Of: 5},
		},
	}}, []compat.Note{{Path: "shop.v1.Order.note", Pos: schema.Position{File: "schemas/shop/v1/order.proto", Line: 9, Col: 3}, Text: "no record has this field"}})
	return r
}

// A sample's bound is never told as less than it is, and what was not looked at is.
func TestBounds(t *testing.T) {
	t.Parallel()
	want := "shop.orders: 1000 of 2000000 offsets looked at, 5 refused, 0 lose data: of all, less than 1.05 % are refused and less than 0.3 % lose data, at 95 % confidence (exact binomial)\n" +
		"shop.orders_dlq: 1 not looked at: unreadable\n"
	if got := report.Bounds(stored()); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, f := range report.Formats() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]*compat.Report{
				"findings": example(),
				"records":  stored(),
				"clean":    {Compatible: true, Profile: compat.Guide, Mode: compat.ModeFull, Events: 1, DeployFirst: compat.Either},
			} {
				var got bytes.Buffer
				if err := report.Write(&got, r, f); err != nil {
					t.Fatal(err)
				}
				wellFormed(t, f, got.Bytes())
				file := filepath.Join("testdata", name+"."+string(f))
				if *update {
					if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got.String()); diff != "" {
					t.Errorf("%s differs (-want +got):\n%s", file, diff)
				}
			}
		})
	}
}

func wellFormed(t *testing.T, f report.Format, text []byte) {
	t.Helper()
	switch f {
	case report.JSON, report.SARIF:
		if !json.Valid(text) {
			t.Errorf("%s is not JSON:\n%s", f, text)
		}
	case report.JUnit:
		var v struct {
			Tests int `xml:"tests,attr"`
		}
		if err := xml.Unmarshal(text, &v); err != nil || v.Tests == 0 {
			t.Errorf("%s is not a report of tests: %v\n%s", f, err, text)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	if err := report.Write(&bytes.Buffer{}, example(), "html"); err == nil {
		t.Error("an unknown format passed")
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	exempted := example()
	exempted.Exempted = exempted.Findings[:1]
	for want, got := range map[string]string{
		"2 breaking changes in 1 of 12 events, 1 warning (against git#main)":             report.Summary(example(), "git#main"),
		"2 breaking changes in 1 of 12 events, 1 warning, 1 exempted (against git#main)": report.Summary(exempted, "git#main"),
		"compatible: 1 event compared":                                                   report.Summary(&compat.Report{Compatible: true, Events: 1}, ""),
		"1 breaking change in no event of 3": report.Summary(&compat.Report{Events: 3, Findings: []*compat.Finding{
			{Rule: "GROUP_REMOVED", Severity: compat.Error},
		}}, ""),
		"compatible: 1 event and 2 schemas compared": report.Summary(&compat.Report{Compatible: true, Events: 1, Schemas: 2}, ""),
		"1 breaking change in 1 of 2 schemas": report.Summary(&compat.Report{Schemas: 2, Findings: []*compat.Finding{
			{Rule: "DOCUMENT_NOT_READ", Severity: compat.Error, Subject: compat.Subject{Owner: "a.json", DataChanged: true}},
		}}, ""),
		"nothing to compare: all schemas are new (against old)": report.Summary(&compat.Report{Compatible: true, AllNew: true}, "old"),
		"1002 stored records looked at, 5 refused, 0 lose data": report.Summary(stored(), ""),
		"nothing to compare: all events are new":                report.Summary(&compat.Report{Compatible: true, AllNew: true, Pairs: make([][2]*schema.Event, 1)}, ""),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
