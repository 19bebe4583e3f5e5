// Command trestle is the toolchain on the command line: it checks, generates, registers, publishes, reads and traces
// events. Each command is a call into the packages beside it; what is here is flags and printing.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(trestleMain()) }

// trestleMain runs the command line of this process and returns its exit status. The first signal has the command end in
// order, a second one ends the process at once.
func trestleMain() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		var got os.Signal
		select {
		case got = <-signals:
		case <-ended:
			return
		}
		signal.Stop(signals)
		if got == syscall.SIGTERM {
			cancel(errTerminated)
		} else {
			cancel(context.Canceled)
		}
		select {
		case <-ended:
		case <-time.After(patience):
			fmt.Fprintln(os.Stderr, "trestle: ending what is under way; ctrl-C again ends it at once")
		}
	}()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// patience is how long ending in order may take before something is said.
const patience = 700 * time.Millisecond

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(&interruptible{ctx: ctx, from: stdin})
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitStatus(ctx, root.ExecuteContext(ctx), stderr)
}

// interruptible is an input that does not hold up the end of a command: a read that waits for a terminal or a pipe fails
// once ctx has ended. What arrives after that is lost.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	type outcome struct {
		data []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() { // outlives an interruption, as the process does not
		data := make([]byte, len(p))
		n, err := i.from.Read(data)
		done <- outcome{data[:n], err}
	}()
	select {
	case o := <-done:
		return copy(p, o.data), o.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}
