package trestle

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Permanent marks a handler's error as one that retrying cannot help: the event goes to its dead letter at once.
// Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// IsPermanent says whether an error was marked by Permanent, or is a *ValidationError.
func IsPermanent(err error) bool {
	if _, ok := errors.AsType[*permanentError](err); ok {
		return true
	}
	_, ok := errors.AsType[*ValidationError](err)
	return ok
}

// PanicError is what became of a handler that panicked: a permanent error.
type PanicError struct {
	Value any    // what the handler panicked with
	Stack string // of the goroutine, at the panic
}

// Error names the panic, without its stack.
func (e *PanicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.Value) }

// Unwrap returns the value the handler panicked with, where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// backoff spaces attempts: lowest before the second, then twice as long each time up to highest, each shortened by a
// random part of up to a half, so that what failed together isn't tried again together.
type backoff struct {
	lowest, highest time.Duration
}

// before returns how long to wait after n failures, n from 1.
func (b backoff) before(n int) time.Duration {
	d := b.highest
	if shift := n - 1; shift < 32 && b.lowest<<shift>>shift == b.lowest && b.lowest<<shift < b.highest {
		d = b.lowest << shift
	}
	return d - time.Duration(rand.Int64N(int64(d)/2+1))
}
