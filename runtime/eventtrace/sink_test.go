package eventtrace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
)

func TestSinkStoresEverythingOnce(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(3, "a"), kfake.SeedTopics(1, "b", "empty"))
	client := producer(t, cluster)
	publish(t, client, "a", 0, 0, 250)
	publish(t, client, "a", 2, 0, 40)
	publish(t, client, "b", 0, 0, 70)
	store := openStore(t)
	topics := []string{"a", "b", "empty", "not there", "a"}
	want := map[string][]int64{"a[0]": offsets(0, 250), "a[2]": offsets(0, 40), "b[0]": offsets(0, 70)}

	first := newSink(t, cluster, topics, store, eventtrace.WithBatch(33, 1<<20))
	untilEnd(t, first)
	wantPlaces(t, store, want)
	wantProgress(t, store, eventtrace.Progress{"a": {0: 250, 2: 40}, "b": {0: 70}})
	if stats := first.Stats(); stats.Stored != 360 || stats.Repeated != 0 || stats.Batches < 11 {
		t.Errorf("stats of the first run: %+v", stats)
	}

	again := newSink(t, cluster, topics, store)
	untilEnd(t, again)
	if stats := again.Stats(); stats != (eventtrace.SinkStats{}) {
		t.Errorf("a second run did something: %+v", stats)
	}
	publish(t, client, "a", 1, 0, 5)
	publish(t, client, "b", 0, 70, 80)
	untilEnd(t, again)
	if stats := again.Stats(); stats.Stored != 15 || stats.Repeated != 0 {
		t.Errorf("stats of the third run: %+v", stats)
	}
	want["a[1]"], want["b[0]"] = offsets(0, 5), offsets(0, 80)
	wantPlaces(t, store, want)
}

func TestSinkKeepsWhatTheRecordSays(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	client := producer(t, cluster)
	publish(t, client, "a", 0, 7, 8)
	store := openStore(t)
	untilEnd(t, newSink(t, cluster, []string{"a"}, store))
	events, err := eventtrace.All(t.Context(), store, eventtrace.Query{SessionID: session})
	if err != nil || len(events) != 1 {
		t.Fatalf("events %v, error %v", events, err)
	}
	e := events[0]
	if e.Payload != `{"message":"step 7"}` || string(e.Key) != session || e.Invalid != "" || e.Value != nil ||
		!e.LogTime.Equal(time.UnixMilli(1_760_000_000_007)) || !e.Timestamp.Equal(time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)) ||
		e.EventType != "CodegenStatusEvent" || e.CorrelationID != correlation || e.EventID == "" {
		t.Errorf("stored: %+v", e)
	}
}

// TestSinkGoesOnAfterAnyDeath ends runs at random moments, some with a commit whose answer never came.
func TestSinkGoesOnAfterAnyDeath(t *testing.T) {
	t.Parallel()
	const total = 500
	cluster := startKafka(t, kfake.SeedTopics(2, "a"))
	client := producer(t, cluster)
	publish(t, client, "a", 0, 0, total)
	publish(t, client, "a", 1, 0, total)
	store := openStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	for run := 0; ; run++ {
		if run > 1000 {
			t.Fatal("the runs do not end")
		}
		ctx, cancel := context.WithCancel(t.Context())
		deadly := &flaky{Store: store}
		if run < 30 {
			last := 1 + random.IntN(3)
			afterCommit := random.IntN(2) == 0
			deadly.fail = func(call int) (before, after error) {
				switch {
				case call < last:
					return nil, nil
				case afterCommit:
					cancel()
					return nil, context.Canceled
				default:
					cancel()
					return context.Canceled, nil
				}
			}
		}
		err := newSink(t, cluster, []string{"a"}, deadly, eventtrace.WithBatch(1+random.IntN(20), 1<<20)).RunUntilEnd(ctx)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, total), "a[1]": offsets(0, total)})
	wantProgress(t, store, eventtrace.Progress{"a": {0: total, 1: total}})
}

func TestSinkWaitsForTheStore(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	publish(t, producer(t, cluster), "a", 0, 0, 100)
	store := openStore(t)
	away := &flaky{Store: store, fail: func(call int) (before, after error) {
		switch call % 3 {
		case 1:
			return errAway, nil
		case 2:
			return nil, errAway // committed, and the answer lost
		default:
			return nil, nil
		}
	}}
	sink := newSink(t, cluster, []string{"a"}, away, eventtrace.WithBatch(30, 1<<20))
	untilEnd(t, sink)
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 100)})
	if stats := sink.Stats(); stats.Retries != 2*stats.Batches || stats.Stored+stats.Repeated != 100 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestSinkWaitsForTheBrokers(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	publish(t, producer(t, cluster), "a", 0, 0, 100)
	fault := cluster.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "a", Err: kerr.NotLeaderForPartition, Count: 2},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "a", Err: kerr.UnknownServerError, Count: 3},
	)
	store := openStore(t)
	untilEnd(t, newSink(t, cluster, []string{"a"}, store))
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 100)})
	if fault.Hits() < 3 {
		t.Errorf("the brokers failed %d times only", fault.Hits())
	}
}

func TestSinkGivesUpWhereWaitingCannotHelp(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "a", Err: kerr.TopicAuthorizationFailed, Count: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for name, run := range map[string]func(*eventtrace.Sink) error{
		"run":           func(s *eventtrace.Sink) error { return s.Run(ctx) },
		"run until end": func(s *eventtrace.Sink) error { return s.RunUntilEnd(ctx) },
	} {
		err := run(newSink(t, cluster, []string{"a"}, openStore(t)))
		if !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestSinkFindsTheEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		configs map[string]string
		prepare func(t *testing.T, cluster *kfake.Cluster)
		want    []int64
		next    int64 // 0: nothing is kept, as nothing was there
	}{
		"an empty topic": {prepare: func(*testing.T, *kfake.Cluster) {}},
		"everything deleted": {prepare: func(t *testing.T, cluster *kfake.Cluster) {
			publish(t, producer(t, cluster), "a", 0, 0, 10)
			deleteRecords(t, cluster, 10)
		}},
		"the first deleted": {prepare: func(t *testing.T, cluster *kfake.Cluster) {
			publish(t, producer(t, cluster), "a", 0, 0, 10)
			deleteRecords(t, cluster, 4)
		}, want: offsets(4, 10), next: 10},
		"a committed transaction last": {prepare: func(t *testing.T, cluster *kfake.Cluster) {
			publish(t, producer(t, cluster), "a", 0, 0, 3)
			transaction(t, cluster, 3, 5, kgo.TryCommit)
		}, want: offsets(0, 5), next: 6},
		"an aborted transaction last": {prepare: func(t *testing.T, cluster *kfake.Cluster) {
			publish(t, producer(t, cluster), "a", 0, 0, 3)
			transaction(t, cluster, 3, 5, kgo.TryAbort)
		}, want: offsets(0, 3), next: 6},
		"nothing but an aborted transaction": {prepare: func(t *testing.T, cluster *kfake.Cluster) {
			transaction(t, cluster, 0, 5, kgo.TryAbort)
		}, next: 6},
		"transactions between": {prepare: func(t *testing.T, cluster *kfake.Cluster) {
			transaction(t, cluster, 0, 2, kgo.TryAbort)
			publish(t, producer(t, cluster), "a", 0, 3, 5)
			transaction(t, cluster, 5, 7, kgo.TryCommit)
			transaction(t, cluster, 8, 9, kgo.TryAbort)
		}, want: offsets(3, 7), next: 10},
		"compacted": {
			configs: map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "0", "retention.ms": "-1"},
			prepare: func(t *testing.T, cluster *kfake.Cluster) {
				client := producer(t, cluster)
				publish(t, client, "a", 0, 0, 9) // of one key: the last of them stays
				publish(t, client, "a", 0, 9, 10)
				cluster.Compact()
			}, want: []int64{8, 9}, next: 10,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startKafka(t)
			if err := cluster.CreateTopic("a", 1, test.configs); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, cluster)
			store := openStore(t)
			sink := newSink(t, cluster, []string{"a"}, store)
			untilEnd(t, sink)
			want := map[string][]int64{}
			if test.want != nil {
				want["a[0]"] = test.want
			}
			wantPlaces(t, store, want)
			progress := eventtrace.Progress{}
			if test.next > 0 {
				progress.Set("a", 0, test.next)
			}
			wantProgress(t, store, progress)
			if stats := sink.Stats(); stats.Lost != 0 || stats.Resets != 0 || stats.Retries != 0 {
				t.Errorf("stats: %+v", stats)
			}
		})
	}
}

// TestSinkPassesAHoleAtTheEnd has a broker whose log ends in offsets that no batch covers any more.
func TestSinkPassesAHoleAtTheEnd(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	client := producer(t, cluster)
	publish(t, client, "a", 0, 0, 6)
	publish(t, client, "a", 0, 6, 10)
	cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		fetch := req.(*kmsg.FetchRequest)
		if len(fetch.Topics) != 1 {
			return nil, nil, false
		}
		if asked := &fetch.Topics[0].Partitions[0]; asked.FetchOffset < 6 {
			asked.PartitionMaxBytes = 1 // a batch at a time
			return nil, nil, false
		}
		partition := kmsg.NewFetchResponseTopicPartition()
		partition.HighWatermark, partition.LastStableOffset, partition.LogStartOffset = 10, 10, 0
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = fetch.Topics[0].Topic, fetch.Topics[0].TopicID
		topic.Partitions = append(topic.Partitions, partition)
		answer := fetch.ResponseKind().(*kmsg.FetchResponse)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	store := openStore(t)
	untilEnd(t, newSink(t, cluster, []string{"a"}, store, eventtrace.WithKafka(kgo.DisableFetchSessions())))
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 6)})
	wantProgress(t, store, eventtrace.Progress{"a": {0: 10}})
}

// TestSinkStopsAtTheEndItSaw publishes more while the sink is at work.
func TestSinkStopsAtTheEndItSaw(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(2, "a"))
	client := producer(t, cluster)
	publish(t, client, "a", 0, 0, 10)
	publish(t, client, "a", 1, 0, 10)
	store := openStore(t)
	more := &flaky{Store: store, fail: func(call int) (before, after error) {
		if call == 1 {
			publish(t, client, "a", 0, 10, 20)
			publish(t, client, "a", 1, 10, 20)
		}
		return nil, nil
	}}
	untilEnd(t, newSink(t, cluster, []string{"a"}, more, eventtrace.WithBatch(3, 1<<20)))
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 10), "a[1]": offsets(0, 10)})
	wantProgress(t, store, eventtrace.Progress{"a": {0: 10, 1: 10}})
}

func TestSinkCountsWhatRetentionTook(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	client := producer(t, cluster)
	publish(t, client, "a", 0, 0, 10)
	store := openStore(t)
	if _, err := store.Append(t.Context(), nil, eventtrace.Progress{"a": {0: 3}}); err != nil {
		t.Fatal(err)
	}
	deleteRecords(t, cluster, 7)
	sink := newSink(t, cluster, []string{"a"}, store)
	untilEnd(t, sink)
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(7, 10)})
	if stats := sink.Stats(); stats.Lost != 4 || stats.Resets != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

// TestSinkIsOvertakenByRetention deletes records between a sink's start and its reading of them.
func TestSinkIsOvertakenByRetention(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		upTo int64
		lost int64
		want []int64
	}{
		"some of them": {upTo: 7, lost: 5, want: append(offsets(0, 2), offsets(7, 10)...)},
		"all of them":  {upTo: 10, lost: 8, want: offsets(0, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startKafka(t, kfake.SeedTopics(1, "a"))
			client := producer(t, cluster)
			publish(t, client, "a", 0, 0, 10)
			store := openStore(t)
			if _, err := store.Append(t.Context(), nil, eventtrace.Progress{"a": {0: 2}}); err != nil {
				t.Fatal(err)
			}
			untilEnd(t, newSink(t, cluster, []string{"b"}, store)) // nothing of a
			if err := storeBatch(t, store); err != nil {
				t.Fatal(err)
			}
			deleted := false
			cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if !deleted {
					deleted = true
					if err := cluster.DeleteRecords("a", 0, test.upTo); err != nil {
						t.Error(err)
					}
				}
				return nil, nil, false
			})
			sink := newSink(t, cluster, []string{"a"}, store)
			untilEnd(t, sink)
			wantPlaces(t, store, map[string][]int64{"a[0]": test.want})
			wantProgress(t, store, eventtrace.Progress{"a": {0: 10}})
			if stats := sink.Stats(); stats.Lost != test.lost || stats.Resets != 0 {
				t.Errorf("stats: %+v, want %d lost", stats, test.lost)
			}
		})
	}
}

// storeBatch puts the first two events of topic a there, as an earlier run would have.
func storeBatch(t *testing.T, store eventtrace.Store) error {
	t.Helper()
	var events []eventtrace.Event
	for n := range int64(2) {
		events = append(events, eventtrace.Event{
			Topic: "a", Offset: n, EventID: correlation, CorrelationID: correlation, Payload: jsonio.Raw(`{}`),
			LogTime: time.UnixMilli(1_760_000_000_000 + n), Timestamp: time.UnixMilli(1_760_000_000_000 + n),
		})
	}
	_, err := store.Append(t.Context(), events, nil)
	return err
}

func TestSinkReadsAShorterLogAgain(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	publish(t, producer(t, cluster), "a", 0, 0, 10)
	store := openStore(t)
	if _, err := store.Append(t.Context(), nil, eventtrace.Progress{"a": {0: 100}}); err != nil {
		t.Fatal(err)
	}
	sink := newSink(t, cluster, []string{"a"}, store)
	untilEnd(t, sink)
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 10)})
	wantProgress(t, store, eventtrace.Progress{"a": {0: 10}})
	if stats := sink.Stats(); stats.Resets != 1 || stats.Lost != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestSinkFindsWhatAppearsLater(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	client := producer(t, cluster)
	store, wait := watch(t, openStore(t))
	stop := background(t, newSink(t, cluster, []string{"a", "b"}, store))
	publish(t, client, "a", 0, 0, 10)
	wait(10)
	if err := cluster.CreateTopic("b", 2, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, client, "b", 1, 0, 10)
	wait(20)
	addPartitions(t, client, "a", 3)
	fresh := producer(t, cluster) // knows of them at once
	publish(t, fresh, "a", 2, 0, 10)
	publish(t, fresh, "a", 0, 10, 20)
	wait(40)
	stop()
	wantPlaces(t, store, map[string][]int64{"a[0]": offsets(0, 20), "a[2]": offsets(0, 10), "b[1]": offsets(0, 10)})
}

func TestSinkFollowsATopicMadeAnew(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	store, wait := watch(t, openStore(t))
	sink := newSink(t, cluster, []string{"a"}, store)
	stop := background(t, sink)
	publish(t, producer(t, cluster), "a", 0, 0, 5)
	wait(5)
	if err := cluster.DeleteTopic("a"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CreateTopic("a", 1, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, producer(t, cluster), "a", 0, 0, 8)
	wait(8)
	stop()
	wantPlaces(t, store, map[string][]int64{"a[0]": {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7}})
	wantProgress(t, store, eventtrace.Progress{"a": {0: 8}})
	if stats := sink.Stats(); stats.Resets == 0 || stats.Repeated != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

// TestSinkThatIsAwayWhileATopicIsMadeAnew has the new topic be longer than the old one, and shorter.
func TestSinkThatIsAwayWhileATopicIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, now := range []int64{600, 1600} {
		t.Run(fmt.Sprint(now), func(t *testing.T) {
			t.Parallel()
			cluster := startKafka(t, kfake.SeedTopics(1, "a"))
			store := openStore(t)
			publish(t, producer(t, cluster), "a", 0, 0, 1000)
			untilEnd(t, newSink(t, cluster, []string{"a"}, store))
			if err := cluster.DeleteTopic("a"); err != nil {
				t.Fatal(err)
			}
			if err := cluster.CreateTopic("a", 1, nil); err != nil {
				t.Fatal(err)
			}
			publish(t, producer(t, cluster), "a", 0, 0, now)
			sink := newSink(t, cluster, []string{"a"}, store)
			untilEnd(t, sink)
			wantPlaces(t, store, map[string][]int64{"a[0]": slices.Sorted(slices.Values(append(offsets(0, 1000), offsets(0, now)...)))})
			wantProgress(t, store, eventtrace.Progress{"a": {0: now}})
			if stats := sink.Stats(); stats.Stored != now || stats.Repeated != 0 {
				t.Errorf("stats: %+v", stats)
			}
			again := newSink(t, cluster, []string{"a"}, store)
			untilEnd(t, again)
			if stats := again.Stats(); stats != (eventtrace.SinkStats{}) {
				t.Errorf("a third run: %+v", stats)
			}
		})
	}
}

// TestSinkGoesOnWithWhatWasStoredWithoutIDs has a store that is from before topics had ids.
func TestSinkGoesOnWithWhatWasStoredWithoutIDs(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]int64{"goes on": 2, "ends before": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startKafka(t, kfake.SeedTopics(1, "a"))
			publish(t, producer(t, cluster), "a", 0, 0, 10)
			store := openStore(t)
			if err := storeBatch(t, store); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Append(t.Context(), nil, eventtrace.Progress{"a": {0: stored}}); err != nil {
				t.Fatal(err)
			}
			untilEnd(t, newSink(t, cluster, []string{"a"}, store))
			want := offsets(0, 10)
			if stored == 20 { // it is another topic
				want = slices.Insert(want, 0, 0, 1)
				slices.Sort(want)
			}
			wantPlaces(t, store, map[string][]int64{"a[0]": want})
			wantProgress(t, store, eventtrace.Progress{"a": {0: 10}})
		})
	}
}

func TestSinkStoresPoison(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	client := producer(t, cluster)
	values := []string{
		`{"a": NaN}`, "", "\xff\xfe", `"text"`, `null`, `{"event_type":"a\u0000b","payload":{}}`,
		`{"event_type":"` + strings.Repeat("long", 100) + `","payload":{}}`,
		`{"event_type":"T","correlation_id":"no id","payload":{"n":1}}`, strings.Repeat("[", 100_000), "\x00\x00\x00\x00\x01\x00\x08",
	}
	for i, value := range values {
		record := &kgo.Record{Topic: "a", Value: []byte(value), Timestamp: time.UnixMilli(-1 << 62)}
		if i%2 == 0 {
			record.Headers = []kgo.RecordHeader{{Key: "event-type", Value: []byte("\xffbad\x00")}, {Key: "event-id", Value: []byte("no id")}}
		}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "a"}).FirstErr(); err != nil { // a tombstone
		t.Fatal(err)
	}
	publish(t, client, "a", 0, 11, 12)
	store := openStore(t)
	sink := newSink(t, cluster, []string{"a"}, store)
	untilEnd(t, sink)
	wantPlaces(t, store, map[string][]int64{"a[0]": {11}})
	if stats := sink.Stats(); stats.Stored != 12 || stats.Invalid != 10 { // protobuf without a decoder is not invalid
		t.Errorf("stats: %+v", stats)
	}
	found := 0
	for _, eventType := range []string{"", "T"} {
		for _, e := range ofType(t, store, eventType) {
			found++
			if e.Offset == 10 {
				if e.Value != nil || e.Invalid == "" {
					t.Errorf("tombstone: %+v", e)
				}
			} else if string(e.Value) != values[e.Offset] {
				t.Errorf("offset %d: value %q, want %q", e.Offset, e.Value, values[e.Offset])
			}
		}
	}
	if found != 11 {
		t.Errorf("found %d records, want 11", found)
	}
}

func TestSinkMendsWhatAReaderGetsWrong(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	publish(t, producer(t, cluster), "a", 0, 0, 2)
	store := openStore(t)
	untilEnd(t, newSinkReading(t, cluster, []string{"a"}, store, func(r *kafka.Record) eventtrace.Event {
		return eventtrace.Event{Topic: "another", Offset: 5, CorrelationID: "no id", EventType: "T", Invalid: "odd\x00"}
	}))
	stored := ofType(t, store, "")
	if len(stored) != 2 {
		t.Fatalf("stored: %+v", stored)
	}
	if e := stored[1]; e.Topic != "a" || e.Offset != 1 || string(e.Value) != string(status(1)) ||
		!strings.Contains(e.Invalid, "odd\uFFFD; a[0]@1: correlation id") {
		t.Errorf("stored: %+v", e)
	}
}

func TestNewSinkSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	store, read := openStore(t), eventtrace.Envelopes(onex)
	for want, make := range map[string]func() (*eventtrace.Sink, error){
		"no brokers":  func() (*eventtrace.Sink, error) { return eventtrace.NewSink(nil, []string{"a"}, store, read) },
		"no topics":   func() (*eventtrace.Sink, error) { return eventtrace.NewSink([]string{"b"}, nil, store, read) },
		"a store and": func() (*eventtrace.Sink, error) { return eventtrace.NewSink([]string{"b"}, []string{"a"}, nil, read) },
		"WithBatch": func() (*eventtrace.Sink, error) {
			return eventtrace.NewSink([]string{"b"}, []string{"a"}, store, read, eventtrace.WithBatch(0, 1))
		},
		"WithLinger": func() (*eventtrace.Sink, error) {
			return eventtrace.NewSink([]string{"b"}, []string{"a"}, store, read, eventtrace.WithLinger(-1))
		},
		"WithDiscovery": func() (*eventtrace.Sink, error) {
			return eventtrace.NewSink([]string{"b"}, []string{"a"}, store, read, eventtrace.WithDiscovery(0))
		},
		"WithRetry": func() (*eventtrace.Sink, error) {
			return eventtrace.NewSink([]string{"b"}, []string{"a"}, store, read, eventtrace.WithRetry(2, 1))
		},
		"WithLogger": func() (*eventtrace.Sink, error) {
			return eventtrace.NewSink([]string{"b"}, []string{"a"}, store, read, eventtrace.WithLogger(nil))
		},
	} {
		if _, err := make(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

func deleteRecords(t *testing.T, cluster *kfake.Cluster, before int64) {
	t.Helper()
	if err := cluster.DeleteRecords("a", 0, before); err != nil {
		t.Fatal(err)
	}
}

func transaction(t *testing.T, cluster *kfake.Cluster, from, to int64, end kgo.TransactionEndTry) {
	t.Helper()
	transact(t, cluster.ListenAddrs(), "a", 0, from, to, end)
}

func addPartitions(t *testing.T, client *kgo.Client, topic string, total int32) {
	t.Helper()
	change := kmsg.NewCreatePartitionsRequestTopic()
	change.Topic, change.Count = topic, total
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = append(req.Topics, change)
	answer, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range answer.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSinkStoresWhatIsTooLargeToBeRead follows a topic with a value that is larger than it takes, and a batch that can't be
// opened.
func TestSinkStoresWhatIsTooLargeToBeRead(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	publish(t, producer(t, cluster), "a", 0, 0, 1)
	for _, size := range []int{2 << 20, 64 << 20} {
		large := &kgo.Record{Topic: "a", Value: make([]byte, size), Headers: []kgo.RecordHeader{{Key: "event-type", Value: []byte("T")}}}
		client := producer(t, cluster, kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerBatchMaxBytes(1<<30),
			kgo.BrokerMaxWriteBytes(1<<30), kgo.MaxBufferedBytes(1<<30))
		if err := client.ProduceSync(t.Context(), large).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, producer(t, cluster), "a", 0, 3, 4)
	store := openStore(t)
	sink := newSink(t, cluster, []string{"a"}, store)
	untilEnd(t, sink)
	wantPlaces(t, store, map[string][]int64{"a[0]": {0, 3}})
	wantProgress(t, store, eventtrace.Progress{"a": {0: 4}})
	for eventType, want := range map[string]string{
		"T": "record of 2097163 bytes was not read: its topic takes 1048588", "": "batch of records 2 to 2, ",
	} {
		if got := ofType(t, store, eventType); len(got) != 1 || !strings.HasPrefix(got[0].Invalid, want) || got[0].Value != nil {
			t.Errorf("type %q: %+v; want one that says %q", eventType, got, want)
		}
	}
}

func ofType(t *testing.T, store eventtrace.Store, eventType string) []eventtrace.Event {
	t.Helper()
	events, err := eventtrace.All(t.Context(), store, eventtrace.Query{EventTypes: []string{eventType}})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// TestLargeValuesAreNotKept has records that are larger than is kept beside one that is not: all that they say of themselves is there.
func TestLargeValuesAreNotKept(t *testing.T) {
	t.Parallel()
	cluster := startKafka(t, kfake.SeedTopics(1, "a"))
	large := bytes.Replace(status(1), []byte("step 1"), []byte(strings.Repeat("x", 1000)), 1)
	broken := append(bytes.Clone(large), '}')
	client := producer(t, cluster)
	for _, value := range [][]byte{status(0), large, broken, status(3)} {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "a", Key: []byte(session), Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	store := openStore(t)
	sink := newSink(t, cluster, []string{"a"}, store, eventtrace.WithLargest(len(large)-1))
	untilEnd(t, sink)
	if stats := sink.Stats(); stats.Stored != 4 || stats.Large != 2 || stats.Invalid != 1 {
		t.Errorf("stats: %+v", stats)
	}
	got, err := eventtrace.All(t.Context(), store, eventtrace.Query{CorrelationID: correlation})
	if err != nil || len(got) != 4 {
		t.Fatalf("%d events, error %v", len(got), err)
	}
	for i, want := range []int64{0, int64(len(large)), int64(len(broken)), 0} {
		e := got[i]
		if kept := e.Payload != "" || e.Value != nil; e.ValueBytes != want || kept != (want == 0) || e.SessionID != session ||
			e.EventType != "CodegenStatusEvent" || string(e.Key) != session || (e.Invalid != "") != (i == 2) {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	if _, err := eventtrace.NewSink(cluster.ListenAddrs(), []string{"a"}, store, eventtrace.Envelopes(onex), eventtrace.WithLargest(0)); err == nil {
		t.Error("a sink that keeps no value at all was made")
	}
}
