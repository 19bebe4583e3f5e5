package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// showProgress keeps one line on the terminal up to date with what state says, until stop is called, which takes the
// line away. Where standard error is not a terminal it shows nothing.
func showProgress(cmd *cobra.Command, state func() string) (stop func()) {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				fmt.Fprint(f, "\r\x1b[K")
				return
			case <-ticker.C:
				fmt.Fprintf(f, "\r\x1b[K%s", state())
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}
