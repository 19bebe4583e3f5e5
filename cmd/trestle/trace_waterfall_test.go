package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/cmd/trestle/ops"
)

func TestWaterfall(t *testing.T) {
	t.Parallel()
	link := func(depth int, eventType string, after, lasted time.Duration, gap bool, note, payload string) ops.ChainLink {
		return ops.ChainLink{
			Traced: ops.Traced{EventType: eventType, Payload: json.RawMessage(payload)}, Depth: depth, After: after, For: lasted, Gap: gap, Note: note,
		}
	}
	chain := &ops.Chain{
		Begun: time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC), Lasted: 4 * time.Second,
		Links: []ops.ChainLink{
			link(0, "CodegenAnalysisRequest", 0, time.Second, true, "no response: dead-lettered after 1.0 s", `{}`),
			link(1, ops.DeadLetterType, time.Second, 0, false, "replayed after 1.0 s", `{"error":{"error_type":"Timeout","error_message":"slow\u001b[2J"}}`),
			link(2, "CodegenAnalysisRequest", 2*time.Second, 2*time.Second, false, "answered after 2.0 s", `{}`),
			link(3, "CodegenAnalysisResponse", 4*time.Second, 0, false, "", `{"message":"done"}`),
		},
	}
	var out bytes.Buffer
	if err := writeWaterfall(&out, chain, 80); err != nil {
		t.Fatal(err)
	}
	want := `2025-10-16 12:00:00.000, 4 events in 4s
      0 ms  CodegenAnalysisRequest         |---------                          |
              no response: dead-lettered after 1.0 s
   1000 ms    DeadLetterEvent              |        x                          |
                Timeout: slow\x1b[2J
                replayed after 1.0 s
   2000 ms      CodegenAnalysisRequest     |                 ==================|
                  answered after 2.0 s
   4000 ms        CodegenAnalysisResponse  |                                  *|
                    done
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("waterfall differs (-want +got):\n%s", diff)
	}
	for _, line := range bytes.Split(out.Bytes(), []byte("\n")) {
		if len(line) > 80 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}
