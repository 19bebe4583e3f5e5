package trestle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// commit commits the progress that choose returns, which it calls once, with the outputs of what is done by then: in the transaction under way,
// or without one where there are none. Last steps wait meanwhile. After an error of a transaction all begins again. It needs commitMu.
func (x *transactor) commit(ctx context.Context, choose func() map[topicPartition]progress) error {
	x.mu.Lock()
	all := choose()
	x.open = false
	x.mu.Unlock()
	err := x.commitClosed(ctx, all)
	for err == nil {
		step, again := x.takeAlone()
		x.m.refetch(again)
		if step == nil {
			break
		}
		if err = x.commitClosed(ctx, x.m.queue.uncommitted(x.m.queue.all())); err == nil {
			x.suspects.clear(step.at, step.offset)
		}
	}
	x.mu.Lock()
	x.open = x.failure == nil
	again := x.drain()
	x.mu.Unlock()
	x.m.refetch(again)
	return err
}

// takeAlone takes one of the last steps that are to have a transaction of their own; nil when there is none.
func (x *transactor) takeAlone() (*lastStep, []*partition) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.failure == nil && len(x.alone) > 0 {
		step := x.alone[0]
		x.alone = x.alone[1:]
		t := step.tasks[0]
		switch {
		case x.m.queue.isReleased(t.part):
			step.giveBack(x.m.queue)
		case !x.m.queue.canSay(step.tasks, x.m.notes.room()):
			x.unsaid[t.part] = append(x.unsaid[t.part], step)
		default:
			step.at, step.offset = topicPartition{t.record.Topic, t.record.Partition}, t.record.Offset
			return &step, x.take(step)
		}
	}
	return nil, nil
}

// commitClosed commits while no last step is taken.
func (x *transactor) commitClosed(ctx context.Context, all map[topicPartition]progress) error {
	x.mu.Lock()
	session, failure := x.session, x.failure
	x.mu.Unlock()
	if failure != nil {
		return fmt.Errorf("commit: the transaction has failed: %w", failure)
	}
	transact := session != nil && session.outputs > 0 // nothing changes that now
	err := x.checkSaid(all)
	switch begun := time.Now(); {
	case err != nil:
	case !transact:
		err = x.m.commitOnce(ctx, all)
	default:
		err = x.commitTransaction(ctx, session, all)
		x.m.meter.committed(ctx, begun, err)
	}
	if errors.Is(err, kerr.OffsetMetadataTooLarge) && x.m.notes.shorten() {
		transact = true // less can be done beyond a commit from now on
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err != nil && transact:
		x.fail(err)
	case transact:
		x.failures = 0
		for tp, now := range all {
			if held := x.m.queue.lookup(tp); held != nil {
				x.m.queue.setCommitted(held, now)
			}
		}
	}
	return err
}

// checkSaid fails where a commit would not say all that is done, so that its outputs could be written again.
func (x *transactor) checkSaid(all map[topicPartition]progress) error {
	for tp, now := range all {
		if _, said := x.m.notes.of(tp, now); !said {
			return fmt.Errorf("commit %s/%d: its metadata has no room for all that is done beyond offset %d", tp.topic, tp.id, now.at.Offset)
		}
	}
	return nil
}

// commitTransaction commits a transaction, and begins the next.
func (x *transactor) commitTransaction(ctx context.Context, s *session, all map[topicPartition]progress) error {
	if err := s.client.Flush(ctx); err != nil {
		return fmt.Errorf("publish in a transaction: %w", err)
	}
	if err := x.failed(); err != nil {
		return err
	}
	if len(all) > 0 {
		if err := x.addGroup(ctx, s.client); err != nil {
			return fmt.Errorf("add the group's commit to a transaction: %w%s", err, kafka.AdviceOn("Read", err))
		}
		if err := x.sendOffsets(ctx, s.client, all); err != nil {
			return fmt.Errorf("commit in a transaction: %w%s", err, kafka.AdviceOn("Read", err))
		}
	}
	if err := s.end(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("end a transaction: %w%s", err, kafka.Advice(err))
	}
	if err := s.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s.outputs = 0
	clear(s.taken)
	return nil
}

// end ends the transaction. All of it has been answered.
func (s *session) end(ctx context.Context, how kgo.TransactionEndTry) error {
	return kafka.EndTransaction(ctx, s.client, how, slices.Collect(maps.Values(s.taken)))
}

// addGroup has the transaction have commits of the group.
func (x *transactor) addGroup(ctx context.Context, client *kgo.Client) error {
	return whileUnsettled(ctx, func() error {
		id, epoch, err := client.ProducerID(ctx)
		if err != nil {
			return err
		}
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = x.id, id, epoch, x.m.group
		resp, err := req.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
}

// errNoMember is the error of a commit while the member is not in its group: brokers would take it of an empty group.
var errNoMember = errors.New("the consumer is not a member of its group")

// sendOffsets has positions be committed with the transaction.
func (x *transactor) sendOffsets(ctx context.Context, client *kgo.Client, all map[topicPartition]progress) error {
	return whileUnsettled(ctx, func() error {
		id, epoch, err := client.ProducerID(ctx)
		if err != nil {
			return err
		}
		req := kmsg.NewPtrTxnOffsetCommitRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = x.id, id, epoch, x.m.group
		// Each time anew: a rebalance that takes nothing from this member leaves it in a later generation. While this runs nothing is
		// taken from it, since whoever gives up partitions waits for commitMu.
		if req.MemberID, req.Generation = x.m.client.GroupMetadata(); req.MemberID == "" || req.Generation < 0 {
			return errNoMember
		}
		if x.m.cfg.instanceID != "" {
			req.InstanceID = &x.m.cfg.instanceID
		}
		byTopic := map[string][]kmsg.TxnOffsetCommitRequestTopicPartition{}
		for tp, now := range all {
			one := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			one.Partition, one.Offset, one.LeaderEpoch = tp.id, now.at.Offset, now.at.Epoch
			if metadata, _ := x.m.notes.of(tp, now); metadata != "" {
				one.Metadata = &metadata
			}
			byTopic[tp.topic] = append(byTopic[tp.topic], one)
		}
		for topic, partitions := range byTopic {
			one := kmsg.NewTxnOffsetCommitRequestTopic()
			one.Topic, one.Partitions = topic, partitions
			req.Topics = append(req.Topics, one)
		}
		resp, err := req.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("%s/%d: %w", t.Topic, p.Partition, err)
				}
			}
		}
		return nil
	})
}

// unsettledPatience is for how long a request is made again while the group or the transaction is on its way to another state.
const unsettledPatience = 3 * time.Second

// whileUnsettled calls f again while its error says that the group or the transaction is on its way to another state.
func whileUnsettled(ctx context.Context, f func() error) error {
	backoff := kafka.Backoff{Lowest: 5 * time.Millisecond, Highest: 100 * time.Millisecond}
	begun := time.Now()
	for failures := 1; ; failures++ {
		err := f()
		unsettled := slices.ContainsFunc([]error{
			kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.StaleMemberEpoch, kerr.ConcurrentTransactions,
			kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator,
		}, func(state error) bool { return errors.Is(err, state) })
		if !unsettled || time.Since(begun) > unsettledPatience || kafka.Sleep(ctx, backoff.After(failures)) != nil {
			return err
		}
	}
}
