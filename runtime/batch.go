package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// HandleBatch registers a handler that gets many events of a type at once, such as one that inserts them into a database. A batch is of one
// partition. It may hold several events of a key, in their order; the next batch with that key waits for it. Batches of
// different keys are handled side by side, as many as WithKeyWorkers says. A topic may have other handlers beside it.
//
// nil counts all its events as done. A [BatchError] names events that failed, and the others count as done: each of those named is tried again
// after a backoff, alone, and at the end, or at once where its error is permanent, written to its dead letter. What comes behind
// an event that is tried again, of its key, does not count, whatever the handler did with it: it is handled again after it, in
// order. Any other error, a permanent one and a panic too, does not say which events it is about: of a batch of several each
// is then handled alone, with all its attempts. An event named with [ErrDuplicate] is done, and one
// with [Snooze] is put off; of a batch as a whole, Snooze puts all off. [Unavailable] has all of them wait.
//
// Middleware, the consumer's and that of [WithBatchMiddleware], is around the call of a batch: it gets a nil event, or that of a batch of
// one, and the delivery of the first one. So are the span, which is linked with those in which the events were published, the metrics, and
// the deadline of WithHandlerTimeout. Middleware that is about single events, such as that of package dedup, refuses a batch of several, so that
// each is handled alone. Events that can't be read, were handled before or are skipped are in no batch.
//
// With [WithTransactions], what is published with an item's context, [Item.Context], goes with its event's commit, if that succeeded. What is
// published with the handler's own context goes with all events of the batch, in one transaction. If the handler names events of it then, nothing
// of the batch counts, as it can't be told whose it is: each event is handled alone.
//
// The slice belongs to the consumer once the handler has returned; events and deliveries may be kept. What [Handle] refuses, Run
// reports, and options that are wrong.
func HandleBatch[E any, P interface {
	*E
	Event
}](c *Consumer, handler func(context.Context, []Item[E]) error, opts ...BatchOption) {
	cfg := batchConfig{limits: batchLimits{records: 500, bytes: 1 << 20}}
	for _, o := range opts {
		o.applyBatch(&cfg)
	}
	h := &eventHandler{info: P(nil).EventInfo(), middleware: cfg.middleware, batches: &cfg.limits}
	if err := cfg.limits.check(); err != nil {
		c.refuse(h.info, err)
		return
	}
	spare := make(chan []Item[E], 16) // so that a batch of one costs no more than an event
	if handler != nil {
		h.handle = func(ctx context.Context, e Event) error {
			var items []Item[E]
			select {
			case items = <-spare:
			default:
			}
			first := ctx.Value(handlingKey{}).(*handling)
			if first.batch == nil {
				items = append(items, Item[E]{e.(P), &first.Delivery, first})
			} else {
				for _, other := range first.batch.events {
					items = append(items, Item[E]{other.event.(P), &other.Delivery, other.handling})
				}
			}
			err := handler(ctx, items)
			clear(items)
			select {
			case spare <- items[:0]:
			default:
			}
			if first.batch == nil {
				return errorOfOne(err)
			}
			return err
		}
	}
	c.register(h, (*topicHandlers).addEvent)
}

// BatchOption configures a handler of batches.
type BatchOption interface{ applyBatch(*batchConfig) }

type batchOption func(*batchConfig)

func (o batchOption) applyBatch(c *batchConfig) { o(c) }

type batchConfig struct {
	limits     batchLimits
	middleware []HandlerMiddleware
}

func (l *batchLimits) check() error {
	switch {
	case l.records < 1:
		return fmt.Errorf("WithMaxBatchSize: must be at least 1, got %d", l.records)
	case l.bytes < 1:
		return fmt.Errorf("WithMaxBatchBytes: must be at least 1, got %d", l.bytes)
	case l.wait < 0:
		return fmt.Errorf("WithMaxBatchWait: must not be negative, got %v", l.wait)
	}
	return nil
}

// WithMaxBatchSize sets how many events a batch has at most, overriding the default of 500. Where a topic has several handlers of
// batches, the lowest limit holds for all of them; so it does for bytes and time. Run fails if n is below 1.
func WithMaxBatchSize(n int) BatchOption {
	return batchOption(func(c *batchConfig) { c.limits.records = n })
}

// WithMaxBatchBytes sets how many bytes the keys and values of a batch's records have at most, overriding the default of 1 MiB. A
// record that has more is a batch of its own. Run fails if n is below 1.
func WithMaxBatchBytes(n int64) BatchOption {
	return batchOption(func(c *batchConfig) { c.limits.bytes = n })
}

// WithMaxBatchWait sets how long a partition's events wait for more to make a batch of, overriding the default of 0: what is there when a
// worker is free. They wait no longer once the batch is full, or when the partition is not fetched any further, since it has
// its share of WithMaxInFlight. No worker waits with them. Run fails if it is negative.
func WithMaxBatchWait(d time.Duration) BatchOption {
	return batchOption(func(c *batchConfig) { c.limits.wait = d })
}

// WithBatchMiddleware adds middleware around the handler, within that of the consumer, the outermost first. Run fails if one
// is nil.
func WithBatchMiddleware(middleware ...HandlerMiddleware) BatchOption {
	return batchOption(func(c *batchConfig) { c.middleware = append(c.middleware, middleware...) })
}

// BatchError names the events of a batch that failed. Its zero value names none. It is not safe for concurrent use.
type BatchError struct {
	errs map[int]error
}

// Add names an event by its place in the batch, from 0, and says why it failed. nil is no failure. Of several errors of an event the
// last one counts.
func (e *BatchError) Add(item int, err error) {
	if err == nil {
		return
	}
	if e.errs == nil {
		e.errs = map[int]error{}
	}
	e.errs[item] = err
}

// Err is what a handler returns: the error, or nil if it names no event.
func (e *BatchError) Err() error {
	if len(e.errs) == 0 {
		return nil
	}
	return e
}

// Error names the first few events, and says how many there are.
func (e *BatchError) Error() string {
	const most = 3
	var b strings.Builder
	fmt.Fprintf(&b, "%d events of the batch failed", len(e.errs))
	for i, item := range e.items() {
		if i == most {
			b.WriteString("; …")
			break
		}
		fmt.Fprintf(&b, "; event %d: %v", item, e.errs[item])
	}
	return b.String()
}

// Unwrap returns the errors, by place.
func (e *BatchError) Unwrap() []error {
	all := make([]error, 0, len(e.errs))
	for _, item := range e.items() {
		all = append(all, e.errs[item])
	}
	return all
}

func (e *BatchError) items() []int {
	items := make([]int, 0, len(e.errs))
	for item := range e.errs {
		items = append(items, item)
	}
	slices.Sort(items)
	return items
}

// namedBy returns the error that names events of a batch of so many; nil where none does, or it names one that is not in it.
func namedBy(err error, size int) *BatchError {
	named, ok := errors.AsType[*BatchError](err)
	if !ok || len(named.errs) == 0 {
		return nil
	}
	for item := range named.errs {
		if item < 0 || item >= size {
			return nil
		}
	}
	return named
}

// errorOfOne is the error of the only event of a batch.
func errorOfOne(err error) error {
	if named := namedBy(err, 1); named != nil {
		return named.errs[0]
	}
	return err
}

// batches are the limits of a topic's batches, nil where it has no handler of such, or is a retry topic.
func (t *topicHandlers) batches() *batchLimits {
	if t.retryOf != nil {
		return nil // each record there is due at a time of its own
	}
	var lowest *batchLimits
	for _, h := range t.byType {
		switch {
		case h.batches == nil:
		case lowest == nil:
			lowest = new(*h.batches)
		default:
			lowest.records = min(lowest.records, h.batches.records)
			lowest.bytes = min(lowest.bytes, h.batches.bytes)
			lowest.wait = min(lowest.wait, h.batches.wait)
		}
	}
	return lowest
}

// batchCall is a call of a handler with several events.
type batchCall struct {
	handler *eventHandler
	events  []batchEvent // those of a key one after the other, in order
	named   *BatchError  // what the handler said of single events; nil: nothing
	outputs outputs      // what it has published that goes with all of them
}

type batchEvent struct {
	*handling
	event Event
}

// note notes what a handler says of an event that is no failure, and returns what is one.
func (h *handling) note(err error) error {
	if put, ok := errors.AsType[*snoozeError](err); ok {
		h.snooze = put
		return nil
	}
	if errors.Is(err, ErrDuplicate) {
		h.duplicate = true
		return nil
	}
	return err
}

// note notes what a handler says of its batch, and returns what of it is a failure.
func (b *batchCall) note(err error) error {
	if b.named = namedBy(err, len(b.events)); b.named == nil {
		put, ok := errors.AsType[*snoozeError](err)
		if !ok {
			return err
		}
		b.named = new(BatchError)
		for i := range b.events {
			b.named.Add(i, put)
		}
		return nil
	}
	var failed BatchError
	for item, err := range b.named.errs {
		failed.Add(item, b.events[item].note(err))
	}
	return failed.Err()
}

// batchIn returns the batch that a handler's context belongs to, nil where it is of one event.
func batchIn(ctx context.Context) *batchCall {
	if h, ok := ctx.Value(handlingKey{}).(*handling); ok && h.batch != nil && ctx.Value(itemKey{}) == nil {
		return h.batch
	}
	return nil
}

// processBatch takes records that the queue gave out together one step further, and gives them back.
func (c *Consumer) processBatch(m *member, topic *topicHandlers, tasks []*task) {
	var calls []*batchCall
	for n := 0; n < len(tasks); {
		first := n
		for n < len(tasks) && tasks[n].lane == tasks[first].lane {
			n++
		}
		calls = c.takeKey(m, topic, tasks[first:n], calls)
	}
	defer func() { // a handler that ended its goroutine has left some
		for i, call := range calls {
			if i == 0 {
				c.failWhole(topic, call, 0, errGoexit)
			} else {
				putOff(call.events, 0)
			}
		}
	}()
	for len(calls) > 0 {
		c.callBatch(topic, calls[0])
		calls = calls[1:]
	}
}

// takeKey puts the records of a key into calls, as far as they go into one. The others are given back; some are done.
func (c *Consumer) takeKey(m *member, topic *topicHandlers, tasks []*task, calls []*batchCall) []*batchCall {
	var mine *batchCall
	from := 0 // in mine, of the key's
	for i, t := range tasks {
		h := c.beginAttempt(m, t)
		handler, e, result, err := c.prepare(topic, h)
		var last bool
		switch {
		case err != nil && mine == nil:
			c.settle(topic, h, topic.breaker.begun(), result, err)
			i, last = i+1, true
		case err == nil && handler == nil:
			c.finish(m, t, Outcome{Result: result})
		case err == nil && handler.batches == nil:
			t.alone = true
			last = true
		case err != nil || mine != nil && (mine.handler != handler || mine.repeats(from, h)):
			last = true
		case mine == nil:
			mine, calls = callOf(handler, calls)
			from = len(mine.events)
			fallthrough
		default:
			mine.events = append(mine.events, batchEvent{h, e})
		}
		if !last {
			continue
		}
		for j, rest := range tasks[i:] {
			if j == 0 && rest == t {
				t.attempt--
			}
			m.queue.park(rest, 0)
		}
		break
	}
	return calls
}

// callOf returns the call of a handler, a new one if there is none yet.
func callOf(handler *eventHandler, calls []*batchCall) (*batchCall, []*batchCall) {
	for _, call := range calls {
		if call.handler == handler {
			return call, calls
		}
	}
	call := &batchCall{handler: handler}
	return call, append(calls, call)
}

// repeats says whether one of the events from a place on has the id of another one, where that is to be noticed.
func (b *batchCall) repeats(from int, h *handling) bool {
	return h.task.part.handled != nil && slices.ContainsFunc(b.events[from:], func(e batchEvent) bool { return e.EventID == h.EventID })
}

// callBatch calls a handler, and gives the records back.
func (c *Consumer) callBatch(topic *topicHandlers, call *batchCall) {
	turn := topic.breaker.begun()
	for _, e := range call.events {
		e.task.handler.Store(call.handler)
	}
	first := call.events[0]
	if len(call.events) == 1 {
		c.settle(topic, first.handling, turn, Handled, first.call(call.handler, first.event))
		return
	}
	first.batch = call
	err := call.run()
	switch {
	case err != nil && call.named == nil:
		c.failWhole(topic, call, turn, err)
		return
	case len(call.outputs.all) > 0 && call.named != nil:
		c.failWhole(topic, call, turn, errOutputsOfAll)
		return
	case len(call.outputs.all) > 0:
		c.settleWhole(topic, call, turn)
		return
	}
	again := false // an event of the key is to be tried again
	for i, e := range call.events {
		if i > 0 && e.task.lane != call.events[i-1].task.lane {
			again = false
		}
		var failed error
		if call.named != nil {
			failed = e.note(call.named.errs[i])
		}
		if again && e.snooze == nil {
			putOff(call.events[i:i+1], 0)
		} else {
			again = c.settle(topic, e.handling, turn, Handled, failed) || failed != nil && !topic.goesOn(e.task)
		}
	}
}

// errOutputsOfAll is why the events of a batch are handled alone of which some failed.
var errOutputsOfAll = errors.New("the handler of a batch has named events of it, and published with the context of the whole")

// run calls the handler. What it has published by then are the outputs of the batch and of its events.
func (b *batchCall) run() error {
	defer func() {
		b.outputs.end()
		for _, e := range b.events {
			e.outputs.end()
		}
	}()
	return b.handler.call(b.events[0], nil)
}

// settleWhole counts all records of a batch as done together, as there are outputs that go with all of them.
func (c *Consumer) settleWhole(topic *topicHandlers, call *batchCall, turn int64) {
	m, tasks := call.events[0].member, make([]*task, len(call.events))
	all := call.outputs.all
	for i, e := range call.events {
		tasks[i], all = e.task, append(all, e.outputs.all...)
	}
	all, err := m.transactions.accept(tasks[0], all)
	switch {
	case tasks[0].part.ctx.Err() != nil: // given up: another member handles them
		putOff(call.events, 0)
		return
	case err != nil:
		c.failWhole(topic, call, turn, err)
		return
	}
	tasks[0].outputs = all
	for _, t := range tasks {
		topic.breaker.succeeded(turn, t.counted())
		t.part.handled.add(t.delivery.EventID)
		c.report(t, Outcome{Result: Handled})
	}
	m.transactions.complete(tasks)
}

// failWhole gives back the records of a batch that failed without it being said which: each is to be handled alone, unless all
// have to wait for the end of an outage. The attempt does not count: it says nothing of any of them.
func (c *Consumer) failWhole(topic *topicHandlers, call *batchCall, turn int64, err error) {
	first := call.events[0]
	if first.task.part.ctx.Err() != nil { // given up: another member handles them
		putOff(call.events, 0)
		return
	}
	if _, wait := topic.breaker.failed(turn, first.task.record.Key, err, 0); wait {
		putOff(call.events, 0)
		return
	}
	for _, e := range call.events {
		topic.meter.count(e.task.part.ctx, c.meter.retries, &e.Delivery)
		e.task.alone = true
	}
	putOff(call.events, c.cfg.backoff.After(1))
}

// putOff gives records back to be handled again after a while, as if they had not been tried.
func putOff(events []batchEvent, wait time.Duration) {
	for _, e := range events {
		e.task.attempt--
		e.member.queue.park(e.task, wait)
	}
}

// spanOptions are those of the span around a call: its links are with the spans that the events were published in.
func (b *batchCall) spanOptions() []trace.SpanStartOption {
	var links []trace.Link
	for _, e := range b.events {
		if from := trace.SpanContextFromContext(withRemoteSpan(context.Background(), e.Headers)); from.IsRemote() {
			links = append(links, trace.Link{SpanContext: from})
		}
	}
	return []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithLinks(links...), trace.WithAttributes(semconv.MessagingBatchMessageCount(len(b.events))),
	}
}

// counting measures the size of batches.
func (h *eventHandler) counting(next HandlerFunc) HandlerFunc {
	return func(ctx context.Context, e Event) error {
		if h.meter.size.Enabled(ctx) {
			size := 1
			if b := batchIn(ctx); b != nil {
				size = len(b.events)
			}
			h.meter.size.Record(ctx, int64(size), h.meter.with...)
		}
		return next(ctx, e)
	}
}

// logFailures reports the events of a batch that failed, or that all did.
func (b *batchCall) logFailures(ctx context.Context, c *Consumer, err error) {
	named := namedBy(err, len(b.events))
	if named == nil {
		c.logFailure(ctx, slog.LevelWarn, &b.events[0].Delivery, "handler of a batch failed", err, slog.Int("events", len(b.events)))
		return
	}
	for _, item := range named.items() {
		d := &b.events[item].Delivery
		c.logFailure(ctx, slog.LevelWarn, d, "handler failed", named.errs[item], slog.Int("attempt", d.Attempt))
	}
}
