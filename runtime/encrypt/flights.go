package encrypt

import (
	"context"
	"sync"
)

// flights has what many goroutines ask for at once be done once.
type flights[K comparable, V any] struct {
	closing context.Context // ends all
	mu      sync.Mutex
	open    map[K]*flight[V]
	closed  bool
	running sync.WaitGroup
}

type flight[V any] struct {
	landed  chan struct{}
	cancel  func()
	waiting int
	value   V
	err     error
}

// do returns what call returns, or did for somebody who asked before. It is cancelled once nobody waits for it any more: whoever asked first may leave.
func (f *flights[K, V]) do(ctx context.Context, key K, call func(context.Context) (V, error)) (V, error) {
	var none V
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return none, errClosed
	}
	one := f.open[key]
	if one == nil {
		if f.open == nil {
			f.open = map[K]*flight[V]{}
		}
		callCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(f.closing, cancel)
		one = &flight[V]{landed: make(chan struct{}), cancel: cancel}
		f.open[key] = one
		f.running.Go(func() {
			defer stop()
			defer cancel()
			one.value, one.err = call(callCtx)
			f.mu.Lock()
			f.leave(key, one)
			f.mu.Unlock()
			close(one.landed)
		})
	}
	one.waiting++
	f.mu.Unlock()
	select {
	case <-one.landed:
		return one.value, one.err
	case <-ctx.Done():
		f.mu.Lock()
		defer f.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			f.leave(key, one)
			one.cancel()
		}
		return none, ctx.Err()
	}
}

// leave has the next who asks begin anew.
func (f *flights[K, V]) leave(key K, one *flight[V]) {
	if f.open[key] == one {
		delete(f.open, key)
	}
}

// close returns once nothing is done any more. What closes has ended before.
func (f *flights[K, V]) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.running.Wait()
}
