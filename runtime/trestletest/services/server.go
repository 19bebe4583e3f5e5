package services

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

const (
	// startTimeout is generous: a machine that runs many tests is slow.
	startTimeout = 2 * time.Minute
	stopTimeout  = 10 * time.Second
)

// server is a process that others connect to.
type server struct {
	*process.Process
	name string
	log  string
}

// launch starts cmd with its output appended to the file log.
func launch(name string, cmd *exec.Cmd, log string) (*server, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	p, err := process.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &server{Process: p, name: name, log: log}, nil
}

// await asks ready until it returns nil.
func (s *server) await(ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		try, cancelTry := context.WithTimeout(ctx, 5*time.Second)
		err := ready(try)
		cancelTry()
		if err == nil && s.Running() {
			return nil
		}
		select {
		case <-s.Done():
			return s.failed(fmt.Errorf("%s ended instead of getting ready: %s", s.name, s.ExitState()))
		case <-ctx.Done():
			return s.failed(fmt.Errorf("%s is not ready after %s: %w", s.name, startTimeout, err))
		case <-tick.C:
		}
	}
}

// finish waits until a process that is meant to end has done its work.
func (s *server) finish() error {
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case <-s.Done():
		if s.ExitCode() != 0 {
			return s.failed(fmt.Errorf("%s: %s", s.name, s.ExitState()))
		}
		return nil
	case <-timer.C:
		s.Kill()
		return s.failed(fmt.Errorf("%s did not end within %s", s.name, startTimeout))
	}
}

func (s *server) failed(err error) error {
	text, readErr := os.ReadFile(s.log)
	if readErr != nil {
		text = []byte(readErr.Error())
	}
	return &serverError{s.name, lastLines(string(text), 60), err}
}

// terminate ends the server. It reports whether the server did so by itself.
func (s *server) terminate() bool { return s.Stop(syscall.SIGTERM, stopTimeout) }

// serverError is a server's failure, with the end of what it wrote.
type serverError struct {
	server string
	log    string
	err    error
}

func (e *serverError) Error() string { return e.err.Error() }

func (e *serverError) Unwrap() error { return e.err }

// portTaken reports whether a server failed as somebody else has its port.
func portTaken(err error) bool {
	failed, ok := errors.AsType[*serverError](err)
	if !ok {
		return false
	}
	log := strings.ToLower(failed.log)
	return strings.Contains(log, "address already in use") || strings.Contains(log, "seems to be in use")
}

// onFreePorts calls start, and again with other ports if somebody took one of
// them between our looking and the server's listening.
func onFreePorts[T any](n int, start func(ports []int) (T, error)) (T, error) {
	for try := 1; ; try++ {
		ports, err := freePorts(n)
		if err != nil {
			var none T
			return none, err
		}
		value, err := start(ports)
		if err == nil || try == 3 || !portTaken(err) {
			return value, err
		}
	}
}

// Ports are taken from below those that systems give to outgoing connections,
// so that the port of a server that is down for a while stays free.
const firstPort, portCount = 20000, 12000

var nextPort = func() *atomic.Uint32 {
	var next atomic.Uint32
	next.Store(rand.Uint32N(portCount)) // not where another process starts
	return &next
}()

// freePorts returns n ports of 127.0.0.1, and not again those that it returned
// before until it has gone through all.
func freePorts(n int) ([]int, error) {
	var ports []int
	var err error
	for range portCount {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + int(nextPort.Add(1)%portCount)
		var l net.Listener
		if l, err = net.Listen("tcp", address(port)); err == nil {
			l.Close()
			ports = append(ports, port)
		}
	}
	return nil, fmt.Errorf("no free port on 127.0.0.1: %w", err)
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
