package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

type txKey struct{}

// WithTx returns a context that carries a transaction, which the caller has begun and will end: what is published with it through
// an [Outbox] is written in that transaction.
func WithTx(ctx context.Context, tx pgx.Tx) context.Context {
	return context.WithValue(ctx, txKey{}, tx)
}

// TxFrom returns the transaction that a context carries: of [WithTx], [Database.InTx], or a handler's.
func TxFrom(ctx context.Context) (pgx.Tx, bool) {
	tx, ok := ctx.Value(txKey{}).(pgx.Tx)
	return tx, ok
}

// InTx calls f with a context that carries a new transaction, and commits that if f returns nil; else, or if f panics, it rolls
// back. The error is f's, or that of beginning or committing. After an error of committing, whether it did is unknown.
func (d *Database) InTx(ctx context.Context, f func(ctx context.Context) error) error {
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return f(WithTx(ctx, tx)) })
}
