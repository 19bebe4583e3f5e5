package trestle_test

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestTruncatedLogOnKafka has a broker lead that lacks the last records, as an unclean election allows: what is written from
// there on has offsets that were in use before. A consumer that ran through it, and one that starts afterwards, handle all of
// it.
func TestTruncatedLogOnKafka(t *testing.T) {
	t.Parallel()
	const leads, lags, perPart = 1, 2, 10
	kafka := services.Kafka(t, services.WithNodes(3),
		services.WithProperty("broker.session.timeout.ms", "3000"), services.WithProperty("broker.heartbeat.interval.ms", "500"))
	logs := make([]*truncated, 2)
	for i, name := range []string{"through", "after"} {
		logs[i] = newTruncated(t, kafka.Brokers(), name, leads, lags)
	}
	through, after := logs[0], logs[1]
	each := func(do func(*truncated)) {
		for _, l := range logs {
			do(l)
		}
	}
	each(func(l *truncated) { l.join(); l.write(0, perPart); l.await(perPart) })
	kafka.Kill(lags)
	each(func(l *truncated) {
		eventually(t, l.topic.Name+" has one replica in sync", func() bool { return slices.Equal(l.state().ISR, []int32{leads}) })
		l.write(perPart, 2*perPart)
		l.await(2 * perPart)
	})
	after.running.stop()
	kafka.Kill(leads)
	kafka.Start(lags)
	each(func(l *truncated) {
		eventually(t, l.topic.Name+" is led by the one that lagged", func() bool { return l.state().Leader == lags })
		l.write(2*perPart, 4*perPart)
	})
	ends, err := through.admin().ListEndOffsets(deadline(t), through.topic.Name)
	if end, _ := ends.Lookup(through.topic.Name, 0); err != nil || end.Offset != 3*perPart {
		t.Fatalf("the log ends at %d, %v: it was not cut", end.Offset, err)
	}
	after.join()
	each(func(l *truncated) {
		l.await(4 * perPart)
		l.running.stop()
		l.book.wantAll([]string{l.topic.Name}, 4*perPart)
		if n := l.book.repeats(); n != 0 {
			t.Errorf("%s: %d events were handled again", l.topic.Name, n)
		}
	})
}

// truncated is a topic of one partition with two replicas, and a group that handles its events.
type truncated struct {
	*oneTopic
	t       *testing.T
	book    *ledger
	running *running
}

func newTruncated(t *testing.T, brokers []string, name string, replicas ...int32) *truncated {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := clusterAt(brokers, client).manyPartitions(name)
	c.group = name
	c.topic.DeadLetter = name + "_dlq"
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, topic := range []string{name, c.topic.DeadLetter} {
		made := kmsg.NewCreateTopicsRequestTopic()
		made.Topic, made.NumPartitions, made.ReplicationFactor = topic, -1, -1
		made.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Partition: 0, Replicas: replicas}}
		for config, value := range map[string]string{"unclean.leader.election.enable": "true", "min.insync.replicas": "1"} {
			made.Configs = append(made.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: config, Value: kmsg.StringPtr(value)})
		}
		req.Topics = append(req.Topics, made)
	}
	resp, err := req.RequestWith(deadline(t), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range resp.Topics {
		if topic.ErrorCode != 0 {
			t.Fatalf("%s: %s", topic.Topic, *topic.ErrorMessage)
		}
	}
	return &truncated{oneTopic: c, t: t, book: newLedger(t)}
}

func (l *truncated) join() {
	l.running = l.consume(l.t, l.book)
}

// write writes events by a producer that knows nothing of those before.
func (l *truncated) write(from, to int) {
	l.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(l.brokers...))
	if err != nil {
		l.t.Fatal(err)
	}
	defer client.Close()
	for n := from; n < to; n++ {
		r := orderRecord(l.topic.Name, n)
		r.Topic = l.topic.Name
		if err := client.ProduceSync(deadline(l.t), r).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *truncated) await(handled int) {
	l.t.Helper()
	eventually(l.t, l.topic.Name+" handled and committed", func() bool {
		return l.book.count() == handled && l.lag(l.t) == 0
	})
}

func (l *truncated) state() kadm.PartitionDetail {
	l.t.Helper()
	topics, err := l.admin().ListTopics(deadline(l.t), l.topic.Name)
	if err != nil {
		return kadm.PartitionDetail{}
	}
	return topics[l.topic.Name].Partitions[0]
}
