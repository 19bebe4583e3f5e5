package trestle

import (
	"errors"
	"fmt"
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
	Value any    // what the handler panicked with; nil: it ended its goroutine, with runtime.Goexit
	Stack string // of the goroutine, at the panic
}

// Error names the panic, without its stack.
func (e *PanicError) Error() string {
	if e.Value == nil {
		return "handler ended its goroutine, with runtime.Goexit"
	}
	return fmt.Sprintf("handler panicked: %v", e.Value)
}

// Unwrap returns the value the handler panicked with, where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
