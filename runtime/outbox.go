package trestle

import (
	"context"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// Outbox keeps events in the program's database, in a transaction of the program: the outboxes of runtime/store/postgres and
// runtime/store/sqlite are such. A relay of the package outbox publishes what was committed.
type Outbox interface {
	// Add keeps the record of an event in the transaction that ctx carries. It fails, and keeps nothing, where ctx carries none.
	Add(ctx context.Context, eventID string, record Record) error
}

// WithOutbox has Publish, PublishAsync and Delete write events into an outbox instead of sending them: within the transaction
// that their context carries, so that they are published if that commits, and only then. Without a transaction in the
// context they fail, since an event that is kept whatever becomes of the change it reports is what an outbox is to prevent.
//
// They return once the row is written. The event has then been completed, validated, encoded and held against its topic's size as
// ever, and has its id; that it will be published rests on the commit, and on a relay that runs. What only the cluster
// knows, such as that the topic does not exist, the relay finds out: it goes on trying, and says so. A [Receipt] has the
// event's id and topic, the time of writing, and -1 for partition and offset, which nobody knows yet. The done of
// PublishAsync is called before it returns. A failure is a *PublishError that says NotSent; in PostgreSQL the
// transaction has failed with it. Options about sending, such as WithDeliveryTimeout, have no effect, and no broker is
// contacted. NewPublisher fails if o is nil.
func WithOutbox(o Outbox) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.outbox, c.hasOutbox = o, true })
}

// keep writes an event into the outbox.
func (p *Publisher) keep(ctx context.Context, s *sending, done func(Receipt, error)) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return s.notSent(ErrClosed)
	}
	record := kafka.FromClient(&s.client)
	record.Timestamp = time.Time{} // that of publishing it
	if err := p.cfg.outbox.Add(ctx, s.ids.event, record); err != nil {
		return s.notSent(fmt.Errorf("write it into the outbox: %w", err))
	}
	done(Receipt{Topic: record.Topic, Partition: -1, Offset: -1, EventID: s.ids.event, Timestamp: time.Now()}, nil)
	return nil
}
