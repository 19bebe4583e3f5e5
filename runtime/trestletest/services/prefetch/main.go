// Command prefetch gets everything that the tests with real services need into
// the cache, and says what can and what cannot be had on this machine.
//
// It exits with status 0, so that a machine without some of it still runs the
// other tests; with CI=true, where nothing may be skipped, it exits with 1 if
// anything is missing.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

func main() {
	missing := 0
	for _, c := range artefact.All() {
		start := time.Now()
		path, err := c.Get()
		took := time.Since(start).Seconds()
		if err != nil {
			missing++
			fmt.Printf("missing  %-18s %6.1fs  %v\n", c.Name, took, err)
			continue
		}
		fmt.Printf("ok       %-18s %6.1fs  %s\n", c.Name, took, path)
	}
	if missing > 0 && os.Getenv("CI") == "true" {
		os.Exit(1)
	}
}
