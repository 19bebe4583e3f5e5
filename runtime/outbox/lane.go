package outbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// lane is a lane that a relay has: one goroutine publishes its batches, one after the other.
type lane struct {
	*Relay
	lease Lease
	wake  chan struct{} // has it look for rows

	leaving  chan struct{} // closed when it is to give the lane back
	leave    func()        // closes it
	stop     context.CancelFunc
	rows     int // how many to take at once; fewer while some row among them is refused
	failures int // of sessions, in a row
}

func newLane(r *Relay, lease Lease) *lane {
	leaving := make(chan struct{})
	return &lane{
		Relay: r, lease: lease, wake: make(chan struct{}, 1), rows: r.cfg.rows,
		leaving: leaving, leave: sync.OnceFunc(func() { close(leaving) }),
	}
}

const (
	// operationTimeout is for how long a database or the cluster may take for what one step asks of it.
	operationTimeout = 30 * time.Second
	// stopGrace is for how long a step that has begun goes on once the relay is told to stop.
	stopGrace = 5 * time.Second
)

// run publishes until ctx ends, the lane is lost, or it is to be given back.
func (l *lane) run(ctx context.Context) {
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, end) })()
	backoff := kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 10 * time.Second}
	for ctx.Err() == nil {
		err := l.session(ctx, working)
		if err == nil || errors.Is(err, ErrLost) {
			return
		}
		if ctx.Err() != nil {
			return
		}
		l.failures++
		l.failed(l.lease.Lane, err)
		if kafka.Sleep(ctx, backoff.After(l.failures)) != nil {
			return
		}
	}
}

// session publishes by one producer, until something fails. It begins with what was under way before it. What it asks for it
// asks with working, so that a step is not broken off as soon as ctx ends.
func (l *lane) session(ctx, working context.Context) error {
	p, err := newProducer(l.cfg, l.lease.TransactionalID)
	if err != nil {
		return err
	}
	defer p.close()
	b, err := l.resume(working, p)
	if err != nil {
		return err
	}
	l.working(l.lease.Lane)
	pause := l.cfg.shortest
	for {
		select {
		case <-ctx.Done():
			return l.release(working, b)
		case <-l.leaving:
			return l.release(working, b)
		default:
		}
		if b, err = l.next(working, p, b); err != nil {
			return err
		}
		if len(b.Rows) > 0 {
			if b, err = l.publish(working, p, b); err != nil {
				return err
			}
			l.failures, pause = 0, l.cfg.shortest
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-l.wake:
			pause = l.cfg.shortest
		case <-timer.C:
			pause = min(2*pause, l.cfg.longest)
		case <-ctx.Done():
		case <-l.leaving:
		}
		timer.Stop()
	}
}

// resume becomes the lane's one producer, and publishes the batch that was begun before, unless it is written already.
func (l *lane) resume(ctx context.Context, p *producer) (Batch, error) {
	fencing, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	if err := p.fence(fencing); err != nil {
		return Batch{}, err
	}
	b, err := l.store.Begun(fencing, l.lease)
	if err != nil || len(b.Rows) == 0 {
		return b, err
	}
	// However long transactions of others keep it waiting: what it asks for has its own timeouts.
	written, err := p.written(ctx, b)
	if err != nil {
		return b, err
	}
	if written {
		l.meter.recovered(ctx, len(b.Rows))
		return b, nil
	}
	return l.publish(ctx, p, b)
}

func (l *lane) next(ctx context.Context, p *producer, finished Batch) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	b, err := l.store.Next(ctx, l.lease, finished.Number, l.rows, l.cfg.bytes, p.position)
	if err != nil || len(b.Rows) == 0 || b.Position != nil {
		return b, err
	}
	if b.Position, err = p.findPosition(ctx, b.Rows[0].Record.Topic); err != nil {
		return b, err
	}
	return b, l.store.Amend(ctx, l.lease, b, nil, l.cfg.retry)
}

func (l *lane) release(ctx context.Context, finished Batch) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return l.store.Release(ctx, l.lease, finished.Number)
}

// publish publishes a batch, without those of its rows that Kafka refuses and what is behind these in their keys.
func (l *lane) publish(ctx context.Context, p *producer, b Batch) (Batch, error) {
	for len(b.Rows) > 0 {
		publishing, cancel := context.WithTimeout(ctx, operationTimeout)
		refused, err := p.publish(publishing, b.Rows)
		cancel()
		if err != nil {
			return b, err
		}
		if len(refused) == 0 {
			l.rows = min(2*l.rows, l.cfg.rows)
			l.meter.relayed(ctx, b.Rows)
			return b, nil
		}
		var blamed []Refusal
		b.Rows, blamed = l.without(b.Rows, refused)
		amending, cancel := context.WithTimeout(ctx, operationTimeout)
		err = l.store.Amend(amending, l.lease, b, blamed, l.cfg.retry)
		cancel()
		if err != nil {
			return b, err
		}
		l.refused(ctx, b, blamed, refused)
	}
	return b, nil
}

// without returns what of a batch to try next, and the rows that are to be set aside: of each key that is refused the first, behind
// which the others wait, also where the refused one is one of these.
func (l *lane) without(rows []Row, refused []refusal) (rest []Row, blamed []Refusal) {
	because := map[int64]error{} // by key
	for _, r := range refused {
		if kafka.IsAboutTopic(r.err) || len(rows) == 1 {
			because[keyOf(&rows[r.row])] = r.err
		}
	}
	if len(because) == 0 {
		// One of the records is to blame, and it may be any that went out in one batch with it: half as many find it sooner or later.
		l.rows = len(rows) / 2
		return rows[:l.rows], nil
	}
	for i := range rows {
		key := keyOf(&rows[i])
		switch err, waits := because[key]; {
		case !waits:
			rest = append(rest, rows[i])
		case err != nil:
			blamed = append(blamed, Refusal{Row: rows[i], Err: err.Error() + kafka.AdviceOn("Write", err)})
			because[key] = nil
		}
	}
	return rest, blamed
}

func keyOf(row *Row) int64 {
	key, _ := Place(row.EventID, &row.Record)
	return key
}
