package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
)

// devStack runs `trestle dev` in this process until stop is called.
func devStack(t *testing.T, state string, more ...string) (a dev.Addresses, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var stderr bytes.Buffer
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, append([]string{"dev", "--json", "--state", state}, more...), strings.NewReader(""), in, &stderr)
		in.Close()
	}()
	if err := json.NewDecoder(out).Decode(&a); err != nil {
		t.Fatalf("no addresses: %v\n%s", err, &stderr)
	}
	go io.Copy(io.Discard, out)
	return a, func() {
		cancel()
		if status := <-exit; status != exitInterrupted {
			t.Errorf("dev ended with %d: %s", status, &stderr)
		}
	}
}

func trestleOutput(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr); status != exitFine {
		t.Fatalf("trestle %s: exit status %d\n%s", strings.Join(args, " "), status, &stderr)
	}
	return stdout.String()
}

// TestDevFindsItsStateAgain starts a stack, publishes, stops it and starts it again: under the same addresses the
// record, the subjects and the trace are still there, and nothing was registered or traced twice.
func TestDevFindsItsStateAgain(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	const correlation = "550e8400-e29b-41d4-a716-446655440000"
	event := `{"correlation_id":"` + correlation + `","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","requirements":["retry"],"node_type":"effect"}`

	first, stop := devStack(t, state)
	trestleOutput(t, event, "publish", "CodegenMixinRequest", "--brokers", first.Brokers, "--registry", first.Registry)
	peek := func(a dev.Addresses) string {
		return trestleOutput(t, "", "peek", "omninode_codegen_request_mixin_v1", "--json", "--brokers", a.Brokers)
	}
	published := peek(first)
	if !strings.Contains(published, correlation) {
		t.Fatalf("not published: %s", published)
	}
	waitTraced(t, first, correlation)
	stop()

	again, stop := devStack(t, state)
	defer stop()
	if again.Brokers != first.Brokers || again.Registry != first.Registry {
		t.Errorf("addresses moved: %+v, then %+v", first, again)
	}
	if got := peek(again); got != published {
		t.Errorf("after a restart the topic holds %s, before %s", got, published)
	}
	if got := trestleOutput(t, "", "register", "--dry-run", "--registry", again.Registry); !strings.Contains(got, "all as declared") {
		t.Errorf("after a restart subjects differ: %s", got)
	}
	if got := waitTraced(t, again, correlation); got != 1 {
		t.Errorf("traced %d times", got)
	}
}

func waitTraced(t *testing.T, a dev.Addresses, correlation string) int {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		var answer struct{ Events []json.RawMessage }
		out := trestleOutput(t, "", "trace", "correlation", correlation, "--json", "--store", a.Store)
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Events) > 0 {
			return len(answer.Events)
		}
		select {
		case <-deadline:
			t.Fatal("not traced")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestDevInAnEnvironment starts a stack under the names of an environment: commands that name none find its topics.
func TestDevInAnEnvironment(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	if err := os.CopyFS(filepath.Join(project, "schemas"), os.DirFS("../../schemas")); err != nil {
		t.Fatal(err)
	}
	config := "environments:\n  stage:\n    prefix: stage.\n    topics:\n      omninode_codegen_request_mixin_v1: {partitions: 2}\n"
	if err := os.WriteFile(filepath.Join(project, ops.ConfigName), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	stack, stop := devStack(t, filepath.Join(project, ops.StackDir), "--dir", project, "--env", "stage", "--kafka-port", "0", "--registry-port", "0")
	defer stop()
	const correlation = "550e8400-e29b-41d4-a716-446655440000"
	event := `{"correlation_id":"` + correlation + `","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","requirements":["retry"],"node_type":"effect"}`
	trestleOutput(t, event, "publish", "CodegenMixinRequest", "--dir", project)
	if got := trestleOutput(t, "", "peek", "omninode_codegen_request_mixin_v1", "--json", "--dir", project); !strings.Contains(got, `{"topic":"stage.omninode_codegen_request_mixin_v1"`) {
		t.Errorf("peek: %s", got)
	}
	if got := trestleOutput(t, "", "topics", "plan", "--dir", project); !strings.Contains(got, "37 topics, all as declared") {
		t.Errorf("plan: %s", got)
	}
	if got := waitTraced(t, stack, correlation); got != 1 {
		t.Errorf("traced %d times", got)
	}
}

// TestOneStackAFolder keeps two stacks from writing into one folder.
func TestOneStackAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stack, err := dev.Start(dev.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	if second, err := dev.Start(dev.Options{Dir: dir}); err == nil {
		second.Close()
		t.Fatal("a second stack started in the same folder")
	} else if !strings.Contains(err.Error(), "another stack runs") {
		t.Fatal(err)
	}
}
