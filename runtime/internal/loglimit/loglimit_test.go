package loglimit

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := New(2)
		for i, step := range []struct {
			after   time.Duration
			kind    string
			leftOut int
			ok      bool
		}{
			{0, "a", 0, true}, {0, "a", 0, true}, {0, "a", 0, false}, {0, "b", 0, true},
			{59 * time.Second, "a", 0, false},
			{time.Second, "a", 2, true}, {0, "a", 0, true}, {0, "a", 0, false},
			{time.Hour, "a", 1, true},
		} {
			time.Sleep(step.after)
			if leftOut, ok := l.Allow(step.kind); leftOut != step.leftOut || ok != step.ok {
				t.Fatalf("step %d: %d, %v, want %d, %v", i, leftOut, ok, step.leftOut, step.ok)
			}
		}
		l.Allow("a")
		l.Allow("a")
		if n := l.Forget("a"); n != 1 {
			t.Errorf("%d left out, want 1", n)
		}
		if _, ok := l.Allow("a"); !ok {
			t.Error("a kind that was forgotten is still limited")
		}
		for i := range 10 * maxKinds {
			l.Allow(fmt.Sprint(i))
		}
		if len(l.kinds) > maxKinds {
			t.Errorf("%d kinds are remembered", len(l.kinds))
		}
	})
}
