package replay_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// Look at letters, purge one that nobody needs, and read what became of it.
func ExampleSelection_Purge() {
	if err := purgeOrder(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// orders_dlq/0/0: order 81 not found
	// 1 would be purged
	// 1 purged
	// 0 are left
	// orders_dlq/0/0 was purged by alice
}

func purgeOrder(ctx context.Context) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "orders_dlq", replay.ResolutionsTopic))
	if err != nil {
		return err
	}
	defer cluster.Close()
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	if err := writeLetter(conn); err != nil {
		return err
	}

	r, err := replay.New(conn, replay.Options{By: "alice"})
	if err != nil {
		return err
	}
	at, err := replay.ParsePosition("orders_dlq/0/0")
	if err != nil {
		return err
	}
	selection, err := r.Select(ctx, replay.Filter{Positions: []replay.Position{at}})
	if err != nil {
		return err
	}
	for letter, err := range selection.Letters(ctx) { // All has those that are resolved, too
		if err != nil {
			return err
		}
		fmt.Printf("%v: %s\n", letter.Position, letter.Dead.Error.Message)
	}
	planned, err := selection.PlanPurge(ctx)
	if err != nil {
		return err
	}
	fmt.Println(planned.Selected, "would be purged")
	counts, err := selection.Purge(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Println(counts.Done, "purged")
	left := 0
	for _, err := range selection.Letters(ctx) {
		if err != nil {
			return err
		}
		left++
	}
	fmt.Println(left, "are left")

	for record, err := range kafka.Scan(ctx, conn, []string{replay.ResolutionsTopic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			return err
		}
		if letter, _, resolution, ok := replay.ReadResolution(record); ok && resolution != nil {
			fmt.Println(letter, "was", resolution.Kind, "by", resolution.By)
		}
	}
	return nil
}

// All are the letters of a selection with what became of them.
func ExampleSelection_All() {
	if err := listOrders(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// orders_dlq/0/0 is resolved: false
	// orders_dlq/0/0 is resolved: true
}

func listOrders(ctx context.Context) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "orders_dlq", replay.ResolutionsTopic))
	if err != nil {
		return err
	}
	defer cluster.Close()
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	if err := writeLetter(conn); err != nil {
		return err
	}
	r, err := replay.New(conn, replay.Options{})
	if err != nil {
		return err
	}
	selection, err := r.Select(ctx, replay.Filter{Topics: []string{"orders_dlq"}})
	if err != nil {
		return err
	}
	list := func() error {
		for letter, err := range selection.All(ctx) {
			if err != nil {
				return err
			}
			fmt.Println(letter.Position, "is resolved:", letter.Resolution != nil)
		}
		return nil
	}
	if err := list(); err != nil {
		return err
	}
	if _, err := selection.Replay(ctx, replay.ReplayOptions{}); err != nil {
		return err
	}
	return list()
}

// Letters that differ by their events alone have one cause.
func ExampleNormalMessage() {
	fmt.Println(replay.NormalMessage("order 81 of 'alice' not found"))
	fmt.Println(replay.NormalMessage("order 82 of 'bob' not found"))
	// Output:
	// order # of "…" not found
	// order # of "…" not found
}

// What a cluster needs for replays: the topic that says what is resolved, and the right to a transactional id a dead-letter topic.
func ExampleSpec() {
	spec := replay.Spec("production."+replay.ResolutionsTopic, 3)
	fmt.Println(spec.Name, spec.Partitions, spec.Config["cleanup.policy"])
	fmt.Println(replay.TransactionalID("production.orders_dlq"))
	// Output:
	// production.trestle_resolutions_v1 1 compact
	// trestle-replay-production.orders_dlq
}
