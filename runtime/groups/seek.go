package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Target is where a group is to begin.
type Target struct {
	kind   targetKind
	offset int64
	at     time.Time
}

type targetKind uint8

const (
	toStart targetKind = iota + 1
	toEnd
	toOffset
	toTime
	byShift
)

// ToStart has it begin with the oldest records there are.
func ToStart() Target { return Target{kind: toStart} }

// ToEnd has it begin with what is written from now on.
func ToEnd() Target { return Target{kind: toEnd} }

// ToOffset has it begin at an offset of each partition.
func ToOffset(offset int64) Target { return Target{kind: toOffset, offset: offset} }

// ToTime has it begin with the first record of each partition whose time is not before t; at its end where there is none.
func ToTime(t time.Time) Target { return Target{kind: toTime, at: t} }

// ByShift has it begin n offsets further on than it would, or, where n is negative, further back.
func ByShift(n int64) Target { return Target{kind: byShift, offset: n} }

// Move is what becomes of one partition.
type Move struct {
	Topic     string
	Partition int32
	// From is where the group began until now, -1: nowhere. To is where it begins, within what the log has.
	From, To int64
}

// MembersError says that a group has members: what they have read they would commit over a new position.
type MembersError struct {
	Group   string
	Members []Member
}

// Error implements error.
func (e *MembersError) Error() string {
	names := make([]string, len(e.Members))
	for i, m := range e.Members {
		names[i] = m.ClientID + m.Host
	}
	return fmt.Sprintf("group %s has %d members, which would go on from where they are: stop them first: %s", e.Group, len(e.Members), strings.Join(names, ", "))
}

// Plan says what [Seek] would do, whoever is a member: the group's partitions, those of topics alone where some are named. A topic that the group has
// committed nothing of is taken whole; one that is not there is an error.
func Plan(ctx context.Context, cl *kgo.Client, group string, to Target, topics ...string) ([]Move, error) {
	d, err := read(ctx, cl, group)
	if errors.Is(err, ErrNone) && len(topics) > 0 { // one that is to begin somewhere
		d, err = &described{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", group, err)
	}
	moves, err := plan(ctx, kadm.NewClient(cl), d, to, topics)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", group, err)
	}
	return moves, nil
}

func plan(ctx context.Context, admin *kadm.Client, d *described, to Target, topics []string) ([]Move, error) {
	from := map[topicPartition]int64{}
	for _, p := range d.Partitions {
		from[topicPartition{p.Topic, p.Partition}] = p.Committed
	}
	if len(topics) == 0 {
		for _, p := range d.Partitions {
			topics = append(topics, p.Topic)
		}
		topics = slices.Compact(topics)
	}
	starts, ends, err := bounds(ctx, admin, topics)
	if err != nil {
		return nil, err
	}
	var times kadm.ListedOffsets
	if to.kind == toTime && len(topics) > 0 {
		if times, err = admin.ListOffsetsAfterMilli(ctx, to.at.UnixMilli(), topics...); err != nil {
			return nil, fmt.Errorf("ask for offsets at %v: %w%s", to.at, err, kafka.AdviceOn("Describe", err))
		}
	}
	var moves []Move
	for _, topic := range topics {
		if _, ok := starts[topic]; !ok {
			return nil, fmt.Errorf("topic %s: %w%s", topic, kerr.UnknownTopicOrPartition, kafka.Advice(kerr.UnknownTopicOrPartition))
		}
	}
	for _, start := range sorted(starts) {
		if start.Err != nil {
			return nil, fmt.Errorf("%s/%d: %w%s", start.Topic, start.Partition, start.Err, kafka.AdviceOn("Describe", start.Err))
		}
		end, ok := ends.Lookup(start.Topic, start.Partition)
		if !ok || end.Err != nil {
			return nil, fmt.Errorf("%s/%d: where it ends is not known: %w", start.Topic, start.Partition, end.Err)
		}
		move := Move{Topic: start.Topic, Partition: start.Partition, From: -1}
		if at, ok := from[topicPartition{start.Topic, start.Partition}]; ok {
			move.From = at
		}
		move.To = end.Offset
		switch to.kind {
		case toStart:
			move.To = start.Offset
		case toEnd:
		case toOffset:
			move.To = to.offset
		case toTime:
			if at, ok := times.Lookup(start.Topic, start.Partition); ok && at.Err == nil && at.Offset >= 0 {
				move.To = at.Offset
			}
		case byShift:
			if move.From < 0 { // it would begin at the start
				move.To = start.Offset + to.offset
			} else {
				move.To = move.From + to.offset
			}
		default:
			return nil, errors.New("no target given")
		}
		move.To = min(max(move.To, start.Offset), end.Offset)
		moves = append(moves, move)
	}
	return moves, nil
}

func sorted(listed kadm.ListedOffsets) []kadm.ListedOffset {
	var all []kadm.ListedOffset
	listed.Each(func(o kadm.ListedOffset) { all = append(all, o) })
	slices.SortFunc(all, func(a, b kadm.ListedOffset) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return int(a.Partition) - int(b.Partition)
	})
	return all
}

// Seek has a group begin where a plan says. It fails with a [MembersError], and changes nothing, while the group has members; one that does not exist is made.
// A partition that the group had progress in beyond its commit has that no more.
func Seek(ctx context.Context, cl *kgo.Client, group string, moves []Move) error {
	admin := kadm.NewClient(cl)
	all, err := describe(ctx, admin, []string{group})
	if err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	if d := all[group]; d != nil && len(d.Members) > 0 {
		return &MembersError{group, d.Members}
	}
	offsets := kadm.Offsets{}
	for _, m := range moves {
		offsets.AddOffset(m.Topic, m.Partition, m.To, -1)
	}
	if len(offsets) == 0 {
		return nil
	}
	if err := admin.CommitAllOffsets(ctx, group, offsets); err != nil {
		if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.StaleMemberEpoch) {
			err = fmt.Errorf("a member joined meanwhile: %w", err)
		}
		return fmt.Errorf("group %s: commit: %w%s", group, err, kafka.AdviceOn("Read", err))
	}
	return nil
}

// Delete deletes a group, and what it has committed. It fails with a [MembersError], and deletes nothing, while it has members, and with [ErrNone] where there is
// none.
func Delete(ctx context.Context, cl *kgo.Client, group string) error {
	admin := kadm.NewClient(cl)
	all, err := describe(ctx, admin, []string{group})
	if err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	d := all[group]
	switch {
	case d == nil:
		return fmt.Errorf("group %s: %w", group, ErrNone)
	case len(d.Members) > 0:
		return &MembersError{group, d.Members}
	}
	if _, err := admin.DeleteGroup(ctx, group); err != nil {
		return fmt.Errorf("delete group %s: %w%s", group, err, kafka.AdviceOn("Delete", err))
	}
	return nil
}
