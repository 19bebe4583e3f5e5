package replay_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// TestParkedLettersAreCounted has letters in a store beside those on their topic: they are counted by what the filter means, and replayed
// once they were published.
func TestParkedLettersAreCounted(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "parked.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	store := db.Parking()
	c.writeLetters(t, 2)
	park := func(n int, topic string) {
		t.Helper()
		record := kafka.FromClient(letterRecord(letter(n)))
		err := store.Park(t.Context(), parking.Letter{
			Place:      parking.Place{Group: group, Topic: source, TopicID: "550e8400-e29b-41d4-a716-446655440000", Offset: int64(n)},
			DeadLetter: topic, Key: record.Key, Value: record.Value, Headers: record.Headers, Refusal: "no such topic", ParkedAt: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := 2; n < 5; n++ {
		park(n, letters)
	}
	park(5, "other_dlq")
	r := c.replayer(t, replay.Options{Parked: store})
	for name, tc := range map[string]struct {
		filter replay.Filter
		want   int
	}{
		"all":        {replay.Filter{}, 3},
		"a group":    {replay.Filter{Groups: []string{group}}, 3},
		"another":    {replay.Filter{Groups: []string{"shipping"}}, 0},
		"a key":      {replay.Filter{Keys: []string{"order-3"}}, 1},
		"a type":     {replay.Filter{EventTypes: []string{"OrderPlaced"}}, 3},
		"a time":     {replay.Filter{Until: time.Now().Add(-time.Hour)}, 0},
		"a position": {replay.Filter{Positions: []replay.Position{{Topic: letters}}}, 0},
	} {
		s := selected(t, r, tc.filter)
		stats, err := s.Stats(deadline(t))
		if err != nil || stats.Parked != tc.want || stats.Topics[0].Parked != tc.want {
			t.Errorf("%s: %+v, %v; want %d parked", name, stats, err, tc.want)
		}
		plan, err := s.Plan(deadline(t), replay.ReplayOptions{})
		if err != nil || plan.Parked[letters] != tc.want {
			t.Errorf("%s: %+v, %v; want %d parked", name, plan, err, tc.want)
		}
	}
	if s := c.stats(t); s.Parked != 0 || s.Topics[0].Total != 2 || s.Unresolved != 2 {
		t.Errorf("without a store: %+v", s)
	}
	if n, err := parking.Publish(deadline(t), c.conn, store, parking.Filter{DeadLetter: letters}); err != nil || n != 3 {
		t.Fatalf("%d published, %v", n, err)
	}
	s := selected(t, r, replay.Filter{})
	if counts, err := s.Replay(deadline(t), replay.ReplayOptions{}); err != nil || counts.Done != 5 {
		t.Errorf("%+v, %v", counts, err)
	}
	c.wantOnce(t, 5)
	if stats, err := s.Stats(deadline(t)); err != nil || stats.Parked != 0 || stats.Topics[0].Replayed != 5 {
		t.Errorf("%+v, %v", stats, err)
	}
}
