package trestletest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/internal/testseam"
)

// Recorder keeps the events that code publishes, in place of a cluster. It is safe for concurrent use.
type Recorder struct {
	tb  testing.TB
	pub *trestle.Publisher

	mu        sync.Mutex
	sent      []*Sent
	failures  []*failing
	ends      map[string]int64 // of topics
	answers   []func()         // that are to be given
	answering bool             // somebody gives them
}

// Sent is an event that was published to a [Recorder].
type Sent struct {
	// Event is what a consumer decodes from the record; nil where it deletes its key.
	Event trestle.Event
	// Info describes its type, with the names of WithNames.
	Info     *trestle.EventInfo
	Record   trestle.Record
	Envelope trestle.Envelope
	// Err is why it was not acknowledged: see [Recorder.Fail]; nil: it was.
	Err error
}

// noBroker is the address of no broker.
const noBroker = "no-broker.invalid:9092"

// alone are the options of a client that is not to reach for any broker.
func alone() trestle.Option {
	return trestle.WithKafka(
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("there are no brokers: the test has a recorder, or handlers by themselves")
		}),
		kgo.RequestRetries(0),
	)
}

// NewRecorder returns a recorder whose publisher has these options. It numbers schemas as [SchemaIDs] does. The test fails when
// an option is wrong.
func NewRecorder(tb testing.TB, opts ...trestle.PublisherOption) *Recorder {
	tb.Helper()
	r := &Recorder{tb: tb, ends: map[string]int64{}}
	all := append([]trestle.PublisherOption{trestle.WithLogger(testLogger(tb)), trestle.WithSchemaIDs(SchemaIDs()), trestle.WithKeys(Keys())}, opts...)
	all = append(all, alone(), testseam.DeliverTo(r.deliver).(trestle.PublisherOption))
	var err error
	if r.pub, err = trestle.NewPublisher([]string{noBroker}, all...); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.pub.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// Publisher returns the publisher whose events are recorded. It is closed when the test ends.
func (r *Recorder) Publisher() *trestle.Publisher { return r.pub }

// Sent returns what has been published so far, in order, also what was not acknowledged. What a rule of the schema kept from
// being published is not among it.
func (r *Recorder) Sent() []*Sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// Forget has the recorder forget what has been published so far.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = nil
}

// Failure says which events a [Recorder] does not acknowledge, and what their publisher is told.
type Failure struct {
	// Of is an event of the type that fails, such as (*ordersv1.OrderPlaced)(nil); nil: events of all types.
	Of trestle.Event
	// After is how many of them are acknowledged first.
	After int
	// Times is how many fail then; 0: all.
	Times int
	// Fate is what became of the event, as the publisher's error says it; by default it may have been written.
	Fate trestle.Fate
	// Err is the cause of the error; nil: one of that fate, which can be tried again unless the event was refused.
	Err error
}

type failing struct {
	Failure
	of   string // the full name of the type of Of; empty: all types
	seen int
}

// Fail has events fail that are published from now on. Of several failures for one event, that counts which was given first.
// The publisher returns a *trestle.PublishError, which says that trying again can help unless the cause is one of Kafka's errors
// that say otherwise, such as kerr.TopicAuthorizationFailed.
func (r *Recorder) Fail(f Failure) {
	one := &failing{Failure: f}
	if f.Of != nil {
		one.of = f.Of.EventInfo().FullName // now, not while mu is held: it is the program's, and may panic
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, one)
}

// Heal has events be acknowledged again.
func (r *Recorder) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = nil
}

// fails counts an event, and says whether it is one that fails.
func (f *failing) fails(info *trestle.EventInfo) bool {
	if f.of != "" && f.of != info.FullName {
		return false
	}
	f.seen++
	return f.seen > f.After && (f.Times == 0 || f.seen <= f.After+f.Times)
}

func (f *failing) cause() error {
	switch {
	case f.Err != nil:
		return f.Err
	case f.Fate == trestle.Refused:
		return kerr.TopicAuthorizationFailed
	case f.Fate == trestle.NotSent:
		return errors.New("the test has the cluster be away")
	}
	return errors.New("the test has the acknowledgement be lost")
}

// failure returns why an event fails; nil: it is acknowledged. It needs mu.
func (r *Recorder) failure(info *trestle.EventInfo) (found *failing) {
	for _, f := range r.failures {
		if f.fails(info) && found == nil { // each counts what it is about
			found = f
		}
	}
	return found
}

// deliver takes what the publisher sends.
func (r *Recorder) deliver(ctx context.Context, info *trestle.EventInfo, record trestle.Record, answer testseam.Answer) {
	decoded, err := trestle.Decode(&record, trestle.NewTypes(info), trestle.DecodeOptions{Keys: Keys()})
	if err != nil && record.Value != nil { // what was encoded can be decoded
		r.tb.Errorf("%s was published, and consumers can't read it: %v", info.FullName, err)
	}
	s := &Sent{Event: decoded.Event, Info: info, Record: record, Envelope: decoded.Envelope}
	r.mu.Lock()
	offset := r.ends[record.Topic]
	failure := r.failure(info)
	if failure == nil {
		r.ends[record.Topic]++
		s.Record.Offset = offset
	} else {
		s.Err = fmt.Errorf("%v: %w", failure.Fate, failure.cause())
	}
	r.sent = append(r.sent, s)
	r.mu.Unlock()
	if c, ok := ctx.Value(collectorKey{}).(*collector); ok {
		c.add(s)
	}
	r.later(func() {
		if failure == nil {
			answer(0, offset, 0, nil)
			return
		}
		answer(0, 0, uint8(failure.Fate), failure.cause())
	})
}

// later has something done in order, and not by the caller: it may hold what the publisher's callback waits for.
func (r *Recorder) later(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, do)
	if r.answering {
		return
	}
	r.answering = true
	go func() {
		for {
			r.mu.Lock()
			if len(r.answers) == 0 {
				r.answering = false
				r.mu.Unlock()
				return
			}
			next := r.answers[0]
			r.answers = r.answers[1:]
			r.mu.Unlock()
			next()
		}
	}()
}

// collector gathers what is published while an event is handled.
type collector struct {
	mu   sync.Mutex
	sent []*Sent
}

type collectorKey struct{}

func (c *collector) add(s *Sent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, s)
}

func (c *collector) all() []*Sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}
