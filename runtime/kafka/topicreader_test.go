package kafka_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/kafka"
)

// watcher notes what it is told of one topic.
type watcher struct {
	id    string
	reset func()
}

func (w *watcher) Found(_, id string)                              { w.id = id }
func (w *watcher) Reset(string, int32, int64, int64)               { w.reset() }
func (*watcher) Passed(string, int32, int64)                       {}
func (*watcher) Dropped(string, int32, int64, int64)               {}
func (*watcher) Deleted(string)                                    {}
func (*watcher) Lost(error)                                        {}
func (*watcher) Retrying(_ string, _ error, _ time.Duration) error { return nil }

// TestRecordsAreOfTheTopicThatWasFound has a topic made anew after the reader has found it and before its client has: the client reads the new one.
func TestRecordsAreOfTheTopicThatWasFound(t *testing.T) {
	t.Parallel()
	cluster, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	idOf := func() string { // by a client that remembers nothing
		topics, err := kadm.NewClient(client(t, conn)).ListTopics(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return kafka.TopicIDText(topics["a"].ID)
	}
	was := idOf()
	anew := 0
	w := &watcher{reset: func() {
		if anew++; anew > 1 {
			return
		}
		if err := errors.Join(cluster.DeleteTopic("a"), cluster.CreateTopic("a", 1, nil)); err != nil {
			t.Error(err)
		}
		write(t, client(t, conn), "a", 0, 0, 3)
	}}
	r, err := kafka.NewTopicReader(conn, kafka.TopicReaderConfig{
		Topics: []string{"a"}, To: kafka.Endless(), Observer: w, Discovery: time.Hour, Backoff: kafka.Backoff{Lowest: time.Millisecond, Highest: 10 * time.Millisecond},
		From: kafka.FromOffsets(kafka.Offsets{"a": {0: 7}}).OfTopics(map[string]string{"a": "11111111-1111-4111-8111-111111111111"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx := soon(t)
	for n := int64(0); n < 3; {
		err := r.Poll(ctx, 10*time.Millisecond, 100, func(record *kafka.Record) error {
			if now := idOf(); w.id != now || now == was {
				t.Errorf("a record at offset %d comes as one of topic %s, it is of %s", record.Offset, w.id, now)
			}
			if record.Offset != n {
				t.Errorf("got offset %d, want %d", record.Offset, n)
			}
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestShare has a reader read some partitions, then others, from where it is told.
func TestShare(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(3, "a"))
	cl := client(t, conn)
	for p := range int32(3) {
		write(t, cl, "a", p, 0, 10)
	}
	r, err := kafka.NewTopicReader(conn, kafka.TopicReaderConfig{
		Topics: []string{"a"}, From: kafka.FromOffsets(nil), To: kafka.Endless(), Observer: &watcher{},
		Discovery: time.Hour, Backoff: kafka.Backoff{Lowest: time.Millisecond, Highest: 10 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx := soon(t)
	read := func(n int) map[int32][]int64 {
		t.Helper()
		got := map[int32][]int64{}
		for n > 0 {
			err := r.Poll(ctx, 10*time.Millisecond, 100, func(record *kafka.Record) error {
				got[record.Partition] = append(got[record.Partition], record.Offset)
				n--
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return got
	}
	only := func(picked ...int32) func(string, int32) bool {
		return func(_ string, p int32) bool { return slices.Contains(picked, p) }
	}
	r.Share(only(0, 1), kafka.FromOffsets(kafka.Offsets{"a": {0: 4}}))
	wantRead(t, read(16), map[int32][]int64{0: span(4, 10), 1: span(0, 10)})
	r.Share(only(1, 2), kafka.FromOffsets(kafka.Offsets{"a": {1: 2, 2: 7}})) // 1 goes on where it is
	for p := range int32(3) {
		write(t, cl, "a", p, 10, 12)
	}
	wantRead(t, read(7), map[int32][]int64{1: span(10, 12), 2: span(7, 12)})
	r.Share(only(0, 1, 2), kafka.FromOffsets(kafka.Offsets{"a": {0: 11}}))
	wantRead(t, read(1), map[int32][]int64{0: {11}})
}

func wantRead(t *testing.T, got, want map[int32][]int64) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("offsets differ (-want +got):\n%s", diff)
	}
}
