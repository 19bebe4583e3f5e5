package trestle_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// TestDeduplication writes events with ids of their own, some of them again, and one that fails at first.
func TestDeduplication(t *testing.T) {
	t.Parallel()
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	written := []int{0, 1, 0, 2, 2, 3, 0, 4, 4} // by the fourth 0 it was forgotten: 1, 2 and 3 were handled since
	for name, tt := range map[string]struct {
		remembered int
		want       string // what is handled, in order
		duplicates float64
	}{
		"none":  {0, "[0 1 0 2 2 3 0 4 4]", 0},
		"three": {3, "[0 1 2 3 0 4 4]", 2},
		"all":   {100, "[0 1 2 3 4 4]", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, m := startCluster(t), newMeters(t)
			for n, which := range written {
				r := orderRecord("one", n)
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: "event-id", Value: []byte(ids[which])})
				c.write(t, r)
			}
			var mu sync.Mutex
			var handled []int
			failed := false
			r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
				mu.Lock()
				defer mu.Unlock()
				which := written[e.N]
				handled = append(handled, which)
				if which == 4 && !failed { // what goes to its dead letter is handled when it comes again
					failed = true
					return trestle.Permanent(errTransient)
				}
				return nil
			}, trestle.WithDeduplication(tt.remembered), m)
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(written)) })
			r.stop()
			if got := fmt.Sprint(handled); got != tt.want {
				t.Errorf("handled %s, want %s", got, tt.want)
			}
			if tt.duplicates > 0 {
				m.wantSums(sumOf(tt.duplicates, "trestle.consumer.events", "trestle.result", "duplicate"))
			}
		})
	}
}
