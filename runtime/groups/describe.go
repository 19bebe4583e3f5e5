package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Group is a group of the cluster.
type Group struct {
	Name    string
	State   string // as brokers name it: Empty, Stable, PreparingRebalance, …
	Members int
}

// Description is what a group has read, and who reads for it.
type Description struct {
	Name, State string
	Members     []Member
	// Partitions are those that the group has committed, or that a member has, by topic and number.
	Partitions []Partition
}

// Member is one that reads for a group.
type Member struct {
	ID       string
	ClientID string
	Host     string
}

// Partition is what a group has read of a partition.
type Partition struct {
	Topic     string
	Partition int32
	// Committed is the offset that the group begins at; -1: it has committed none.
	Committed int64
	// Start and End are where the log begins, and ends for who reads what is committed; -1: it is not there any more.
	Start, End int64
	// Lag is how many offsets lie from where the group begins to the end; without a commit from the log's start. What is neither there nor committed has none.
	Lag int64
	// LagTime is how old the first record is that the group has not read; 0: there is none.
	LagTime time.Duration
	// Member is the client that has the partition; empty: none.
	Member string
}

// Lag is that of all partitions.
func (d *Description) Lag() int64 {
	var sum int64
	for _, p := range d.Partitions {
		sum += p.Lag
	}
	return sum
}

// LagTime is the longest of all partitions.
func (d *Description) LagTime() time.Duration {
	var longest time.Duration
	for _, p := range d.Partitions {
		longest = max(longest, p.LagTime)
	}
	return longest
}

// ErrNone says that there is no such group.
var ErrNone = errors.New("there is no such group")

// List returns the cluster's consumer groups by name, those without members too. Brokers leave out those that this user may not Describe; of groups that are
// named, that is an error. Where a broker does not answer, the error says so and the others' groups
// are returned.
func List(ctx context.Context, cl *kgo.Client, named ...string) ([]Group, error) {
	admin := kadm.NewClient(cl)
	listed, listErr := admin.ListGroups(ctx)
	if listErr != nil {
		listErr = fmt.Errorf("list groups: %w", listErr)
	}
	var names []string
	for _, g := range listed.Sorted() {
		if g.ProtocolType == "consumer" || g.ProtocolType == "" {
			names = append(names, g.Group)
		}
	}
	for _, name := range named {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	described, err := describe(ctx, admin, names)
	if err != nil {
		return nil, errors.Join(listErr, err)
	}
	var all []Group
	for _, name := range names {
		if d := described[name]; d != nil {
			all = append(all, Group{name, d.State, len(d.Members)})
		} else if g, ok := listed[name]; ok {
			all = append(all, Group{name, g.State, 0})
		}
	}
	return all, listErr
}

// described is a group with what its members have.
type described struct {
	Description
	holders map[topicPartition]string
}

type topicPartition struct {
	topic     string
	partition int32
}

// describe asks for groups by the protocol of KIP-848 first, and for those that know only the other by that. Those that do not exist are left out.
func describe(ctx context.Context, admin *kadm.Client, names []string) (map[string]*described, error) {
	all := map[string]*described{}
	if len(names) == 0 {
		return all, nil
	}
	var newer kadm.DescribedConsumerGroups
	err := again(ctx, func() (err error) {
		newer, err = admin.DescribeConsumerGroups(ctx, names...)
		return err
	})
	if err != nil && !errors.Is(err, kerr.UnsupportedVersion) && len(newer) == 0 && !isUnknownRequest(err) {
		return nil, fmt.Errorf("describe groups: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	var classic []string
	for _, name := range names {
		g, ok := newer[name]
		if !ok || g.Err != nil {
			classic = append(classic, name)
			continue
		}
		d := &described{Description{Name: name, State: g.State}, map[topicPartition]string{}}
		for _, m := range g.Members {
			d.Members = append(d.Members, Member{m.MemberID, m.ClientID, m.ClientHost})
			d.hold(m.Assignment, cmp.Or(m.ClientID, m.MemberID))
		}
		all[name] = d
	}
	if len(classic) == 0 {
		return all, nil
	}
	var older kadm.DescribedGroups
	err = again(ctx, func() (err error) {
		older, err = admin.DescribeGroups(ctx, classic...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("describe groups: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	for name, g := range older {
		switch {
		case errors.Is(g.Err, kerr.GroupIDNotFound), g.Err == nil && g.State == "Dead":
			continue
		case g.Err != nil:
			return nil, fmt.Errorf("describe group %s: %w%s", name, g.Err, kafka.AdviceOn("Describe", g.Err))
		}
		d := &described{Description{Name: name, State: g.State}, map[topicPartition]string{}}
		for _, m := range g.Members {
			d.Members = append(d.Members, Member{m.MemberID, m.ClientID, m.ClientHost})
			if assigned, ok := m.Assigned.AsConsumer(); ok {
				set := kadm.TopicsSet{}
				for _, t := range assigned.Topics {
					set.Add(t.Topic, t.Partitions...)
				}
				d.hold(set, cmp.Or(m.ClientID, m.MemberID))
			}
		}
		all[name] = d
	}
	return all, nil
}

// again asks anew while what is in the way passes by itself.
func again(ctx context.Context, ask func() error) error {
	return kafka.AskAgain(ctx, ask, func(err error) bool {
		shards, ok := errors.AsType[*kadm.ShardErrors](err)
		return ok && len(shards.Errs) > 0 && kafka.Classify(shards.Errs[0].Err) == kafka.Retriable
	})
}

// isUnknownRequest says that the cluster is older than a request.
func isUnknownRequest(err error) bool {
	shards, ok := errors.AsType[*kadm.ShardErrors](err)
	if !ok {
		return false
	}
	for _, shard := range shards.Errs {
		if !errors.Is(shard.Err, kerr.UnsupportedVersion) && !errors.Is(shard.Err, kerr.GroupIDNotFound) {
			return false
		}
	}
	return true
}

func (d *described) hold(set kadm.TopicsSet, member string) {
	set.Each(func(topic string, partition int32) {
		if topic != "" { // a broker need not know the name of one that was deleted
			d.holders[topicPartition{topic, partition}] = member
		}
	})
}

// Describe returns what a group has read, and who reads for it; [ErrNone] where there is none of the name. It looks at the first record that the group
// has not read of each partition, to say how old that is.
func Describe(ctx context.Context, cl *kgo.Client, group string) (*Description, error) {
	d, err := read(ctx, cl, group)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", group, err)
	}
	limits := kafka.NewLimits(nil)
	for i := range d.Partitions {
		p := &d.Partitions[i]
		if p.Lag == 0 {
			continue
		}
		first, _, err := kafka.NextRecord(ctx, cl, limits, p.Topic, p.Partition, max(p.Committed, p.Start))
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange): // the log was cut meanwhile
		case err != nil:
			return nil, fmt.Errorf("group %s: look at %s/%d@%d: %w%s", group, p.Topic, p.Partition, max(p.Committed, p.Start), err, kafka.AdviceOn("Read", err))
		case first != nil:
			p.LagTime = max(0, time.Since(first.Timestamp))
		}
	}
	return &d.Description, nil
}

// read returns what a group has read, without how old what is next is.
func read(ctx context.Context, cl *kgo.Client, group string) (*described, error) {
	admin := kadm.NewClient(cl)
	all, err := describe(ctx, admin, []string{group})
	if err != nil {
		return nil, err
	}
	d := all[group]
	if d == nil {
		return nil, ErrNone
	}
	committed, err := admin.FetchOffsets(ctx, group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("ask what it has committed: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	places := map[topicPartition]int64{}
	for p := range d.holders {
		places[p] = -1
	}
	committed.Each(func(o kadm.OffsetResponse) { places[topicPartition{o.Topic, o.Partition}] = o.At })
	topics := map[string]bool{}
	for p := range places {
		topics[p.topic] = true
	}
	starts, ends, err := bounds(ctx, admin, slices.Sorted(maps.Keys(topics)))
	if err != nil {
		return nil, err
	}
	for p, at := range places {
		one := Partition{Topic: p.topic, Partition: p.partition, Committed: at, Start: -1, End: -1, Member: d.holders[p]}
		if start, ok := starts.Lookup(p.topic, p.partition); ok && start.Err == nil {
			one.Start = start.Offset
		}
		if end, ok := ends.Lookup(p.topic, p.partition); ok && end.Err == nil {
			one.End = end.Offset
			one.Lag = max(0, end.Offset-max(at, one.Start))
		}
		d.Partitions = append(d.Partitions, one)
	}
	slices.SortFunc(d.Partitions, func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return d, nil
}

// bounds returns where topics begin and end. What is not there any more has an error of its own.
func bounds(ctx context.Context, admin *kadm.Client, topics []string) (starts, ends kadm.ListedOffsets, err error) {
	if len(topics) == 0 {
		return nil, nil, nil
	}
	if starts, err = admin.ListStartOffsets(ctx, topics...); err != nil {
		return nil, nil, fmt.Errorf("ask where topics begin: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	if ends, err = admin.ListCommittedOffsets(ctx, topics...); err != nil {
		return nil, nil, fmt.Errorf("ask where topics end: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	for _, listed := range []kadm.ListedOffsets{starts, ends} {
		for _, o := range sorted(listed) {
			if kafka.IsUnauthorised(o.Err) { // it is there, and nobody knows how far behind the group is
				return nil, nil, fmt.Errorf("topic %s: %w%s", o.Topic, o.Err, kafka.AdviceOn("Describe", o.Err))
			}
		}
	}
	return starts, ends, nil
}

// Readers returns the groups that have committed offsets of a topic, by name.
func Readers(ctx context.Context, cl *kgo.Client, topic string) ([]string, error) {
	all, err := List(ctx, cl)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	names := make([]string, len(all))
	for i, g := range all {
		names[i] = g.Name
	}
	var readers []string
	for _, answer := range kadm.NewClient(cl).FetchManyOffsets(ctx, names...) {
		if answer.Err != nil {
			return nil, fmt.Errorf("group %s: ask what it has committed: %w%s", answer.Group, answer.Err, kafka.AdviceOn("Describe", answer.Err))
		}
		if len(answer.Fetched[topic]) > 0 {
			readers = append(readers, answer.Group)
		}
	}
	slices.Sort(readers)
	return readers, nil
}
