package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/omninode/trestle/cmd/trestle/ops"
)

// The exit statuses of every command.
const (
	exitFine        = 0
	exitNo          = 1   // the answer is no: incompatible, invalid, drift, threshold passed
	exitFailed      = 2   // it could not be done
	exitInterrupted = 130 // it was interrupted, what runs until that happens included
)

// errTerminated is why the context of a command has ended that a supervisor stops: what runs until it is stopped has then
// done what it was to do.
var errTerminated = errors.New("terminated")

// errNo ends a command whose answer is no and has been printed.
var errNo = errors.New("the answer is no")

// no ends a command whose answer is no, with the sentence for stderr.
func no(format string, args ...any) error {
	return &noError{fmt.Sprintf(format, args...)}
}

type noError struct{ text string }

func (e *noError) Error() string { return e.text }
func (e *noError) Unwrap() error { return errNo }

// exitStatus prints err and returns the status it stands for; ctx has ended when the command was interrupted.
func exitStatus(ctx context.Context, err error, stderr io.Writer) int {
	var n *noError
	switch {
	case err == nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTerminated):
		return exitInterrupted
	case err == nil:
		return exitFine
	case errors.As(err, &n):
		fmt.Fprintln(stderr, n.text)
		return exitNo
	case errors.Is(err, errNo):
		return exitNo
	case ctx.Err() != nil:
		if unfinished, ok := errors.AsType[*ops.UnfinishedError](err); ok {
			fmt.Fprintln(stderr, "trestle:", unfinished)
		}
		fmt.Fprintln(stderr, "trestle: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "trestle:", err)
	return exitFailed
}
