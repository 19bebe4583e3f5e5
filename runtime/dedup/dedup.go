// Package dedup has events handled once, in the transaction of what their handlers do: which events a group has handled stands in
// the program's own database, and is written together with the effect.
//
//	db := postgres.Use(pool)
//	c, err := trestle.NewConsumer(brokers, "billing", trestle.WithHandlerMiddleware(dedup.Once(db.Dedup())))
//	...
//	trestle.Handle(c, func(ctx context.Context, e *ordersv1.OrderPlaced) error {
//		tx, _ := postgres.TxFrom(ctx) // begun for this call, and committed when it returns nil
//		if _, err := tx.Exec(ctx, "INSERT INTO invoices …", e.GetOrderId()); err != nil {
//			return err
//		}
//		return pub.Publish(ctx, &billingv1.InvoiceWritten{…}) // with trestle.WithOutbox: in the same transaction
//	})
//	go dedup.Prune(ctx, db.Dedup(), 14*24*time.Hour)
//
// What the handler does in the transaction, what it publishes through an outbox of the database, and the note that the event was
// handled, are committed together or not at all. A crash, a rebalance, a producer that sends an event twice, and a commit of
// which nobody knows whether it succeeded, repeat none of it. What it does outside of the database may be repeated as ever.
package dedup

import (
	"context"
	"errors"
	"fmt"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
)

// Store keeps which events groups have handled, in a database: those of runtime/store/postgres and runtime/store/sqlite do.
type Store interface {
	// InTx calls f with a context that carries a new transaction of the database, and commits it if f returns nil; else, or if f
	// panics, it rolls back. The error is f's, or that of beginning or committing.
	InTx(ctx context.Context, f func(ctx context.Context) error) error

	// Remember notes, in the transaction that ctx carries, that the group handles an event, and says whether it is the first
	// time: false, if that was committed before. While another transaction notes the same, it waits for its end.
	Remember(ctx context.Context, group, id string) (first bool, err error)

	// Forget removes what was noted before a time, at most n events, and returns how many it removed.
	Forget(ctx context.Context, before time.Time, n int) (int, error)
}

// Once returns middleware that calls a handler in a transaction of the store's database, which the handler's context carries. An
// event that the group has handled before, by the id of [trestle.IdentityFrom], does not come to the handler: it counts as
// [trestle.Duplicate]. When the handler fails, or the commit does, nothing was done, and the event is tried again as ever; when it
// goes to its dead letter, it can be handled once it is replayed.
//
// A database that does not begin a transaction is an outage ([trestle.Unavailable]), in which the topic waits. Middleware further
// in is within the transaction. A batch of several events it refuses, so that each is handled alone. With [trestle.WithTransactions] it has
// every event wait, and says so: two transactions that don't know of each other are none. How long an event is remembered, [Prune] says.
func Once(store Store) trestle.HandlerMiddleware {
	return func(next trestle.HandlerFunc) trestle.HandlerFunc {
		return func(ctx context.Context, e trestle.Event) error {
			id, ok := trestle.IdentityFrom(ctx)
			if !ok {
				return trestle.Permanent(errors.New("dedup.Once: the context is not that of a handler of one event"))
			}
			if trestle.IsInTransaction(ctx) {
				return trestle.Unavailable(errTransactions)
			}
			delivery, _ := trestle.DeliveryFrom(ctx)
			begun := false
			err := store.InTx(ctx, func(ctx context.Context) error {
				begun = true
				first, err := store.Remember(ctx, delivery.Group, id)
				if err != nil {
					return fmt.Errorf("remember the event: %w", err)
				}
				if !first {
					return trestle.ErrDuplicate
				}
				return next(ctx, e)
			})
			if err != nil && !begun && ctx.Err() == nil {
				return trestle.Unavailable(fmt.Errorf("begin a transaction: %w", err))
			}
			return err
		}
	}
}

// errTransactions is why nothing is handled of a consumer with transactions of its own.
var errTransactions = errors.New("dedup.Once does not go with trestle.WithTransactions: it would pass over an event whose outputs were dropped " +
	"with a transaction of Kafka; publish with an outbox instead, or do without dedup.Once")

const (
	// pruneEvery is how often Prune looks for what is to be forgotten.
	pruneEvery = time.Minute
	// pruneBatch is how many events it forgets in one transaction.
	pruneBatch = 1000
)

// Prune forgets events that were handled longer than keep ago, every minute until ctx ends; it then returns nil. An event that comes
// again after that is handled again: keep is to be longer than records stay on the topics, or at least than anybody would send or replay
// them again. One process is enough, several do no harm. It fails if keep is not positive; a database that is away it tries again.
func Prune(ctx context.Context, store Store, keep time.Duration) error {
	if keep <= 0 {
		return fmt.Errorf("dedup.Prune: must keep events for a while, got %v", keep)
	}
	for ctx.Err() == nil {
		n, err := store.Forget(ctx, time.Now().Add(-keep), pruneBatch)
		if err == nil && n == pruneBatch {
			continue
		}
		_ = kafka.Sleep(ctx, pruneEvery)
	}
	return nil
}
