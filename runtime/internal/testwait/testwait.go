// Package testwait is what the runtime's tests wait with: for as long as it may take on a busy machine, and no longer.
package testwait

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"
)

// Patience is how long a test waits for what should happen at once.
const Patience = 90 * time.Second

// Deadline returns a context that ends then, or with the test.
func Deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until a condition holds, and ends the test if that takes too long.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := Deadline(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited %v in vain: %s", Patience, what)
		}
	}
}

// Quiet is a logger that says nothing. It is given all levels, as those of programs are.
var Quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
