package sqlite

import (
	"context"
	"database/sql"
)

type txKey struct{}

// WithTx returns a context that carries a transaction, which the caller has begun and will end: what is published with it through
// an [Outbox] is written in that transaction.
func WithTx(ctx context.Context, tx *sql.Tx) context.Context {
	return context.WithValue(ctx, txKey{}, tx)
}

// TxFrom returns the transaction that a context carries: of [WithTx], [Database.InTx], or a handler's.
func TxFrom(ctx context.Context) (*sql.Tx, bool) {
	tx, ok := ctx.Value(txKey{}).(*sql.Tx)
	return tx, ok
}

// InTx calls f with a context that carries a new transaction, and commits that if f returns nil; else, or if f panics, it rolls
// back. The error is f's, or that of beginning or committing. After an error of committing, whether it did is unknown.
func (d *Database) InTx(ctx context.Context, f func(ctx context.Context) error) error {
	return d.inTx(ctx, func(tx *sql.Tx) error { return f(WithTx(ctx, tx)) })
}

func (d *Database) inTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to undo, before one the error is at hand
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
