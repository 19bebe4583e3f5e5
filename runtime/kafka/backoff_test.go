package kafka_test

import (
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

func TestBackoffGrowsToItsBoundWithJitter(t *testing.T) {
	t.Parallel()
	b := kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 10 * time.Second}
	for failures, full := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 7: 6400 * time.Millisecond,
		8: 10 * time.Second, 40: 10 * time.Second, 1 << 40: 10 * time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			d := b.After(failures)
			if d < full/2 || d > full {
				t.Fatalf("after %d failures: got %v, want from %v to %v", failures, d, full/2, full)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("after %d failures: %d different waits of 200", failures, len(seen))
		}
	}
	if d := (kafka.Backoff{Lowest: 1, Highest: 1}).After(1); d != 1 {
		t.Errorf("got %v, want 1 ns", d)
	}
}
