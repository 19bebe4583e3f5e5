package trestle

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// assignments are the partitions that the group has given to a member, whether it has them in its queue or is to begin again with them.
type assignments map[topicPartition]bool

func (m *member) noteAssigned(added map[string][]int32) {
	m.assignedMu.Lock()
	defer m.assignedMu.Unlock()
	for tp := range eachPartition(added) {
		m.assignments[tp] = true
	}
}

func (m *member) noteGone(gone map[string][]int32) {
	m.assignedMu.Lock()
	defer m.assignedMu.Unlock()
	for tp := range eachPartition(gone) {
		delete(m.assignments, tp)
	}
}

// dropped are the assignments that are to begin again.
func (m *member) dropped() []topicPartition {
	m.assignedMu.Lock()
	defer m.assignedMu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Keys(m.assignments)), func(tp topicPartition) bool { return m.queue.lookup(tp) != nil })
}

// beginTransactions makes the first client for transactions, however long the cluster is away. An error is one that trying on cannot help.
func (m *member) beginTransactions(ctx context.Context) error {
	if m.transactions == nil {
		return nil
	}
	for failures := 1; ; failures++ {
		err := m.transactions.begin(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			m.transactions.resume()
			return nil
		case isHopeless(err):
			return err
		}
		m.limited.Warn("transactions could not begin, will be tried again", "error", err, "group", m.group)
		if kafka.Sleep(ctx, m.cfg.backoff.After(failures)) != nil {
			return nil
		}
	}
}

// beginAgain has the partitions begin again from what is committed that a transaction which failed has had given up. It is the polling
// goroutine's. An error is one that trying on cannot help.
func (m *member) beginAgain(ctx context.Context) error {
	x := m.transactions // may be nil
	cause := x.failed()
	if cause == nil {
		return nil
	}
	m.client.AllowRebalance()
	m.limited.Warn("transaction failed: what was done since the last commit begins again", "error", cause, "group", m.group)
	if isHopeless(cause) {
		return cause
	}
	m.abort()
	m.awaitCommit() // it has the client; those that come now find that the transaction has failed
	m.refetch(x.takeDropped())
	// Handlers of before are not to run beside those that come now, as long as they heed their contexts.
	quiet, cancel := context.WithTimeout(ctx, handlerGrace)
	_ = m.queue.awaitQuiet(quiet)
	cancel()
	for {
		if kafka.Sleep(ctx, m.cfg.backoff.After(x.failuresInARow())) != nil {
			return nil
		}
		err := x.begin(ctx)
		if err == nil {
			err = m.placeAgain(ctx)
			if err == nil {
				x.resume()
			}
			m.client.AllowRebalance()
		}
		switch {
		case ctx.Err() != nil || err == nil:
			return nil
		case isHopeless(err):
			return err
		}
		x.failedAgain()
		m.limited.Warn("partitions could not begin again after a transaction failed, will be tried again", "error", err, "group", m.group)
	}
}

// isHopeless says that trying again can't help, until somebody changes something.
func isHopeless(err error) bool {
	return kafka.Classify(err) == kafka.Fatal && !kafka.IsAboutTopic(err) || isA[*otherClusterError](err)
}

// placeAgain has the partitions that were given up be read from what is committed. Until the client is allowed to rebalance, none is taken from
// the member.
func (m *member) placeAgain(ctx context.Context) error {
	m.holdUpRebalances(ctx)
	dropped := m.dropped()
	if len(dropped) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	// Stable ones: the transaction that has failed may have been committed, and brokers may not have come to the end of that.
	commits, err := kadm.NewClient(m.client).FetchOffsets(kadm.RequireStable(ctx), m.group)
	if err != nil {
		return fmt.Errorf("find where to begin again: %w", err)
	}
	offsets := map[string]map[int32]kgo.Offset{}
	for _, tp := range dropped {
		commit, ok := commits.Lookup(tp.topic, tp.id)
		if commit.Err != nil {
			return fmt.Errorf("find where %s/%d begins again: %w", tp.topic, tp.id, commit.Err)
		}
		at := kgo.NewOffset().At(-1)
		if ok {
			at = kgo.NewOffset().At(commit.At).WithEpoch(commit.LeaderEpoch)
		}
		if offsets[tp.topic] == nil {
			offsets[tp.topic] = map[int32]kgo.Offset{}
		}
		offsets[tp.topic][tp.id] = at
	}
	var parts []*partition
	for _, tp := range dropped {
		parts = append(parts, m.queue.open(m.ctx, tp))
	}
	places, err := m.placeStarts(ctx, offsets)
	to := map[string]map[int32]kgo.EpochOffset{}
	for topic, partitions := range places {
		to[topic] = map[int32]kgo.EpochOffset{}
		for id, place := range partitions {
			if to[topic][id] = place.EpochOffset(); place.EpochOffset().Offset < 0 && err == nil {
				err = fmt.Errorf("find where %s/%d begins again: its log can't be found", topic, id)
			}
		}
	}
	if err != nil {
		m.queue.release(errBeginAgain, parts)
		return err
	}
	m.client.SetOffsets(to)
	m.refetch(parts)
	return nil
}
