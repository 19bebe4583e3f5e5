package trestletest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

// Patience is for how long the kit waits for what should happen soon. In a bubble of testing/synctest that takes no time.
const Patience = 30 * time.Second

// testLogger writes warnings and errors into the test's output while the test lasts.
func testLogger(tb testing.TB) *slog.Logger {
	w := &testWriter{to: tb.Output()}
	tb.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.to = io.Discard
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *testWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// T stands in for a *testing.T outside of tests, such as in examples: a failure panics, what is logged is discarded.
//
//	t := trestletest.NewT()
//	defer t.Close()
type T struct {
	testing.TB // nil: what T does not have itself can't be called
	ctx        context.Context
	cancel     context.CancelFunc
	mu         sync.Mutex
	cleanups   []func()
}

// NewT returns a T, to be closed at the end.
func NewT() *T {
	t := new(T)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Close does what was left to the end by Cleanup, the last first.
func (t *T) Close() {
	t.cancel()
	t.mu.Lock()
	cleanups := t.cleanups
	t.cleanups = nil
	t.mu.Unlock()
	for _, do := range slices.Backward(cleanups) {
		do()
	}
}

// Cleanup has something done by Close.
func (t *T) Cleanup(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, do)
}

// Context ends when T is closed.
func (t *T) Context() context.Context { return t.ctx }

// Helper does nothing.
func (*T) Helper() {}

// Name is "example".
func (*T) Name() string { return "example" }

// Output discards what is written to it.
func (*T) Output() io.Writer { return io.Discard }

// Log discards what is logged.
func (*T) Log(...any) {}

// Logf discards what is logged.
func (*T) Logf(string, ...any) {}

// Error panics.
func (*T) Error(args ...any) { panic(fmt.Sprint(args...)) }

// Errorf panics.
func (*T) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Fatal panics.
func (*T) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf panics.
func (*T) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
