package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
)

// commands returns the words of every command, its parents' first.
func commands(cmd *cobra.Command) [][]string {
	var out [][]string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, strings.Fields(c.CommandPath())[1:])
			out = append(out, commands(c)...)
		}
	}
	return out
}

// TestEveryCommand holds that each command has help, refuses a flag that it hasn't, and, where others are below it, a word
// that names none of them.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	all := commands(newRoot())
	if len(all) < 40 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, words := range all {
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			t.Parallel()
			try := func(want int, more ...string) (stdout, stderr string) {
				t.Helper()
				var out, err bytes.Buffer
				if status := run(t.Context(), append(append([]string(nil), words...), more...), strings.NewReader(""), &out, &err); status != want {
					t.Errorf("%v: exit status %d, want %d: %s", more, status, want, &err)
				}
				return out.String(), err.String()
			}
			if help, _ := try(exitFine, "--help"); !strings.Contains(help, "Usage:\n  trestle "+strings.Join(words, " ")) {
				t.Errorf("help: %s", help)
			}
			if _, said := try(exitFailed, "--nonsense"); !strings.Contains(said, "unknown flag: --nonsense") {
				t.Errorf("an unknown flag: %s", said)
			}
			if cmd, _, err := newRoot().Find(words); err != nil || !cmd.HasSubCommands() {
				return
			}
			if _, said := try(exitFailed, "nonsense"); !strings.Contains(said, "unknown command") {
				t.Errorf("an unknown command: %s", said)
			}
		})
	}
}

// TestManners holds what commands say where something is not as they need it.
func TestManners(t *testing.T) {
	t.Parallel()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	away := "127.0.0.1:1"
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "trestle.yaml"), []byte("schemas: schemas\nenvironments:\n  local:\n    broker: [a:1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := []string{"--brokers", stack.Brokers}
	other, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	trestleOutput(t, "", "topics", "apply", "--brokers", other.Brokers)
	trestleOutput(t, `{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","requirements":["retry"],"node_type":"effect"}`,
		"publish", "CodegenMixinRequest", "--brokers", other.Brokers)
	trestleOutput(t, "", "trace", "run", "--until-end", "--topics", "omninode_codegen_response_mixin_v1", "--brokers", other.Brokers, "--store", other.Store)
	tests := map[string]struct {
		args   []string
		status int
		says   string
	}{
		"brokers that are away":         {[]string{"topics", "list", "--brokers", away}, exitFailed, "is `trestle dev` running"},
		"brokers that are away, a look": {[]string{"peek", "omninode_codegen_request_mixin_v1", "--brokers", away}, exitFailed, "is `trestle dev` running"},
		"a registry that is away":       {[]string{"register", "--dry-run", "--registry", "http://" + away}, exitFailed, away},
		"a topic that is not there":     {append([]string{"peek", "omninode_codegen_request_mixin_v1"}, at...), exitFailed, "trestle topics apply"},
		"no records of a type":          {[]string{"trace", "type", "CodegenMixinRequest", "--store", other.Store}, exitFine, "trace run"},
		"a store that is not there":     {[]string{"trace", "type", "CodegenMixinRequest", "--store", stack.Store}, exitFailed, "file does not exist: it is made once `trestle trace run`"},
		"no records":                    {[]string{"peek", "omninode_codegen_request_pattern_v1", "--brokers", other.Brokers}, exitFine, "trestle topics offsets omninode_codegen_request_pattern_v1"},
		"no records of a key":           {[]string{"peek", "omninode_codegen_request_mixin_v1", "--key", "x", "--brokers", other.Brokers}, exitFine, "none of the 1 that were read"},
		"no dead letters":               {[]string{"dlq", "list", "--brokers", other.Brokers}, exitFine, "no dead letters"},
		"no parked dead letters":        {[]string{"dlq", "parked", "list", "--store", other.Store}, exitFine, "no parked dead letters"},
		"an unknown event type":         {append([]string{"publish", "CodegenMixinRequst"}, at...), exitFailed, "CodegenMixinRequest"},
		"an unknown environment":        {[]string{"topics", "list", "--env", "nowhere"}, exitFailed, "nowhere"},
		"an unknown key in the project": {[]string{"-C", broken, "lint"}, exitFailed, "trestle.yaml:4:"},
		"an empty address":              {[]string{"topics", "list", "--brokers", ","}, exitFailed, "empty"},
		"an empty address among others": {[]string{"topics", "list", "--brokers", stack.Brokers + ",,"}, exitFailed, "empty"},
		"an unknown mode":               {[]string{"check", "--against", "git#HEAD", "--mode", "sideways"}, exitFailed, "sideways"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), tt.args, strings.NewReader(""), &stdout, &stderr)
			if said := stdout.String() + stderr.String(); status != tt.status || !strings.Contains(said, tt.says) {
				t.Errorf("exit status %d, want %d; it says %q, want %q in it", status, tt.status, said, tt.says)
			}
			if lines := strings.Count(stderr.String(), "\n"); lines > 2 {
				t.Errorf("%d lines for one trouble:\n%s", lines, &stderr)
			}
		})
	}
}

// TestCompletion holds what shells are offered.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"publish CodegenMixinReq":              "CodegenMixinRequest",
		"validate service.":                    "service.lifecycle.started",
		"peek omninode_codegen_dlq_m":          "omninode_codegen_dlq_mixin_v1",
		"topics describe hooks.":               "hooks.service_lifecycle",
		"groups describe omniarchon":           "omniarchon_codegen_intelligence",
		"check registry:omninode_codegen_resp": "registry:omninode_codegen_response_analyze_v1-value",
		"check --against registry:hooks":       "registry:hooks.service_lifecycle-service.lifecycle.started",
		"check --mode full_":                   "full_transitive",
		"check --profile c":                    "confluent",
		"check --format s":                     "sarif",
		"changelog --format m":                 "markdown",
		"docs --format h":                      "html",
		"topics list --format j":               "json",
		"topics plan --env prod":               "production",
		"tail TOPIC --type CodegenMixinRes":    "CodegenMixinResponse",
		"top":                                  "topics",
	} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), append([]string{"__complete"}, strings.Fields(line)...), nil, &stdout, &stderr); status != exitFine {
			t.Errorf("%s: exit status %d: %s", line, status, &stderr)
		}
		offered := false
		for l := range strings.Lines(stdout.String()) {
			offered = offered || strings.HasPrefix(l, want+"\n") || strings.HasPrefix(l, want+"\t")
		}
		if !offered {
			t.Errorf("%s: offered %q, want %s", line, &stdout, want)
		}
	}
}

// TestInterrupted interrupts commands that run until then, or that wait for something: each ends with status 130, and says
// what it has done.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	const event = `{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","requirements":["retry"],"node_type":"effect"}`
	trestleOutput(t, "", "topics", "apply", "--brokers", stack.Brokers)
	trestleOutput(t, event, "publish", "CodegenMixinRequest", "--brokers", stack.Brokers)

	called := make(chan struct{}, 1000)
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(hung.Close)
	project := t.TempDir()
	trestleOutput(t, "", "init", project)
	halting := httptest.NewServer(passFirst(t, stack.Registry, called))
	t.Cleanup(halting.Close)

	followed := "sqlite:" + filepath.Join(t.TempDir(), "trace.db")
	trestleOutput(t, "", "trace", "run", "--until-end", "--brokers", stack.Brokers, "--store", followed)

	tests := map[string]struct {
		args  []string
		input string // the rest of standard input never comes
		ready string // in what it prints; nothing: once the hung registry is called
		says  string
	}{
		"tail":                {[]string{"tail", "omninode_codegen_request_mixin_v1", "--from", "start", "--brokers", stack.Brokers}, "", "CodegenMixinRequest", "records shown"},
		"trace run":           {[]string{"trace", "run", "--brokers", stack.Brokers, "--store", stack.Store}, "", "following", "events stored"},
		"trace type":          {[]string{"trace", "type", "CodegenMixinRequest", "--follow", "--store", followed}, "", "CodegenMixinRequest", "1 events shown"},
		"monitor":             {[]string{"monitor", "--every", "1h", "--brokers", stack.Brokers}, "", "dead_letters:", "looked 1 times"},
		"generate":            {[]string{"-C", project, "generate", "--watch"}, "", "watching", ""},
		"publish":             {[]string{"publish", "CodegenMixinRequest", "--brokers", stack.Brokers}, event + "\n" + event + "\n", "omninode_codegen_request_mixin_v1[", "published"},
		"validate":            {[]string{"validate", "CodegenMixinRequest"}, event + "\n", "", "interrupted"},
		"check a registry":    {[]string{"check", "--against", "registry:omninode_codegen_request_mixin_v1-value", "--registry", hung.URL}, "", "", "interrupted"},
		"register":            {[]string{"register", "--registry", hung.URL}, "", "", "interrupted"},
		"apply, of the rest":  {[]string{"apply", "--brokers", stack.Brokers, "--registry", halting.URL}, "", "", "done: subject omninode.hooks.v1.EventSource; not done, as far as is known: subject "},
		"apply":               {[]string{"apply", "--brokers", stack.Brokers, "--registry", hung.URL}, "", "", "interrupted"},
		"doctor of a project": {[]string{"doctor", "--brokers", stack.Brokers, "--registry", hung.URL}, "", "", "interrupted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			input, in := io.Pipe()
			t.Cleanup(func() { in.Close() })
			out := &awaited{text: tt.ready, found: make(chan struct{})}
			status := make(chan int, 1)
			go func() { status <- run(ctx, tt.args, input, out, out) }()
			if tt.input != "" {
				if _, err := io.WriteString(in, tt.input); err != nil {
					t.Fatal(err)
				}
			}
			ready := out.found
			if tt.ready == "" && tt.input == "" {
				ready = called
			}
			if tt.ready != "" || tt.input == "" {
				select {
				case <-ready:
				case s := <-status:
					t.Fatalf("it ended with %d by itself: %s", s, out)
				}
			}
			cancel()
			if got := <-status; got != exitInterrupted || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit status %d, want %d; it says %q, want %q in it", got, exitInterrupted, out, tt.says)
			}
		})
	}
	at := []string{"--brokers", stack.Brokers, "--registry", stack.Registry}
	if rest := trestleOutput(t, "", append([]string{"apply"}, at...)...); strings.Contains(rest, "EventSource") {
		t.Errorf("what the interrupted one has written is written again: %s", rest)
	}
	trestleOutput(t, "", append([]string{"plan", "--check"}, at...)...)
}

// passFirst is a registry in front of another, which passes on what is read and the first schema that is written; with the second it tells called, and waits.
func passFirst(t *testing.T, address string, called chan<- struct{}) http.Handler {
	t.Helper()
	behind, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	var written atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/versions") && written.Add(1) > 1 {
			_, _ = io.Copy(io.Discard, r.Body) // the server sees a client go only once it has read all of its request
			called <- struct{}{}
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// awaited is an output that says when a text has been written to it.
type awaited struct {
	text  string
	found chan struct{}

	mu      sync.Mutex
	written bytes.Buffer
	told    bool
}

func (a *awaited) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := a.written.Write(p)
	if !a.told && a.text != "" && strings.Contains(a.written.String(), a.text) {
		a.told = true
		close(a.found)
	}
	return n, err
}

func (a *awaited) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.written.String()
}

// TestSignals interrupts a process: one signal has it end in order, and a second one ends it at once, also where it
// waits for a cluster that does not answer.
func TestSignals(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	start := func(args ...string) (*exec.Cmd, *bufio.Reader, io.Writer) {
		t.Helper()
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), beCommand+"=1")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		return cmd, bufio.NewReader(stderr), stdin
	}
	project := t.TempDir()
	trestleOutput(t, "", "init", project)

	for sent, want := range map[os.Signal]int{os.Interrupt: exitInterrupted, syscall.SIGTERM: exitFine} {
		cmd, stderr, _ := start("-C", project, "generate", "--watch")
		for line := ""; !strings.Contains(line, "watching"); {
			if line, err = stderr.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, stderr)
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%v: exit status %d, want %d", sent, got, want)
		}
	}

	cmd, stderr, stdin := start("publish", "CodegenMixinRequest", "--timeout", "10m", "--brokers", silent.Addr().String())
	if _, err := io.WriteString(stdin, `{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","requirements":["retry"],"node_type":"effect"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if conn, err := silent.Accept(); err != nil {
		t.Fatal(err)
	} else {
		t.Cleanup(func() { conn.Close() })
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said, err := stderr.ReadString('\n')
	for err == nil && !strings.Contains(said, "ctrl-C again") {
		said, err = stderr.ReadString('\n')
	}
	if err != nil {
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != exitInterrupted {
			t.Errorf("exit status %d, want %d", got, exitInterrupted)
		}
		return // it ended in order before it had to say so
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stderr)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("after the second signal: %v", err)
	}
}
