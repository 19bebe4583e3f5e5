package trestle

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// member is a consumer's part in its group, from joining to leaving: which partitions it holds, what of them is
// fetched into the queue, what is committed.
type member struct {
	cfg     *consumerConfig
	group   string
	meter   *consumerMeter
	queue   *keyQueue
	workers sync.WaitGroup
	notes   commitNotes
	limits  *kafka.Limits
	// refusals takes the first: brokers don't let the consumer in.
	refusals   chan *RefusedError
	client     *kgo.Client
	disconnect context.CancelFunc // ends all that the client asks of brokers
	joined     chan struct{}      // closed once client is set; callbacks may come before
	ctx        context.Context    // handlers' contexts descend from it
	pending    *pendingReader     // of what holds keys; nil: nothing does
	// produce writes a dead letter: the client's TryProduce, but in a rehearsal.
	produce func(ctx context.Context, letter *kgo.Record, written func(*kgo.Record, error))
	// transactions has what handlers publish go with the commits; nil: it does not.
	transactions *transactor
	rehearsed    bool // nothing is committed
	assignedMu   sync.Mutex
	assignments  assignments

	// commitMu is held from choosing positions until they are committed, so that none is committed for a partition
	// that has been let go: its next owner may have committed more.
	commitMu    sync.Mutex
	abortCommit atomic.Pointer[context.CancelFunc] // of the periodic commit under way

	fetchMu    sync.Mutex    // orders pausing and resuming
	commitSoon chan struct{} // before the interval is over
	leaving    atomic.Bool

	limited  *slog.Logger          // for what may be said again and again
	assigned atomic.Bool           // the group has told it what it gets, if anything
	lastErr  atomic.Pointer[error] // why it is not in its group
}

var (
	errRevoked = errors.New("partition went to another member of the group")
	errLost    = errors.New("partition was lost: the group went on without this member")
	errLeaving = errors.New("consumer is shutting down")
)

// commitTimeout bounds a commit that others wait for.
const commitTimeout = 10 * time.Second

// newMember returns a member of a group, which joins it when it polls.
func newMember(ctx context.Context, cfg *consumerConfig, group string, meter *consumerMeter, limits *kafka.Limits) (*member, error) {
	m := &member{
		cfg:        cfg,
		group:      group,
		meter:      meter,
		queue:      newKeyQueue(cfg.queueLimits()),
		notes:      commitNotes{byTopic: map[string]commitNote{}, limit: maxCommitMetadata},
		limits:     limits,
		refusals:   make(chan *RefusedError, 1),
		joined:     make(chan struct{}),
		ctx:        ctx,
		commitSoon: make(chan struct{}, 1),

		assignments: assignments{},
	}
	m.transactions = newTransactor(m)
	var clientCtx context.Context
	clientCtx, m.disconnect = context.WithCancel(ctx)
	client, err := cfg.kafka.Client(append(cfg.clientOptions(group),
		kgo.WithContext(clientCtx),
		kgo.WithDecompressor(limits),
		kgo.OnPartitionsAssigned(m.onAssigned),
		kgo.OnPartitionsRevoked(m.onRevoked),
		kgo.OnPartitionsLost(m.onLost),
		kgo.AdjustFetchOffsetsFn(m.placeStarts),
		kgo.WithHooks(&connections{refused: m.refused}, groupErrors{m}),
	)...)
	if err != nil {
		m.disconnect()
		return nil, err
	}
	m.client, m.produce, m.limited = client, client.TryProduce, kafka.LimitLog(client, cfg.logger)
	limits.HoldTo(client)
	close(m.joined)
	return m, nil
}

func (m *member) onAssigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	if m.leaving.Load() {
		return
	}
	m.noteAssigned(added)
	for tp := range eachPartition(added) {
		m.queue.open(m.ctx, tp)
	}
	m.assigned.Store(true)
	m.lastErr.Store(nil)
	m.logPartitions("partitions assigned", added)
}

func (m *member) onRevoked(ctx context.Context, _ *kgo.Client, revoked map[string][]int32) {
	<-m.joined
	m.noteGone(revoked)
	parts := m.held(revoked)
	if len(parts) == 0 {
		return
	}
	m.logPartitions("partitions revoked", revoked)
	if err := m.letGo(ctx, parts, min(m.cfg.drainTimeout, m.cfg.rebalanceTimeout/2), errRevoked); err != nil {
		m.cfg.logger.Warn("partitions given up with unfinished or uncommitted records, which will be handled again",
			"error", err)
	}
}

func (m *member) onLost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	<-m.joined
	m.assigned.Store(false)
	m.noteGone(lost)
	parts := m.held(lost)
	m.queue.release(errLost, parts)
	m.transactions.lost()
	m.abort() // it would be made in a group that has moved on
	m.awaitCommit()
	m.refetch(parts)
	if len(parts) > 0 {
		m.logPartitions("partitions lost", lost)
	}
}

// groupErrors is a hook of the client: it notes why the member is not in its group.
type groupErrors struct{ *member }

// OnGroupManageError implements [kgo.HookGroupManageError].
func (g groupErrors) OnGroupManageError(err error) { g.lastErr.Store(&err) }

// awaitCommit waits until no commit is under way.
func (m *member) awaitCommit() {
	m.commitMu.Lock()
	defer m.commitMu.Unlock()
}

// letGo finishes what has been started of partitions within a limit, commits it, and gives them up.
func (m *member) letGo(ctx context.Context, parts []*partition, limit time.Duration, cause error) error {
	m.queue.drain(parts)
	m.cfg.logger.Debug("finishing what has started", "partitions", len(parts))
	waitCtx, cancel := context.WithTimeout(ctx, limit)
	unfinished := m.queue.awaitIdle(waitCtx, parts)
	cancel()
	if unfinished != nil {
		unfinished = fmt.Errorf("unfinished after %v: %s", limit, m.queue.unfinished(parts))
	}
	m.commitMu.Lock()
	defer m.commitMu.Unlock()
	commitCtx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if m.transactions != nil { // which has what others have done, too
		err := m.transactions.commit(commitCtx, func() map[topicPartition]progress {
			defer m.queue.release(cause, parts)
			return m.queue.uncommitted(m.queue.all())
		})
		m.refetch(parts)
		return errors.Join(unfinished, err)
	}
	positions := m.queue.uncommitted(parts)
	m.queue.release(cause, parts)
	m.refetch(parts)
	return errors.Join(unfinished, m.commit(commitCtx, positions))
}

// commitEvery commits what is done from time to time, until ctx ends. A commit under way is not cut off then: it could
// reach the broker after the last one.
func (m *member) commitEvery(ctx context.Context) {
	ticker := time.NewTicker(m.cfg.commitInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-m.commitSoon:
		}
		if m.transactions.failed() != nil {
			continue // what is to be committed begins again
		}
		if err := m.commitDone(context.WithoutCancel(ctx)); err != nil && ctx.Err() == nil {
			m.limited.Warn("commit failed, will be tried again", "error", err)
		}
	}
}

func (m *member) commitDone(ctx context.Context) error {
	m.commitMu.Lock()
	defer m.commitMu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	m.abortCommit.Store(&cancel) // before positions are chosen: see onLost
	defer m.abortCommit.Store(nil)
	choose := func() map[topicPartition]progress { return m.queue.uncommitted(m.queue.all()) }
	if m.transactions != nil {
		return m.transactions.commit(ctx, choose)
	}
	return m.commit(ctx, choose())
}

// commitNow has what is done be committed before the interval is over.
func (m *member) commitNow() {
	select {
	case m.commitSoon <- struct{}{}:
	default:
	}
}

// done counts a record as done, once its last step can be taken.
func (m *member) done(t *task) {
	if m.transactions != nil {
		m.transactions.complete([]*task{t})
		return
	}
	m.refetch(m.queue.done(t))
}

// commit needs commitMu.
func (m *member) commit(ctx context.Context, all map[topicPartition]progress) error {
	for {
		err := m.commitOnce(ctx, all)
		if !errors.Is(err, kerr.OffsetMetadataTooLarge) || !m.notes.shorten() {
			return err
		}
	}
}

func (m *member) commitOnce(ctx context.Context, all map[topicPartition]progress) error {
	if len(all) == 0 {
		return nil
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for tp, now := range all {
		if offsets[tp.topic] == nil {
			offsets[tp.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[tp.topic][tp.id] = now.at
	}
	var failed error
	begun := time.Now()
	defer func() { m.meter.committed(ctx, begun, failed) }()
	addNotes := func(req *kmsg.OffsetCommitRequest) error { return m.notes.addTo(req, all) }
	m.client.CommitOffsetsSync(kgo.PreCommitFnContext(ctx, addNotes), offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				failed = fmt.Errorf("commit: %w", advised("Read", err))
				return
			}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					tp := topicPartition{t.Topic, p.Partition}
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
						failed = errors.Join(failed, fmt.Errorf("commit %s/%d: %w", t.Topic, p.Partition, advised("Read", err)))
					} else if held := m.queue.lookup(tp); held != nil {
						m.queue.setCommitted(held, all[tp])
					}
				}
			}
		})
	return failed
}

// fullFor is how long a full partition may hold up fetching, before the others are fetched without it. They have what is in
// hand of them to go on with.
const fullFor = 50 * time.Millisecond

// poll joins the group and fetches topics into the queue until ctx ends. An error is one that polling on cannot help.
func (m *member) poll(ctx context.Context, topics, deadLetters []string) error {
	if err := m.await(ctx, topics, deadLetters); err != nil {
		return err
	}
	if err := m.beginTransactions(ctx); err != nil {
		return err
	}
	m.client.AddConsumeTopics(topics...)
	for {
		if err := m.beginAgain(ctx); err != nil {
			return err
		}
		m.refetch(m.queue.awaitOpen(ctx, fullFor))
		polling, stop := m.transactions.untilFailed(ctx)
		fetches := m.client.PollRecords(polling, m.queue.atOnce())
		interrupted := polling.Err() != nil
		stop()
		if ctx.Err() != nil {
			m.client.AllowRebalance()
			return nil
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			p := m.queue.lookup(topicPartition{f.Topic, f.Partition})
			if p == nil {
				return
			}
			if len(f.Records) > 0 {
				m.meter.countConsumed(m.ctx, p.tp, f.Records)
				m.followLog(p, &f)
				m.queue.push(p, f.Records)
			}
			if tooLarge := kafka.TooLarge(f.Err); tooLarge != nil {
				m.passBatch(ctx, p, tooLarge)
			}
		})
		m.client.AllowRebalance()
		for _, topic := range kafka.MadeAnew(fetches) {
			m.renew(topic)
		}
		for _, f := range fetches.Errors() {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(f.Err, kerr.UnknownTopicID) || kafka.TooLarge(f.Err) != nil || interrupted && errors.Is(f.Err, context.Canceled) {
				continue
			}
			if kafka.Classify(f.Err) == kafka.Fatal {
				return fmt.Errorf("consume %s: %w", f.Topic, advised("Read", f.Err))
			}
			m.limited.Warn("fetch failed", "topic", f.Topic, "partition", f.Partition, "error", f.Err)
		}
	}
}

// holdUpRebalances has the client wait with rebalances until it is allowed to, as a poll does.
func (m *member) holdUpRebalances(ctx context.Context) {
	ended, end := context.WithCancel(ctx)
	end()
	m.client.PollRecords(ended, 1) // polls nothing
}

// refetch has partitions fetched or not, as the queue says.
func (m *member) refetch(parts []*partition) {
	if len(parts) == 0 {
		return
	}
	m.fetchMu.Lock()
	defer m.fetchMu.Unlock()
	for _, p := range parts {
		one := map[string][]int32{p.tp.topic: {p.tp.id}}
		if m.queue.shouldFetch(p) {
			m.client.ResumeFetchPartitions(one)
		} else {
			m.client.PauseFetchPartitions(one)
		}
	}
}

// sweepEvery frees memory that records keep which wait for long, until ctx ends.
func (m *member) sweepEvery(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.refetch(m.queue.sweep())
		}
	}
}

// closing is how long committing and leaving the group may take at the end, whatever is away.
const closing = 4 * time.Second

// leave finishes what is in hand, commits it and leaves the group.
func (m *member) leave() error {
	m.leaving.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), m.cfg.drainTimeout+closing)
	defer cancel()
	abort := time.AfterFunc(m.cfg.drainTimeout+closing/2, m.abort) // letGo waits for a commit that is under way
	defer abort.Stop()
	err := m.letGo(ctx, m.queue.all(), m.cfg.drainTimeout, errLeaving)
	m.client.AllowRebalance()
	if leaveErr := m.client.LeaveGroupContext(ctx); leaveErr != nil {
		err = errors.Join(err, fmt.Errorf("leave the group: %w", leaveErr))
	}
	m.transactions.close(ctx)
	m.disconnect() // else closing waits for answers, too
	m.client.CloseAllowingRebalance()
	return err
}

// abort ends the periodic commit that is under way, if there is one.
func (m *member) abort() {
	if abort := m.abortCommit.Load(); abort != nil {
		(*abort)()
	}
}

// handlerGrace is how long handlers have to return once their context has ended.
const handlerGrace = time.Second

func (m *member) stopWorkers() error {
	ctx, cancel := context.WithTimeout(context.Background(), handlerGrace)
	defer cancel()
	m.queue.close()
	if err := m.queue.awaitQuiet(ctx); err != nil {
		return errors.New("a handler goes on although its context has ended")
	}
	m.workers.Wait()
	return nil
}

// held returns the current assignments among partitions.
func (m *member) held(partitions map[string][]int32) []*partition {
	var parts []*partition
	for tp := range eachPartition(partitions) {
		if p := m.queue.lookup(tp); p != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

func (m *member) logPartitions(msg string, partitions map[string][]int32) {
	var list []string
	for tp := range eachPartition(partitions) {
		list = append(list, fmt.Sprintf("%s/%d", tp.topic, tp.id))
	}
	m.cfg.logger.Debug(msg, slog.String("partitions", strings.Join(list, " ")))
}

// eachPartition goes through partitions in order.
func eachPartition(partitions map[string][]int32) iter.Seq[topicPartition] {
	return func(yield func(topicPartition) bool) {
		for _, topic := range slices.Sorted(maps.Keys(partitions)) {
			for _, id := range slices.Sorted(slices.Values(partitions[topic])) {
				if !yield(topicPartition{topic, id}) {
					return
				}
			}
		}
	}
}
