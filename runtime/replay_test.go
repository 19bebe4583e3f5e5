package trestle_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// TestReplayReachesTheGroupThatFailed has three groups read a topic on either cluster: one fails, one does not, and one is a plain
// consumer that knows nothing of replays, as the Python services' are.
func TestReplayReachesTheGroupThatFailed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			resolutions := c.topic.Name + "_resolutions"
			c.createTopic(t, resolutions, 1)
			const orders, each, failed = 20, 10, 10
			var mended atomic.Bool
			failing := func(_ context.Context, e *orderPlaced) error {
				if e.N == 3 && e.OrderID >= "order-1" && e.OrderID <= "order-18" && !mended.Load() { // order-1, order-10 to order-18
					return trestle.Permanent(errors.New("not yet"))
				}
				return nil
			}
			mine, theirs := map[string]int{}, map[string]int{}
			failingOutcomes, otherOutcomes := newOutcomes(), newOutcomes()
			other := c.group + "-shipping"
			member := func(group string, handled map[string]int, within func(context.Context, *orderPlaced) error, o *outcomes) *running {
				consumer, err := trestle.NewConsumer(c.brokers, group, trestle.WithLogger(quiet), trestle.WithoutBreaker(), trestle.WithObserver(o.add))
				if err != nil {
					t.Fatal(err)
				}
				trestle.HandleInfo(consumer, c.info, asEvent(func(ctx context.Context, e *orderPlaced) error {
					err := within(ctx, e)
					if err == nil {
						o.mu.Lock()
						defer o.mu.Unlock()
						handled[eventName(e)]++
					}
					return err
				}))
				return run(t, consumer)
			}
			a, b := member(c.group, mine, failing, failingOutcomes), member(other, theirs, ok, otherOutcomes)
			plainGroup := c.group + "-python"
			plain, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumerGroup(plainGroup), kgo.ConsumeTopics(c.topic.Name), kgo.AutoCommitMarks())
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			seen := 0
			readPlain := func(want int) {
				t.Helper()
				for seen < want {
					fetches := plain.PollFetches(deadline(t))
					if err := fetches.Err0(); err != nil {
						t.Fatal(err)
					}
					seen += fetches.NumRecords()
					plain.MarkCommitRecords(fetches.Records()...)
				}
				if err := plain.CommitMarkedOffsets(deadline(t)); err != nil {
					t.Fatal(err)
				}
			}
			ids := orderIDs(orders)
			var records []*kgo.Record
			for n := range each {
				for _, id := range ids {
					r := orderRecord(id, n)
					r.Topic = c.topic.Name
					records = append(records, r)
				}
			}
			c.write(t, records...)
			eventually(t, "all are done", func() bool {
				return failingOutcomes.count(trestle.DeadLettered)+failingOutcomes.count(trestle.Handled) == orders*each && otherOutcomes.count(trestle.Handled) == orders*each
			})
			readPlain(orders * each)
			mended.Store(true)
			eventually(t, "the groups have committed", func() bool { return c.lag(t) == 0 })

			r, err := replay.New(kafka.Connection{Brokers: c.brokers}, replay.Options{Resolutions: resolutions})
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.Select(deadline(t), replay.Filter{Topics: []string{c.topic.DeadLetter}})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := s.Plan(deadline(t), replay.ReplayOptions{})
			if err != nil {
				t.Fatal(err)
			}
			topic := c.topic.Name
			want := []replay.Reader{
				{Topic: topic, Group: c.group, Target: true, Skips: true}, {Topic: topic, Group: plainGroup}, {Topic: topic, Group: other, Skips: true},
			}
			if diff := cmp.Diff(want, plan.Readers); diff != "" || plan.Selected != failed {
				t.Errorf("%+v\n%s", plan.Counts, diff)
			}
			counts, err := s.Replay(deadline(t), replay.ReplayOptions{})
			if err != nil || counts.Done != failed {
				t.Fatalf("%+v, %v", counts, err)
			}
			again, err := s.Replay(deadline(t), replay.ReplayOptions{})
			if err != nil || again.Selected != 0 {
				t.Errorf("again: %+v, %v", again, err)
			}
			eventually(t, "all are handled", func() bool {
				return failingOutcomes.count(trestle.Handled) == orders*each && otherOutcomes.count(trestle.Skipped) == failed
			})
			readPlain(orders*each + failed)
			a.stop()
			b.stop()
			for who, handled := range map[string]map[string]int{"the group that failed": mine, "the other group": theirs} {
				for _, id := range ids {
					for n := range each {
						if e := eventName(&orderPlaced{OrderID: id, N: int64(n)}); handled[e] != 1 {
							t.Errorf("%s handled %s %d times", who, e, handled[e])
						}
					}
				}
			}
			if seen != orders*each+failed {
				t.Errorf("the plain consumer has seen %d records", seen)
			}
			stats, err := s.Stats(deadline(t))
			if err != nil || stats.Unresolved != 0 || stats.Topics[0].Replayed != failed {
				t.Errorf("%+v, %v", stats, err)
			}
		})
	}
}
