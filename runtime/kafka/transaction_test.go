package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

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
