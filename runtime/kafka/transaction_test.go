package kafka_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// holdSecond places the first record of a topic, and the second nowhere, once it may.
type holdSecond struct{ may chan struct{} }

func (h holdSecond) ForTopic(string) kgo.TopicPartitioner { return h }

func (h holdSecond) RequiresConsistency(*kgo.Record) bool { return true }

func (h holdSecond) Partition(r *kgo.Record, _ int) int {
	if string(r.Value) == "first" {
		return 0
	}
	<-h.may
	return -1
}

// What brokers have taken is committed although the client, whose partitioner has it wait, does not know the topic's partitions yet.
func TestTransactionOfANewTopic(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "new"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	held := holdSecond{make(chan struct{})}
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	client, err := conn.Client(kgo.TransactionalID("t"), kgo.RecordPartitioner(held), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	taken, refused := make(chan *kgo.Record, 1), make(chan error, 1)
	client.Produce(ctx, &kgo.Record{Topic: "new", Value: []byte("first")}, func(r *kgo.Record, err error) {
		if err != nil {
			t.Error(err)
		}
		taken <- r
	})
	client.Produce(ctx, &kgo.Record{Topic: "new", Value: []byte("second")}, func(_ *kgo.Record, err error) { refused <- err })
	first := <-taken
	time.AfterFunc(20*time.Millisecond, func() { close(held.may) })
	if err := kafka.EndTransaction(ctx, client, kgo.TryCommit, []*kgo.Record{first}); err != nil {
		t.Fatal(err)
	}
	if <-refused == nil {
		t.Error("the second record was taken")
	}
	var read []string
	for record, err := range kafka.Scan(ctx, conn, []string{"new"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, string(record.Value))
	}
	if len(read) != 1 || read[0] != "first" {
		t.Errorf("committed %q, want the first record", read)
	}
}

// A client begins anew within a transaction where a broker that has deleted all that the client wrote before does not know it any more. What it wrote in
// the transaction before that is aborted: what is left of it is not committed alone.
func TestTransactionThatIsSplit(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	client, err := conn.Client(kgo.TransactionalID("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	transact := func(value string, between func()) error {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		var taken []*kgo.Record
		for partition := range int32(2) {
			r := &kgo.Record{Topic: "orders", Partition: partition, Value: []byte(value)}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
			taken = append(taken, r)
			between()
		}
		return kafka.EndTransaction(ctx, client, kgo.TryCommit, taken)
	}
	if err := transact("before", func() {}); err != nil {
		t.Fatal(err)
	}
	forgets := sync.OnceFunc(func() {
		cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			produce := req.(*kmsg.ProduceRequest)
			resp := produce.ResponseKind().(*kmsg.ProduceResponse)
			for _, asked := range produce.Topics {
				topic := kmsg.NewProduceResponseTopic()
				topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
				for _, p := range asked.Partitions {
					partition := kmsg.NewProduceResponseTopicPartition()
					partition.Partition, partition.ErrorCode, partition.LogStartOffset = p.Partition, kerr.UnknownProducerID.Code, 1000
					topic.Partitions = append(topic.Partitions, partition)
				}
				resp.Topics = append(resp.Topics, topic)
			}
			return resp, nil, true
		})
	})
	split := transact("split", forgets)
	next, err := conn.Client(kgo.TransactionalID("t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	if _, _, err := next.ProducerID(ctx); err != nil { // aborts what is left
		t.Fatal(err)
	}
	read := map[string]int{}
	for record, err := range kafka.Scan(ctx, conn, []string{"orders"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		read[string(record.Value)]++
	}
	if !errors.Is(split, kafka.ErrSplitTransaction) || read["before"] != 2 || read["split"] != 0 {
		t.Errorf("committed %v, %v; want nothing of the second transaction", read, split)
	}
}
