package eventtrace_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store/sqlite"
	"github.com/omninode/trestle/runtime/wire"
)

const (
	correlation = "550e8400-e29b-41d4-a716-446655440000"
	session     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
)

// status returns a status event's record value.
func status(n int64) []byte {
	return fmt.Appendf(nil, `{"envelope_version":"1.0","correlation_id":%q,"session_id":%q,"event_type":"CodegenStatusEvent",`+
		`"timestamp":"2025-10-16T12:34:56Z","payload":{"message":"step %d"}}`, correlation, session, n)
}

func onex(string) wire.Kind { return wire.OnexV1 }

func startKafka(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func producer(t testing.TB, cluster *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// publish writes status events from..to-1 to a partition; an event's number is its offset where nothing else is in it.
func publish(t testing.TB, client *kgo.Client, topic string, partition int32, from, to int64) {
	t.Helper()
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: partition, Key: []byte(session), Value: status(n),
			Timestamp: time.UnixMilli(1_760_000_000_000 + n),
		})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func openStore(t testing.TB) *sqlite.Traces {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "trace.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db.Traces()
}

func newSink(t testing.TB, cluster *kfake.Cluster, topics []string, store eventtrace.Store, opts ...eventtrace.SinkOption) *eventtrace.Sink {
	t.Helper()
	return newSinkReading(t, cluster, topics, store, eventtrace.Envelopes(onex), opts...)
}

func newSinkReading(
	t testing.TB, cluster *kfake.Cluster, topics []string, store eventtrace.Store, read eventtrace.Reader, opts ...eventtrace.SinkOption,
) *eventtrace.Sink {
	t.Helper()
	sink, err := eventtrace.NewSink(cluster.ListenAddrs(), topics, store, read, append([]eventtrace.SinkOption{
		eventtrace.WithRetry(time.Millisecond, 20*time.Millisecond), eventtrace.WithLinger(5 * time.Millisecond),
		eventtrace.WithDiscovery(20 * time.Millisecond), eventtrace.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// untilEnd runs a sink to the end; a test that hangs in it fails by itself.
func untilEnd(t testing.TB, sink *eventtrace.Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := sink.RunUntilEnd(ctx); err != nil {
		t.Fatalf("run until end: %v (stats: %+v)", err, sink.Stats())
	}
}

// background runs a sink until the test or the returned function ends it.
func background(t *testing.T, sink *eventtrace.Sink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// places lists where the stored events of the conversation stand, in the order of their places.
func places(t testing.TB, store eventtrace.Store) map[string][]int64 {
	t.Helper()
	events, err := eventtrace.All(t.Context(), store, eventtrace.Query{CorrelationID: correlation})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]int64)
	for _, e := range events { // of a partition, by offset
		at := fmt.Sprintf("%s[%d]", e.Topic, e.Partition)
		got[at] = append(got[at], e.Offset)
	}
	return got
}

func wantPlaces(t testing.TB, store eventtrace.Store, want map[string][]int64) {
	t.Helper()
	if diff := cmp.Diff(want, places(t, store)); diff != "" {
		t.Errorf("stored offsets differ (-want +got):\n%s", diff)
	}
}

func wantProgress(t testing.TB, store eventtrace.Store, want eventtrace.Progress) {
	t.Helper()
	got, err := store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("progress differs (-want +got):\n%s", diff)
	}
}

// offsets returns from..to-1.
func offsets(from, to int64) []int64 {
	var list []int64
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

var errAway = errors.New("the store is away")

// flaky is a store that fails when it is told to: before it stores, or after, when the answer is lost.
type flaky struct {
	eventtrace.Store
	// fail says of the nth call of Append, from 1, what happens to it.
	fail func(call int) (before, after error)

	mu       sync.Mutex
	calls    int
	appended chan int // the number of events stored so far, after each Append that worked
	stored   int
}

func (s *flaky) Append(ctx context.Context, events []eventtrace.Event, next eventtrace.Progress) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	var before, after error
	if s.fail != nil {
		before, after = s.fail(s.calls)
	}
	if before != nil {
		return 0, before
	}
	added, err := s.Store.Append(ctx, events, next)
	if err != nil {
		return 0, err
	}
	if after != nil {
		return 0, after
	}
	s.stored += added
	if s.appended != nil {
		s.appended <- s.stored
	}
	return added, nil
}

// watch returns the store, and a function that waits until so many events were stored through it.
func watch(t *testing.T, store eventtrace.Store) (watched *flaky, wait func(total int)) {
	watched = &flaky{Store: store, appended: make(chan int, 10_000)}
	return watched, func(total int) {
		t.Helper()
		limit := time.After(30 * time.Second)
		for {
			select {
			case stored := <-watched.appended:
				if stored >= total {
					return
				}
			case <-limit:
				t.Fatalf("%d events are not stored after 30 s", total)
			}
		}
	}
}
