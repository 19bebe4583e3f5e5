// Package demo runs the main job end to end: services hold conversations over events, others report what they do, some
// events are broken or can't be handled, and everything is traced. It counts every event on its way and fails when the
// counts don't add up. All events are of types by schema: nothing has to be generated.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"golang.org/x/sync/errgroup"
)

// Options say where the demo runs. Topics and subjects must be in place.
type Options struct {
	Brokers   []string
	SchemaIDs trestle.SchemaIDs
	Store     eventtrace.Store
	// Topics are all topics, to be traced; DeadLetters those of them that take dead letters.
	Topics, DeadLetters []string
	// Reader reads records for the store.
	Reader eventtrace.Reader
	// Step is called as each part begins, with a sentence for people.
	Step func(string)
	Log  *slog.Logger
}

// Summary is what happened. Of every event type, published equals consumed plus dead-lettered, and traced equals
// published.
type Summary struct {
	Published    int                `json:"published"`
	Consumed     int                `json:"consumed"`
	DeadLettered int                `json:"dead_lettered"`
	Traced       int                `json:"traced"`
	Sessions     int                `json:"sessions"`
	DurationMS   int64              `json:"duration_ms"`
	Events       map[string]*Counts `json:"events"`
	// SessionIDs are the sessions in the order they were opened.
	SessionIDs []string `json:"session_ids"`
}

// demo is what all scenarios have.
type demo struct {
	Options
	ledger *ledger
	pub    *publisher
}

// run plays a scenario, which returns the ids of its conversations once every event is consumed or dead-lettered, and
// accounts for every event. It leaves nothing running.
func run(ctx context.Context, o Options, scenario func(context.Context, *demo) (ids []string, err error)) (*Summary, error) {
	begun := time.Now()
	l := newLedger()
	pub, err := newPublisher(o, l)
	if err != nil {
		return nil, err
	}
	d := &demo{Options: o, ledger: l, pub: pub}
	ids, err := scenario(ctx, d)
	if err := errors.Join(err, pub.Close(context.WithoutCancel(ctx))); err != nil {
		return nil, err
	}
	d.step("tracing the log into the store")
	summary, err := d.account(ctx, ids)
	if err != nil {
		return nil, err
	}
	summary.DurationMS = time.Since(begun).Milliseconds()
	return summary, nil
}

// beside runs services while talk runs, and stops them when it is over. The context of talk ends when a service fails.
func beside(ctx context.Context, services []func(context.Context) error, talk func(context.Context) ([]string, error)) ([]string, error) {
	talkCtx, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	work, stop := context.WithCancel(ctx)
	defer stop()
	group, groupCtx := errgroup.WithContext(work)
	for _, s := range services {
		group.Go(func() error { return s(groupCtx) })
	}
	done := make(chan error, 1)
	go func() {
		err := group.Wait()
		failed(err)
		done <- err
	}()
	ids, err := talk(talkCtx)
	stop()
	return ids, errors.Join(err, <-done)
}

func (d *demo) step(text string) {
	if d.Step != nil {
		d.Step(text)
	}
}

// patience is how long the services get to handle everything; they need a second or two.
const patience = 60 * time.Second

// account traces the log and checks that all counts agree.
func (d *demo) account(ctx context.Context, sessionIDs []string) (*Summary, error) {
	traced, err := d.trace(ctx)
	if err != nil {
		return nil, err
	}
	s := &Summary{Sessions: len(sessionIDs), SessionIDs: sessionIDs, Events: d.ledger.snapshot()}
	for eventType, n := range traced {
		if s.Events[eventType] == nil {
			s.Events[eventType] = &Counts{}
		}
		s.Events[eventType].Traced = n
	}
	var errs []error
	for eventType, c := range s.Events {
		s.Published += c.Published
		s.Consumed += c.Consumed
		s.DeadLettered += c.DeadLettered
		s.Traced += c.Traced
		if cmp.Or(c.Published-c.Consumed-c.DeadLettered, c.Published-c.Traced) != 0 {
			errs = append(errs, fmt.Errorf("%s: published %d, consumed %d, dead-lettered %d, traced %d: the counts don't add up",
				eventType, c.Published, c.Consumed, c.DeadLettered, c.Traced))
		}
	}
	return s, errors.Join(errs...)
}
