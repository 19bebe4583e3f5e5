package parking_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

const topicID = "11111111-1111-4111-8111-111111111111"

func openStore(t *testing.T) parking.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "parked.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db.Parking()
}

// parkLetters parks letters 0 to n-1, whose values are their numbers.
func parkLetters(t *testing.T, store parking.Store, deadLetter string, n int) {
	t.Helper()
	for i := range n {
		err := store.Park(t.Context(), parking.Letter{
			Place:      parking.Place{Group: "billing", Topic: "orders", TopicID: topicID, Partition: int32(i % 3), Offset: int64(i)},
			DeadLetter: deadLetter, Key: fmt.Appendf(nil, "key %d", i%5), Value: fmt.Append(nil, i),
			Headers: parking.Headers{{Key: "event-type", Value: []byte("DeadLetterEvent")}, {Key: "none", Value: nil}},
			Refusal: "no such topic", ParkedAt: time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// inOrder are the numbers of n letters in the order of their places.
func inOrder(n int) []string {
	var all []string
	for partition := range 3 {
		for i := partition; i < n; i += 3 {
			all = append(all, fmt.Sprint(i))
		}
	}
	return all
}

func startCluster(t *testing.T, topics ...string) (*kfake.Cluster, kafka.Connection) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, kafka.Connection{Brokers: c.ListenAddrs()}
}

// values are those of a topic's records, which must be letters of parkLetters.
func values(t *testing.T, conn kafka.Connection, topic string) []string {
	t.Helper()
	var all []string
	for r, err := range kafka.Scan(t.Context(), conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		want := []kafka.Header{{Key: "event-type", Value: []byte("DeadLetterEvent")}, {Key: "none", Value: nil}}
		if diff := cmp.Diff(want, r.Headers); diff != "" || !strings.HasPrefix(string(r.Key), "key ") {
			t.Errorf("key %q, headers differ (-want +got):\n%s", r.Key, diff)
		}
		all = append(all, string(r.Value))
	}
	return all
}

func left(t *testing.T, store parking.Store, topic string) int {
	t.Helper()
	counts, err := store.Count(t.Context(), parking.Filter{DeadLetter: topic})
	if err != nil {
		t.Fatal(err)
	}
	return counts[topic]
}

// TestPublishGoesOnWhereItStopped interrupts publishing in the middle.
func TestPublishGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, "dlq")
	const letters, first = 40, 15
	store := openStore(t)
	parkLetters(t, store, "dlq", letters)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stopping := &removing{Store: store, after: func(n int) error {
		if n == first {
			interrupt()
		}
		return nil
	}}
	if n, err := parking.Publish(ctx, conn, stopping, parking.Filter{DeadLetter: "dlq"}); n != first || !errors.Is(err, context.Canceled) {
		t.Errorf("published %d, error %v", n, err)
	}
	if n, err := parking.Publish(t.Context(), conn, store, parking.Filter{DeadLetter: "dlq"}); n != letters-first || err != nil {
		t.Errorf("published %d more, error %v", n, err)
	}
	if diff := cmp.Diff(inOrder(letters), values(t, conn, "dlq")); diff != "" {
		t.Errorf("letters differ (-want +got):\n%s", diff)
	}
	if n := left(t, store, "dlq"); n > 0 {
		t.Errorf("%d are left", n)
	}
}

// removing is a store of which a test hears when something was removed.
type removing struct {
	parking.Store
	n     int
	after func(n int) error
}

func (s *removing) Remove(ctx context.Context, at parking.Place) error {
	if err := s.Store.Remove(ctx, at); err != nil {
		return err
	}
	s.n++
	return s.after(s.n)
}

// TestLetterStandsTwiceWhereItWasNotRemoved has the store go away between an acknowledgement and the removal.
func TestLetterStandsTwiceWhereItWasNotRemoved(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, "dlq")
	store := openStore(t)
	parkLetters(t, store, "dlq", 3)
	errAway := errors.New("store is away")
	n, err := parking.Publish(t.Context(), conn, unremoving{store, errAway}, parking.Filter{})
	if n != 0 || !errors.Is(err, errAway) || !strings.Contains(err.Error(), "orders[0]@0 of group billing stands on dlq and is still parked") {
		t.Errorf("published %d, error %v", n, err)
	}
	if n, err := parking.Publish(t.Context(), conn, store, parking.Filter{}); n != 3 || err != nil {
		t.Errorf("published %d, error %v", n, err)
	}
	if got := values(t, conn, "dlq"); !slices.Equal(got, []string{"0", "0", "1", "2"}) {
		t.Errorf("got %v", got)
	}
}

type unremoving struct {
	parking.Store
	err error
}

func (s unremoving) Remove(context.Context, parking.Place) error { return s.err }

// TestLettersThatAreStillRefusedStay has a topic refuse one letter for itself, and then all.
func TestLettersThatAreStillRefusedStay(t *testing.T) {
	t.Parallel()
	c, conn := startCluster(t, "dlq")
	store := openStore(t)
	parkLetters(t, store, "dlq", 6)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "dlq", Err: kerr.MessageTooLarge, Count: 1})
	n, err := parking.Publish(t.Context(), conn, store, parking.Filter{})
	if n != 5 || !errors.Is(err, kerr.MessageTooLarge) || !strings.Contains(err.Error(), "orders[0]@0 of group billing to dlq") {
		t.Errorf("published %d, error %v", n, err)
	}
	parkLetters(t, store, "dlq", 3)
	refuse := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "dlq", Err: kerr.TopicAuthorizationFailed, Count: -1})
	n, err = parking.Publish(t.Context(), conn, store, parking.Filter{})
	if n != 0 || !errors.Is(err, kerr.TopicAuthorizationFailed) || refuse.Hits() != 1 {
		t.Errorf("published %d after %d tries, error %v", n, refuse.Hits(), err)
	}
	if n := left(t, store, "dlq"); n != 3 {
		t.Errorf("%d are left, want 3", n)
	}
	if _, err := parking.Publish(t.Context(), kafka.Connection{}, store, parking.Filter{}); err == nil {
		t.Error("published without brokers")
	}
}
