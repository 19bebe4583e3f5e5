package trestle

import (
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/spool"
)

// TestKeyIsHeldWhileOthersAreDone has the events of a key answered one by one while it is asked whether there are some that are not on
// their way: there is one all the time, so none may be published past it.
func TestKeyIsHeldWhileOthersAreDone(t *testing.T) {
	t.Parallel()
	const events, askers, rounds = 300, 4, 20
	for range rounds {
		s := spoolingOf(t, events)
		var asked sync.WaitGroup
		var over atomic.Bool
		for range askers {
			asked.Go(func() {
				for !over.Load() {
					if !s.holds("orders", []byte("a")) {
						t.Error("an event of the key would be published past the last one in the spool")
						return
					}
				}
			})
		}
		name := spooledKeyOf("orders", []byte("a"))
		s.fly(name, events-1)
		for seq := range uint64(events - 1) {
			s.fly(name, -1)
			s.Done(1 + seq)
		}
		over.Store(true)
		asked.Wait()
		s.Close()
		if t.Failed() {
			return
		}
	}
}

// TestKeyIsHeldOnceItsEventFails fails an event out of the spool: from then on others of its key come behind it, though its result was not seen yet.
func TestKeyIsHeldOnceItsEventFails(t *testing.T) {
	t.Parallel()
	s := spoolingOf(t, 1)
	s.results = make(chan spooledResult, 1)
	s.p = &Publisher{cfg: &publisherConfig{}, closed: true, room: semaphore.NewWeighted(1 << 20)} // which refuses what it is given
	entry, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.sendEvent(&spooledKey{name: spooledKeyOf("orders", []byte("a"))}, &spooledEvent{Entry: entry})
	if r := <-s.results; r.err == nil {
		t.Fatal("it was sent")
	}
	if !s.holds("orders", []byte("a")) {
		t.Error("an event of the key would be published past the one that failed")
	}
}

// spoolingOf has a spool with so many events of one key, which nobody sends.
func spoolingOf(t *testing.T, events int) *spooling {
	t.Helper()
	opened, err := spool.Open(t.TempDir(), spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	var appended sync.WaitGroup // side by side: they are synced at once
	for range events {
		appended.Go(func() {
			if err := opened.Append(&event.Record{Topic: "orders", Key: []byte("a")}); err != nil {
				t.Error(err)
			}
		})
	}
	appended.Wait()
	return &spooling{Spool: opened, flying: map[string]int{}}
}
