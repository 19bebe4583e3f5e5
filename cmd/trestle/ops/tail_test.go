package ops

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Tail shows what a filter leaves, from a place on and then as it comes, and ends without an error when it is stopped.
func TestTail(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	publish := func(values ...string) {
		t.Helper()
		for _, v := range values {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte(v)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(`{"n":1}`, `{"n":7}`, `not JSON`)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var shown []string
	err = Tail(ctx, &Project{missing: ErrNoProject}, Environment{Brokers: cluster.ListenAddrs()}, "orders",
		TailOptions{From: "start", RecordView: RecordView{Filter: RecordFilter{Where: "value.n > 5 && value.n < 100000000000"}}}, func(p Peeked) error {
			if shown = append(shown, string(p.Value)); len(shown) == 1 {
				publish(`{"n":2}`, `{"n":18446744073709551616}`, `{"n":8.5}`)
			} else {
				stop()
			}
			return nil
		})
	if want := []string{`{"n":7}`, `{"n":8.5}`}; err != nil || !slices.Equal(shown, want) {
		t.Errorf("shown %q, %v; want %q", shown, err, want)
	}
	wrong := errors.New("the pipe is closed")
	err = Tail(t.Context(), &Project{missing: ErrNoProject}, Environment{Brokers: cluster.ListenAddrs()}, "orders", TailOptions{From: "start"},
		func(Peeked) error { return wrong })
	if !errors.Is(err, wrong) {
		t.Errorf("where it can't be shown: %v", err)
	}
}
