package chaos

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/store/postgres"
)

// openDatabase makes the tables of the database.
func (w *world) openDatabase() {
	w.t.Helper()
	pool, err := pgxpool.New(w.t.Context(), w.role.Database)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(pool.Close)
	w.database = postgres.Use(pool)
	if err := w.database.Migrate(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if _, err := pool.Exec(w.t.Context(), tables); err != nil {
		w.t.Fatal(err)
	}
}

// query reads numbers of events.
func (w *world) query(sql string, args ...any) map[stepID]int {
	w.t.Helper()
	found := map[stepID]int{}
	err := w.database.InTx(w.t.Context(), func(ctx context.Context) error {
		tx, _ := postgres.TxFrom(ctx)
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var id stepID
		var n int
		_, err = pgx.ForEachRow(rows, []any{&id.key, &id.n, &n}, func() error {
			found[id] = n
			return nil
		})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// settle waits until the outbox is empty, all that is in the logs is handled, and all dead letters of orders are replayed.
func (w *world) settle() {
	w.t.Helper()
	if w.database != nil {
		w.eventually("the outbox is empty", func(ctx context.Context) error {
			s, err := w.database.Outbox().Status(ctx)
			if err == nil && s.Depth > 0 {
				err = fmt.Errorf("%d rows wait, refused: %v", s.Depth, s.Refused)
			}
			return err
		})
	}
	for _, s := range w.streams {
		w.drain(s)
		if s.replayed {
			w.eventually("all dead letters of "+s.topic.Name+" are replayed", func(ctx context.Context) error { return w.areReplayed(ctx, s) })
			w.drain(s)
		}
	}
}

func (w *world) areReplayed(ctx context.Context, s *stream) error {
	r, err := replay.New(w.connection(), replay.Options{})
	if err != nil {
		return err
	}
	letters, err := r.Select(ctx, replay.Filter{Topics: []string{s.topic.DeadLetter}})
	if err != nil {
		return err
	}
	stats, err := letters.Stats(ctx)
	if err == nil && stats.Unresolved > 0 {
		err = errors.New(fmt.Sprint(stats.Unresolved, " are not: ", stats.Causes))
	}
	return err
}
