package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/runtime/wire"
)

// Handle registers the handler of an event type. The type brings its topic along; nothing else is to be configured.
// What it refuses, Run reports: the same type twice, a type without a topic, a topic without a dead letter or one that
// the consumer's group, if it is a declared one, does not read.
//
// The handler is called from several goroutines, for different keys at once. nil counts the event as done; an error has
// it tried again and, at the end or at once where the error is permanent, written to its dead letter; one of [Snooze] has it tried
// again later, for as often as the handler wants. The middleware is
// around this handler alone, within that of the consumer, the outermost first.
func Handle[E any, P interface {
	*E
	Event
}](c *Consumer, handler func(context.Context, P) error, middleware ...HandlerMiddleware) {
	h := &eventHandler{info: P(nil).EventInfo(), middleware: middleware}
	if handler != nil {
		h.handle = func(ctx context.Context, e Event) error { return handler(ctx, e.(P)) }
	}
	c.register(h, (*topicHandlers).addEvent)
}

// HandleInfo is [Handle] for a program that learns of its event types when it runs, such as from schemas that it was not
// built with: the handler gets events that info.New made.
func HandleInfo(c *Consumer, info *EventInfo, handler HandlerFunc, middleware ...HandlerMiddleware) {
	c.register(&eventHandler{info: info, handle: handler, middleware: middleware}, (*topicHandlers).addEvent)
}

// HandleRaw registers a handler of records as they are, for programs that carry them elsewhere or read them in a way of their own:
// nothing is decoded or validated. It gets all records of the event type's topic, whatever their event types, and those without a
// value, too. All else is as with [Handle]: the order by key, attempts, dead letters, what is committed. A topic that has it
// has no other handler; of two Run reports one.
//
// The record is the topic's own: a handler may keep it, and must not change it. The delivery of its context, [DeliveryFrom], has the
// event id, and an envelope with nothing but that and the event type, as headers say. Middleware gets a nil event. A record that is
// larger than its topic takes is not handed over, but goes to its dead letter.
func HandleRaw[E any, P interface {
	*E
	Event
}](c *Consumer, handler func(context.Context, *Record) error, middleware ...HandlerMiddleware) {
	h := &eventHandler{info: P(nil).EventInfo(), middleware: middleware}
	if handler != nil {
		h.handle = func(ctx context.Context, _ Event) error {
			return handler(ctx, &ctx.Value(handlingKey{}).(*handling).record)
		}
	}
	c.register(h, (*topicHandlers).addRaw)
}

// HandleDeletion registers the handler of deletions on the compacted topic of an event type: of records that have a key
// and no value. There is one for each topic, whichever of its types it is registered by; without it deletions are
// skipped. On other topics such a record goes to its dead letter, and Run reports the registration.
//
// The handler is called with the key as events' handlers are with events, in their order, and what it returns counts
// for the same.
func HandleDeletion[E any, P interface {
	*E
	Event
}](c *Consumer, handler func(ctx context.Context, key string) error, middleware ...HandlerMiddleware) {
	h := &eventHandler{info: P(nil).EventInfo(), middleware: middleware}
	if handler != nil {
		h.handle = func(ctx context.Context, _ Event) error {
			d, _ := DeliveryFrom(ctx)
			return handler(ctx, string(d.Key))
		}
	}
	c.register(h, (*topicHandlers).addDeletion)
}

type topicHandlers struct {
	deletion  *eventHandler // nil: deletions are skipped
	info      *TopicInfo
	meter     *topicMeter
	byType    map[string]*eventHandler // by event type on the wire
	raw       *eventHandler            // of all records as they are; nil: there is none, and no other if there is
	warned    warned
	breaker   *breaker
	retries   []RetryTopic   // where events wait that fail; empty: they go to their dead letters
	retryOf   *topicHandlers // the topic that it is a retry topic of; nil: none
	unwritten atomic.Int64   // when it was logged last that its dead letters can't be written, in Unix nanoseconds
	unparked  atomic.Int64   // and that they can't be parked either
	refusals  refusals       // of its dead letters
	// pending is what holds its keys, those of the topic that it is a retry topic of; nil: nothing does. held and waits say whether dead
	// letters do, and records of retry topics.
	pending     *pendingRecords
	held, waits bool
}

type eventHandler struct {
	info       *EventInfo
	handle     HandlerFunc
	answers    string // the event type of the response that it publishes; empty: none
	middleware []HandlerMiddleware
	batches    *batchLimits // nil: it is called for one event at a time
	meter      eventMeter
	call       HandlerFunc // handle with all that is around it
}

// register adds a handler to those of its topic, as add does.
func (c *Consumer) register(h *eventHandler, add func(*topicHandlers, *eventHandler) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run { // workers read what is registered without mu
		select {
		case c.late <- fmt.Errorf("handler of %s: registered after Run began", h.info.FullName):
		default:
		}
		return
	}
	if err := c.add(h, add); err != nil {
		c.problem(h.info, err)
	}
}

// refuse has Run report what is wrong with a handler.
func (c *Consumer) refuse(info *EventInfo, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem(info, err)
}

// problem needs mu.
func (c *Consumer) problem(info *EventInfo, err error) {
	c.problems = append(c.problems, fmt.Errorf("handler of %s: %w", info.FullName, err))
}

func (c *Consumer) add(h *eventHandler, add func(*topicHandlers, *eventHandler) error) error {
	info, err := c.cfg.names.event(h.info)
	switch {
	case err != nil:
		return err
	case h.handle == nil:
		return errors.New("is nil")
	case slices.ContainsFunc(h.middleware, func(m HandlerMiddleware) bool { return m == nil }):
		return errors.New("middleware is nil")
	case info.Topic == nil:
		return errors.New("the event type has no topic")
	case info.Topic.DeadLetter == "":
		return fmt.Errorf("topic %s has no dead-letter topic for what fails: declare one in its schema", info.Topic.Name)
	case len(c.declared) > 0 && !slices.Contains(c.declared, info.Topic.Name):
		return fmt.Errorf("group %s does not declare topic %s: add it to the group in its schema", c.group, info.Topic.Name)
	}
	t := c.topics[info.Topic.Name]
	if t == nil {
		t = &topicHandlers{info: info.Topic, byType: map[string]*eventHandler{}, meter: c.meter.topic(info.Topic)}
		c.topics[info.Topic.Name] = t
	}
	if t.info.DeadLetter != info.Topic.DeadLetter {
		return fmt.Errorf("topic %s has dead-letter topic %s here and %s elsewhere",
			info.Topic.Name, info.Topic.DeadLetter, t.info.DeadLetter)
	}
	h.info = info
	if t.raw != nil {
		return fmt.Errorf("all records of topic %s have a handler already, a raw one", t.info.Name)
	}
	h.meter = t.meter.newEventMeter(info.Type)
	h.call = c.around(h)
	return add(t, h)
}

// addRaw adds the handler of all records. What it handles counts as of its event type only where that is the topic's only one.
func (t *topicHandlers) addRaw(h *eventHandler) error {
	if t.deletion != nil || len(t.byType) > 0 {
		return fmt.Errorf("topic %s has a handler already, and can have no raw one beside it", t.info.Name)
	}
	if len(t.info.EventTypes) > 1 {
		h.meter = t.meter.newEventMeter(otherType)
	}
	t.raw = h
	return nil
}

func (t *topicHandlers) addEvent(h *eventHandler) error {
	if other := t.byType[h.info.Type]; other != nil {
		return fmt.Errorf("event type %s of topic %s has a handler already, of %s", h.info.Type, t.info.Name, other.info.FullName)
	}
	t.byType[h.info.Type] = h
	return nil
}

func (t *topicHandlers) addDeletion(h *eventHandler) error {
	switch {
	case !t.info.Compacted:
		return fmt.Errorf("topic %s is not compacted: nothing is deleted there by key", t.info.Name)
	case t.deletion != nil:
		return fmt.Errorf("deletions on topic %s have a handler already, of %s", t.info.Name, t.deletion.info.FullName)
	}
	t.deletion = h
	return nil
}

// work handles a topic's records until it is not needed any more. A handler that ends its goroutine ends the worker, too: then
// another takes its place.
func (c *Consumer) work(m *member, topic *topicHandlers, queue *topicQueue) {
	var t *task
	var batch []*task
	over := false
	defer func() {
		if over {
			return
		}
		m.workers.Go(func() { c.work(m, topic, queue) })
		if t != nil {
			t.alone, t.failure = true, newFailure(&PanicError{Stack: string(debug.Stack())})
			c.deadLetter(m, t)
		}
	}()
	for {
		if queue.batches == nil {
			t = m.queue.next(queue)
		} else if batch = m.queue.nextBatch(queue, batch); len(batch) > 1 {
			t = nil
			c.processBatch(m, topic, batch)
			clear(batch)
			continue
		} else if t = nil; len(batch) == 1 {
			t = batch[0]
		}
		if t == nil {
			over = true
			return
		}
		c.process(m, topic, t)
	}
}

// process takes a task that the queue gave out one step further, and gives it back.
func (c *Consumer) process(m *member, topic *topicHandlers, t *task) {
	if t.failure != nil { // its dead letter could not be written
		c.fail(m, t)
		return
	}
	if t.attempt == 0 {
		if wait := c.untilDue(t); wait > 0 {
			m.queue.snooze(t, wait)
			return
		}
	}
	h := c.beginAttempt(m, t)
	if t.oversized != nil && t.oversized.Batch {
		c.refuseBatch(m, t)
		return
	}
	turn := topic.breaker.begun()
	handler, e, result, err := c.prepare(topic, h)
	if handler != nil {
		result, err = Handled, h.call(handler, e)
	}
	c.settle(topic, h, turn, result, err)
}

// beginAttempt counts an attempt, and makes what it needs.
func (c *Consumer) beginAttempt(m *member, t *task) *handling {
	if t.attempt == 0 && c.cfg.observe != nil {
		t.begun = time.Now()
	}
	t.attempt++
	h := newHandling(m, t)
	t.delivery = &h.Delivery
	return h
}

// settle gives a record back after an attempt, whose outcome counts for the breaker. It says whether there is to be another one.
func (c *Consumer) settle(topic *topicHandlers, h *handling, turn int64, result Result, err error) (again bool) {
	t, m, breaker := h.task, h.member, topic.breaker
	if h.snooze != nil {
		t.attempt--
		t.snoozes++
		m.queue.snooze(t, h.snooze.wait)
		return true
	}
	if err == nil && result == Handled && !h.duplicate {
		t.outputs, err = m.transactions.accept(t, h.outputs.all)
	}
	if err == nil {
		if result == Handled {
			if h.duplicate {
				result = Duplicate
			}
			breaker.succeeded(turn, t.counted())
			t.part.handled.add(t.delivery.EventID)
		}
		c.finish(m, t, Outcome{Result: result})
		return false
	}
	if t.part.ctx.Err() != nil { // given up: another member handles it
		m.queue.park(t, 0)
		return true
	}
	if decided, ok := errors.AsType[*decidedError](err); ok {
		c.finish(m, t, Outcome{Result: decided.result(), Err: err})
		return false
	}
	if held, ok := errors.AsType[*heldError](err); ok {
		if held.isOverSoon(t) {
			t.attempt--
			m.queue.snooze(t, waitingStep)
			return true
		}
		t.failure = newFailure(err)
		c.fail(m, t)
		return false
	}
	entered, wait := breaker.failed(turn, t.record.Key, err, t.counted())
	if wait {
		t.attempt-- // it is not the event's fault
		t.alone = t.attempt > 0
		m.queue.park(t, 0)
		return true
	}
	t.alone = true
	if again := c.cfg.retries - t.attempt + 1; again > 0 && !IsPermanent(err) {
		wait := c.cfg.backoff.After(t.attempt)
		topic.meter.count(t.part.ctx, c.meter.retries, t.delivery)
		m.queue.park(t, wait)
		return true
	}
	t.failure = newFailure(err)
	t.failure.entered = entered
	c.fail(m, t)
	return false
}

// fail has a record that its handler fails on wait in a retry topic, or writes its dead letter.
func (c *Consumer) fail(m *member, t *task) {
	if !c.retryLater(m, t) {
		c.deadLetter(m, t)
	}
}

// prepare decodes a record, and says which handler is to be called with which event; nil: none, and what becomes of the record.
func (c *Consumer) prepare(topic *topicHandlers, h *handling) (*eventHandler, Event, Result, error) {
	handler, e, result, err := c.prepareAny(topic, h)
	if handler != nil || err != nil {
		if held := topic.heldBack(h); held != nil {
			return nil, nil, 0, held
		}
	}
	return handler, e, result, err
}

// prepareAny is prepare whether or not the record's key is held.
func (c *Consumer) prepareAny(topic *topicHandlers, h *handling) (*eventHandler, Event, Result, error) {
	d, t, m := &h.Delivery, h.task, h.member
	if group := wire.HeaderBytes(h.record.Headers, wire.HeaderReplayGroup); c.isForOthers(t) || group != nil && string(group) != c.group {
		d.EventID = wire.HeaderValue(h.record.Headers, wire.HeaderEventID)
		d.Envelope.EventType = wire.HeaderValue(h.record.Headers, wire.HeaderEventType)
		return nil, nil, Skipped, nil
	}
	if t.oversized == nil {
		if t.oversized = m.limits.Oversized(t.part.ctx, m.client, t.record); t.oversized != nil {
			t.record.Value = nil
			h.record.Value, h.record.Oversized = nil, t.oversized
		}
	}
	if topic.raw != nil {
		return c.prepareRaw(topic, h)
	}
	decoding := c.cfg.decoding
	decoding.Context = t.part.ctx
	decoded, err := Decode(&h.record, c.types, decoding)
	d.Envelope, d.EventID, d.ZonelessTimes, d.Unavailable = decoded.Envelope, decoded.Envelope.EventID, decoded.ZonelessTimes, decoded.Unavailable
	if isA[*KeysAwayError](err) { // the partition is another's, or the consumer ends
		return nil, nil, 0, err
	}
	if t.record.Value == nil && t.oversized == nil && topic.info.Compacted {
		return topic.deletion, nil, Skipped, nil
	}
	if unknown, ok := errors.AsType[*UnknownEventTypeError](err); ok {
		d.Envelope.EventType = unknown.EventType
	}
	handler := topic.byType[d.Envelope.EventType]
	if isA[*UnknownEventTypeError](err) || err == nil && handler == nil {
		if slices.Contains(topic.info.EventTypes, d.Envelope.EventType) {
			return nil, nil, Skipped, nil
		}
		err = &UnknownEventTypeError{Topic: d.Topic, EventType: d.Envelope.EventType, Declared: topic.info.EventTypes}
	}
	if err != nil {
		return nil, nil, 0, undecodable(err)
	}
	if d.ZonelessTimes > 0 && d.Attempt == 1 {
		topic.meter.zoneless.Add(t.part.ctx, int64(d.ZonelessTimes))
		c.warnOnce(t, "a producer writes times without a zone; they are taken as UTC")
	}
	if d.Attempt == 1 {
		c.noteSealed(topic, t, &decoded)
	}
	if decoded.Event == nil {
		return nil, nil, 0, undecodable(fmt.Errorf("%s: it has no payload", handler.info.FullName))
	}
	if t.part.handled.has(d.EventID) {
		return nil, nil, Duplicate, nil
	}
	if until, limited := handler.awaitedUntil(d); limited && !time.Now().Before(until) {
		return nil, nil, Expired, nil
	}
	if d.Attempt == 1 {
		c.noteEvolution(topic, t, handler.info, decoded.Event)
	}
	return handler, decoded.Event, Handled, nil
}

// prepareRaw is prepare for the topic's handler of records as they are.
func (c *Consumer) prepareRaw(topic *topicHandlers, h *handling) (*eventHandler, Event, Result, error) {
	d, env := &h.Delivery, &h.Delivery.Envelope
	env.EventType = topic.eventType(wire.HeaderBytes(d.Headers, wire.HeaderEventType))
	if env.EventID = wire.HeaderValue(d.Headers, wire.HeaderEventID); env.EventID == "" {
		env.EventID = wire.RecordID(d.Topic, d.Partition, d.Offset)
	}
	d.EventID = env.EventID
	if o := h.task.oversized; o != nil {
		return nil, nil, 0, undecodable(fmt.Errorf("record of %s: %w", d.Topic, o))
	}
	if h.task.part.handled.has(d.EventID) {
		return nil, nil, Duplicate, nil
	}
	return topic.raw, nil, Handled, nil
}

// eventType is the name of an event type, without memory of its own where the topic declares it.
func (t *topicHandlers) eventType(name []byte) string {
	for _, declared := range t.info.EventTypes {
		if string(name) == declared {
			return declared
		}
	}
	return string(name)
}

func (h *handling) call(handler *eventHandler, e Event) error {
	h.task.handler.Store(handler)
	h.Context = withRemoteSpan(h.Context, h.Headers)
	defer h.outputs.end()
	var ctx context.Context = h
	if until, limited := handler.awaitedUntil(&h.Delivery); limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, until, errNotAwaited)
		defer cancel()
	}
	return handler.call(ctx, e)
}

// finish reports what became of a record and counts it as done.
func (c *Consumer) finish(m *member, t *task, o Outcome) {
	if t.part.ctx.Err() != nil {
		m.queue.park(t, 0)
		return
	}
	c.keyGoesOn(t)
	c.report(t, o)
	m.done(t)
}

// report reports what became of a record.
func (c *Consumer) report(t *task, o Outcome) {
	c.countDone(t, o)
	if c.cfg.observe != nil {
		o.Delivery, o.EventType, o.Duration = *t.delivery, t.delivery.Envelope.EventType, time.Since(t.begun)
		c.cfg.observe(o)
	}
}

// decodeError says that a record's value can't be read; nor can it the next time.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }

func undecodable(err error) error { return Permanent(&decodeError{err}) }

// maxLinesAlike is how many lines about events that fail alike are logged in a minute: each of them is counted in the metrics, and
// has a dead letter where it gets one.
const maxLinesAlike = 10

// logFailure reports an event that fails, unless many of its type were reported to fail alike just before.
func (c *Consumer) logFailure(ctx context.Context, level slog.Level, d *Delivery, msg string, cause error, attrs ...slog.Attr) {
	eventType := d.Envelope.EventType
	if c.topics[d.Topic].byType[eventType] == nil {
		eventType = "" // anything may stand there
	}
	leftOut, ok := c.alike.Allow(strings.Join([]string{msg, d.Topic, eventType, errorType(cause)}, "\x00"))
	if !ok {
		return
	}
	if attrs = append(attrs, slog.Any("error", cause), slog.String("group", c.group)); leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	c.cfg.logger.LogAttrs(ctx, level, msg, d.logAttrs(attrs...)...)
}

func (c *Consumer) log(level slog.Level, t *task, msg string, attrs ...slog.Attr) {
	c.cfg.logger.LogAttrs(t.part.ctx, level, msg, t.delivery.logAttrs(append(attrs, slog.String("group", c.group))...)...)
}
