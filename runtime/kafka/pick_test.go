package kafka_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Single records are picked out of large batches, each once, none from the end on; and it is known where topics begin and end, also since a time.
func TestPick(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"), kfake.SeedTopics(1, "empty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	began := time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC)
	for partition := range int32(2) {
		var batch []*kgo.Record
		for i := range 500 {
			batch = append(batch, &kgo.Record{Topic: "orders", Partition: partition, Value: fmt.Appendf(nil, "%d/%d", partition, i), Timestamp: began.Add(time.Duration(i) * time.Minute)})
		}
		if err := client.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	spans, err := kafka.FindSpans(t.Context(), client, time.Time{}, "orders", "empty", "nowhere")
	if err != nil || spans.Offsets("orders") != 1000 || spans.Offsets("empty") != 0 || !slices.Equal(spans.Missing, []string{"nowhere"}) {
		t.Fatalf("%+v, %v", spans, err)
	}
	late, err := kafka.FindSpans(t.Context(), client, began.Add(490*time.Minute), "orders")
	if err != nil || late.Offsets("orders") != 20 {
		t.Errorf("since then: %+v, %v, want 10 in each partition", late, err)
	}

	ends := kafka.Offsets{"orders": {0: 500, 1: 300}}
	var got []string
	for r, err := range kafka.Pick(t.Context(), conn, "orders", map[int32][]int64{0: {0, 3, 3, 499, 500}, 1: {17, 299, 300, 301}}, ends) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Value))
	}
	slices.Sort(got)
	if want := []string{"0/0", "0/3", "0/499", "1/17", "1/299"}; !slices.Equal(got, want) {
		t.Errorf("picked %q, want %q", got, want)
	}
	for r, err := range kafka.Pick(t.Context(), conn, "orders", map[int32][]int64{0: {1, 2, 3, 4, 5, 6, 7, 8, 9}}, ends) {
		if err != nil || r == nil {
			t.Fatal(err)
		}
		break // it ends all the same
	}
	for _, err := range kafka.Pick(t.Context(), conn, "nowhere", map[int32][]int64{0: {0}}, kafka.Offsets{"nowhere": {0: 1}}) {
		if kafka.Classify(err) != kafka.Missing {
			t.Errorf("of a topic that is not there: %v", err)
		}
	}
}
