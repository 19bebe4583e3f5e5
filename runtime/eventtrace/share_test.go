package eventtrace_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
)

// mortal is a store that a sink can die with: it hears no more of it.
type mortal struct {
	eventtrace.Store
	died chan struct{}
}

func (s *mortal) Join(ctx context.Context, sink string, topics []string, lease time.Duration) (map[string][]string, error) {
	select {
	case <-s.died:
		return nil, errAway
	default:
		return s.Store.Join(ctx, sink, topics, lease)
	}
}

func (s *mortal) Leave(ctx context.Context, sink string) error {
	select {
	case <-s.died:
		return errAway
	default:
		return s.Store.Leave(ctx, sink)
	}
}

// TestSinksShareTheTopics has three sinks follow the same topics, of which one leaves and one dies: what was theirs the others follow on.
func TestSinksShareTheTopics(t *testing.T) {
	t.Parallel()
	const partitions = 12
	cluster := startKafka(t, kfake.SeedTopics(partitions, "a"))
	client, store := producer(t, cluster), openStore(t)
	lease := eventtrace.WithLease(300 * time.Millisecond)
	var sinks []*eventtrace.Sink
	var stops []func()
	dying := &mortal{Store: store, died: make(chan struct{})}
	for _, s := range []eventtrace.Store{store, dying, store} {
		sink := newSink(t, cluster, []string{"a"}, s, lease)
		sinks, stops = append(sinks, sink), append(stops, background(t, sink))
	}
	counts := func() (stored []int64, repeated int64) {
		for _, s := range sinks {
			stored = append(stored, s.Stats().Stored)
			repeated += s.Stats().Repeated
		}
		return stored, repeated
	}
	written := int64(0)
	round := func() {
		t.Helper()
		for p := range int32(partitions) {
			publish(t, client, "a", p, written, written+1)
		}
		written++
		want := map[string][]int64{}
		for p := range partitions {
			want[fmt.Sprintf("a[%d]", p)] = offsets(0, written)
		}
		until(t, "all is stored", func() error {
			for p, all := range want {
				if got := places(t, store)[p]; len(got) != len(all) {
					return fmt.Errorf("%s has %v, want %v", p, got, all)
				}
			}
			return nil
		})
		wantPlaces(t, store, want)
	}
	// rounds publishes until what is published comes to those sinks alone, each partition's to one.
	rounds := func(what string, at ...int) {
		t.Helper()
		until(t, what, func() error {
			before, repeatedBefore := counts()
			round()
			after, repeated := counts()
			if repeated > repeatedBefore {
				return errors.New("some is stored by two")
			}
			sum := int64(0)
			for _, i := range at {
				if after[i] == before[i] {
					return fmt.Errorf("sink %d stores nothing", i)
				}
				sum += after[i] - before[i]
			}
			if sum != partitions {
				return fmt.Errorf("sinks %v store %d of %d", at, sum, partitions)
			}
			return nil
		})
	}
	rounds("three share", 0, 1, 2)
	stops[0]()
	rounds("one has left", 1, 2)
	close(dying.died)
	stops[1]()
	rounds("one is dead", 2)
	until(t, "progress is stored", func() error {
		progress, err := store.Progress(t.Context())
		for p := range int32(partitions) {
			if next, _ := progress.Next("a", p); err == nil && next != written {
				err = fmt.Errorf("partition %d goes on at %d, want %d", p, next, written)
			}
		}
		return err
	})
}

// TestSinksOfOtherTopicsShareNothing has two sinks follow topics of their own, and one that both follow.
func TestSinksOfOtherTopicsShareNothing(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(3, "a", "b", "both"))
	client, store := producer(t, cluster), openStore(t)
	lease := eventtrace.WithLease(300 * time.Millisecond)
	for _, topics := range [][]string{{"a", "both"}, {"b", "both"}} {
		background(t, newSink(t, cluster, topics, store, lease))
	}
	until(t, "both are at work", func() error {
		all, err := store.Join(t.Context(), "33333333-3333-4333-8333-333333333333", []string{"none"}, time.Minute)
		if err == nil && len(all) != 3 {
			err = fmt.Errorf("%v", all)
		}
		return err
	})
	want := map[string][]int64{}
	for _, topic := range []string{"a", "b", "both"} {
		for p := range int32(3) {
			publish(t, client, topic, p, 0, 10)
			want[fmt.Sprintf("%s[%d]", topic, p)] = offsets(0, 10)
		}
	}
	until(t, "all is stored", func() error {
		n := 0
		for _, offsets := range places(t, store) {
			n += len(offsets)
		}
		if n != 90 {
			return fmt.Errorf("%d of 90 events", n)
		}
		return nil
	})
	wantPlaces(t, store, want)
}

// TestBackfill stores what a sink passed over, while another follows what is new, and leaves the progress as it is.
func TestBackfill(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(2, "a"))
	client, store := producer(t, cluster), openStore(t)
	publish(t, client, "a", 0, 0, 50)
	publish(t, client, "a", 1, 0, 50)
	stop := background(t, newSink(t, cluster, []string{"a"}, store, eventtrace.WithFrom(kafka.FromTime(time.UnixMilli(1_760_000_000_040)))))
	wantSoon := func(zero, one []int64) {
		t.Helper()
		until(t, "it is stored", func() error {
			if got := places(t, store); len(got["a[0]"]) < len(zero) || len(got["a[1]"]) < len(one) {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
		wantPlaces(t, store, map[string][]int64{"a[0]": zero, "a[1]": one})
	}
	wantSoon(offsets(40, 50), offsets(40, 50))
	addPartitions(t, client, "a", 3)
	publish(t, producer(t, cluster), "a", 2, 0, 5) // of a time before the first that is asked for: it came later
	until(t, "the new partition is stored from its start", func() error {
		if got := places(t, store)["a[2]"]; len(got) != 5 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	stop()
	before, err := store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	background(t, newSink(t, cluster, []string{"a"}, store))
	filling := newSink(t, cluster, []string{"a"}, store, eventtrace.WithBatch(7, 1<<20))
	if err := filling.Backfill(t.Context(), kafka.FromTime(time.UnixMilli(1_760_000_000_020))); err != nil {
		t.Fatal(err)
	}
	if stats := filling.Stats(); stats.Stored != 40 || stats.Repeated != 20 {
		t.Errorf("stats: %+v", stats)
	}
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(20, 50), "a[1]": offsets(20, 50), "a[2]": offsets(0, 5)})
	wantProgress(t, store, before)
	if err := newSink(t, cluster, []string{"a"}, store).Backfill(t.Context(), kafka.FromStart()); err != nil {
		t.Fatal(err)
	}
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 50), "a[1]": offsets(0, 50), "a[2]": offsets(0, 5)})
	wantProgress(t, store, before)
}

// until waits until ask returns nil.
func until(t *testing.T, what string, ask func() error) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: not after 30 s: %v", what, err)
		}
	}
}
