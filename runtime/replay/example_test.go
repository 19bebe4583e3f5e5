package replay_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

func Example() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "orders_dlq", replay.ResolutionsTopic))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	if err := writeLetter(conn); err != nil {
		fmt.Println(err)
		return
	}
	if err := replayOrders(context.Background(), conn); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 of 1 would be replayed: HandlerError: order # not found
	// 1 replayed
	// 0 unresolved
}

func replayOrders(ctx context.Context, conn kafka.Connection) error {
	r, err := replay.New(conn, replay.Options{By: "alice"})
	if err != nil {
		return err
	}
	selection, err := r.Select(ctx, replay.Filter{Topics: []string{"orders_dlq"}, Groups: []string{"billing"}})
	if err != nil {
		return err
	}
	plan, err := selection.Plan(ctx, replay.ReplayOptions{})
	if err != nil {
		return err
	}
	fmt.Println(plan.Selected-plan.Skipped, "of", plan.Selected, "would be replayed:", plan.Causes[0])
	counts, err := selection.Replay(ctx, replay.ReplayOptions{Rate: 100})
	if err != nil {
		return err
	}
	fmt.Println(counts.Done, "replayed")
	stats, err := selection.Stats(ctx)
	if err != nil {
		return err
	}
	fmt.Println(stats.Unresolved, "unresolved")
	return nil
}

// writeLetter writes what a consumer of the group billing does when its handler fails.
func writeLetter(conn kafka.Connection) error {
	client, err := conn.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	d := deadletter.DeadLetter{
		Original:    deadletter.Original{Key: []byte("ord_81"), Value: []byte(`{"event_type":"OrderPlaced"}`), Partition: 0, Offset: 7},
		Error:       deadletter.Error{Type: "HandlerError", Message: "order 81 not found"},
		SourceTopic: "orders", ConsumerGroup: "billing",
	}
	return client.ProduceSync(context.Background(), kafka.ToClient(&kafka.Record{
		Topic: "orders_dlq", Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers(),
	})).FirstErr()
}
