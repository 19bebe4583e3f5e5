package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/dedup"
)

// Dedup tests a store against the contract of [dedup.Store]. open returns a new, empty one that is closed when its test ends.
func Dedup(t *testing.T, open func(t *testing.T) dedup.Store) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, store dedup.Store)
	}{
		{"an event is the first once", dedupOnce},
		{"a transaction that is rolled back remembers nothing", dedupRollback},
		{"transactions at once", dedupConcurrently},
		{"no transaction", dedupNoTransaction},
		{"what is old is forgotten", dedupForget},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

// handle remembers an event in a transaction that ends with an error or none.
func handle(ctx context.Context, store dedup.Store, group, id string, end error) (first bool, err error) {
	err = store.InTx(ctx, func(ctx context.Context) (err error) {
		if first, err = store.Remember(ctx, group, id); err != nil {
			return err
		}
		return end
	})
	return first, err
}

func wantFirst(t *testing.T, store dedup.Store, group, id string, want bool) {
	t.Helper()
	if first, err := handle(t.Context(), store, group, id, nil); err != nil || first != want {
		t.Errorf("%s of %s: first %t, error %v; want %t", id, group, first, err, want)
	}
}

func dedupOnce(t *testing.T, store dedup.Store) {
	wantFirst(t, store, "billing", "a", true)
	wantFirst(t, store, "billing", "a", false)
	wantFirst(t, store, "billing", "b", true)
	wantFirst(t, store, "shipping", "a", true)
	wantFirst(t, store, "shipping", "a", false)
	err := store.InTx(t.Context(), func(ctx context.Context) error {
		for i, want := range []bool{true, false} {
			if first, err := store.Remember(ctx, "billing", "c"); err != nil || first != want {
				t.Errorf("call %d in one transaction: first %t, error %v", i, first, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func dedupRollback(t *testing.T, store dedup.Store) {
	errNo := errors.New("no")
	for range 2 {
		if first, err := handle(t.Context(), store, "billing", "a", errNo); !errors.Is(err, errNo) || !first {
			t.Errorf("first %t, error %v", first, err)
		}
	}
	wantFirst(t, store, "billing", "a", true)
	wantFirst(t, store, "billing", "a", false)
}

// dedupConcurrently has several handle the same events, some of which change their mind.
func dedupConcurrently(t *testing.T, store dedup.Store) {
	const members, events = 4, 20
	errNo := errors.New("no")
	var done [events]atomic.Int64
	var group sync.WaitGroup
	for m := range members {
		group.Go(func() {
			for e := range events {
				var end error
				if (e+m)%4 == 0 {
					end = errNo
				}
				first, err := handle(t.Context(), store, "billing", fmt.Sprint(e), end)
				if err != nil && !errors.Is(err, errNo) {
					t.Error(err)
				}
				if first && err == nil {
					done[e].Add(1)
				}
			}
		})
	}
	group.Wait()
	for e := range events {
		if n := done[e].Load(); n != 1 {
			t.Errorf("event %d was handled %d times", e, n)
		}
	}
}

func dedupNoTransaction(t *testing.T, store dedup.Store) {
	if first, err := store.Remember(t.Context(), "billing", "a"); err == nil || first {
		t.Errorf("first %t, error %v", first, err)
	}
	wantFirst(t, store, "billing", "a", true)
}

func dedupForget(t *testing.T, store dedup.Store) {
	for i := range 5 {
		wantFirst(t, store, "billing", fmt.Sprint(i), true)
	}
	forget := func(before time.Time, n, want int) {
		t.Helper()
		if gone, err := store.Forget(t.Context(), before, n); err != nil || gone != want {
			t.Errorf("forgot %d, error %v; want %d", gone, err, want)
		}
	}
	forget(time.Now().Add(-time.Hour), 100, 0)
	wantFirst(t, store, "billing", "0", false)
	forget(time.Now().Add(time.Hour), 2, 2)
	wantFirst(t, store, "billing", "0", true) // the oldest went first
	wantFirst(t, store, "billing", "4", false)
	forget(time.Now().Add(time.Hour), 100, 4)
	wantFirst(t, store, "billing", "4", true)
}
