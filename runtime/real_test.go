package trestle_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// oneTopic is a topic of a cluster of either kind, and the group that handles its events.
type oneTopic struct {
	*cluster
	topic *trestle.TopicInfo
	info  *trestle.EventInfo // of orderPlaced on the topic
	group string
}

// onKafka makes a topic on Apache Kafka, which the tests share.
func onKafka(t *testing.T, partitions int32) *oneTopic {
	t.Helper()
	brokers := services.SharedKafka(t).Brokers()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := &oneTopic{cluster: clusterAt(brokers, client), group: t.Name()}
	topic, info := *orders, orderPlacedInfo
	topic.Name = strings.ReplaceAll(t.Name(), "/", "-")
	topic.DeadLetter = topic.Name + "_dlq"
	info.Topic = &topic
	c.topic, c.info = &topic, &info
	c.createTopic(t, topic.Name, partitions)
	c.createTopic(t, topic.DeadLetter, 1)
	return c
}

// embedded is the topic of the tests on a cluster in the test's process.
func embedded(t *testing.T) *oneTopic {
	return &oneTopic{cluster: startCluster(t), topic: orders, info: &orderPlacedInfo, group: testGroup}
}

// consume handles the topic's events with a book.
func (c *oneTopic) consume(t *testing.T, book *ledger, opts ...trestle.ConsumerOption) *running {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.brokers, c.group, append([]trestle.ConsumerOption{trestle.WithLogger(quiet)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleInfo(consumer, c.info, asEvent(book.handle(ok)))
	return run(t, consumer)
}

// scan reads a topic from its beginning to its present end, each partition in order.
func (c *oneTopic) scan(t *testing.T, topic string) []kafka.Record {
	t.Helper()
	var records []kafka.Record
	for r, err := range kafka.Scan(deadline(t), c.conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, *r)
	}
	return records
}

// lag is what the group has yet to commit of the topic; -1 while there are partitions without a commit.
func (c *oneTopic) lag(t *testing.T) int64 {
	t.Helper()
	admin := kadm.NewClient(c.client)
	ends, err := admin.ListEndOffsets(deadline(t), c.topic.Name)
	if err != nil || ends.Error() != nil {
		return -1
	}
	commits, err := admin.FetchOffsets(deadline(t), c.group)
	if err != nil || commits.Error() != nil { // the first group of a cluster waits for its coordinator
		return -1
	}
	sum := int64(0)
	for id, end := range ends[c.topic.Name] {
		commit, ok := commits.Lookup(c.topic.Name, id)
		if !ok || commit.At < 0 {
			return -1
		}
		sum += end.Offset - commit.At
	}
	return sum
}

func TestPartitionsThatAreAddedOnKafka(t *testing.T) {
	t.Parallel()
	c := onKafka(t, 3)
	book := newLedger(t)
	latest := trestle.WithStart(trestle.Latest)
	first := c.consume(t, book, latest)
	eventually(t, "the start is committed", func() bool { return c.lag(t) == 0 })
	c.addPartitions(t, c.topic.Name, 12)
	eventually(t, "the new partitions can be written", func() bool {
		ends, err := c.admin().ListEndOffsets(deadline(t), c.topic.Name)
		return err == nil && ends.Error() == nil && len(ends[c.topic.Name]) == 12
	})
	ids := c.writeEverywhere(t, c.topic.Name, 12, 34)
	first.stop()
	second := c.consume(t, book, latest)
	eventually(t, "all events handled", func() bool { return book.count() == 12*34 })
	eventually(t, "nothing is left", func() bool { return c.lag(t) == 0 })
	second.stop()
	book.wantAll(ids, 34)
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
}

// TestAbortedTransactions has transactions end a log: the last one, which was aborted, leaves its marker there.
func TestAbortedTransactions(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			book := newLedger(t)
			r := c.consume(t, book)
			c.transact(t, "kept", 3, kgo.TryCommit)
			c.transact(t, "aborted", 4, kgo.TryAbort)
			eventually(t, "the committed events handled", func() bool { return book.count() == 3 })
			eventually(t, "nothing is left", func() bool { return c.lag(t) == 0 })
			r.stop()
			book.wantAll([]string{"kept"}, 3)
			if book.count() != 3 {
				t.Errorf("%d events handled, want the 3 of the committed transaction", book.count())
			}
		})
	}
}

// transact writes events of an order in a transaction.
func (c *oneTopic) transact(t *testing.T, order string, events int, end kgo.TransactionEndTry) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.TransactionalID(c.group+order))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for n := range events {
		r := orderRecord(order, n)
		r.Topic = c.topic.Name
		if err := client.ProduceSync(deadline(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.EndTransaction(deadline(t), end); err != nil {
		t.Fatal(err)
	}
}
