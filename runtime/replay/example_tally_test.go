package replay_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// Watch how many letters are not resolved, and why.
func ExampleTally() {
	if err := watchOrders(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0 letters
	// 1 letters
	//   1 of HandlerError: order # not found
	// 0 letters
}

func watchOrders(ctx context.Context) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "orders_dlq", replay.ResolutionsTopic))
	if err != nil {
		return err
	}
	defer cluster.Close()
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	r, err := replay.New(conn, replay.Options{})
	if err != nil {
		return err
	}
	filter := replay.Filter{Topics: []string{"orders_dlq"}}
	tally, err := r.Tally(filter)
	if err != nil {
		return err
	}
	look := func() error {
		now, err := tally.Look(ctx)
		if err != nil {
			return err
		}
		fmt.Println(now.Topics["orders_dlq"], "letters")
		for _, c := range now.Causes {
			fmt.Printf("  %d of %v\n", c.Count, c.Cause)
		}
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	if err := writeLetter(conn); err != nil {
		return err
	}
	if err := look(); err != nil {
		return err
	}
	selection, err := r.Select(ctx, filter)
	if err != nil {
		return err
	}
	if _, err := selection.Replay(ctx, replay.ReplayOptions{}); err != nil {
		return err
	}
	return look()
}
