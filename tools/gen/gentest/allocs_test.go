//go:build !race

package gentest

import (
	"testing"
	"time"
)

// TestValidAllocatesNothing holds validation of valid events, and encoding into a buffer that is large enough, to no
// allocation at all. It does not run in parallel, as allocations are counted for the whole process; with the race
// detector they cannot be counted, as pools then drop what they are given now and then.
func TestValidAllocatesNothing(t *testing.T) {
	known := events()
	for _, r := range corpus(t) {
		e := decode(t, known[r.EventType], r.Payload)
		e.SetDefaults(time.Now())
		if e.Validate() == nil {
			if n := testing.AllocsPerRun(20, func() { _ = e.Validate() }); n != 0 {
				t.Errorf("%s: validation allocates %v times", r.File, n)
			}
		}
		buf := make([]byte, 0, 1<<16)
		maps := map[string]bool{"service.lifecycle.started": true} // a map's keys are sorted
		if n := testing.AllocsPerRun(20, func() { _, _ = e.AppendJSON(buf) }); n != 0 && !maps[r.EventType] {
			t.Errorf("%s: encoding allocates %v times", r.File, n)
		}
	}
}
