// Package process runs child processes that do not outlive the process that
// started them, and stops them by the process id it got when it started them.
package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Process is a started process. Its methods may be called concurrently.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts cmd in a process group of its own, so that an interrupt typed at
// the terminal reaches the tests and not what they run on. On Linux the kernel
// kills the process when the calling process dies.
func Start(cmd *exec.Cmd) (*Process, error) {
	isolate(cmd)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux ties the child to the thread that started it, not to the
		// process: the thread has to stay for as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed once the process has ended and was waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitState says how the process ended ("exit status 1"). Only valid after Done.
func (p *Process) ExitState() string { return p.cmd.ProcessState.String() }

// ExitCode is the exit status, -1 if a signal ended the process. Only valid after Done.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Signal sends a signal. It fails with os.ErrProcessDone if the process has ended.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Kill ends the process at once and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill() // fails only if the process has ended
	<-p.done
}

// Stop asks the process to end by sig and waits for that. After grace it kills
// the process and reports false. A paused process is resumed first.
func (p *Process) Stop(sig os.Signal, grace time.Duration) bool {
	p.Signal(sig)
	p.Signal(Resume)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		p.Kill()
		return false
	}
}

// Run runs cmd to its end, or until ctx ends, and returns what it wrote to its
// standard output. An error carries a line of what it wrote to standard error.
func Run(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes
	p, err := Start(cmd)
	if err != nil {
		return "", err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
		return "", fmt.Errorf("%s: %w", cmd.Args[0], context.Cause(ctx))
	}
	if p.err != nil {
		return "", fmt.Errorf("%s: %w: %s", cmd.Args[0], p.err, complaint(stderr.String()+"\n"+stdout.String()))
	}
	return stdout.String(), nil
}

// complaint picks the line that most likely says what went wrong: the first
// that is marked as an error, else the last.
func complaint(output string) string {
	line := "no output"
	for l := range strings.Lines(output) {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		line = l
		if lower := strings.ToLower(l); strings.HasPrefix(lower, "[error]") || strings.HasPrefix(lower, "error") {
			break
		}
	}
	const limit = 400
	if len(line) > limit {
		line = strings.ToValidUTF8(line[:limit], "") + "…"
	}
	return line
}
