package kafka

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff spaces attempts: Lowest before the second, then twice as long each time up to Highest, each shortened by a
// random part of up to a half, so that what failed together isn't tried again together.
type Backoff struct {
	Lowest, Highest time.Duration
}

// After returns how long to wait after n failures, n from 1.
func (b Backoff) After(n int) time.Duration {
	d := b.Highest
	if shift := max(n, 1) - 1; shift < 32 && b.Lowest<<shift>>shift == b.Lowest && b.Lowest<<shift < b.Highest {
		d = b.Lowest << shift
	}
	return d - time.Duration(rand.Int64N(int64(d)/2+1))
}

// patience is for how long coordinators are waited for, which a cluster that is new has to choose first.
const patience = 10 * time.Second

// AskAgain asks until it gets an answer, or an error of which passes does not say that it passes by itself, for 10 s at most.
func AskAgain(ctx context.Context, ask func() error, passes func(error) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	backoff := Backoff{Lowest: 50 * time.Millisecond, Highest: time.Second}
	for tries := 1; ; tries++ {
		err := ask()
		if err == nil || !passes(err) || Sleep(ctx, backoff.After(tries)) != nil {
			return err
		}
	}
}

// Sleep waits, and returns ctx's error if that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
