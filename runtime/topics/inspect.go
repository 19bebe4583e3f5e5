package topics

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// Description is a topic as the cluster has it.
type Description struct {
	Name       string
	ID         string // as a UUID; empty: the brokers give none
	Partitions []PartitionState
	// Config has all settings, Set the names of those that are the topic's own and not the cluster's.
	Config map[string]string
	Set    map[string]bool
}

// PartitionState is a partition as its leader has it.
type PartitionState struct {
	Partition        int32
	Leader           int32 // -1: none
	Replicas, InSync []int32
	// Start and End are the offsets where the log begins, and ends for who reads what is committed; -1: not known.
	Start, End int64
	// Bytes are those of the leader's log on its disk; -1: not known, as who asks may not see disks.
	Bytes int64
	// Rate is how many records a second came in the last minute.
	Rate float64
}

// rateOver is the time that rates are counted over.
const rateOver = time.Minute

// Describe asks for all that the cluster knows of a topic.
func Describe(ctx context.Context, cl *kgo.Client, name string) (*Description, error) {
	admin := kadm.NewClient(cl)
	found, err := admin.ListTopicsWithInternal(ctx, name)
	if err == nil {
		err = found[name].Err
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w%s", name, err, kafka.AdviceOn("Describe", err))
	}
	d := &Description{Name: name, Config: map[string]string{}, Set: map[string]bool{}}
	if id := found[name].ID; id != (kadm.TopicID{}) {
		d.ID = kafka.TopicIDText(id)
	}
	starts, err := admin.ListStartOffsets(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("topic %s: ask where it begins: %w%s", name, err, kafka.AdviceOn("Describe", err))
	}
	ends, err := admin.ListCommittedOffsets(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("topic %s: ask where it ends: %w%s", name, err, kafka.AdviceOn("Describe", err))
	}
	recent, err := admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-rateOver).UnixMilli(), name)
	if err != nil {
		return nil, fmt.Errorf("topic %s: ask what came lately: %w%s", name, err, kafka.AdviceOn("Describe", err))
	}
	disks, err := admin.DescribeAllLogDirs(ctx, found.TopicsSet())
	if err != nil {
		disks = nil // who may not see them sees the rest
	}
	for _, p := range found[name].Partitions.Sorted() {
		one := PartitionState{Partition: p.Partition, Leader: p.Leader, Replicas: p.Replicas, InSync: p.ISR, Start: -1, End: -1, Bytes: -1}
		if o, ok := starts.Lookup(name, p.Partition); ok && o.Err == nil {
			one.Start = o.Offset
		}
		if o, ok := ends.Lookup(name, p.Partition); ok && o.Err == nil {
			one.End = o.Offset
		}
		if o, ok := recent.Lookup(name, p.Partition); ok && o.Err == nil && o.Offset >= 0 && one.End > o.Offset {
			one.Rate = float64(one.End-o.Offset) / rateOver.Seconds()
		}
		if at, ok := disks[p.Leader].LookupPartition(name, p.Partition); ok {
			one.Bytes = at.Size
		}
		d.Partitions = append(d.Partitions, one)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, name)
	if err == nil && len(configs) == 1 {
		err = configs[0].Err
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: ask for its settings: %w%s", name, err, kafka.AdviceOn("DescribeConfigs", err))
	}
	for _, c := range configs[0].Configs {
		if c.Value != nil {
			d.Config[c.Key] = *c.Value
			d.Set[c.Key] = c.Source == kmsg.ConfigSourceDynamicTopicConfig
		}
	}
	return d, nil
}

// Records is how many offsets the topic has between where its partitions begin and end.
func (d *Description) Records() int64 {
	var sum int64
	for _, p := range d.Partitions {
		if p.Start >= 0 && p.End >= 0 {
			sum += p.End - p.Start
		}
	}
	return sum
}

// OffsetsAt returns, by partition, the offset of the first record whose time is not before t; the end where there is none.
func OffsetsAt(ctx context.Context, cl *kgo.Client, name string, t time.Time) (map[int32]int64, error) {
	listed, err := kadm.NewClient(cl).ListOffsetsAfterMilli(ctx, t.UnixMilli(), name)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: ask for offsets at %v: %w%s", name, t, err, kafka.AdviceOn("Describe", err))
	}
	all := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { all[o.Partition] = o.Offset })
	return all, nil
}

// Delete deletes a topic with all that is in it. It returns once no broker shows it any more.
func Delete(ctx context.Context, cl *kgo.Client, name string) error {
	if _, err := kadm.NewClient(cl).DeleteTopic(ctx, name); err != nil {
		return fmt.Errorf("delete topic %s: %w%s", name, err, kafka.AdviceOn("Delete", err))
	}
	err := kafka.AwaitBrokers(ctx, cl, func(ctx context.Context, id int32, broker *kgo.Broker) error {
		found, err := describePartitions(ctx, broker, []string{name})
		if err != nil {
			return fmt.Errorf("whether broker %d shows it is not known: %w", id, err)
		}
		if len(found) > 0 {
			return fmt.Errorf("broker %d shows it still", id)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("topic %s is deleted, but %w", name, err)
	}
	return nil
}
