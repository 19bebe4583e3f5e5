package topics

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Listed is a topic in a list.
type Listed struct {
	Name                 string
	Partitions, Replicas int
	// Records is how many offsets it has between where its partitions begin and end; those that can't be asked for count as none.
	Records int64
}

// List returns all topics that this user may see, by name, without Kafka's own.
func List(ctx context.Context, cl *kgo.Client) ([]Listed, error) {
	admin := kadm.NewClient(cl)
	found, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w%s", err, kafka.Advice(err))
	}
	list, names := make([]Listed, 0, len(found)), found.Names()
	if len(names) == 0 {
		return list, nil
	}
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("ask where topics begin: %w%s", err, kafka.Advice(err))
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("ask where topics end: %w%s", err, kafka.Advice(err))
	}
	for _, t := range found.Sorted() {
		one := Listed{Name: t.Topic, Partitions: len(t.Partitions), Replicas: t.Partitions.NumReplicas()}
		for partition := range t.Partitions {
			start, okStart := starts.Lookup(t.Topic, partition)
			end, okEnd := ends.Lookup(t.Topic, partition)
			if okStart && okEnd && start.Err == nil && end.Err == nil {
				one.Records += end.Offset - start.Offset
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// Names returns the names of all topics that this user may see, sorted, without Kafka's own. It takes one request.
func Names(ctx context.Context, cl *kgo.Client) ([]string, error) {
	found, err := kadm.NewClient(cl).ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w%s", err, kafka.Advice(err))
	}
	return found.Names(), nil
}
