package trestle_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/replay"
)

// keyBook accounts for the events of each key: which succeeded, in which order.
type keyBook struct {
	t  testing.TB
	mu sync.Mutex
	// failures is how often an event still fails.
	failures map[string]int
	calls    map[string]int
	done     map[string][]int64
}

func newKeyBook(t testing.TB) *keyBook {
	return &keyBook{t: t, failures: map[string]int{}, calls: map[string]int{}, done: map[string][]int64{}}
}

const always = 1 << 30

// fail has an event fail so many times more.
func (b *keyBook) fail(event string, times int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures[event] = times
}

func (b *keyBook) handle(_ context.Context, e *orderPlaced) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[eventName(e)]++
	if b.failures[eventName(e)] > 0 {
		b.failures[eventName(e)]--
		return trestle.Permanent(errTransient)
	}
	b.done[e.OrderID] = append(b.done[e.OrderID], e.N)
	return nil
}

func (b *keyBook) called(event string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[event]
}

// count is how many events of an order have succeeded.
func (b *keyBook) count(order string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.done[order])
}

// want checks that these events of an order have succeeded, in order and once each.
func (b *keyBook) want(order string, events ...int64) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(events, b.done[order]); diff != "" {
		b.t.Errorf("%s: %s", order, diff)
	}
}

// upTo are the numbers from 0 to n-1.
func upTo(n int) (all []int64) {
	for i := range n {
		all = append(all, int64(i))
	}
	return all
}

func startHeld(t *testing.T) *cluster {
	t.Helper()
	c := startCluster(t)
	c.createTopic(t, replay.ResolutionsTopic, 1)
	return c
}

var heldKeys = heldKeysOf(orders)

func heldKeysOf(topic *trestle.TopicInfo) trestle.ConsumerOption {
	return trestle.WithHeldKeys(topic.Name)
}

// letters selects the letters that a filter means.
func (c *cluster) letters(t testing.TB, f replay.Filter) *replay.Selection {
	t.Helper()
	r, err := replay.New(c.conn, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Topics == nil && f.Positions == nil {
		f.Topics = []string{orders.DeadLetter}
	}
	s, err := r.Select(deadline(t), f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// failed are the places of letters whose events have failed, and that are not resolved.
func (c *cluster) failed(t testing.TB, f replay.Filter) (at []replay.Position) {
	t.Helper()
	for l, err := range c.letters(t, f).Letters(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if !l.Follower {
			at = append(at, l.Position)
		}
	}
	return at
}

// wantLetters checks how many letters are not resolved, and how many of them are followers.
func (c *cluster) wantLetters(t testing.TB, unresolved, followers int) {
	t.Helper()
	stats, err := c.letters(t, replay.Filter{}).Stats(deadline(t))
	if err != nil || stats.Unresolved != unresolved || stats.Followers != followers {
		t.Errorf("%d letters are not resolved, %d of them followers, want %d and %d: %v", stats.Unresolved, stats.Followers, unresolved, followers, err)
	}
}

// replayFailed replays the letters of events that have failed, with their followers.
func (c *cluster) replayFailed(t testing.TB) replay.Counts {
	t.Helper()
	counts, err := c.letters(t, replay.Filter{Positions: c.failed(t, replay.Filter{})}).Replay(deadline(t), replay.ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// write writes events of an order, by their numbers.
func (c *cluster) writeOrder(t testing.TB, order string, numbers ...int64) {
	t.Helper()
	var records []*kgo.Record
	for _, n := range numbers {
		records = append(records, orderRecord(order, int(n)))
	}
	c.write(t, records...)
}

// awaitCommitted waits until a group has committed all of orders.
func (c *cluster) awaitCommitted(t testing.TB, group string) {
	t.Helper()
	eventually(t, group+" commits all", func() bool { return c.committed(group) == c.end(orders.Name) })
}

// rounds are events of orders that are written in turn.
type rounds struct {
	topic    *oneTopic
	ids      []string
	perOrder int
}

// more writes the next n of each order.
func (w *rounds) more(t testing.TB, n int) {
	t.Helper()
	var records []*kgo.Record
	for range n {
		for _, id := range w.ids {
			r := orderRecord(id, w.perOrder)
			r.Topic = w.topic.topic.Name
			records = append(records, r)
		}
		w.perOrder++
	}
	w.topic.write(t, records...)
}
