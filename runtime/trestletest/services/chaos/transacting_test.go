package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/store/postgres"
)

// tables are the program's own: what transactions wrote beside the outbox, and the effects of events.
const tables = `
CREATE TABLE changes (key text, n int, PRIMARY KEY (key, n));
CREATE TABLE effects (topic text, key text, n int);`

// transacting writes events into an outbox, in the transactions of what they are about.
type transacting struct {
	*acting
	pool *pgxpool.Pool
	db   *postgres.Database
	pub  *trestle.Publisher
}

func (a *acting) transact(ctx context.Context) error {
	pool, db, err := a.open()
	if err != nil {
		return err
	}
	pub, err := trestle.NewPublisher(a.Brokers, trestle.WithLogger(a.logger), a.client(), trestle.WithOutbox(db.Outbox()))
	if err != nil {
		return err
	}
	defer pub.Close(context.Background())
	t := &transacting{a, pool, db, pub}
	if err := a.await(a.eachKey(func(key string) error { return t.key(ctx, key) })); err != nil {
		return err
	}
	return a.finish(ctx)
}

// key writes the events of a key in blocks, one transaction each, which begins once the one before it has ended.
func (t *transacting) key(ctx context.Context, key string) error {
	for n := 0; n < t.PerKey; n += blockSize {
		for {
			was, err := t.isStored(ctx, key, n)
			if err == nil && was {
				break // by this process or one before it, which may not have learnt of it
			}
			if err == nil {
				if !t.wait(ctx, time.Duration(rand.Float64()*2*blockSize*float64(t.Every))) {
					return nil
				}
				err = t.block(ctx, key, n)
			}
			if err == nil || errors.Is(err, errChangedItsMind) {
				break
			}
			if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
				return invalid
			}
			if !again(ctx) {
				return nil
			}
		}
	}
	return nil
}

func (t *transacting) isStored(ctx context.Context, key string, n int) (was bool, err error) {
	err = t.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM changes WHERE key = $1 AND n = $2)`, key, n).Scan(&was)
	return was, err
}

var errChangedItsMind = errors.New("changed its mind")

// block is a transaction. Some change their minds at the end, or half way.
func (t *transacting) block(ctx context.Context, key string, first int) error {
	end := min(first+blockSize, t.PerKey)
	err := t.db.InTx(ctx, func(ctx context.Context) error {
		tx, _ := postgres.TxFrom(ctx)
		for n := first; n < end; n++ {
			if isRolledBack(n) && n == end-1 && n%2 == 0 {
				return errChangedItsMind
			}
			if _, err := tx.Exec(ctx, `INSERT INTO changes (key, n) VALUES ($1, $2)`, key, n); err != nil {
				return err
			}
			o := &order{newStep(key, n, 0)}
			if err := t.pub.Publish(ctx, o, o.options()...); err != nil {
				return err
			}
		}
		if isRolledBack(first) {
			return errChangedItsMind
		}
		return nil
	})
	if err == nil {
		for n := first; n < end; n++ {
			t.ledger.write(line{what: committed, topic: orders.Name, step: stepID{0, key, n}})
		}
	}
	return err
}

// relay publishes what is in the outbox, a few events at a time.
func (a *acting) relay(ctx context.Context) error {
	_, db, err := a.open()
	if err != nil {
		return err
	}
	r, err := outbox.NewRelay(a.Brokers, db.Outbox(), outbox.WithLogger(a.logger), outbox.WithKafka(a.options()...),
		outbox.WithLease(time.Second), outbox.WithBatch(1+rand.IntN(50), 1<<20))
	if err != nil {
		return err
	}
	return r.Run(ctx)
}
