package replay_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/replay"
)

// TestTally has letters come, and be replayed, purged, and deleted by retention, and the topic be made anew: at each look the tally counts what a selection of then
// does, for all letters and for those of a group.
func TestTally(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			c := embedded(t)
			filters := []replay.Filter{{Topics: []string{letters}}, {Topics: []string{letters}, Groups: []string{"shipping"}}}
			var tallies []*replay.Tally
			for _, f := range filters {
				tally, err := c.replayer(t, replay.Options{}).Tally(f)
				if err != nil {
					t.Fatal(err)
				}
				tallies = append(tallies, tally)
			}
			n, most := 0, 0
			for range 25 {
				switch random.IntN(8) {
				case 0, 1, 2, 3:
					for range random.IntN(30) {
						n++
						c.write(t, letterRecord(letter(n, func(d *deadletter.DeadLetter) {
							d.Error.Type = []string{"HandlerError", "ValidationError", "TimeoutError"}[random.IntN(3)]
							d.ConsumerGroup = []string{group, "shipping"}[random.IntN(2)]
						})))
					}
				case 4, 5:
					if causes := c.stats(t).Causes; len(causes) > 0 {
						c.replayAll(t, replay.Filter{Causes: []string{causes[random.IntN(len(causes))].ID}}, replay.ReplayOptions{})
					}
				case 6:
					if _, err := selected(t, c.eager(t), replay.Filter{Groups: []string{"shipping"}}).Purge(deadline(t), nil); err != nil {
						t.Fatal(err)
					}
				case 7:
					if random.IntN(3) == 0 {
						c.makeAnew(t)
					} else {
						c.retain(t, random)
					}
				}
				for i, f := range filters {
					got, err := tallies[i].Look(deadline(t))
					if err != nil {
						t.Fatal(err)
					}
					want, err := selected(t, c.replayer(t, replay.Options{}), f).Stats(deadline(t))
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(countsOf(want.Causes), countsOf(got.Causes)); diff != "" || got.Topics[letters] != want.Unresolved {
						t.Fatalf("%+v: %d are not resolved, want %d; causes (-want +got):\n%s", f, got.Topics[letters], want.Unresolved, diff)
					}
					most = max(most, want.Unresolved)
				}
			}
			if most < 10 {
				t.Errorf("there were never more than %d letters", most)
			}
		})
	}
}

func countsOf(causes []replay.CauseStats) map[string]int {
	out := map[string]int{}
	for _, c := range causes {
		out[c.ID] = c.Count
	}
	return out
}

// retain deletes some of the first letters of each partition.
func (c *cluster) retain(t *testing.T, random *rand.Rand) {
	t.Helper()
	admin := kadm.NewClient(c.client)
	starts, err := admin.ListStartOffsets(deadline(t), letters)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(deadline(t), letters)
	if err != nil {
		t.Fatal(err)
	}
	before := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) {
		start, _ := starts.Lookup(o.Topic, o.Partition)
		before.AddOffset(letters, o.Partition, start.Offset+random.Int64N(o.Offset-start.Offset+1), -1)
	})
	if answers, err := admin.DeleteRecords(deadline(t), before); err != nil || answers.Error() != nil {
		t.Fatal(err, answers)
	}
}

// makeAnew deletes the topic of letters and makes it anew.
func (c *cluster) makeAnew(t *testing.T) {
	t.Helper()
	admin := kadm.NewClient(c.client)
	if _, err := admin.DeleteTopic(deadline(t), letters); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(deadline(t), 2, 1, nil, letters); err != nil {
		t.Fatal(err)
	}
	c.client.PurgeTopicsFromClient(letters)
}

// TestTallyReadsOn looks at what is fetched: what was counted is not read again, and where nothing is new nothing is.
func TestTallyReadsOn(t *testing.T) {
	t.Parallel()
	c, k := embeddedCluster(t)
	var fetches, again atomic.Int64
	var from atomic.Int64
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		for _, topic := range req.(*kmsg.FetchRequest).Topics {
			for _, p := range topic.Partitions {
				if fetches.Add(1); p.FetchOffset < from.Load() {
					again.Add(1)
				}
			}
		}
		return nil, nil, false
	})
	tally, err := c.replayer(t, replay.Options{}).Tally(replay.Filter{Topics: []string{letters, "other_dlq"}})
	if err != nil {
		t.Fatal(err)
	}
	look := func(want int) {
		t.Helper()
		got, err := tally.Look(deadline(t))
		if err != nil || got.Topics[letters] != want || len(got.Topics) != 2 || !slices.Equal(got.Missing, []string{"other_dlq"}) {
			t.Fatalf("%+v, %v; want %d", got, err, want)
		}
	}
	c.writeLetters(t, 50, oneKey)
	look(50)
	if fetches.Swap(0) == 0 {
		t.Fatal("nothing was fetched")
	}
	look(50)
	if n := fetches.Load(); n > 0 {
		t.Errorf("%d fetches where nothing is new", n)
	}
	from.Store(50)
	c.writeLetters(t, 5, oneKey)
	look(55)
	if n := again.Load(); n > 0 || fetches.Load() == 0 {
		t.Errorf("%d of %d fetches are of what was counted", n, fetches.Load())
	}
}

// A look that fails loses nothing, and counts nothing twice.
func TestTallyGoesOn(t *testing.T) {
	t.Parallel()
	c, k := embeddedCluster(t)
	tally, err := c.replayer(t, replay.Options{}).Tally(replay.Filter{Topics: []string{letters}})
	if err != nil {
		t.Fatal(err)
	}
	c.writeLetters(t, 30)
	c.replayAll(t, replay.Filter{Keys: []string{"order-1"}}, replay.ReplayOptions{})
	want := c.stats(t).Unresolved
	for _, key := range []kmsg.Key{kmsg.Metadata, kmsg.ListOffsets, kmsg.Fetch} {
		k.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.TopicAuthorizationFailed, Count: 1}) // which is not tried again
		if got, err := tally.Look(deadline(t)); err == nil {
			t.Errorf("without %v it counts %+v", key, got)
		}
		c.writeLetters(t, 3, func(d *deadletter.DeadLetter) { d.Original.Key = []byte("order-2") })
		want += 3
	}
	if got, err := tally.Look(deadline(t)); err != nil || got.Topics[letters] != want {
		t.Errorf("%+v, %v; want %d", got, err, want)
	}
}
