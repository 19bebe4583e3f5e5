package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/dedup"
	"github.com/omninode/trestle/runtime/store/postgres"
)

// The groups: of consumers of steps, of batches of orders, and of those that have effects.
const (
	stepGroup   = "chaos"
	batchGroup  = "chaos-batches"
	effectGroup = "chaos-effects"
)

// retries is how often an event is tried again at once.
const retries = 2

// retryTopics are where orders wait that handlers of batches fail on.
var retryTopics = []trestle.RetryTopic{
	{Name: "chaos_orders_retry_short", Delay: 200 * time.Millisecond, Attempts: 2},
	{Name: "chaos_orders_retry_long", Delay: 600 * time.Millisecond},
}

// rounds is how often an order waits there at most.
const rounds = 3

// maxInFlight is how many bytes of records a consumer may have in hand.
const maxInFlight = 8 << 20

// consumer returns a consumer that notes what becomes of its events.
func (a *acting) consumer(group string, more ...trestle.ConsumerOption) (*trestle.Consumer, error) {
	return trestle.NewConsumer(a.Brokers, group, append([]trestle.ConsumerOption{
		trestle.WithLogger(a.logger), a.client(), trestle.WithSessionTimeout(a.Session), trestle.WithHeartbeatInterval(a.Session / 6),
		trestle.WithRebalanceTimeout(2 * a.Session), trestle.WithRetries(retries),
		trestle.WithCommitInterval(100 * time.Millisecond), trestle.WithBackoff(5*time.Millisecond, 100*time.Millisecond),
		trestle.WithMaxInFlightBytes(maxInFlight), trestle.WithDrainTimeout(5 * time.Second),
		trestle.WithKafka(kgo.FetchMaxWait(200 * time.Millisecond)),
		trestle.WithObserver(func(o trestle.Outcome) { a.note(o.Result.String(), &o.Delivery, 0) }),
	}, more...)...)
}

// run runs a consumer until ctx ends. That it was no member any more by then is no fault: what it could not commit is handled again, which the
// ledger shows.
func (a *acting) run(ctx context.Context, c *trestle.Consumer) error {
	err := c.Run(ctx)
	if ctx.Err() != nil && (errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration)) {
		a.logger.Warn("the last commit came too late", "error", err)
		return nil
	}
	return err
}

// note writes a line about a delivery.
func (a *acting) note(what string, d *trestle.Delivery, call int64) stepID {
	id, err := stepOf(d.Headers)
	if err != nil {
		panic(err)
	}
	a.ledger.write(line{
		what: what, topic: d.Topic, group: d.Group, step: id, place: place{id.era, d.Partition, d.Offset}, attempt: d.Attempt, call: call,
	})
	return id
}

// begin notes that a handler was called, and says what is wrong with the event.
func (a *acting) begin(d *trestle.Delivery, s *step, call int64) error {
	if id := a.note(begun, d, call); id != s.id() || s.Text != text {
		return trestle.Permanent(fmt.Errorf("the record of %v holds another event", id))
	}
	return nil
}

func rest(ctx context.Context) error {
	select {
	case <-time.After(slow):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var (
	errPoison = trestle.Permanent(errors.New("it is poison"))
	errNotYet = errors.New("not yet")
)

// consume handles steps until ctx ends.
func (a *acting) consume(ctx context.Context) error {
	c, err := a.consumer(stepGroup)
	if err != nil {
		return err
	}
	trestle.Handle(c, func(ctx context.Context, s *step) error {
		d, _ := trestle.DeliveryFrom(ctx)
		if err := a.begin(&d, s, 0); err != nil {
			return err
		}
		switch {
		case isPoison(s.id()):
			return errPoison
		case isFlaky(s.id()) && d.Attempt == 1:
			return errNotYet
		case isSlow(s.id()):
			return rest(ctx)
		}
		return nil
	})
	return a.run(ctx, c)
}

// consumeBatches handles orders, many at once.
func (a *acting) consumeBatches(ctx context.Context) error {
	c, err := a.consumer(batchGroup, trestle.WithRetryTopics(orders.Name, retryTopics...))
	if err != nil {
		return err
	}
	var calls atomic.Int64
	calls.Store(time.Now().UnixNano()) // so that no two calls of any process have the same number
	trestle.HandleBatch(c, func(ctx context.Context, items []trestle.Item[order]) error {
		call := calls.Add(1)
		errs := make([]error, len(items))
		for i, item := range items {
			errs[i] = a.begin(item.Delivery, item.Event.plain(), call)
		}
		if len(items) > 1 && spoils(items[0].Event.id()) {
			for _, item := range items {
				a.note(failed, item.Delivery, call)
			}
			return errNotYet
		}
		var named trestle.BatchError
		isLong := false
		for i, item := range items {
			id, d := item.Event.id(), item.Delivery
			isLong = isLong || isSlow(id)
			switch {
			case errs[i] != nil, isReplay(d.Headers):
			case isPoison(id):
				errs[i] = errPoison
			case isStubborn(id), isFlaky(id) && d.Attempt == 1, isFar(id) && d.Attempt <= retries+1:
				errs[i] = errNotYet
			}
			if errs[i] == errNotYet {
				a.note(failed, d, call)
			}
			named.Add(i, errs[i])
		}
		if isLong {
			if err := rest(ctx); err != nil {
				return err
			}
		}
		return named.Err()
	}, trestle.WithMaxBatchSize(50), trestle.WithMaxBatchWait(20*time.Millisecond))
	return a.run(ctx, c)
}

// consumeWithEffects handles orders and notes in transactions of the database.
func (a *acting) consumeWithEffects(ctx context.Context) error {
	_, db, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.consumer(effectGroup, trestle.WithKeyWorkers(8), trestle.WithHandlerMiddleware(dedup.Once(db.Dedup())))
	if err != nil {
		return err
	}
	trestle.Handle(c, func(ctx context.Context, o *order) error { return a.effect(ctx, o.plain()) })
	trestle.Handle(c, func(ctx context.Context, n *note) error { return a.effect(ctx, n.plain()) })
	return a.run(ctx, c)
}

func (a *acting) effect(ctx context.Context, s *step) error {
	d, _ := trestle.DeliveryFrom(ctx)
	if err := a.begin(&d, s, 0); err != nil {
		return err
	}
	if isUnwanted(s.id()) && !isReplay(d.Headers) {
		return errPoison
	}
	tx, ok := postgres.TxFrom(ctx)
	if !ok {
		return trestle.Permanent(errors.New("there is no transaction"))
	}
	if _, err := tx.Exec(ctx, `INSERT INTO effects (topic, key, n) VALUES ($1, $2, $3)`, d.Topic, s.Key, s.N); err != nil {
		return trestle.Unavailable(err)
	}
	if isFlaky(s.id()) && d.Attempt == 1 {
		return errNotYet
	}
	if isSlow(s.id()) {
		return rest(ctx)
	}
	return nil
}
