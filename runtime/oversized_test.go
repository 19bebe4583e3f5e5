package trestle_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

// compressing writes records in one batch, whatever they have before compression.
func compressing(t testing.TB, c *cluster, records []*kgo.Record, opts ...kgo.Opt) {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.brokers...), kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerBatchMaxBytes(1 << 30),
		kgo.BrokerMaxWriteBytes(1 << 30), kgo.MaxBufferedBytes(1 << 30), kgo.ProducerLinger(100 * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// largeOrder is a record with an event that has a note of so many bytes.
func (c *oneTopic) largeOrder(order string, n, bytes int) *kgo.Record {
	r := orderRecord(order, n)
	r.Topic = c.topic.Name
	r.Value = []byte(strings.Replace(string(r.Value), `"n":`, `"note": "`+strings.Repeat("x", bytes)+`", "n":`, 1))
	return r
}

// letters waits for so many dead letters, and returns them.
func (c *oneTopic) letters(t testing.TB, n int) []*deadletter.DeadLetter {
	t.Helper()
	var letters []*deadletter.DeadLetter
	for r, err := range kafka.Scan(deadline(t), kafka.Connection{Brokers: c.brokers}, []string{c.topic.DeadLetter},
		kafka.FromStart(), kafka.Endless()) {
		if err != nil {
			t.Fatal(err)
		}
		d, err := deadletter.Parse(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		if letters = append(letters, d); len(letters) == n {
			break
		}
	}
	return letters
}

// heapPeak is how far the heap grows until the returned function is called, with little garbage in it.
func heapPeak() (stop func() uint64) {
	percent := debug.SetGCPercent(20)
	var before runtime.MemStats
	for range 3 { // pools let go of what they keep by and by
		runtime.GC()
	}
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	done := make(chan struct{})
	var sampling sync.WaitGroup
	sampling.Go(func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.Store(max(peak.Load(), now.HeapAlloc))
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	return func() uint64 {
		debug.SetGCPercent(percent)
		close(done)
		sampling.Wait()
		return max(peak.Load(), before.HeapAlloc) - before.HeapAlloc
	}
}

// TestBatchThatWouldOpenToFarMoreThanItsTopicTakes does not run beside others: it watches the heap.
func TestBatchThatWouldOpenToFarMoreThanItsTopicTakes(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			compressing(t, c.cluster, []*kgo.Record{c.largeOrder("a", 0, 0), c.largeOrder("a", 1, 0)})
			const bomb = 200 << 20
			compressing(t, c.cluster, []*kgo.Record{c.largeOrder("b", 0, 0), c.largeOrder("b", 1, bomb)})
			compressing(t, c.cluster, []*kgo.Record{c.largeOrder("a", 2, 0)})

			peak := heapPeak()
			book := newLedger(t)
			r := c.consume(t, book)
			eventually(t, "what is behind the batch handled", func() bool { return book.count() == 3 })
			eventually(t, "nothing is left", func() bool { return c.firstLag(t) == 0 })
			letters := c.letters(t, 1)
			r.stop()
			if grown := peak(); grown > bomb/2 { // unbounded it is several times the batch
				t.Errorf("the heap grew by %d MiB over a batch of %d", grown>>20, bomb>>20)
			}
			book.wantAll([]string{"a"}, 3)

			d := letters[0]
			raw := c.rawBatch(t, 2)
			digest := sha256.Sum256(raw)
			if d.Original.Batch == nil || *d.Original.Batch != (deadletter.Batch{FirstOffset: 2, SHA256: hex.EncodeToString(digest[:])}) {
				t.Errorf("batch %+v, want that at 2 with digest %x", d.Original.Batch, digest)
			}
			if o := d.Original; o.Partition != 0 || o.Offset != 3 || o.Omitted != len(raw) || o.Value != nil || d.SourceTopic != c.topic.Name {
				t.Errorf("letter of %s, %+v, want one of offset 3 with %d bytes", d.SourceTopic, o, len(raw))
			}
			if d.Error.Type != "OversizedError" || !strings.Contains(d.Error.Message, "records 2 to 3, ") {
				t.Errorf("error %+v", d.Error)
			}
		})
	}
}

// firstLag is what the group has yet to commit of the first partition, -1 while it has not committed any of it.
func (c *oneTopic) firstLag(t *testing.T) int64 {
	t.Helper()
	lags, err := kadm.NewClient(c.client).Lag(deadline(t), c.group)
	lag := lags[c.group]
	if err != nil || lag.Error() != nil || lag.Lag[c.topic.Name] == nil {
		return -1
	}
	if p := lag.Lag[c.topic.Name][0]; p.Err == nil && p.Commit.At >= 0 {
		return p.Lag
	}
	return -1
}

// rawBatch is what stands in the batch at an offset of the first partition, compressed.
func (c *oneTopic) rawBatch(t *testing.T, offset int64) []byte {
	t.Helper()
	details, err := kadm.NewClient(c.client).ListTopics(deadline(t), c.topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.FetchOffset, partition.PartitionMaxBytes = offset, 1<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = c.topic.Name, details[c.topic.Name].ID
	topic.Partitions = append(topic.Partitions, partition)
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.Topics = 1<<20, 1, 100, append(req.Topics, topic)
	answer, err := req.RequestWith(deadline(t), c.client.Broker(int(details[c.topic.Name].Partitions[0].Leader)))
	if err != nil {
		t.Fatal(err)
	}
	var raw kmsg.RecordBatch
	if err := raw.ReadFrom(answer.Topics[0].Partitions[0].RecordBatches); err != nil {
		t.Fatal(err)
	}
	return raw.Records
}

func TestRecordThatIsLargerThanItsTopicTakes(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	headed := c.largeOrder("b", 2, 0)
	headed.Headers = []kgo.RecordHeader{{Key: "large", Value: make([]byte, 2<<20)}, {Key: "small", Value: []byte("kept")}}
	compressing(t, c.cluster, []*kgo.Record{
		c.largeOrder("a", 0, 0), c.largeOrder("b", 0, 2<<20), c.largeOrder("a", 1, 1<<19), c.largeOrder("b", 1, 0), headed,
	})
	var handled atomic.Int32
	r := consume(t, c.cluster, func(_ context.Context, e *orderPlaced) error {
		handled.Add(1)
		if e.OrderID == "b" && e.N != 1 {
			t.Errorf("%s was handled, which is too large", eventName(e))
		}
		return nil
	})
	letters := c.letters(t, 2)
	d := letters[0]
	eventually(t, "the others handled", func() bool { return handled.Load() == 3 })
	r.stop()
	if o := d.Original; o.Offset != 1 || string(o.Key) != "b" || o.Batch != nil || o.Omitted < 2<<20 || o.Omitted > 2<<20+500 {
		t.Errorf("letter of %+v", o)
	}
	if !strings.HasPrefix(d.LeftOut, "record (") || d.Error.Type != "OversizedError" || !strings.Contains(d.Error.Message, "its topic takes 1048588") {
		t.Errorf("left out %q, error %+v", d.LeftOut, d.Error)
	}
	if o := letters[1].Original; o.Offset != 4 || o.Omitted < 2<<20 || len(o.Headers) != 1 || o.Header("small") != "kept" {
		t.Errorf("letter of offset %d, %d bytes, %d headers", o.Offset, o.Omitted, len(o.Headers))
	}
	if n := c.committed(testGroup); n != 5 {
		t.Errorf("committed %d, want all 5", n)
	}
}

// TestClientsOwnLimit has the options say what a batch may open to.
func TestClientsOwnLimit(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	compressing(t, c.cluster, []*kgo.Record{c.largeOrder("a", 0, 1<<10)})
	compressing(t, c.cluster, []*kgo.Record{c.largeOrder("b", 0, 10<<10), c.largeOrder("b", 1, 10<<10)})
	compressing(t, c.cluster, []*kgo.Record{c.largeOrder("a", 1, 10<<10)})
	book := newLedger(t)
	r := consume(t, c.cluster, book.handle(ok), trestle.WithKafka(kgo.MaxDecompressBatchBytes(16<<10)))
	d := c.letters(t, 1)[0]
	eventually(t, "the others handled", func() bool { return book.count() == 2 })
	r.stop()
	if d.Original.Batch == nil || d.Original.Batch.FirstOffset != 1 || d.Original.Offset != 2 {
		t.Errorf("letter of %+v", d.Original)
	}
}

// TestTopicThatTakesMoreThanBefore raises a topic's limit while a consumer runs.
func TestTopicThatTakesMoreThanBefore(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	book := newLedger(t)
	r := consume(t, c.cluster, book.handle(ok))
	c.write(t, c.largeOrder("a", 0, 0))
	eventually(t, "the first handled", func() bool { return book.count() == 1 })
	most := "33554432"
	answers, err := c.admin().AlterTopicConfigs(deadline(t), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &most}}, orders.Name)
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
	eventually(t, "a value is handled that the topic takes only now", func() bool {
		n, refused := book.count(), c.end(orders.DeadLetter)
		compressing(t, c.cluster, []*kgo.Record{c.largeOrder(fmt.Sprint("b", n), 0, 24<<20)})
		eventually(t, "it is handled or refused", func() bool { return book.count() > n || c.end(orders.DeadLetter) > refused })
		return book.count() > n
	})
	r.stop()
}

// TestAbortedBatchHasNoLetter has a batch that can't be opened in a transaction that was aborted, and one in one that was not.
func TestAbortedBatchHasNoLetter(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.TransactionalID("orders"),
			kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(deadline(t), c.largeOrder("a", 0, 64<<10)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := client.EndTransaction(deadline(t), end); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	compressing(t, c.cluster, []*kgo.Record{c.largeOrder("b", 0, 0)})
	book := newLedger(t)
	r := consume(t, c.cluster, book.handle(ok), trestle.WithKafka(kgo.MaxDecompressBatchBytes(16<<10)))
	eventually(t, "all done", func() bool { return c.committed(testGroup) == 5 })
	r.stop()
	letters := c.deadLetters(t)
	if len(letters) != 1 || letters[0].Original.Offset != 2 {
		t.Errorf("%d letters, want one of the batch that was committed, at 2: %+v", len(letters), letters[0].Original)
	}
	if book.count() != 1 {
		t.Errorf("%d events handled, want the one behind", book.count())
	}
}

// TestBatchIsNotDoneUntilTheLogSaysWhatItIs has the broker fail when it is asked for the batch.
func TestBatchIsNotDoneUntilTheLogSaysWhatItIs(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	compressing(t, c.cluster, []*kgo.Record{c.largeOrder("a", 0, 64<<10)})
	compressing(t, c.cluster, []*kgo.Record{c.largeOrder("b", 0, 0)})
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		fetch := req.(*kmsg.FetchRequest)
		if fetch.SessionEpoch != -1 || len(fetch.Topics) != 1 || fetch.MaxBytes != 1<<20 || asked.Add(1) > 3 {
			return nil, nil, false
		}
		if n := c.committed(testGroup); n > 0 {
			t.Errorf("%d records are committed before the batch is done", n)
		}
		answer := fetch.ResponseKind().(*kmsg.FetchResponse)
		answer.ErrorCode = kerr.KafkaStorageError.Code
		return answer, nil, true
	})
	book := newLedger(t)
	r := consume(t, c.cluster, book.handle(ok), trestle.WithKafka(kgo.MaxDecompressBatchBytes(16<<10)))
	eventually(t, "what is behind handled", func() bool { return book.count() == 1 })
	eventually(t, "all done", func() bool { return c.committed(testGroup) == 2 })
	r.stop()
	if letters := c.deadLetters(t); len(letters) != 1 || letters[0].Original.Batch == nil || letters[0].Original.Batch.SHA256 == "" || letters[0].RetryCount != 0 {
		t.Errorf("letters %+v", letters)
	}
	if asked.Load() <= 3 {
		t.Error("the broker never failed")
	}
}
