package trestle_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// realCluster is Apache Kafka, shared by the tests: each has topics and a group of its own.
type realCluster struct {
	*cluster
	topic *trestle.TopicInfo
	info  *trestle.EventInfo // of orderPlaced on the topic
	group string
}

func onKafka(t *testing.T, partitions int32) *realCluster {
	t.Helper()
	brokers := services.SharedKafka(t).Brokers()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := &realCluster{cluster: &cluster{brokers: brokers, client: client}, group: t.Name()}
	topic, info := *orders, orderPlacedInfo
	topic.Name, topic.DeadLetter = t.Name(), t.Name()+"_dlq"
	info.Topic = &topic
	c.topic, c.info = &topic, &info
	c.createTopic(t, topic.Name, partitions)
	c.createTopic(t, topic.DeadLetter, 1)
	return c
}

// consume handles the topic's events with a book.
func (c *realCluster) consume(t *testing.T, book *ledger, opts ...trestle.ConsumerOption) *running {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.brokers, c.group, append([]trestle.ConsumerOption{trestle.WithLogger(quiet)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleInfo(consumer, c.info, asEvent(book.handle(ok)))
	return run(t, consumer)
}

// lag is what the group has yet to commit of the topic; -1 while there are partitions without a commit.
func (c *realCluster) lag(t *testing.T) int64 {
	t.Helper()
	lags, err := kadm.NewClient(c.client).Lag(deadline(t), c.group)
	lag := lags[c.group]
	if err != nil || lag.Error() != nil { // the first group of a cluster waits for its coordinator
		return -1
	}
	sum := int64(0)
	for _, p := range lag.Lag[c.topic.Name] {
		if p.Err != nil || p.Commit.At < 0 {
			return -1
		}
		sum += p.Lag
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
