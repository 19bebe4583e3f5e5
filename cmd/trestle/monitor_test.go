package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
)

// safeBuffer may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A monitor that goes on serves what it sees, and that it can't see, says so to its webhook, and ends in order when it is stopped.
func TestMonitorServesMetrics(t *testing.T) {
	t.Parallel()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop := func() { once.Do(func() { stack.Close() }) }
	t.Cleanup(stop)
	project := t.TempDir()
	if err := os.CopyFS(filepath.Join(project, "schemas"), os.DirFS("../../schemas")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, ops.ConfigName), []byte("schemas: schemas\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var told safeBuffer
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&told, r.Body) }))
	t.Cleanup(hook.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr safeBuffer
	ended := make(chan int, 1)
	go func() {
		args := []string{"-C", project, "monitor", "--every", "50ms", "--listen", "127.0.0.1:0", "--webhook", hook.URL, "--brokers", stack.Brokers}
		ended <- run(ctx, args, nil, &stdout, &stderr)
	}()
	serves := func(what string, wanted ...string) {
		t.Helper()
		var page string
		for {
			if m := regexp.MustCompile(`metrics at (http://\S+)`).FindStringSubmatch(stderr.String()); m != nil {
				if response, err := http.Get(m[1]); err == nil {
					body, _ := io.ReadAll(response.Body)
					response.Body.Close()
					page = string(body)
				}
			}
			missing := false
			for _, w := range wanted {
				missing = missing || !regexp.MustCompile(w).MatchString(page)
			}
			if !missing {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("%s: it serves\n%s\nand says %s", what, page, stderr.String())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	serves("at first", `trestle_monitor_value\{declared="omniarchon_codegen_intelligence",measure="lag",of="omniarchon_codegen_intelligence"\} 0`,
		`trestle_monitor_limit\{declared="omninode_codegen_dlq_pattern_v1",measure="dead_letters",of="omninode_codegen_dlq_pattern_v1"\} 10`, `trestle_monitor_failures_total 0`)
	stop()
	serves("once the cluster is away", `trestle_monitor_failures_total [1-9]`)
	for !strings.Contains(told.String(), `"name":"failed_looks","measure":"failed_looks","subject":"","state":"raised"`) {
		select {
		case <-ctx.Done():
			t.Fatalf("the webhook was told %q, and it says %s", told.String(), stderr.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	cancel()
	select {
	case status := <-ended:
		if status != exitInterrupted || !strings.Contains(stdout.String(), "dead_letters:") {
			t.Errorf("exit status %d, it showed %s", status, stdout.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
}
