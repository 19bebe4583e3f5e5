package integration_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestCommandRegister registers with the command line: twice, and then an incompatible edit of a schema.
func TestCommandRegister(t *testing.T) {
	t.Parallel()
	ctx := within(t, patience)
	address := services.Registry(t)
	dir := copyProject(t)
	run := func(status int) []planned {
		t.Helper()
		return plannedIn(t, trestleRun(t, dir, status, "register", "--registry", address, "--json"), "subjects", "subject")
	}

	for _, s := range run(0) {
		if s.action != "create" {
			t.Errorf("%s in an empty registry: %s, want create", s.name, s.action)
		}
	}
	first := inRegistry(ctx, t, address)
	if len(first) == 0 {
		t.Fatal("the registry has no subjects after register")
	}
	for _, s := range run(0) {
		if s.action != "none" {
			t.Errorf("%s when registered again: %s, want none", s.name, s.action)
		}
	}
	if diff := cmp.Diff(first, inRegistry(ctx, t, address)); diff != "" {
		t.Errorf("the second run changed the registry:\n%s", diff)
	}

	editFile(t, filepath.Join(dir, "schemas/omninode/codegen/v1/pattern.proto"), "lte: 20", "lte: 10")
	var refused []string
	for _, s := range run(1) {
		if s.action == "refused" {
			refused = append(refused, s.name)
		}
	}
	if want := []string{"omninode_codegen_request_pattern_v1-value"}; !slices.Equal(refused, want) {
		t.Errorf("refused: %q, want %q", refused, want)
	}
	if diff := cmp.Diff(first, inRegistry(ctx, t, address)); diff != "" {
		t.Errorf("an incompatible edit changed the registry:\n%s", diff)
	}
}

// TestCommandConversation publishes, looks at and traces events with the command line.
func TestCommandConversation(t *testing.T) {
	k := connect(t, services.SharedKafka(t).Brokers()).withTopics(1)
	brokers, store := strings.Join(k.brokers, ","), services.Postgres(t)
	correlationID, sessionID := uuid.NewString(), uuid.NewString()
	const request = "CodegenAnalysisRequest"
	document := `{"correlation_id":"` + correlationID + `","session_id":"` + sessionID + `","prd_content":"# PRD","workspace_context":` + freeForm + `}`
	file := filepath.Join(t.TempDir(), "event.json")
	writeFile(t, file, document)

	trestleRun(t, project, 0, "publish", request, "--brokers", brokers, "-f", file)
	topic := eventTypes()[request].Topic.Name
	found := 0
	for line := range strings.Lines(trestleRun(t, project, 0, "peek", topic, "--from", "start", "-n", "1000", "--brokers", brokers, "--json")) {
		peeked := parseJSON(t, []byte(line))
		if member(t, peeked, "value", "correlation_id") != correlationID {
			continue
		}
		found++
		if diff := diffJSON(parseJSON(t, []byte(freeForm)), member(t, peeked, "value", "payload", "workspace_context")); diff != "" {
			t.Errorf("peek shows other numbers:\n%s", diff)
		}
	}
	if found != 1 {
		t.Errorf("peek shows the event %d times, want once", found)
	}

	traced := func(query, id string) []any {
		t.Helper()
		events, _ := member(t, parseJSON(t, []byte(trestleRun(t, project, 0, "trace", query, id, "--store", store, "--json"))), "events").([]any)
		return events
	}
	for range 2 { // the second run finds everything there
		trestleRun(t, project, 0, "trace", "run", "--until-end", "--brokers", brokers, "--store", store, "--json")
		for query, id := range map[string]string{"correlation": correlationID, "session": sessionID} {
			events := traced(query, id)
			if len(events) != 1 {
				t.Fatalf("trace %s finds %d events, want 1", query, len(events))
			}
			want := parseJSON(t, []byte(document))
			got := withoutDefaults(want, member(t, events[0], "payload"), nil).(map[string]any)
			if value := got["analysis_type"]; value != "full" { // the schema's default
				t.Errorf("trace %s: analysis_type is %v, want full", query, value)
			}
			delete(got, "analysis_type")
			delete(got, "timestamp") // of publishing
			if diff := diffJSON(want, got); diff != "" {
				t.Errorf("trace %s shows another payload:\n%s", query, diff)
			}
		}
	}
}

// planned is what a plan says of one topic or subject.
type planned struct {
	name, action string
	json         any
}

func plannedIn(t testing.TB, text, list, name string) []planned {
	t.Helper()
	items, ok := member(t, parseJSON(t, []byte(text)), list).([]any)
	if !ok || len(items) == 0 {
		t.Fatalf("the plan has no %s: %s", list, text)
	}
	out := make([]planned, len(items))
	for i, item := range items {
		out[i].name, _ = member(t, item, name).(string)
		out[i].action, _ = member(t, item, "action").(string)
		out[i].json = item
	}
	return out
}
