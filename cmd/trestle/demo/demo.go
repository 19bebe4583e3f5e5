// Package demo runs the main job end to end: two services hold conversations over typed events, others report what
// they do, some events are broken or can't be handled, and everything is traced. It counts every event on its way and
// fails when the counts don't add up.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
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

// The requirements of three sessions; the last one is of no use to the analysis.
var sessions = []string{
	"# PRD: Orders\n\nAs a user, I want the feature to place orders",
	"# PRD: Billing\n\nAs a user, I want the feature to be billed",
	"# PRD: ???",
}

// Run runs the demo until every event is accounted for. It leaves nothing running.
func Run(ctx context.Context, o Options) (*Summary, error) {
	begun := time.Now()
	d, err := newDemo(o)
	if err != nil {
		return nil, err
	}
	consumers, err := d.consumers()
	if err != nil {
		return nil, err
	}
	services := []func(context.Context) error{
		func(ctx context.Context) error { return d.operations.watchDeadLetters(ctx, o.Brokers, o.DeadLetters) },
	}
	for _, c := range consumers {
		services = append(services, c.Run)
	}
	ids, err := beside(ctx, services, d.converse)
	if err := errors.Join(err, d.pub.Close(context.WithoutCancel(ctx))); err != nil {
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

type demo struct {
	Options
	ledger     *ledger
	pub        *publisher
	omniclaude *omniclaude
	omniarchon *omniarchon
	operations *operations
}

func newDemo(o Options) (*demo, error) {
	l := newLedger()
	pub, err := newPublisher(o, l)
	if err != nil {
		return nil, err
	}
	return &demo{
		Options:    o,
		ledger:     l,
		pub:        pub,
		omniclaude: &omniclaude{pub: pub, log: o.Log, asked: map[string]string{}},
		omniarchon: &omniarchon{pub: pub, log: o.Log},
		operations: &operations{pub: pub, ledger: l, perDL: map[string]int{}},
	}, nil
}

func (d *demo) step(text string) {
	if d.Step != nil {
		d.Step(text)
	}
}

func (d *demo) consumers() ([]*trestle.Consumer, error) {
	opts := []trestle.ConsumerOption{
		trestle.WithLogger(d.Log),
		trestle.WithObserver(d.ledger.observe),
		trestle.WithBackoff(10*time.Millisecond, 100*time.Millisecond),
		trestle.WithStart(trestle.Earliest), // the log is new: nothing hangs on who is up first
	}
	var out []*trestle.Consumer
	for _, start := range []func([]string, ...trestle.ConsumerOption) (*trestle.Consumer, error){
		d.omniclaude.consumer, d.omniarchon.consumer, d.operations.consumer,
	} {
		c, err := start(d.Brokers, opts...)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// patience is how long the services get to handle everything; they need a second or two.
const patience = 60 * time.Second

// converse publishes everything and waits until every event is consumed or dead-lettered.
func (d *demo) converse(ctx context.Context) (sessionIDs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d.step("services report what they do: one hook event of every type")
	if err := d.operations.publishHooks(ctx); err != nil {
		return nil, err
	}
	d.step(fmt.Sprintf("omniclaude opens %d sessions and asks, omniarchon reports and answers", len(sessions)))
	for _, prd := range sessions {
		id := uuid.NewString()
		sessionIDs = append(sessionIDs, id)
		if err := d.omniclaude.session(ctx, id, prd); err != nil {
			return nil, err
		}
	}
	d.step("a foreign producer sends what no schema allows")
	if err := d.pub.publishBroken(ctx); err != nil {
		return nil, err
	}
	return sessionIDs, d.ledger.settled(ctx)
}

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
