package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

func startCluster(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, kafka.Connection) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, kafka.Connection{Brokers: cluster.ListenAddrs()}
}

func client(t testing.TB, conn kafka.Connection, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := conn.Client(append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// epoch is the time of the record at offset 0; each later one is a second after the one before.
var epoch = time.UnixMilli(1_760_000_000_000)

// write writes records so that each one's value is its offset.
func write(t testing.TB, cl *kgo.Client, topic string, partition int32, from, to int64) {
	t.Helper()
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: partition, Value: fmt.Append(nil, n), Timestamp: epoch.Add(time.Duration(n) * time.Second),
			Headers: []kgo.RecordHeader{{Key: "n", Value: fmt.Append(nil, n)}},
		})
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// collect returns the offsets read of each partition, in the order they came.
func collect(t testing.TB, conn kafka.Connection, topics []string, from kafka.From, to kafka.To, opts ...kafka.ScanOption) map[string][]int64 {
	t.Helper()
	got := map[string][]int64{}
	for r, err := range kafka.Scan(soon(t), conn, topics, from, to, opts...) {
		if err != nil {
			t.Fatal(err)
		}
		if n := fmt.Sprint(r.Offset); string(r.Value) != n || r.Header("n") != n {
			t.Fatalf("%s[%d]@%d: value %s, header %s", r.Topic, r.Partition, r.Offset, r.Value, r.Header("n"))
		}
		place := fmt.Sprintf("%s[%d]", r.Topic, r.Partition)
		got[place] = append(got[place], r.Offset)
	}
	return got
}

func span(from, to int64) []int64 {
	var offsets []int64
	for n := from; n < to; n++ {
		offsets = append(offsets, n)
	}
	return offsets
}

func TestScanFromAndTo(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(3, "a"), kfake.SeedTopics(1, "b"))
	cl := client(t, conn)
	write(t, cl, "a", 0, 0, 1500)
	write(t, cl, "a", 2, 0, 30)
	write(t, cl, "b", 0, 0, 5)
	a, both := []string{"a"}, []string{"a", "b"}
	cases := map[string]struct {
		topics []string
		from   kafka.From
		to     kafka.To
		opts   []kafka.ScanOption
		want   map[string][]int64
	}{
		"all": {both, kafka.FromStart(), kafka.ToEnd(), nil,
			map[string][]int64{"a[0]": span(0, 1500), "a[2]": span(0, 30), "b[0]": span(0, 5)}},
		"from the end": {both, kafka.FromEnd(), kafka.ToEnd(), nil, map[string][]int64{}},
		"from an offset that not all have": {both, kafka.FromOffset(20), kafka.ToEnd(), nil,
			map[string][]int64{"a[0]": span(20, 1500), "a[2]": span(20, 30)}},
		"the last": {both, kafka.FromLast(10), kafka.ToEnd(), nil,
			map[string][]int64{"a[0]": span(1490, 1500), "a[2]": span(20, 30), "b[0]": span(0, 5)}},
		"from a time": {both, kafka.FromTime(epoch.Add(2500 * time.Millisecond)), kafka.ToEnd(), nil,
			map[string][]int64{"a[0]": span(3, 1500), "a[2]": span(3, 30), "b[0]": span(3, 5)}},
		"from a time past all": {a, kafka.FromTime(epoch.Add(time.Hour)), kafka.ToEnd(), nil, map[string][]int64{}},
		"offsets of partitions": {a, kafka.FromOffsets(kafka.Offsets{"a": {0: 1498}}), kafka.ToEnd(), nil,
			map[string][]int64{"a[0]": {1498, 1499}, "a[2]": span(0, 30)}},
		"an offset past the end": {a, kafka.FromOffsets(kafka.Offsets{"a": {2: 31}}), kafka.ToOffsets(kafka.Offsets{"a": {2: 3}}), nil,
			map[string][]int64{"a[2]": span(0, 3)}},
		"to offsets": {both, kafka.FromOffset(10), kafka.ToOffsets(kafka.Offsets{"a": {0: 12, 2: 99}, "b": {0: 2}}), nil,
			map[string][]int64{"a[0]": {10, 11}, "a[2]": span(10, 30)}},
		"some of each": {both, kafka.FromStart(), kafka.ToEnd(), []kafka.ScanOption{kafka.WithPerPartition(7)},
			map[string][]int64{"a[0]": span(0, 7), "a[2]": span(0, 7), "b[0]": span(0, 5)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, collect(t, conn, c.topics, c.from, c.to, c.opts...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanReadsWhatIsCommitted(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	cl := client(t, conn, kgo.TransactionalID("scan"))
	transaction := func(n int64, commit kgo.TransactionEndTry) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		write(t, cl, "a", 0, n, n+1)
		if err := cl.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	transaction(0, kgo.TryCommit) // its marker stands at 1
	transaction(2, kgo.TryAbort)
	transaction(4, kgo.TryCommit)
	transaction(6, kgo.TryAbort)
	if diff := cmp.Diff(map[string][]int64{"a[0]": {0, 4}}, collect(t, conn, []string{"a"}, kafka.FromStart(), kafka.ToEnd())); diff != "" {
		t.Error(diff)
	}
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	write(t, cl, "a", 0, 8, 9) // is not settled
	if diff := cmp.Diff(map[string][]int64{"a[0]": {4}}, collect(t, conn, []string{"a"}, kafka.FromOffset(1), kafka.ToEnd())); diff != "" {
		t.Error(diff)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

// TestLast has a log of which most offsets hold no record that counts: markers of transactions, and aborted ones.
func TestLast(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(2, "a"))
	cl := client(t, conn, kgo.TransactionalID("last"))
	var committed []int64
	for n := int64(0); n < 120; n += 2 { // its marker stands behind each
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		write(t, cl, "a", 0, n, n+1)
		commit := kgo.TransactionEndTry(n%20 == 0)
		if err := cl.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
		if commit {
			committed = append(committed, n)
		}
	}
	write(t, client(t, conn), "a", 1, 0, 9)
	for _, n := range []int{1, 2, 5, 100} {
		records, err := kafka.Last(soon(t), conn, "a", n)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int32][]int64{}
		for _, r := range records {
			got[r.Partition] = append(got[r.Partition], r.Offset)
		}
		want := map[int32][]int64{0: committed[max(0, len(committed)-n):], 1: span(max(0, 9-int64(n)), 9)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the last %d (-want +got):\n%s", n, diff)
		}
	}
	if records, err := kafka.Last(soon(t), conn, "nothing", 1); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("a topic that there is not: %d records, %v", len(records), err)
	}
}

func TestScanPassesDeletedRecords(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	cl := client(t, conn)
	write(t, cl, "a", 0, 0, 10)
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), kadm.Offsets{"a": {0: {Topic: "a", Partition: 0, At: 6}}}); err != nil {
		t.Fatal(err)
	}
	for _, from := range []kafka.From{kafka.FromStart(), kafka.FromOffset(2), kafka.FromLast(9), kafka.FromOffsets(kafka.Offsets{"a": {0: 3}})} {
		if diff := cmp.Diff(map[string][]int64{"a[0]": span(6, 10)}, collect(t, conn, []string{"a"}, from, kafka.ToEnd())); diff != "" {
			t.Error(diff)
		}
	}
}

// lastError returns what a scan ends with.
func lastError(t testing.TB, conn kafka.Connection, to kafka.To, opts ...kafka.ScanOption) error {
	t.Helper()
	for _, err := range kafka.Scan(soon(t), conn, []string{"a"}, kafka.FromStart(), to, opts...) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestScanErrors(t *testing.T) {
	t.Parallel()
	const unauthorised = "TOPIC_AUTHORIZATION_FAILED"
	refuseFetch := func(code int16) func(*kfake.Cluster) {
		return func(cluster *kfake.Cluster) {
			cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				fetch := req.(*kmsg.FetchRequest)
				resp := fetch.ResponseKind().(*kmsg.FetchResponse)
				for _, topic := range fetch.Topics {
					refused := kmsg.NewFetchResponseTopic()
					refused.Topic, refused.TopicID = topic.Topic, topic.TopicID
					for _, p := range topic.Partitions {
						partition := kmsg.NewFetchResponseTopicPartition()
						partition.Partition, partition.ErrorCode = p.Partition, code
						refused.Partitions = append(refused.Partitions, partition)
					}
					resp.Topics = append(resp.Topics, refused)
				}
				return resp, nil, true
			})
		}
	}
	cases := map[string]struct {
		topics kfake.Opt
		fail   func(*kfake.Cluster)
		to     kafka.To
		is     error
		text   []string
	}{
		"no such topic": {kfake.SeedTopics(1, "b"), func(*kfake.Cluster) {}, kafka.ToEnd(), kerr.UnknownTopicOrPartition,
			[]string{"read a: ", "run trestle topics apply?"}},
		"no such topic, endless": {kfake.SeedTopics(1, "b"), func(*kfake.Cluster) {}, kafka.Endless(), kerr.UnknownTopicOrPartition,
			[]string{"read a: "}},
		"not authorised": {kfake.SeedTopics(1, "a"), refuseFetch(kerr.TopicAuthorizationFailed.Code), kafka.ToEnd(),
			kerr.TopicAuthorizationFailed, []string{"read a[0]@0: " + unauthorised, "ACL"}},
		"not authorised, endless": {kfake.SeedTopics(1, "a"), refuseFetch(kerr.TopicAuthorizationFailed.Code), kafka.Endless(),
			kerr.TopicAuthorizationFailed, []string{"read a[0]@0: " + unauthorised}},
		"for too long": {kfake.SeedTopics(1, "a"), refuseFetch(kerr.KafkaStorageError.Code), kafka.ToEnd(),
			kerr.KafkaStorageError, []string{"read a[0]@0: "}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, conn := startCluster(t, c.topics)
			if name[:2] != "no" || strings.HasPrefix(name, "not") {
				write(t, client(t, conn), "a", 0, 0, 3)
			}
			c.fail(cluster)
			err := lastError(t, conn, c.to, kafka.WithPatience(time.Second))
			if !errors.Is(err, c.is) {
				t.Fatalf("got %v, want %v", err, c.is)
			}
			for _, text := range c.text {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("got %q, want %q in it", err, text)
				}
			}
		})
	}
}

func TestScanGivesUpOnBrokersThatAreAway(t *testing.T) {
	t.Parallel()
	cluster, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	cluster.Close()
	for name, to := range map[string]kafka.To{"to the end": kafka.ToEnd(), "endless": kafka.Endless()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := lastError(t, conn, to, kafka.WithPatience(100*time.Millisecond)); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestScanTriesAgain(t *testing.T) {
	t.Parallel()
	cluster, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	write(t, client(t, conn), "a", 0, 0, 3)
	failures := 0
	cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if failures++; failures > 3 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, topic := range req.(*kmsg.ListOffsetsRequest).Topics {
			failed := kmsg.NewListOffsetsResponseTopic()
			failed.Topic = topic.Topic
			for _, p := range topic.Partitions {
				partition := kmsg.NewListOffsetsResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, kerr.CoordinatorLoadInProgress.Code
				failed.Partitions = append(failed.Partitions, partition)
			}
			resp.Topics = append(resp.Topics, failed)
		}
		return resp, nil, true
	})
	if diff := cmp.Diff(map[string][]int64{"a[0]": span(0, 3)}, collect(t, conn, []string{"a"}, kafka.FromStart(), kafka.ToEnd())); diff != "" {
		t.Error(diff)
	}
}

func TestEndlessScan(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	cl := client(t, conn)
	write(t, cl, "a", 0, 0, 3)
	ctx, stop := context.WithCancel(soon(t))
	defer stop()
	var got []string
	var ended error
	started := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r, err := range kafka.Scan(ctx, conn, []string{"a"}, kafka.FromLast(1), kafka.Endless()) {
			if err != nil {
				ended = err
				continue
			}
			if got = append(got, fmt.Sprintf("%d@%d", r.Partition, r.Offset)); len(got) == 1 {
				close(started)
			}
			if len(got) == 5 {
				stop()
			}
		}
	}()
	<-started
	write(t, cl, "a", 0, 3, 5)
	if _, err := kadm.NewClient(cl).CreatePartitions(t.Context(), 1, "a"); err != nil {
		t.Fatal(err)
	}
	write(t, client(t, conn), "a", 1, 0, 2)
	<-done
	slices.Sort(got)
	if diff := cmp.Diff([]string{"0@2", "0@3", "0@4", "1@0", "1@1"}, got); diff != "" {
		t.Error(diff)
	}
	if !errors.Is(ended, context.Canceled) {
		t.Errorf("ended with %v", ended)
	}
}

func TestLeavingAScan(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(1, "a"))
	write(t, client(t, conn), "a", 0, 0, 10)
	read := 0
	for _, err := range kafka.Scan(soon(t), conn, []string{"a"}, kafka.FromStart(), kafka.Endless()) {
		if err != nil {
			t.Fatal(err)
		}
		if read++; read == 4 {
			break
		}
	}
	if read != 4 {
		t.Errorf("read %d", read)
	}
}

// readBytes counts what a client reads from brokers.
type readBytes struct{ n atomic.Int64 }

func (c *readBytes) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, bytes int, _, _ time.Duration, _ error) {
	c.n.Add(int64(bytes))
}

// TestScanOfAFewRecordsReadsLittle looks at the first records of partitions that have many more.
func TestScanOfAFewRecordsReadsLittle(t *testing.T) {
	t.Parallel()
	const partitions, size, each = 3, 100 << 10, 120 // 36 MB
	_, conn := startCluster(t, kfake.SeedTopics(partitions, "a"))
	cl := client(t, conn)
	value := make([]byte, size)
	for p := range int32(partitions) {
		for range each {
			cl.Produce(t.Context(), &kgo.Record{Topic: "a", Partition: p, Value: value}, nil)
		}
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	read := &readBytes{}
	conn.Options = append(conn.Options, kgo.WithHooks(read))
	records := 0
	for _, err := range kafka.Scan(soon(t), conn, []string{"a"}, kafka.FromStart(), kafka.ToEnd(), kafka.WithPerPartition(3)) {
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	if records != 3*partitions {
		t.Errorf("%d records, want %d", records, 3*partitions)
	}
	if n := read.n.Load(); n > 12<<20 {
		t.Errorf("%d bytes read of %d", n, partitions*size*each)
	}
}

// writeCompressed writes a value in a compressed batch of its own, however large it is before that.
func writeCompressed(t testing.TB, conn kafka.Connection, topic string, values ...[]byte) {
	t.Helper()
	cl := client(t, conn, kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerBatchMaxBytes(1<<30),
		kgo.BrokerMaxWriteBytes(1<<30), kgo.MaxBufferedBytes(1<<30), kgo.ProducerLinger(50*time.Millisecond))
	var records []*kgo.Record
	for _, value := range values {
		records = append(records, &kgo.Record{Topic: topic, Key: []byte("key"), Value: value})
	}
	if err := cl.ProduceSync(soon(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestScanSaysWhatIsTooLargeToBeRead(t *testing.T) {
	t.Parallel()
	for name, bounded := range map[string]bool{"to the end": true, "endless": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, conn := startCluster(t, kfake.SeedTopics(1, "a"))
			small := []byte("small")
			writeCompressed(t, conn, "a", small)
			writeCompressed(t, conn, "a", small, make([]byte, 3<<20), small)
			writeCompressed(t, conn, "a", small, make([]byte, 64<<20))
			writeCompressed(t, conn, "a", small)
			to := kafka.Endless()
			if bounded {
				to = kafka.ToEnd()
			}
			var got []string
			for r, err := range kafka.Scan(soon(t), conn, []string{"a"}, kafka.FromStart(), to) {
				if err != nil {
					t.Fatal(err)
				}
				line := fmt.Sprintf("%d %s %s", r.Offset, r.Key, r.Value)
				if o := r.Oversized; o != nil {
					line += fmt.Sprintf("not read: %d to %d, limit %d", o.FirstOffset, o.LastOffset, o.Limit)
					if o.Batch != (len(o.SHA256) == 64) || o.Batch && o.Bytes > 100_000 || !o.Batch && o.Bytes != 3<<20+len("key") {
						t.Errorf("%+v", o)
					}
				}
				if got = append(got, line); r.Offset == 6 && !bounded {
					break
				}
			}
			want := []string{
				"0 key small", "1 key small", "2 key not read: 2 to 2, limit 1048588", "3 key small",
				"5  not read: 4 to 5, limit 16777408", "6 key small",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestScanReadsWhatATopicTakes has a topic that takes larger messages than others.
func TestScanReadsWhatATopicTakes(t *testing.T) {
	t.Parallel()
	cluster, conn := startCluster(t)
	most := "33554432"
	if err := cluster.CreateTopic("a", 1, map[string]string{"max.message.bytes": most}); err != nil {
		t.Fatal(err)
	}
	writeCompressed(t, conn, "a", make([]byte, 30<<20))
	for r, err := range kafka.Scan(soon(t), conn, []string{"a"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil || r.Oversized != nil || len(r.Value) != 30<<20 {
			t.Fatalf("error %v, oversized %v, %d bytes", err, r.Oversized, len(r.Value))
		}
	}
}

// TestScanReadsDeadLettersOfLargeRecords has one that is larger than its topic takes, as the original in it is nearly so.
func TestScanReadsDeadLettersOfLargeRecords(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(1, "a_dlq"))
	cl := client(t, conn, kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerBatchMaxBytes(8<<20))
	letter := &kgo.Record{Topic: "a_dlq", Value: make([]byte, 1400<<10), Headers: []kgo.RecordHeader{{Key: "event-type", Value: []byte("DeadLetterEvent")}}}
	if err := cl.ProduceSync(soon(t), letter).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for r, err := range kafka.Scan(soon(t), conn, []string{"a_dlq"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil || r.Oversized != nil || len(r.Value) != 1400<<10 {
			t.Errorf("error %v, oversized %v", err, r.Oversized)
		}
	}
}
