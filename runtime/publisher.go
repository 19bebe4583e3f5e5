package trestle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/semaphore"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// Publisher publishes events. It is safe for concurrent use, and meant to be shared: what is published at once goes
// out together.
type Publisher struct {
	cfg    *publisherConfig
	client *kgo.Client
	room   *semaphore.Weighted // bytes that may wait for their acknowledgement
	begin  PublishFunc         // what publishing an event begins with: the middleware around start
	meter  *publisherMeter
	kinds  outgoingKinds
	spool  *spooling // nil: there is none

	connections connections
	refusal     atomic.Pointer[RefusedError] // the last

	ctx        context.Context // ends when the publisher is closed
	stop       context.CancelFunc
	background sync.WaitGroup // what runs beside the client
	began      time.Time
	waiting    tally

	mu      sync.Mutex
	closed  bool
	topics  sync.Map       // name → *outgoing; grows under mu, while not closed
	pending sync.WaitGroup // events accepted that the client, or the publisher, still has; grows under a topic's mu, while not closed

	answering sync.Mutex // held while a callback runs
}

// HeaderCausationID is the header with the id of the event whose handler published an event.
const HeaderCausationID = wire.HeaderCausationID

// Receipt says where an event was written.
type Receipt struct {
	Topic     string
	Partition int32
	Offset    int64
	EventID   string
	Timestamp time.Time // the record's
	// Spooled says that the event was accepted by the publisher's spool, and not acknowledged by anybody: see [WithSpool]. Partition and Offset
	// are -1 then.
	Spooled bool
}

// NewPublisher returns a publisher. It fails when an option is wrong, and names it; no broker is contacted before the
// first event.
func NewPublisher(brokers []string, opts ...PublisherOption) (*Publisher, error) {
	cfg, err := newPublisherConfig(brokers, opts)
	if err != nil {
		return nil, fmt.Errorf("new publisher: %w", err)
	}
	p := &Publisher{cfg: cfg, room: semaphore.NewWeighted(int64(cfg.bufferedBytes)), began: time.Now()}
	p.connections.began = p.began
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.connections.refused = p.fail
	p.client, err = cfg.kafka.Client(append(cfg.clientOptions(), kgo.WithHooks(&p.connections))...)
	if err != nil {
		return nil, fmt.Errorf("new publisher: %w", err)
	}
	if err := p.openSpool(); err != nil {
		p.client.Close()
		return nil, fmt.Errorf("new publisher: %w", err)
	}
	if p.meter, err = newPublisherMeter(p); err != nil {
		p.client.Close()
		return nil, errors.Join(fmt.Errorf("new publisher: WithMeterProvider: %w", err), p.spool.close())
	}
	p.begin = p.around(p.start)
	p.spool.start()
	return p, nil
}

// fail gives up the events that wait, since the brokers refuse this publisher.
func (p *Publisher) fail(refusal *RefusedError) {
	p.refusal.Store(refusal)
	p.client.UnsafeAbortBufferedRecords() // what was sent before the refusal is not waited for
}

// Publish publishes an event and waits until the cluster has acknowledged it. Absent fields that have a default are
// filled in, in the event too.
//
// The error is a *ValidationError or *TooLargeError when the event cannot be published as it is, and nothing was sent;
// and a *PublishError when the cluster refused it or does not let the publisher in, could not be reached within the
// delivery timeout, or ctx ended first; it says whether the event can be on its topic. In a handler, the event takes its
// correlation and session ids from the event being handled, unless it or an option says otherwise. With [WithSpool], nil may
// also say that the event was accepted while the cluster is away; PublishAsync says which.
func (p *Publisher) Publish(ctx context.Context, e Event, opts ...PublishOption) error {
	_, err := p.publish(ctx, e, opts)
	return err
}

// Delete publishes the deletion of an event's key on its compacted topic, and waits like Publish: the topic then forgets
// the key, by and by, and consumers get it in their [HandleDeletion]. The event need hold only what its key is made of.
// It fails when the topic is not compacted or the event has no key, and as Publish does.
func (p *Publisher) Delete(ctx context.Context, e Event, opts ...PublishOption) error {
	asDeletion := func(s *event.PublishSettings) { s.Deletion = true }
	_, err := p.publish(ctx, e, append(slices.Clip(opts), asDeletion))
	return err
}

func (p *Publisher) publish(ctx context.Context, e Event, opts []PublishOption) (Receipt, error) {
	type result struct {
		receipt Receipt
		err     error
	}
	done := make(chan result, 1)
	if e == nil {
		return Receipt{}, errNoEvent
	}
	sent := &sending{info: e.EventInfo()}
	opts = append(slices.Clip(opts), p.whenEncoded(func(s *sending) error { sent = s; return nil }, e))
	if err := p.begin(ctx, e, func(r Receipt, err error) { done <- result{r, err} }, opts...); err != nil {
		return Receipt{}, err
	}
	select {
	case r := <-done:
		return r.receipt, r.err
	case <-ctx.Done():
		return Receipt{}, sent.failed(fmt.Errorf("not acknowledged yet: %w", context.Cause(ctx)), FateUnknown)
	}
}

// PublishAsync publishes an event without waiting. When it returns nil, done is called exactly once: with a receipt
// after the cluster has acknowledged the event, with a *PublishError when it did not within the delivery timeout (up to 1 s
// later), or at Close. When it returns an error, as Publish would, done is not called.
//
// It blocks while more than WithBufferedBytes waits, until ctx ends or the event's time is up; afterwards ctx is of no more
// importance. The callbacks of all events are called one after the other, those of a partition in order, but for events whose
// timeout has passed, and must not block; those of events that an outbox or a spool takes are called within PublishAsync, beside
// others. Each event has its own timeout, whatever waits before it; the order of those of one key is kept.
func (p *Publisher) PublishAsync(ctx context.Context, e Event, done func(Receipt, error), opts ...PublishOption) error {
	if e == nil {
		return errNoEvent
	}
	return p.begin(ctx, e, done, opts...)
}

var errNoEvent = errors.New("publish: the event is nil")

// sending is an event on its way to the cluster.
type sending struct {
	client    kgo.Record // the event's record, as the client has it
	info      *EventInfo
	ids       eventIDs
	done      func(Receipt, error)
	size      int64         // of the record
	seq       uint64        // among its topic's events
	timeout   time.Duration // how long to try
	published time.Duration // when, since the publisher began
	until     time.Duration // when its time is up, since the publisher began
	told      atomic.Bool   // done was called, or is being called
	// What follows is about the last time that the event was handed to the client.
	attempt       *attemptContext
	handed        time.Duration // when, since the publisher began
	before, after *sending      // in the client's hands
	// producedBefore counts the requests with records that had been sent when the event was handed to the client.
	producedBefore uint64
}

// eventIDs are the ids in an event's envelope as it was written; empty: none.
type eventIDs struct{ event, correlation, session string }

func idsOf(env *Envelope) eventIDs { return eventIDs{env.EventID, env.CorrelationID, env.SessionID} }

// notSent is the error of an event that was not handed to the client.
func (s *sending) notSent(err error) *PublishError { return s.failed(err, NotSent) }

func (s *sending) failed(err error, fate Fate) *PublishError {
	return &PublishError{
		Fate:  fate,
		Topic: s.client.Topic, EventType: s.info.FullName, Key: s.info.Key(string(s.client.Key)), EventID: s.ids.event,
		Retriable: retriable(err), Err: err,
	}
}

// whenEncoded has a function called with the event once it is encoded, before it is sent. An error keeps it from that.
func (p *Publisher) whenEncoded(take func(*sending) error, e Event) PublishOption {
	return func(s *event.PublishSettings) {
		before := s.Encoded
		s.Encoded = func(record Record, env Envelope) error {
			if before != nil {
				if err := before(record, env); err != nil {
					return err
				}
			}
			encoded := &sending{info: p.cfg.names.described(e.EventInfo()), ids: idsOf(&env)}
			kafka.ForClient(&encoded.client, &record)
			return take(encoded)
		}
	}
}

// start is the PublishFunc within all middleware.
func (p *Publisher) start(ctx context.Context, e Event, done func(Receipt, error), opts ...PublishOption) error {
	s, err := p.encode(ctx, e, opts)
	if err != nil {
		return err
	}
	if into := p.transactionIn(ctx); into != nil {
		return p.take(into, s, done)
	}
	if p.cfg.outbox != nil {
		return p.keep(ctx, s, done)
	}
	if p.spool.takes(ctx, s) {
		return p.spool.accept(s, done)
	}
	return p.send(ctx, s, done)
}

// send has an encoded event written. When it returns an error, done is not called.
func (p *Publisher) send(ctx context.Context, s *sending, done func(Receipt, error)) error {
	if s.timeout < 0 {
		return s.notSent(fmt.Errorf("WithPublishTimeout: must not be negative, got %v", s.timeout))
	}
	now := s.published
	s.done, s.until = done, now+s.timeout
	if !p.room.TryAcquire(s.size) {
		if err := p.makeRoom(ctx, s); err != nil {
			return s.notSent(fmt.Errorf("no room to wait for the cluster: %w", err))
		}
		now = p.since()
	}
	var taken bool
	if p.cfg.deliver != nil {
		taken = p.deliver(ctx, s)
	} else {
		taken = p.dispatch(s, now)
	}
	if !taken {
		p.room.Release(s.size)
		return s.notSent(ErrClosed)
	}
	return nil
}

// deliver is dispatch to what stands in the place of brokers in a test.
func (p *Publisher) deliver(ctx context.Context, s *sending) bool {
	t := p.outgoingTo(s.client.Topic)
	if t == nil {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return false
	}
	p.accept(t, s)
	s.client.Timestamp = time.Now()
	p.cfg.deliver(ctx, s.info, kafka.FromClient(&s.client), func(partition int32, offset int64, fate uint8, err error) {
		if err != nil {
			p.answer(s, Receipt{}, s.failed(err, Fate(fate)))
		} else {
			p.answer(s, Receipt{Topic: s.client.Topic, Partition: partition, Offset: offset, EventID: s.ids.event, Timestamp: s.client.Timestamp}, nil)
		}
		p.forget(s)
	})
	return true
}

// makeRoom waits until the event may wait for the cluster; not longer than it may do that.
func (p *Publisher) makeRoom(ctx context.Context, s *sending) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, s.late())
	defer cancel()
	if p.room.Acquire(ctx, s.size) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// failed is the error of an event that the client gave up with err.
func (p *Publisher) failed(s *sending, err error) *PublishError {
	if refusal := p.refusal.Load(); refusal != nil && errors.Is(err, kgo.ErrAborting) {
		err = refusal
	}
	return s.failed(err, fateOf(err, p.connections.produced.Load() > s.producedBefore))
}

// settingsPool has the settings of events that are being encoded: they would be half of what an event takes until it is answered.
var settingsPool = sync.Pool{New: func() any { return new(event.PublishSettings) }}

// encode makes the record of an event.
func (p *Publisher) encode(ctx context.Context, e Event, opts []PublishOption) (*sending, error) {
	info, err := p.cfg.names.event(e.EventInfo())
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	c := settingsPool.Get().(*event.PublishSettings)
	defer settingsPool.Put(c)
	*c = event.PublishSettings{}
	for _, o := range opts {
		o(c)
	}
	headers := appendTraceparent(ctx, nil)
	if handled := handledIn(ctx); handled != nil {
		inherit(e, &c.Envelope, &handled.Envelope)
		headers = append(headers, Header{Key: HeaderCausationID, Value: []byte(handled.EventID)})
		if caller := wire.HeaderValue(handled.Headers, wire.HeaderCaller); caller != "" && info.Role == event.RoleResponse {
			headers = append(headers, Header{Key: wire.HeaderCaller, Value: []byte(caller)})
		}
	}
	encoding := EncodeOptions{Deletion: c.Deletion, Source: p.cfg.source, Headers: append(headers, c.Headers...)}
	if len(info.SealedKeys) > 0 || p.cfg.cipher != nil {
		patience := cmp.Or(c.Timeout, p.cfg.deliveryTimeout)
		encoding.Keys, encoding.Cipher, encoding.Context = p.cfg.patiently(patience), p.cfg.patientCipher(patience), ctx
	}
	if info.Topic != nil {
		encoding.Topic = info.Topic.Name
	}
	if p.cfg.schemaIDs != nil && info.Topic != nil && !c.Deletion {
		id, err := p.cfg.schemaIDs.SchemaID(ctx, info)
		_, away := errors.AsType[*RegistryAwayError](err)
		switch {
		case away && info.Encoding == event.JSON: // which can be read without
			p.meter.withoutID.Add(ctx, 1, p.kinds.of(info).add...)
		case err != nil:
			return nil, fmt.Errorf("publish to %s: %s: %w", info.Topic.Name, info.FullName, err)
		}
		encoding.SchemaID = id
	}
	encoding.Now = time.Now()
	record, err := Encode(e, &c.Envelope, encoding)
	if _, ok := errors.AsType[*TooLargeError](err); ok {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	size := record.Size()
	if size > p.cfg.batchBytes {
		return nil, &TooLargeError{Topic: record.Topic, EventType: info.FullName, Size: size, Limit: p.cfg.batchBytes}
	}
	now := encoding.Now
	if c.Encoded != nil {
		if err := c.Encoded(record, c.Envelope); err != nil {
			return nil, err
		}
		now = time.Now() // that took its time
	}
	record.Timestamp = now
	s := &sending{
		info: info, ids: idsOf(&c.Envelope), size: int64(size), published: now.Sub(p.began), timeout: cmp.Or(c.Timeout, p.cfg.deliveryTimeout),
	}
	kafka.ForClient(&s.client, &record)
	return s, nil
}

// inherit gives an event that is published in a handler the ids of the one being handled, unless it has its own.
func inherit(e Event, env, handled *Envelope) {
	var own Envelope
	var ignored event.Violations
	e.ShareEnvelope(&own, &ignored)
	if env.CorrelationID == "" && own.CorrelationID == "" {
		env.CorrelationID = handled.CorrelationID
	}
	if env.SessionID == "" && own.SessionID == "" {
		env.SessionID = handled.SessionID
	}
}

// Flush waits until every event published so far has been acknowledged or has failed, and its callback has returned.
// Its error is ctx's; how the events fared, their callbacks say.
func (p *Publisher) Flush(ctx context.Context) error {
	flushing, stop := context.WithCancel(ctx)
	var flushed sync.WaitGroup
	flushed.Go(func() { // lest they linger, those too that are handed over again meanwhile
		for p.client.Flush(flushing) == nil && kafka.Sleep(flushing, flushPause) == nil {
		}
	})
	defer flushed.Wait()
	defer stop()
	select {
	case <-p.waiting.await():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush: %w", ctx.Err())
	}
}

// flushPause is the time between two flushes of the client, while events wait that it does not have.
const flushPause = 5 * time.Millisecond

// Close waits like Flush, until ctx ends, and then closes the publisher: what has not been acknowledged by then fails. What a spool has is not
// waited for while the cluster is away.
// All callbacks have returned when it does. It reports how many events failed that way. Closing again does nothing.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	if closed {
		return nil
	}
	p.spool.end()
	p.refuseNew()
	flushing, flushed := p.spool.untilKept(ctx)
	err := p.Flush(flushing)
	flushed()
	unacknowledged := p.waiting.n.Load()
	if p.spool != nil {
		unacknowledged -= p.spool.sending.Load() // they are on the disk
	}
	p.stop()
	p.meter.close()
	p.client.Close()
	p.background.Wait()
	p.giveUpHeld()
	p.pending.Wait()
	if closing := p.spool.close(); closing != nil {
		return errors.Join(closing, err)
	}
	if err != nil && unacknowledged > 0 {
		return fmt.Errorf("close publisher: %d events not acknowledged: %w", unacknowledged, err)
	}
	return nil
}
