package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/dev"
	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
)

// illRegistry is a registry that answers requests as a fault says, from the nth on until it is healed.
type illRegistry struct {
	*httptest.Server
	mu     sync.Mutex
	behind *devregistry.Server
	asked  []string
	from   int
	fault  http.HandlerFunc // nil: it is well
}

func newIllRegistry(t *testing.T) *illRegistry {
	t.Helper()
	behind, err := devregistry.NewServer("", gate.Checker{}, devregistry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r := &illRegistry{behind: behind}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		fault := r.fault
		if len(r.asked) < r.from {
			fault = nil
		}
		r.asked = append(r.asked, request.Method+" "+request.URL.Path)
		r.mu.Unlock()
		if fault != nil {
			fault(w, request)
			return
		}
		behind.ServeHTTP(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

// fail has requests fail from the nth on, counted from now; it returns what was asked until now.
func (r *illRegistry) fail(from int, fault http.HandlerFunc) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked, r.from, r.fault = nil, from, fault
	return asked
}

// registryFaults are what registries, and what stands before them, answer where they are ill.
var registryFaults = map[string]struct {
	answer http.HandlerFunc
	says   string
	long   bool // it takes its time: at the first request alone, and of commands that differ
}{
	"failed":   {answering(500, "application/json", `{"error_code":50001,"message":"the store is away"}`), "500 Internal Server Error: the store is away", false},
	"too much": {answering(429, "text/plain", ""), "429 Too Many Requests", false},
	"half": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"subject":"ord`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, "its answer ended after 15 bytes", false},
	"garbage": {answering(200, "application/octet-stream", "\x00\x01\xff\xfe\x1b[31m"), "with something that is no JSON", false},
	"a page":  {answering(200, "text/html", "<html><head><title>Log in</title></head></html>"), "with something that is no JSON", false},
	"silent":  {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "it did not answer in time", true},
}

func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "3600")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// shop writes a project of an event in protobuf, which refers to another file that has more fields.
func shop(t *testing.T, registry, other, more string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"trestle.yaml": "go_import: example.org/gen\nenvironments:\n  a:\n    registry: " + registry + "\n  b:\n    registry: " + other + "\n",
		"schemas/shop/v1/common.proto": `edition = "2023"; package shop.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE topic_settings: {partitions: 1}};
// Money is an amount.
message Money {
  // Cents of it.
  int64 cents = 1;
  ` + more + `
}`,
		"schemas/shop/v1/orders.proto": `edition = "2023"; package shop.v1;
import "shop/v1/common.proto";
import "trestle/v1/options.proto";
// Placed says so.
message Placed {
  option (trestle.v1.event) = {topic: "orders_v1" key: "id" role: ROLE_EVENT encoding: ENCODING_PROTOBUF};
  // What it is about.
  string id = 1;
  // What it costs.
  Money price = 2;
}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestIllRegistry runs the commands that ask a registry at one that is ill, from the first request on, and from the last. They say at which registry, what it
// answered, and in a line; what is written before stays written, and said; and once it is well they do what they would have done.
func TestIllRegistry(t *testing.T) {
	t.Parallel()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	well := newIllRegistry(t)
	trestleOutput(t, "", "-C", shop(t, well.URL, well.URL, ""), "register", "--registry", well.URL)
	trestleOutput(t, "", "-C", shop(t, well.URL, well.URL, ""), "topics", "apply", "--brokers", stack.Brokers)

	tests := map[string]struct {
		args   []string
		input  string
		fine   int // how it ends at a registry that is well
		status int // and at one that is ill
	}{
		"plan":      {[]string{"plan", "--brokers", stack.Brokers, "--registry", "R"}, "", exitFine, exitFailed},
		"register":  {[]string{"register", "--registry", "R"}, "", exitFine, exitFailed},
		"apply":     {[]string{"apply", "--brokers", stack.Brokers, "--registry", "R"}, "", exitFine, exitFailed},
		"check":     {[]string{"check", "--against", "registry:orders_v1-value", "--registry", "R"}, "", exitFine, exitFailed},
		"publish":   {[]string{"publish", "Placed", "--brokers", stack.Brokers, "--registry", "R"}, `{"id":"a","price":{"cents":1}}`, exitFine, exitFailed},
		"doctor":    {[]string{"doctor", "--brokers", stack.Brokers, "--registry", "R"}, "", exitFine, exitNo},
		"plan like": {[]string{"plan", "--env", "a", "--like", "b"}, "", exitFine, exitFailed},
	}
	for name, tt := range tests {
		// start returns a registry that has the project's schemas as they were, and a run of the command there on the project as it is.
		start := func(t *testing.T) (*illRegistry, func() (int, string, string)) {
			r := newIllRegistry(t)
			trestleOutput(t, "", "-C", shop(t, r.URL, well.URL, ""), "register", "--registry", r.URL)
			r.fail(0, nil)
			args := append([]string{"-C", shop(t, r.URL, well.URL, "// Its currency.\n  string currency = 2;")}, tt.args...)
			for i, arg := range args {
				if arg == "R" {
					args[i] = r.URL
				}
			}
			return r, func() (int, string, string) {
				var stdout, stderr bytes.Buffer
				status := run(t.Context(), args, strings.NewReader(tt.input), &stdout, &stderr)
				return status, stdout.String(), stderr.String()
			}
		}
		whole, do := start(t)
		if status, _, said := do(); status != tt.fine {
			t.Fatalf("%s: exit status %d, want %d: %s", name, status, tt.fine, said)
		}
		steps := whole.fail(0, nil)
		if len(steps) < 2 {
			t.Fatalf("%s asks for no more than %v", name, steps)
		}
		for kind, fault := range registryFaults {
			for _, from := range []int{0, len(steps) - 1} {
				if fault.long && (from > 0 || name != "plan" && name != "publish" && name != "doctor") {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s from %d", name, kind, from), func(t *testing.T) {
					t.Parallel()
					r, do := start(t)
					r.fail(from, fault.answer)
					status, out, said := do()
					all := out + said
					if status != tt.status || !strings.Contains(all, fault.says) || !strings.Contains(all, r.URL) {
						t.Errorf("exit status %d, want %d; it says %q, want %q and %s in it", status, tt.status, all, fault.says, r.URL)
					}
					if strings.Count(said, "\n") > 2 || strings.Contains(all, "\x1b") {
						t.Errorf("more than a line for one trouble, or what the registry sent as it is: %q", said)
					}
					written := false
					for _, step := range r.fail(0, nil)[:from] {
						written = written || strings.HasPrefix(step, "POST /subjects/") && strings.HasSuffix(step, "/versions")
					}
					if written && !strings.Contains(all, "done: subject") {
						t.Errorf("it has written, and does not say what: %q", all)
					}
					if status, _, said := do(); status != tt.fine {
						t.Errorf("once it is well: exit status %d, want %d: %s", status, tt.fine, said)
					}
				})
			}
		}
	}
}
