package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		script   string
		pause    bool
		graceful bool
	}{
		{name: "listens", script: "echo ready; exec sleep 60", graceful: true},
		{name: "paused", script: "echo ready; exec sleep 60", pause: true, graceful: true},
		{name: "deaf", script: "trap '' TERM; echo ready; while :; do sleep 1; done"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("sh", "-c", test.script)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd.Stdout = w
			p, err := Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			if _, err := r.Read(make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
			if test.pause {
				if err := p.Signal(Pause); err != nil {
					t.Fatal(err)
				}
			}
			grace := time.Minute
			if !test.graceful {
				grace = 50 * time.Millisecond
			}
			if got := p.Stop(syscall.SIGTERM, grace); got != test.graceful {
				t.Errorf("stopped gracefully: got %v, want %v", got, test.graceful)
			}
			if p.Running() {
				t.Error("still running")
			}
			if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("signal after the end: got %v, want ErrProcessDone", err)
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	out, err := Run(t.Context(), exec.Command("sh", "-c", "echo hello"))
	if err != nil || out != "hello\n" {
		t.Errorf("got %q, %v", out, err)
	}
	_, err = Run(t.Context(), exec.Command("sh", "-c", "echo info; echo '[ERROR] no such artefact'; echo help; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), "no such artefact") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Run(ctx, exec.Command("sleep", "60")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
}
