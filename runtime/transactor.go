package trestle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/omninode/trestle/runtime/kafka"
)

// transactor writes what handlers publish in the transactions of a member's commits.
//
// A record's last step, in which its outputs are written into the transaction and it counts as done, is one: a commit has both or neither. It
// waits while a commit is under way, while too much waits for acknowledgement, and while a commit could not say that the record is done; its
// worker does not wait with it. When anything goes wrong, all partitions are given up that the member has then, and begin again from what is
// committed (begin_again.go), with another client: that fences the one before, and ends its transaction.
type transactor struct {
	m   *member
	pub *Publisher
	id  string // transactional

	mu      sync.Mutex // taken before the queue's
	session *session   // nil: there is none yet
	open    bool       // last steps are taken
	waiting []lastStep
	unsaid  map[*partition][]lastStep // that wait until a commit can say so
	alone   []lastStep                // that get a transaction of their own
	failure error                     // why the partitions are to begin again; nil: they are not
	// interrupt ends the poll under way.
	interrupt context.CancelFunc
	failures  int          // in a row
	dropped   []*partition // that were given up so, and are not known to the client yet

	trying   sync.Mutex
	suspects suspects
	draining bool // what waits is about to be looked through
	closed   bool
}

// lastStep is that of a record, or of those of a batch, which are done together or not at all.
type lastStep struct {
	tasks  []*task
	at     topicPartition // of the first, once it has a transaction of its own
	offset int64
}

// session is what a client has of the transaction under way.
type session struct {
	client  *kgo.Client
	outputs int                            // in the transaction
	bytes   int64                          // of those that are not acknowledged
	taken   map[topicPartition]*kgo.Record // one of each partition that brokers have taken
}

// transactionMargin is for how long a transaction lasts at most beside the interval of commits.
const transactionMargin = commitTimeout + 5*time.Second

func newTransactor(m *member) *transactor {
	if m.cfg.transactions == nil {
		return nil
	}
	return &transactor{
		m: m, pub: m.cfg.transactions, id: TransactionalIDPrefix + m.group + "-" + cmp.Or(m.cfg.instanceID, uuid.NewString()),
		unsaid: map[*partition][]lastStep{}, suspects: newSuspects(),
	}
}

// direct says that outputs go where the publisher sends all: that stands in the place of brokers, or they do so for a rehearsal.
func (x *transactor) direct() bool { return x.pub.cfg.deliver != nil || x.m.rehearsed }

// options are those of a client with a transactional id.
func (x *transactor) options(id string) []kgo.Opt {
	// Below version 3 brokers don't know which member commits. Above 4 they know the group's part of the transaction without being told
	// (KIP-890), but only where the cluster has been told to: so they are told.
	least, most := &kversion.Versions{}, kversion.Stable()
	least.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), 3)
	most.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), 4)
	return append(x.pub.cfg.clientOptions(),
		kgo.TransactionalID(id), kgo.TransactionTimeout(x.m.cfg.commitInterval+transactionMargin),
		kgo.MinVersions(least), kgo.MaxVersions(most),
	)
}

// begin makes a new client, which fences that of before and ends its transaction.
func (x *transactor) begin(ctx context.Context) error {
	x.mu.Lock()
	old := x.session
	x.session = nil
	x.mu.Unlock()
	if x.direct() {
		return nil
	}
	if old != nil {
		old.client.Close()
	}
	client, err := x.pub.cfg.kafka.Client(x.options(x.id)...)
	if err != nil {
		return fmt.Errorf("WithTransactions: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err = x.check(ctx, client); err == nil {
		_, _, err = client.ProducerID(ctx)
	}
	if err == nil {
		err = client.BeginTransaction()
	}
	if err != nil {
		client.Close()
		return fmt.Errorf("begin transactions of %s: %w%s", x.id, err, kafka.Advice(err))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		client.Close()
		return kgo.ErrClientClosed
	}
	x.session = &session{client: client, taken: map[topicPartition]*kgo.Record{}}
	return nil
}

// check fails where the publisher's cluster is not the consumer's.
func (x *transactor) check(ctx context.Context, client *kgo.Client) error {
	var ids [2]string
	for i, c := range []*kgo.Client{client, x.m.client} {
		found, err := kadm.NewClient(c).BrokerMetadata(ctx)
		if err != nil {
			return fmt.Errorf("ask for the cluster's id: %w", err)
		}
		ids[i] = found.Cluster
	}
	if ids[0] != ids[1] {
		return &otherClusterError{ids[0], ids[1]}
	}
	return nil
}

type otherClusterError struct{ publisher, consumer string }

func (e *otherClusterError) Error() string {
	return fmt.Sprintf("WithTransactions: the publisher's cluster is %s and the consumer's is %s: a transaction is of one", e.publisher, e.consumer)
}

// resume has last steps be taken.
func (x *transactor) resume() {
	x.mu.Lock()
	x.failure, x.open = nil, true
	again := x.drain()
	x.mu.Unlock()
	x.m.refetch(again)
}

// complete takes the last step of records, once it can: of all of them or of none.
func (x *transactor) complete(tasks []*task) {
	x.mu.Lock()
	again := x.takeStep(lastStep{tasks: tasks})
	x.mu.Unlock()
	x.m.refetch(again)
}

// takeStep takes a last step, or keeps it until it can be taken. It returns the partitions that the client should fetch again. It needs mu.
func (x *transactor) takeStep(step lastStep) (again []*partition) {
	q, t := x.m.queue, step.tasks[0]
	switch {
	case q.isReleased(t.part):
		step.giveBack(q)
		return nil
	case !x.open || x.session != nil && x.session.bytes >= int64(x.pub.cfg.bufferedBytes):
		x.waiting = append(x.waiting, step)
		step.freeWorkers(q)
		return nil
	case x.suspects.has(t):
		x.alone = append(x.alone, step)
		step.freeWorkers(q)
		x.m.commitNow()
		return nil
	case q.canSay(step.tasks, x.m.notes.room()):
		return x.take(step)
	case len(step.tasks) > 1 && q.holdFirst(step.tasks): // nothing else would ever make room
		for _, t := range step.tasks {
			t.alone, t.outputs = true, nil
			t.attempt--
		}
		step.giveBack(q)
		return nil
	}
	x.unsaid[t.part] = append(x.unsaid[t.part], step)
	step.freeWorkers(q)
	return nil
}

func (s lastStep) freeWorkers(q *keyQueue) {
	for _, t := range s.tasks {
		q.freeWorker(t)
	}
}

// giveBack gives the records back to the queue: those of a partition that was released to nobody, others to be handled again.
func (s lastStep) giveBack(q *keyQueue) {
	for _, t := range s.tasks {
		q.park(t, 0)
	}
}

// take takes a last step. It needs mu.
func (x *transactor) take(step lastStep) (again []*partition) {
	t := step.tasks[0]
	moved := false
	for _, t := range step.tasks {
		for _, s := range t.outputs {
			x.produce(t, s)
		}
		t.outputs = nil
		front, reopened := x.m.queue.doneAt(t)
		moved, again = moved || front, append(again, reopened...)
	}
	if unsaid := x.unsaid[t.part]; moved && len(unsaid) > 0 { // a commit has less to say now
		delete(x.unsaid, t.part)
		for _, step := range unsaid {
			again = append(again, x.takeStep(step)...)
		}
	}
	return again
}

// drain takes the last steps that wait and can be taken. It needs mu.
func (x *transactor) drain() (again []*partition) {
	waiting := x.waiting
	x.waiting = nil
	for _, step := range waiting {
		again = append(again, x.takeStep(step)...)
	}
	return again
}

// drainWaiting takes the last steps for which there is room again.
func (x *transactor) drainWaiting() {
	x.mu.Lock()
	x.draining = false
	again := x.drain()
	x.mu.Unlock()
	x.m.refetch(again)
}

// produce writes an output of a record into the transaction. It needs mu.
func (x *transactor) produce(t *task, s *sending) {
	session := x.session
	if session == nil { // direct, and delivered already
		return
	}
	session.outputs++
	session.bytes += s.size
	at := topicPartition{t.record.Topic, t.record.Partition}
	offset := t.record.Offset
	session.client.Produce(context.Background(), &s.client, func(r *kgo.Record, err error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		session.bytes -= s.size
		switch {
		case x.session != session:
		case err == nil:
			if p := (topicPartition{r.Topic, r.Partition}); session.taken[p] == nil {
				session.taken[p] = r
			}
		default:
			x.suspects.add(at, offset, r.Topic, err)
			x.fail(fmt.Errorf("publish to %s: %w%s", r.Topic, err, kafka.AdviceOn("Write", err)))
		}
		if len(x.waiting) > 0 && session.bytes < int64(x.pub.cfg.bufferedBytes)/2 {
			if !x.draining {
				x.draining = true
				go x.drainWaiting()
			}
		}
	})
}

// errBeginAgain is why the contexts of handlers end whose partitions begin again.
var errBeginAgain = errors.New("the transaction was aborted: partitions begin again from what is committed")

// fail gives up what was done since the last commit, and all partitions with it, which then begin again. It needs mu.
func (x *transactor) fail(err error) {
	if x.failure != nil {
		return
	}
	x.failure, x.open = err, false
	x.failures++
	x.m.meter.failedTransactions.Add(x.m.ctx, 1, x.m.meter.ofGroup)
	held := x.m.queue.all()
	x.m.queue.release(errBeginAgain, held)
	x.dropped = append(x.dropped, held...)
	steps := append(x.waiting, x.alone...)
	for _, unsaid := range x.unsaid {
		steps = append(steps, unsaid...)
	}
	x.waiting, x.alone, x.unsaid = nil, nil, map[*partition][]lastStep{}
	for _, step := range steps {
		step.giveBack(x.m.queue)
	}
	if x.interrupt != nil {
		x.interrupt()
	}
}

// lost gives up the transaction if it has anything of partitions that were lost.
func (x *transactor) lost() {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.session != nil && x.session.outputs > 0 {
		x.fail(errLost)
	}
}

// failed is why the partitions are to begin again, nil if they are not.
func (x *transactor) failed() error {
	if x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.failure
}

// untilFailed returns a context that ends with ctx, and when the partitions are to begin again.
func (x *transactor) untilFailed(ctx context.Context) (context.Context, context.CancelFunc) {
	if x == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.interrupt = cancel
	if x.failure != nil {
		cancel()
	}
	return ctx, cancel
}

// takeDropped returns the partitions that were given up, once.
func (x *transactor) takeDropped() []*partition {
	x.mu.Lock()
	defer x.mu.Unlock()
	dropped := x.dropped
	x.dropped = nil
	return dropped
}

// failuresInARow counts the transactions that failed since the last that did not, and what has failed since.
func (x *transactor) failuresInARow() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.failures
}

func (x *transactor) failedAgain() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failures++
}

// health is the reason that partitions are to begin again, if they are.
func (x *transactor) health(group string) []HealthReason {
	err := x.failed()
	if err == nil {
		return nil
	}
	return []HealthReason{{Code: TransactionFailed, Text: fmt.Sprintf(
		"consumer group %s: what was done since the last commit begins again, as its transaction has failed: %v", group, err)}}
}

// close ends the transaction under way by an abort, if there is one, so that nobody waits for the end of it until its time is up.
func (x *transactor) close(ctx context.Context) {
	if x == nil {
		return
	}
	x.mu.Lock()
	session := x.session
	x.session, x.open, x.closed = nil, false, true
	x.mu.Unlock()
	if session == nil {
		return
	}
	if session.outputs > 0 && session.client.AbortBufferedRecords(ctx) == nil {
		_ = session.end(ctx, kgo.TryAbort) // brokers do it sooner or later
	}
	session.client.Close()
}
