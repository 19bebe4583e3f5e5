// Command trestle is the toolchain on the command line: it checks, generates, registers, publishes, reads and traces
// events. Each command is a call into the packages beside it; what is here is flags and printing.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(trestleMain()) }

// trestleMain runs the command line of this process and returns its exit status.
func trestleMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitStatus(ctx, root.ExecuteContext(ctx), stderr)
}
