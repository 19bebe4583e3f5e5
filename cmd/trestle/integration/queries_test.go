package integration_test

import (
	"maps"
	"slices"
	"testing"
)

// checkGuideQueries has Python ask the PostgreSQL store with the guide's own queries, by the correlation id and the
// session id that the samples of code generation share.
func checkGuideQueries(t *testing.T, dsn string, samples map[at]written) {
	t.Helper()
	const (
		correlationID = "550e8400-e29b-41d4-a716-446655440000"
		sessionID     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	)
	wantByCorrelation, wantTimeline, wantPayloads := map[string]int{}, map[string]int{}, map[at]written{}
	for where, s := range samples {
		envelope := s.json.(map[string]any)
		payload := envelope["payload"].(map[string]any)
		if envelope["correlation_id"] == correlationID {
			wantByCorrelation[s.info.Type]++
			wantPayloads[where] = s
		}
		if envelope["session_id"] == sessionID || payload["session_id"] == sessionID {
			text := func(name string) string { s, _ := payload[name].(string); return s }
			wantTimeline[s.info.Type+": "+text("message")+" ("+text("status")+")"]++
		}
	}
	if len(wantByCorrelation) < 9 || len(wantTimeline) < 9 {
		t.Fatalf("the samples have %d and %d types under the ids asked for, want 9", len(wantByCorrelation), len(wantTimeline))
	}

	lines := startPython(t, "", "omni_timeline.py", dsn, correlationID, sessionID).rest()
	if len(lines) != 1 || lines[0].Answer == nil {
		t.Fatalf("the queries answered %+v", lines)
	}
	answer := lines[0].Answer
	byCorrelation, timeline := map[string]int{}, map[string]int{}
	for i, row := range answer.ByCorrelation {
		byCorrelation[row.EventType]++
		s, ok := wantPayloads[at{place{row.Topic, row.Partition}, row.Offset}]
		if !ok {
			t.Errorf("the query by correlation finds a row of %s/%d@%d, which is no sample", row.Topic, row.Partition, row.Offset)
			continue
		}
		found := wantHandled(t, s.text).(map[string]any)
		found["payload"] = parseJSON(t, []byte(row.Payload))
		s.compare(t, "in the guide's query", found)
		if i > 0 && row.Timestamp < answer.ByCorrelation[i-1].Timestamp {
			t.Errorf("the query by correlation is out of order at %s", row.Timestamp)
		}
	}
	for _, row := range answer.Timeline {
		timeline[row.EventType+": "+row.Message+" ("+row.Status+")"]++
	}
	if !maps.Equal(byCorrelation, wantByCorrelation) {
		t.Errorf("by correlation: %v, want %v", byCorrelation, wantByCorrelation)
	}
	if !maps.Equal(timeline, wantTimeline) {
		t.Errorf("the session's timeline is %v, want %v", slices.Sorted(maps.Keys(timeline)), slices.Sorted(maps.Keys(wantTimeline)))
	}
}

// saidAnswer is what omni_timeline.py finds.
type saidAnswer struct {
	ByCorrelation []struct {
		EventType string `json:"event_type"`
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
		Offset    int64  `json:"offset"`
		Payload   string `json:"payload"`
		Timestamp string `json:"timestamp"`
	} `json:"by_correlation"`
	Timeline []struct {
		EventType string `json:"event_type"`
		Message   string `json:"message"`
		Status    string `json:"status"`
	} `json:"timeline"`
}
