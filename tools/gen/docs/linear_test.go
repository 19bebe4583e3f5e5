//go:build unix

package docs_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/tools/cputest"
	"github.com/omninode/trestle/tools/gen/docs"
	"github.com/omninode/trestle/tools/load"
)

// TestLinear makes the catalog of a small and of a large system, and holds what an event takes of the larger one to what
// it takes of the smaller: processor time, which other processes do not lengthen much.
func TestLinear(t *testing.T) {
	const small, times, most = 150, 6, 2
	taken := func(events int) time.Duration {
		files := map[string][]byte{}
		for p := range events / 10 {
			var b strings.Builder
			fmt.Fprintf(&b, "syntax = \"proto3\";\npackage acme.p%d.v1;\nimport \"trestle/v1/options.proto\";\n", p)
			for m := range 10 {
				fmt.Fprintf(&b, `
// Kind%[2]d is what kind of thing it is.
enum Kind%[2]d { KIND%[2]d_UNSPECIFIED = 0; KIND%[2]d_LARGE = 1; }
// Thing%[2]d was seen.
message Thing%[2]d {
  option (trestle.v1.event) = { type: "thing.%[1]d.%[2]d", topic: "acme_thing_%[1]d_%[2]d", key: "id", role: ROLE_REQUEST, reply: "answer.%[1]d.%[2]d" };
  // Which.
  string id = 1;
  // What it is.
  Kind%[2]d kind = 2;
}
// Answer%[2]d answers.
message Answer%[2]d {
  option (trestle.v1.event) = { type: "answer.%[1]d.%[2]d", topic: "acme_answer_%[1]d_%[2]d", role: ROLE_RESPONSE };
  // Which.
  string id = 1;
}
`, p, m)
			}
			files[fmt.Sprintf("acme/p%d/v1/things.proto", p)] = []byte(b.String())
		}
		set, err := load.Schemas(t.Context(), load.Files(files))
		if err != nil {
			t.Fatal(err)
		}
		// The collector takes what processors others leave it, and that counts.
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		best := time.Hour
		for range 3 {
			runtime.GC()
			before := cputest.Used(t)
			if _, err := docs.Markdown(set, docs.Options{}); err != nil {
				t.Fatal(err)
			}
			best = min(best, cputest.Used(t)-before)
		}
		return best
	}
	less, more := taken(small), taken(times*small)
	if ratio := float64(more) / float64(less) / times; ratio > most {
		t.Errorf("an event takes %.1f times as long in a catalog of %d times as many (%v for %d, %v for %d)", ratio, times, less, small, more, times*small)
	}
}
