package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/spool"
)

// publishing is a publisher at work, with a spool or without.
type publishing struct {
	*acting
	era  atomic.Int64
	gate sync.RWMutex // held to publish, and fully to have nothing published
	pub  *trestle.Publisher
}

// publish publishes all of the actor's keys.
func (a *acting) publish(ctx context.Context) error {
	p := &publishing{acting: a}
	p.era.Store(int64(a.Era))
	begin, err := p.accepted()
	if err != nil {
		return err
	}
	opts := []trestle.PublisherOption{trestle.WithLogger(a.logger), a.client(), trestle.WithDeliveryTimeout(10 * time.Second)}
	if a.Spool != "" {
		opts = append(opts, trestle.WithSpool(a.Spool, spool.Options{MaxBytes: a.Room}))
	}
	if p.pub, err = trestle.NewPublisher(a.Brokers, opts...); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.pub.Close(ctx) // what is under way is of no more interest
	}()
	ctx, cancel := context.WithCancel(ctx)
	var obeying sync.WaitGroup
	defer obeying.Wait()
	defer cancel()
	obeying.Go(func() { p.obey(ctx) })
	results := a.eachKey(func(key string) error { return p.key(ctx, key, begin[key]) })
	if err := a.await(results); err != nil {
		return err
	}
	if a.Spool != "" && ctx.Err() == nil {
		fmt.Fprintln(a.out, "accepted")
		for p.isSpooling() && again(ctx) {
		}
	}
	return a.finish(ctx)
}

func (p *publishing) isSpooling() bool {
	return slices.ContainsFunc(p.pub.Health().Reasons, func(r trestle.HealthReason) bool { return r.Code == trestle.Spooling })
}

// obey holds back and goes on as it is told.
func (p *publishing) obey(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.orders: // hold
		}
		p.gate.Lock()
		fmt.Fprintln(p.out, "held")
		var era int64
		for era == 0 {
			select {
			case <-ctx.Done():
				p.gate.Unlock()
				return
			case order := <-p.orders:
				if _, err := fmt.Sscanf(order, "go %d", &era); err != nil {
					panic(err)
				}
			}
		}
		p.era.Store(era)
		p.gate.Unlock()
	}
}

// accepted says how far keys have been accepted, by the ledger.
func (p *publishing) accepted() (map[string]int, error) {
	next := map[string]int{}
	return next, readLedger(p.Folder, func(l line) {
		if l.topic == p.topic() && (l.what == acked || l.what == spooled) {
			next[l.step.key] = max(next[l.step.key], l.step.n+1)
		}
	})
}

func (p *publishing) topic() string {
	if p.Spool != "" {
		return notes.Name
	}
	return steps.Name
}

// key publishes the events of a key, each once the one before it has been accepted, and again where that is not known.
func (p *publishing) key(ctx context.Context, key string, from int) error {
	isFull := false
	for n := from; n < p.PerKey; n++ {
		if !p.wait(ctx, time.Duration(rand.Float64()*2*float64(p.Every))) {
			return nil
		}
		for {
			err := p.step(ctx, key, n)
			if err == nil {
				isFull = false
				break
			}
			if _, ok := errors.AsType[*trestle.PublishError](err); !ok && ctx.Err() == nil {
				return err // it is no fault of the cluster
			}
			if _, full := errors.AsType[*spool.FullError](err); full && !isFull {
				isFull = true
				fmt.Fprintln(p.out, "full")
			}
			if !again(ctx) {
				return nil
			}
		}
	}
	return nil
}

func (p *publishing) step(ctx context.Context, key string, n int) error {
	p.gate.RLock()
	defer p.gate.RUnlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := newStep(key, n, int(p.era.Load()))
	var e trestle.Event = &s
	if p.Spool != "" {
		e = &note{s}
	}
	result := make(chan error, 1)
	err := p.pub.PublishAsync(ctx, e, func(r trestle.Receipt, err error) {
		if err == nil {
			l := line{what: acked, topic: p.topic(), step: stepID{s.Era, key, n}, place: place{s.Era, r.Partition, r.Offset}}
			if r.Spooled {
				l.what, l.place = spooled, place{}
			}
			p.ledger.write(l)
		}
		result <- err
	}, s.options()...)
	if err != nil {
		return err
	}
	return <-result
}

// options have the record of a step say which it is, also in its id.
func (s *step) options() []trestle.PublishOption {
	return []trestle.PublishOption{
		trestle.WithHeader(headerStep, s.header()), trestle.WithEventID(uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s %d", s.Key, s.N)).String()),
	}
}
