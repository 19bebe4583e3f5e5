package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestGuideOperations does on Kafka, with the command line, what docs/operations.md says of the guide's chapter on operations: every command of the page is run
// here, and none that is not on it.
func TestGuideOperations(t *testing.T) {
	t.Parallel()
	kafka := services.Kafka(t)
	registry := services.Registry(t)
	brokers := strings.Join(kafka.Brokers(), ",")
	dir := copyProject(t)
	writeFile(t, filepath.Join(dir, "request.json"), `{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","node_description":"a","node_type":"effect"}`)
	editFile(t, filepath.Join(dir, "trestle.yaml"), "schemas: schemas\n", "schemas: schemas\naudit: {topic: changes}\n")
	writeFile(t, filepath.Join(dir, "topics.yaml"), "omninode_codegen_request_mixin_v1:\n  partitions: 3\n")
	const topic, group = "omninode_codegen_request_pattern_v1", "omniarchon_codegen_intelligence"
	ran := map[string]bool{"trestle dev": true, "trestle tail": true} // which go on until they are stopped: they have tests of their own
	run := func(status int, args ...string) string {
		t.Helper()
		ran[commandOf(args)] = true
		flags := []string{"--brokers", brokers}
		switch args[0] {
		case "validate", "check", "generate", "import":
			flags = nil
		case "trace":
			store := []string{"--store", "sqlite:" + filepath.Join(dir, "trace.db")}
			if flags = append(flags, store...); args[1] != "run" {
				flags = store
			}
		case "apply", "plan", "publish", "doctor":
			flags = append(flags, "--registry", registry)
		}
		return trestleRun(t, dir, status, append(args, flags...)...)
	}
	says := func(text string, wanted ...string) {
		t.Helper()
		for _, w := range wanted {
			if !strings.Contains(text, w) {
				t.Errorf("it does not say %q:\n%s", w, text)
			}
		}
	}

	run(0, "import", "topics", "topics.yaml", "--env", "local")
	run(0, "generate")
	run(0, "topics", "apply")
	run(0, "apply")
	says(run(0, "topics", "list"), topic)
	says(run(0, "topics", "describe", topic), "CodegenPatternRequest", "retention.ms=604800000")
	run(0, "publish", "CodegenPatternRequest", "-f", "request.json")
	says(run(0, "topics", "offsets", topic, "--at", "2020-01-01T00:00:00Z", "--json"), `"records": 1`)
	says(run(0, "peek", topic, "-n", "5", "--json"), `"node_description":"a"`)
	says(run(0, "groups", "list"), group, "absent")
	says(run(0, "groups", "seek", group, "--to", "start", "--topic", topic, "--dry-run"), "a dry run")
	says(run(0, "groups", "seek", group, "--to", "start", "--topic", topic), topic)
	says(run(0, "groups", "describe", group), "0 members  lag 1")
	says(run(0, "cluster", "info"), "v4", "controller")
	says(run(0, "cluster", "health"), "healthy")
	says(run(0, "doctor"), "ok    brokers", "ok    advertised addresses", "ok    topics: 38", "ok    subjects: 40", "has no members, and 1 records")
	editFile(t, filepath.Join(dir, "schemas/omninode/codegen/v1/status.proto"), "partitions: 6", "partitions: 7")
	says(run(0, "plan"), "partitions 6 → 7", "--allow-repartition")
	run(1, "apply")
	run(0, "apply", "--allow-repartition")
	run(0, "plan", "--check")

	for range 11 {
		bury(t, kafka.Brokers(), topic, "omninode_codegen_dlq_pattern_v1", group)
	}
	says(run(0, "dlq", "stats"), "11 unresolved", "HandlerError: order # not found")
	says(run(1, "monitor"), "PASSED  dead_letters:omninode_codegen_dlq_pattern_v1")
	run(1, "monitor")
	alerts := run(0, "peek", "omninode_system_alerts", "--json")
	if says(alerts, `"failure_count":11`, `"state":"raised"`); strings.Count(alerts, `"DLQAlertEvent"`) != strings.Count(alerts, `"partition"`)*2 || strings.Count(alerts, "\n") != 1 {
		t.Errorf("it was told %s", alerts)
	}
	says(run(0, "dlq", "list"), "order 7 not found")
	says(run(0, "dlq", "show", "omninode_codegen_dlq_pattern_v1/0/0"), "tried 3 times again")
	says(run(0, "dlq", "replay", "--at", "omninode_codegen_dlq_pattern_v1/0/0"), "1 of 1 replayed")
	says(run(0, "dlq", "purge", "--topic", "omninode_codegen_dlq_pattern_v1"), "10 of 10 purged")
	run(0, "monitor")
	says(run(0, "peek", "omninode_system_alerts", "--json"), `"failure_count":0`, `"state":"cleared"`)
	run(0, "trace", "run", "--until-end")
	says(run(0, "trace", "correlation", "550e8400-e29b-41d4-a716-446655440000"), "CodegenPatternRequest")
	run(2, "topics", "delete", topic)
	says(run(0, "topics", "delete", topic, "--yes"), "is deleted")
	run(0, "validate", "CodegenPatternRequest", "request.json")
	run(0, "check", "schemas", "--against", filepath.Join(projectRoot(t), "schemas"))

	says(run(0, "audit", "list"), "topic changes", "groups seek", "dlq replay", "topics delete")
	says(run(0, "audit", "verify"), "entries, all as they were written")

	page, err := os.ReadFile(filepath.Join(project, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range strings.Split(string(page), "`") {
		if !strings.HasPrefix(code, "trestle ") {
			continue
		}
		if command := commandOf(strings.Fields(code)[1:]); !ran[command] {
			t.Errorf("the page has `%s`, but %s is not run here", code, command)
		}
	}
}

// commandOf is the command of a command line: its first word, and the second of those that have others below them.
func commandOf(args []string) string {
	switch args[0] {
	case "topics", "groups", "cluster", "dlq":
		return "trestle " + args[0] + " " + args[1]
	}
	return "trestle " + args[0]
}

func projectRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(project)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
