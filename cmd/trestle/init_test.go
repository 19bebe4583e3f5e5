package main

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/dev"
)

// TestNewProjectRuns makes a project, runs its stack, and publishes, shows and traces one of its events: the commands
// find the stack by the project's folder alone.
func TestNewProjectRuns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	trestleOutput(t, "", "init", dir)

	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var stderr strings.Builder
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, []string{"-C", dir, "dev", "--json", "--kafka-port", "0", "--registry-port", "0"}, strings.NewReader(""), in, &stderr)
		in.Close()
	}()
	defer func() {
		cancel()
		if status := <-exit; status != exitInterrupted {
			t.Errorf("dev ended with %d: %s", status, &stderr)
		}
	}()
	var a dev.Addresses
	if err := json.NewDecoder(out).Decode(&a); err != nil {
		t.Fatalf("no addresses: %v\n%s", err, &stderr)
	}
	go io.Copy(io.Discard, out)

	const correlation = "550e8400-e29b-41d4-a716-446655440000"
	event := `{"correlation_id":"` + correlation + `","article":"A-1001"}`
	if got := trestleOutput(t, event, "-C", dir, "publish", "QuoteRequest"); !strings.HasPrefix(got, "shop_request_quote_v1[") {
		t.Errorf("publish printed %q", got)
	}
	if got, want := trestleOutput(t, "", "-C", dir, "peek", "shop_request_quote_v1", "--json"), `"payload":{"correlation_id":"`+correlation+`","article":"A-1001","quantity":1}`; !strings.Contains(got, want) {
		t.Errorf("peek printed %s, want %s in it", got, want)
	}
	if n := waitTraced(t, a, correlation); n != 1 {
		t.Errorf("traced %d times", n)
	}
}
