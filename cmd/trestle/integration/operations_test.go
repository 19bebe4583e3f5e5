package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuideOperations holds that docs/operations.md, which says how the guide's chapter on operations is done, names no command but those that TestCommands runs
// on Kafka, and those that need no cluster, which it runs here.
func TestGuideOperations(t *testing.T) {
	t.Parallel()
	dir := copyProject(t)
	writeFile(t, filepath.Join(dir, "topics.yaml"), "omninode_codegen_request_mixin_v1:\n  partitions: 3\n")
	writeFile(t, filepath.Join(dir, "request.json"), `{"correlation_id":"`+stepCorrelation+`","session_id":"`+stepSession+`","node_description":"a","node_type":"effect"}`)
	ran := map[string]bool{"trestle dev": true} // which has tests of its own
	for _, s := range steps {
		ran[commandOf(strings.Fields(s.line))] = true
	}
	for _, line := range []string{
		"import topics topics.yaml --env local", "generate", "validate CodegenPatternRequest request.json", "check schemas --against " + filepath.Join(projectRoot(t), "schemas"),
	} {
		args := strings.Fields(line)
		trestleRun(t, dir, 0, args...)
		ran[commandOf(args)] = true
	}

	page, err := os.ReadFile(filepath.Join(project, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range strings.Split(string(page), "`") {
		if !strings.HasPrefix(code, "trestle ") {
			continue
		}
		if command := commandOf(strings.Fields(code)[1:]); !ran[command] {
			t.Errorf("the page has `%s`, but %s is not run", code, command)
		}
	}
}

// commandOf is the command of a command line: its first word, and the second of those that have others below them.
func commandOf(args []string) string {
	switch args[0] {
	case "topics", "groups", "cluster", "dlq", "acl", "users":
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
