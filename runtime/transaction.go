package trestle

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// WithTransactions has what handlers publish by a publisher go with the commits of the events that they handle, in transactions of Kafka:
// both happen, or neither does. So whoever reads what is committed sees the outputs of each event once, in the order of its key, whatever
// dies meanwhile. Otherwise the publisher is one like any other; several consumers may be given it, and it is closed after their Run.
//
// In a handler, Publish, PublishAsync and Delete return once the event is completed, validated, encoded, held against its topic's size,
// and taken; a [Receipt] has -1 for partition and offset then. What a handler has published counts once it returns nil: it is written then,
// and can be read after the next commit, which comes every 100 ms, unless WithCommitInterval says otherwise. An error, also one of [Snooze]
// or [ErrDuplicate], and a panic drop it, so that a handler that fails harms no other's outputs. Publishing once the handler has
// returned fails.
//
// It is the handler's context that tells: with another one, and outside of handlers, the publisher publishes as always, and so does another
// publisher in the handler. In a batch, what is published with [Item.Context] goes with that event, and what is published with the handler's own
// context with the batch as a whole: see [HandleBatch].
//
// Outside of the transactions are, and may be written twice when a process dies: dead letters, parked or not, records of retry topics, and
// requests of [Call], which are sent at once; [AwaitReply] waits for what is committed. Responses of [Answer] go with the commits. What a
// handler does elsewhere, such as in a database, may be repeated as ever. Do not have middleware remember what was handled there, such as
// dedup.Once, which refuses it: it would pass over an event whose outputs were dropped with an aborted transaction.
//
// A transaction that fails, as a broker is away for longer than 10 s or the group has gone on without this member, is aborted. Then nothing
// counts that was done since the last commit: the contexts of handlers end, and the partitions are read again from what is committed, after
// a backoff. [Consumer.Health] says so. An output that its topic refuses, as it does not exist or the output is too large, fails the event
// that it is of, as an error of its handler. Run ends when the cluster does not let the consumer do it. While the oldest event of a partition
// takes long, as many others can be done as a commit can name: some 1450 stretches between events that are not; more wait.
//
// The transactional id is that of docs/formats.md: it begins with `trestle-consumer-`, the group and a hyphen; the user needs Describe and
// Write on it, Write on the topics, and Read on the group. The cluster is the consumer's, Kafka 2.5 or later. NewConsumer fails if
// the publisher is nil, has an outbox or a spool, or AcksLeader, with WithHeldKeys or WithWaitingKeys, or if WithCommitInterval is more than a
// minute.
func WithTransactions(pub *Publisher) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.transactions, c.transacts = pub, true })
}

// transactionInterval is how often positions are committed with WithTransactions: what handlers publish waits for that.
const transactionInterval = 100 * time.Millisecond

// checkTransactions says what is wrong with WithTransactions.
func (c *consumerConfig) checkTransactions() error {
	switch {
	case !c.transacts:
		return nil
	case c.transactions == nil:
		return errors.New("WithTransactions: must not be nil")
	case c.transactions.cfg.hasOutbox:
		return errors.New("WithTransactions: the publisher has an outbox, whose events go with transactions of its database: give it a publisher without WithOutbox")
	case c.transactions.cfg.hasSpool:
		return errors.New("WithTransactions: the publisher has a spool, which would send events whatever becomes of a transaction: give it a publisher without WithSpool")
	case c.transactions.cfg.acks != AcksAll:
		return errors.New("WithTransactions: the publisher must have AcksAll: transactions need it")
	case len(c.heldKeys)+len(c.waitingKeys) > 0:
		return errors.New("WithTransactions: does not go with WithHeldKeys and WithWaitingKeys: what they hold back is not part of a transaction")
	case c.commitInterval > time.Minute:
		return fmt.Errorf("WithCommitInterval: must be at most 1m with WithTransactions, as a transaction lasts so long, got %v", c.commitInterval)
	}
	return nil
}

// errHandled is the error of events that are published with the context of a handler that has returned.
var errHandled = errors.New("its handler has returned, so that it can't go with the commit any more: publish before that, or with another context")

// atOnceKey is what a context carries with which events go into no transaction.
type atOnceKey struct{}

// atOnce has what is published with ctx be sent at once, also in a handler.
func atOnce(ctx context.Context) context.Context { return context.WithValue(ctx, atOnceKey{}, true) }

// transactionIn returns the outputs that an event belongs to which is published with ctx, nil where it is published as always.
func (p *Publisher) transactionIn(ctx context.Context) *outputs {
	h, ok := ctx.Value(handlingKey{}).(*handling)
	if !ok || h.member.cfg.transactions != p || ctx.Value(atOnceKey{}) != nil {
		return nil
	}
	if batch := batchIn(ctx); batch != nil {
		return &batch.outputs
	}
	return &h.outputs
}

// take has an event go with the commit of the event that is being handled.
func (p *Publisher) take(into *outputs, s *sending, done func(Receipt, error)) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return s.notSent(ErrClosed)
	}
	if !into.add(s) {
		return s.notSent(errHandled)
	}
	done(Receipt{Topic: s.client.Topic, Partition: -1, Offset: -1, EventID: s.ids.event, Timestamp: s.client.Timestamp}, nil)
	return nil
}

// IsInTransaction says whether what ctx's handler publishes goes with the commit of its event: see [WithTransactions]. Middleware that
// remembers elsewhere which events were handled has to refuse it, since nothing counts of what an aborted transaction had.
func IsInTransaction(ctx context.Context) bool {
	h, ok := ctx.Value(handlingKey{}).(*handling)
	return ok && h.member.cfg.transactions != nil
}

// TransactionalIDPrefix begins the transactional ids of consumers; the group, a hyphen and the member follow.
const TransactionalIDPrefix = "trestle-consumer-"
