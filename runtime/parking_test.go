package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

func openParking(t testing.TB) parking.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "parked.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db.Parking()
}

func parked(t testing.TB, store parking.Store) []parking.Letter {
	t.Helper()
	var all []parking.Letter
	for l, err := range store.List(t.Context(), parking.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// failing is a store that goes away for some calls of Park.
type failing struct {
	parking.Store
	from, to int64 // which calls fail
	writes   bool  // every other of them has written
	calls    atomic.Int64
}

var errStoreAway = errors.New("store is away")

func (s *failing) Park(ctx context.Context, l parking.Letter) error {
	n := s.calls.Add(1)
	if n < s.from || n >= s.to {
		return s.Store.Park(ctx, l)
	}
	if s.writes && n%2 == 0 {
		return errors.Join(s.Store.Park(ctx, l), errStoreAway)
	}
	return errStoreAway
}

// TestRefusedDeadLettersAreParkedAndPublished accounts for 1,000 events of which every tenth fails while their dead-letter topic
// is missing, the store goes away, and the consumer starts anew.
func TestRefusedDeadLettersAreParkedAndPublished(t *testing.T) {
	t.Parallel()
	inBubble(t, refusedDeadLettersAreParkedAndPublished)
}

func refusedDeadLettersAreParkedAndPublished(t *testing.T, c *cluster) {
	if err := c.DeleteTopic(orders.DeadLetter); err != nil {
		t.Fatal(err)
	}
	const perOrder, failed = 50, 100
	ids := orderIDs(20)
	c.writeOrders(t, ids, perOrder)
	book := newLedger(t)
	handle := book.handle(ok)
	fails := func(ctx context.Context, e *orderPlaced) error {
		if e.N%10 != 9 {
			return handle(ctx, e)
		}
		book.mu.Lock()
		defer book.mu.Unlock()
		if e.N > book.next[e.OrderID] {
			t.Errorf("%s started when only %d had been handled", eventName(e), book.next[e.OrderID])
		}
		book.next[e.OrderID] = max(book.next[e.OrderID], e.N+1)
		return trestle.Permanent(fmt.Errorf("%s: %w", eventName(e), errTransient))
	}
	store := openParking(t)
	flaky := &failing{Store: store, from: 10, to: 40, writes: true}
	outcomes := newOutcomes()
	first := consume(t, c, fails, trestle.WithParking(flaky), trestle.WithObserver(outcomes.add))
	eventually(t, "half of the letters are parked", func() bool { return outcomes.count(trestle.Parked) >= failed/2 })
	if err := first.end(); err != nil && !strings.Contains(err.Error(), "unfinished") {
		t.Error(err)
	}
	if n := outcomes.count(trestle.DeadLettered); n > 0 {
		t.Errorf("%d letters written to a topic that does not exist", n)
	}
	second := consume(t, c, fails, trestle.WithParking(store))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(ids)*perOrder) })
	second.stop()
	book.mu.Lock()
	for _, id := range ids {
		for n := range int64(perOrder) {
			if name := eventName(&orderPlaced{OrderID: id, N: n}); n%10 != 9 && book.handled[name] == 0 {
				t.Errorf("%s was not handled", name)
			}
		}
	}
	book.mu.Unlock()

	letters := parked(t, store)
	if len(letters) != failed {
		t.Fatalf("%d letters are parked, want %d", len(letters), failed)
	}
	for _, l := range letters {
		if l.Group != testGroup || l.Topic != orders.Name || l.DeadLetter != orders.DeadLetter || !strings.Contains(l.Refusal, "UNKNOWN_TOPIC") {
			t.Errorf("got %v to %s: %s", l.Place, l.DeadLetter, l.Refusal)
		}
	}

	conn := c.conn
	if n, err := parking.Publish(deadline(t), conn, store, parking.Filter{}); n != 0 || kafka.Classify(err) != kafka.Missing {
		t.Errorf("published %d letters to no topic, error %v", n, err)
	}
	c.createTopic(t, orders.DeadLetter, 1)
	if n, err := parking.Publish(deadline(t), conn, store, parking.Filter{}); n != failed || err != nil {
		t.Errorf("published %d letters, error %v; want %d", n, err, failed)
	}
	if left := parked(t, store); len(left) > 0 {
		t.Errorf("%d letters are left", len(left))
	}
	written := c.deadLetters(t)
	if len(written) != failed {
		t.Fatalf("%d letters are written, want %d", len(written), failed)
	}
	for i, d := range written { // in the order of their places
		l := letters[i]
		if o := d.Original; o.Partition != l.Partition || o.Offset != l.Offset || d.ConsumerGroup != testGroup ||
			!strings.HasSuffix(d.Error.Message, errTransient.Error()) || string(o.Key) != string(l.Key) {
			t.Errorf("letter %d is of partition %d, offset %d: %s; want %v", i, o.Partition, o.Offset, d.Error.Message, l.Place)
		}
	}
}

// TestLettersAreParkedForWhatTheirTopicSays has a topic refuse letters in several ways.
func TestLettersAreParkedForWhatTheirTopicSays(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*kerr.Error{
		"not authorised": kerr.TopicAuthorizationFailed, "against a policy": kerr.PolicyViolation, "too large": kerr.MessageTooLarge,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.DeadLetter, Err: refusal, Count: -1})
			c.writeOrders(t, []string{"a"}, 2)
			m, store, book := newMeters(t), openParking(t), newLedger(t)
			r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
				if e.N == 0 {
					return trestle.Permanent(errTransient)
				}
				return book.handle(ok)(ctx, &orderPlaced{OrderID: "next"})
			}, trestle.WithParking(store), m)
			wantHealth(t, r, true, "dead_letter_refused orders")
			if text := r.Health().Reasons[0].Text; !strings.Contains(text, "can't be written to orders_dlq, are not parked and hold up") {
				t.Errorf("got %q", text)
			}
			eventually(t, "the key goes on", func() bool { return book.count() == 1 })
			wantHealth(t, r, true, "")
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == 2 })
			r.stop()
			m.wantSums(
				sumOf(1, "trestle.consumer.parked_dead_letters", topicKey, orders.Name, typeKey, "OrderPlaced", groupKey, testGroup, "error.type", refusal.Message),
				sumOf(1, "trestle.consumer.events", topicKey, orders.Name, "trestle.result", "parked"),
				sumOf(0, "trestle.consumer.dead_letters"))
			letters := parked(t, store)
			if len(letters) != 1 {
				t.Fatalf("%d letters are parked", len(letters))
			}
			l := letters[0]
			record := kafka.Record{Value: l.Value, Headers: l.Headers}
			d, err := deadletter.Parse(&record)
			if err != nil || d.Original.Offset != l.Offset || d.SourceTopic != orders.Name || !strings.Contains(l.Refusal, refusal.Message) {
				t.Errorf("got %+v, error %v, refused with %s", d, err, l.Refusal)
			}
			if whole := string(d.Original.Value) == orderJSON("a", 0); whole != (refusal != kerr.MessageTooLarge) {
				t.Errorf("got original %s", d.Original.Value)
			}
		})
	}
}

// TestTopicThatComesLateGetsItsLetters makes a dead-letter topic once it has been missed.
func TestTopicThatComesLateGetsItsLetters(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	if err := c.DeleteTopic(orders.DeadLetter); err != nil {
		t.Fatal(err)
	}
	c.writeOrders(t, []string{"a", "b"}, 2)
	logger, refused := whenLogged("dead letter could not be written: its key stands still, and it is tried again")
	store := openParking(t)
	r := consume(t, c, func(context.Context, *orderPlaced) error { return trestle.Permanent(errTransient) },
		trestle.WithParking(store), trestle.WithLogger(logger))
	select {
	case <-refused:
	case <-deadline(t).Done():
		t.Fatal("nothing was refused")
	}
	c.createTopic(t, orders.DeadLetter, 1)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 4 })
	r.stop()
	if letters := parked(t, store); len(letters) > 0 {
		t.Errorf("%d letters are parked", len(letters))
	}
	if n := len(c.deadLetters(t)); n != 4 {
		t.Errorf("%d letters are written, want 4", n)
	}
}

// TestLettersWaitForTheirStore has a store go away for good, and another consumer come with one that is there.
func TestLettersWaitForTheirStore(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.DeadLetter, Err: kerr.TopicAuthorizationFailed, Count: -1})
	c.writeOrders(t, []string{"a"}, 1)
	store := openParking(t)
	away := &failing{Store: store, to: 1 << 60}
	m := newMeters(t)
	logger, logged := whenLogged("dead letter could be neither written nor parked: its key stands still, and it is tried again")
	fail := func(context.Context, *orderPlaced) error { return trestle.Permanent(errTransient) }
	first := consume(t, c, fail, trestle.WithParking(away), trestle.WithDrainTimeout(0), m, trestle.WithLogger(logger))
	select {
	case <-logged:
	case <-deadline(t).Done():
		t.Fatal("nothing is logged")
	}
	eventually(t, "it was tried again", func() bool { return away.calls.Load() >= 3 })
	wantHealth(t, first, true, "dead_letter_refused orders")
	if m.sum("trestle.consumer.unwritten_dead_letters", topicKey, orders.Name, "error.type", kerr.TopicAuthorizationFailed.Message) == 0 {
		t.Error("nothing is counted")
	}
	if err := first.end(); err == nil || !strings.Contains(err.Error(), "orders/") {
		t.Errorf("Run says %v, want what was left unfinished", err)
	}
	if c.committed(testGroup) > 0 {
		t.Error("the record counts as done")
	}
	second := consume(t, c, fail, trestle.WithParking(store))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1 })
	second.stop()
	if n := len(parked(t, store)); n != 1 {
		t.Errorf("%d letters are parked, want 1", n)
	}
}
