package trestle

import (
	"testing"
	"time"
)

func TestBackoffGrowsToItsBoundWithJitter(t *testing.T) {
	t.Parallel()
	b := backoff{100 * time.Millisecond, 10 * time.Second}
	for failures, full := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 7: 6400 * time.Millisecond,
		8: 10 * time.Second, 40: 10 * time.Second, 1 << 40: 10 * time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			d := b.before(failures)
			if d < full/2 || d > full {
				t.Fatalf("after %d failures: got %v, want from %v to %v", failures, d, full/2, full)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("after %d failures: %d different waits of 200", failures, len(seen))
		}
	}
	if d := (backoff{1, 1}).before(1); d != 1 {
		t.Errorf("got %v, want 1 ns", d)
	}
}
