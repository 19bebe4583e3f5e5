package eventtrace_test

import (
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// TestSinkOnKafka has Apache Kafka say where logs end: behind aborted and committed transactions, behind deleted
// records, in an empty partition.
func TestSinkOnKafka(t *testing.T) {
	t.Parallel()
	brokers := services.SharedKafka(t).Brokers()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	const topic = "trace-ends"
	forever := map[string]*string{"retention.ms": kadm.StringPtr("-1")} // the records' times are of long ago
	if _, err := admin.CreateTopic(t.Context(), 4, -1, forever, topic); err != nil {
		t.Fatal(err)
	}
	for partition, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		publish(t, client, topic, int32(partition), 0, 3)
		transact(t, brokers, topic, int32(partition), 3, 5, end)
	}
	publish(t, client, topic, 2, 0, 10)
	var delete kadm.Offsets
	delete.AddOffset(topic, 2, 10, -1)
	if _, err := admin.DeleteRecords(t.Context(), delete); err != nil {
		t.Fatal(err)
	}
	store := openStore(t)
	sink, err := eventtrace.NewSink(brokers, []string{topic}, store, eventtrace.Envelopes(onex),
		eventtrace.WithRetry(time.Millisecond, 100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	untilEnd(t, sink)
	wantPlaces(t, store, map[string][]int64{topic + "[0]": offsets(0, 5), topic + "[1]": offsets(0, 3)})
	wantProgress(t, store, eventtrace.Progress{topic: {0: 6, 1: 6}})

	untilEnd(t, sink)
	if stats := sink.Stats(); stats.Stored != 8 || stats.Repeated != 0 || stats.Lost != 0 || stats.Resets != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

func transact(t *testing.T, brokers []string, topic string, partition int32, from, to int64, end kgo.TransactionEndTry) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	publish(t, client, topic, partition, from, to)
	if err := client.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}
