package services

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// obtain returns what get returns. If get fails, the test ends: skipped if
// something cannot be had on this machine, failed otherwise.
func obtain[T any](tb testing.TB, service string, get func() (T, error)) T {
	tb.Helper()
	if os.Getenv("TRESTLE_REAL") == "off" {
		skip(tb, service, "TRESTLE_REAL=off")
	}
	value, err := get()
	if err == nil {
		return value
	}
	if missing, ok := errors.AsType[*artefact.MissingError](err); ok {
		Missing(tb, service, missing.Error())
	}
	report(tb, fmt.Errorf("start %s: %w", service, err))
	tb.FailNow()
	return value
}

// report marks the test as failed by err, and shows the log that goes with it.
func report(tb testing.TB, err error) {
	tb.Helper()
	if failed, ok := errors.AsType[*serverError](err); ok && failed.log != "" {
		tb.Logf("the end of the log of %s:\n%s", failed.server, failed.log)
	}
	tb.Error(err)
}

// Missing ends a test that needs what this machine does not have: it is skipped, and that is recorded as for a missing
// service; with CI=true it fails.
func Missing(tb testing.TB, what, reason string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s: %s (CI=true forbids to skip)", what, reason)
	}
	skip(tb, what, reason)
}

// Unable ends a test that this machine's kernel does not let run, and that no package mends: it is skipped, and that is recorded.
func Unable(tb testing.TB, what, reason string) {
	tb.Helper()
	skip(tb, what, reason)
}

func skip(tb testing.TB, service, reason string) {
	tb.Helper()
	reason = strings.Join(strings.Fields(reason), " ")
	if path := os.Getenv("TRESTLE_SKIPPED"); path != "" {
		binary := strings.TrimSuffix(filepath.Base(os.Args[0]), ".test")
		line := fmt.Sprintf("%s %s: %s: %s\n", binary, tb.Name(), service, reason)
		if err := appendLine(path, line); err != nil {
			tb.Fatalf("record that %s is skipped: %v", tb.Name(), err)
		}
	}
	tb.Skipf("%s: %s", service, reason)
}

// appendLine writes line at once, so that lines of several processes don't mix.
func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// kept are the services that outlive the test that asked for them first.
var kept struct {
	mu       sync.Mutex
	main     bool // Main runs, and stops them
	kafka    shared[*cluster]
	registry shared[*registry]
	postgres shared[*postgres]
}

// Main runs the tests of m and stops the shared services thereafter. It returns
// the status to exit with:
//
//	func TestMain(m *testing.M) { os.Exit(services.Main(m)) }
func Main(m *testing.M) int {
	kept.mu.Lock()
	kept.main = true
	kept.mu.Unlock()
	defer func() {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		kept.kafka.end()
		kept.registry.end()
		kept.postgres.end()
	}()
	return m.Run()
}

// service is what can be shared.
type service interface {
	comparable
	stop()
}

// shared is a service with several users. It is guarded by kept.mu.
type shared[T service] struct {
	running T
	users   int
	err     error
}

// use returns the running service, after starting it if need be. A service that
// did not start once is not tried again, as every test would wait for it.
func (s *shared[T]) use(tb testing.TB, start func() (T, error)) (T, error) {
	kept.mu.Lock()
	defer kept.mu.Unlock()
	var none T
	if s.err != nil {
		return none, s.err
	}
	if s.running == none {
		s.running, s.err = start()
		if s.err != nil {
			s.running = none
			return none, s.err
		}
	}
	s.users++
	tb.Cleanup(func() {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		s.users--
		if s.users == 0 && !kept.main {
			s.end()
		}
	})
	return s.running, nil
}

func (s *shared[T]) end() {
	var none T
	if s.running != none {
		s.running.stop()
		s.running = none
	}
}
