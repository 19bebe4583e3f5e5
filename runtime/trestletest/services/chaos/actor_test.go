package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

// roleVariable has the test binary be an actor.
const roleVariable = "TRESTLE_CHAOS_ROLE"

func TestMain(m *testing.M) {
	text := os.Getenv(roleVariable)
	if text == "" {
		os.Exit(services.Main(m))
	}
	var r role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		err = act(context.Background(), r, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// actor is one that runs.
type actor struct {
	w    *world
	role role

	proc     *process.Process
	stderr   strings.Builder // to be read once it has ended
	in       io.WriteCloser
	ended    chan error
	answers  chan string
	accepted word // all that it publishes, by its spool
	finished word
}

// word is what an actor says once.
type word chan struct{}

func (w word) hear() {
	if !w.isSaid() {
		close(w)
	}
}

func (w word) isSaid() bool {
	select {
	case <-w:
		return true
	default:
		return false
	}
}

// start starts an actor.
func (w *world) start(r role) *actor {
	w.t.Helper()
	w.started++
	r.Part = filepath.Join(r.Folder, fmt.Sprintf("%03d.ledger", w.started))
	a := &actor{w: w, role: r, ended: make(chan error, 1), answers: make(chan string, 16), accepted: make(word), finished: make(word)}
	if w.processes {
		a.startProcess()
	} else {
		a.startGoroutine()
	}
	return a
}

func (a *actor) startProcess() {
	t := a.w.t
	t.Helper()
	text, err := json.Marshal(a.role)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stderr = &a.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = write
	a.in = in
	a.proc, err = process.Start(cmd)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	go a.listen(read)
	go func() {
		<-a.proc.Done()
		var err error
		if text := a.stderr.String(); a.proc.ExitCode() > 0 || strings.Contains(text, "DATA RACE") {
			err = fmt.Errorf("one that %s: %s: %s", a.role.Kind, a.proc.ExitState(), text)
		}
		a.ended <- err
	}()
	t.Cleanup(a.proc.Kill)
}

func (a *actor) startGoroutine() {
	in, orders := io.Pipe()
	answers, out := io.Pipe()
	a.in = orders
	go a.listen(answers)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.ended <- act(context.Background(), a.role, in, out)
		out.Close()
	}()
	a.w.t.Cleanup(func() {
		orders.Close()
		<-ended
	})
}

func (a *actor) listen(out io.ReadCloser) {
	defer out.Close()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch text := lines.Text(); text {
		case "finished":
			a.finished.hear()
		case "accepted":
			a.accepted.hear()
		case "full":
			a.w.full.Add(1)
		default:
			a.answers <- text
		}
	}
}

// end has an actor end by itself, and returns what it has to say of that.
func (a *actor) end() (failed error) {
	a.w.t.Helper()
	a.measure()
	a.in.Close()
	return a.await()
}

func (a *actor) await() (failed error) {
	a.w.t.Helper()
	select {
	case failed = <-a.ended:
	case <-time.After(a.w.patience):
		a.w.t.Fatalf("one that %s does not end", a.role.Kind)
	}
	return failed
}

// kill ends an actor's process, which learns nothing of it.
func (a *actor) kill() {
	a.w.t.Helper()
	a.measure()
	a.proc.Kill()
	a.killed()
}

// killed is to be called of an actor that was killed, or killed itself.
func (a *actor) killed() {
	a.w.t.Helper()
	if err := a.await(); err != nil {
		a.w.t.Error(err)
	}
	a.in.Close()
}

// measure notes how much memory an actor's process has had at most, where the system says so.
func (a *actor) measure() {
	if a.proc == nil {
		return
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.proc.Pid()))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				a.w.peak = max(a.w.peak, kib<<10)
			}
		}
	}
}

// tellLogs shows the ends of what actors logged.
func tellLogs(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		lines := slices.Collect(strings.Lines(string(text)))
		t.Logf("the end of %s, of %d lines:\n%s", filepath.Base(file), len(lines), strings.Join(lines[max(0, len(lines)-5):], ""))
	}
}
