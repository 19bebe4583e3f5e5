package eventtrace

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff gives pauses that double from the first to the longest, each shortened by up to half at random, so that
// sinks which failed together do not try again together.
type backoff struct {
	first, longest time.Duration
	failures       int
}

func (b *backoff) next() time.Duration {
	pause := b.longest
	if b.failures < 30 {
		pause = min(b.first<<b.failures, b.longest)
	}
	if pause <= 0 { // the shift overflowed
		pause = b.longest
	}
	b.failures++
	return pause - rand.N(pause/2+1)
}

func (b *backoff) reset() { b.failures = 0 }

// sleep waits, and returns ctx's error if that ends first.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
