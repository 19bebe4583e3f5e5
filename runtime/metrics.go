package trestle

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
	"go.opentelemetry.io/otel/trace"
)

const meterName = "github.com/omninode/trestle/runtime"

// Attributes that OpenTelemetry's conventions have no name for.
const (
	eventTypeKey = attribute.Key("trestle.event.type")
	resultKey    = attribute.Key("trestle.result")
)

// otherType stands for all event types that a topic does not declare, so that what producers write makes no endless list.
const otherType = "_OTHER"

// seconds is where the conventions have the bounds of durations.
var seconds = metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

// bound is a counter with attributes that were made once.
type bound struct {
	counter metric.Int64Counter
	with    []metric.AddOption
}

func (b bound) Add(ctx context.Context, n int64) { b.counter.Add(ctx, n, b.with...) }

func bind(c metric.Int64Counter, set attribute.Set) bound {
	return bound{c, []metric.AddOption{metric.WithAttributeSet(set)}}
}

// instruments makes instruments and keeps the errors.
type instruments struct {
	metric.Meter
	prefix string
	errs   []error
}

func (i *instruments) counter(name, unit, description string) metric.Int64Counter {
	made, err := i.Int64Counter(i.prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	i.errs = append(i.errs, err)
	return made
}

// gauge makes one whose values are taken when metrics are collected.
func (i *instruments) gauge(name, unit, description string) metric.Int64ObservableGauge {
	made, err := i.Int64ObservableGauge(i.prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	i.errs = append(i.errs, err)
	return made
}

func (i *instruments) age(name, description string) metric.Float64ObservableGauge {
	made, err := i.Float64ObservableGauge(i.prefix+name, metric.WithUnit("s"), metric.WithDescription(description))
	i.errs = append(i.errs, err)
	return made
}

// make keeps the error of an instrument that was made otherwise.
func made[T any](i *instruments, instrument T, err error) T {
	i.errs = append(i.errs, err)
	return instrument
}

// consumerMeter measures a consumer.
type consumerMeter struct {
	group string

	consumed, events, retries, deadLetters metric.Int64Counter
	zoneless, lost, overdue, outages       metric.Int64Counter
	unwritten, parked, failedTransactions  metric.Int64Counter
	unknownMajors, deprecated              metric.Int64Counter
	unavailable, unencrypted               metric.Int64Counter
	process, operation                     metric.Float64Histogram
	batchSize                              metric.Int64Histogram

	topics  map[string]*topicMeter // of the topics with handlers; complete before Run
	ofGroup metric.AddOption       // what is counted of the group as a whole

	partitions map[topicPartition]bound // see countConsumed
}

// topicMeter measures a consumer's topic.
type topicMeter struct {
	*consumerMeter
	topic                            string
	zoneless, lost, overdue, outages bound
	declared                         []string // event types
}

func newConsumerMeter(provider metric.MeterProvider, group string) (*consumerMeter, error) {
	i := &instruments{Meter: provider.Meter(meterName), prefix: "trestle.consumer."}
	m := &consumerMeter{group: group, topics: map[string]*topicMeter{}, partitions: map[topicPartition]bound{}}
	consumed, err := messagingconv.NewClientConsumedMessages(i)
	m.consumed = made(i, consumed.Inst(), err)
	process, err := messagingconv.NewProcessDuration(i, seconds)
	m.process = made(i, process.Inst(), err)
	operation, err := messagingconv.NewClientOperationDuration(i, seconds)
	m.operation = made(i, operation.Inst(), err)
	m.batchSize, err = i.Int64Histogram(i.prefix+"batch.size", metric.WithUnit("{event}"),
		metric.WithDescription("Events in a call of a handler of batches."),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000))
	i.errs = append(i.errs, err)
	m.events = i.counter("events", "{event}", "Events that are done, by what became of them: handled, dead-lettered, skipped, expired, duplicate, parked, retried or held.")
	m.retries = i.counter("retries", "{event}", "Times that an event is to be tried again, as its handler failed.")
	m.deadLetters = i.counter("dead_letters", "{event}", "Dead letters written, by their cause.")
	m.unwritten = i.counter("unwritten_dead_letters", "{attempt}", "Attempts to write a dead letter that failed; they are repeated until one succeeds, or the letter is parked.")
	m.parked = i.counter("parked_dead_letters", "{event}", "Dead letters written to a store, as their topic refuses them; by why it does.")
	m.unknownMajors = i.counter("unknown_major_versions", "{event}", "Events with a schema_version whose major part the program does not know.")
	m.deprecated = i.counter("deprecated_fields", "{field}", "Deprecated fields that events have.")
	m.unavailable = i.counter("unavailable_fields", "{field}", "Encrypted fields of events that could not be read, as their keys are not to be had.")
	m.unencrypted = i.counter("unencrypted_fields", "{field}", "Fields of events that are not encrypted, though the schema has them so.")
	m.zoneless = i.counter("zoneless_times", "{time}", "Times in events that name no zone and were taken as UTC.")
	m.failedTransactions = i.counter("failed_transactions", "{transaction}", "Transactions that failed, so that what was done since the last commit begins again.")
	m.ofGroup = metric.WithAttributes(semconv.MessagingSystemKafka, semconv.MessagingConsumerGroupName(group))
	m.lost = i.counter("lost_offsets", "{offset}", "Offsets that were deleted before the group had handled them.")
	m.overdue = i.counter("overdue_handlers", "{call}", "Calls of handlers that went on past their deadline.")
	m.outages = i.counter("outages", "{outage}", "Times that handlers failed as in an outage, so that their topic waited.")
	return m, errors.Join(i.errs...)
}

// where is the place that metrics of a topic belong to.
func (m *consumerMeter) where(topic string, more ...attribute.KeyValue) attribute.Set {
	return attribute.NewSet(append(more, semconv.MessagingSystemKafka,
		semconv.MessagingDestinationName(topic), semconv.MessagingConsumerGroupName(m.group))...)
}

// countConsumed counts the records that come of a partition, without the markers of transactions. It is the polling
// goroutine's alone.
func (m *consumerMeter) countConsumed(ctx context.Context, tp topicPartition, records []*kgo.Record) {
	n := 0
	for _, r := range records {
		if !r.Attrs.IsControl() {
			n++
		}
	}
	b, ok := m.partitions[tp]
	if !ok {
		b = bind(m.consumed, m.where(tp.topic, semconv.MessagingDestinationPartitionID(strconv.Itoa(int(tp.id))),
			semconv.MessagingOperationName("poll"), semconv.MessagingOperationTypeReceive))
		m.partitions[tp] = b
	}
	b.Add(ctx, int64(n))
}

// committed measures a commit.
func (m *consumerMeter) committed(ctx context.Context, begun time.Time, err error) {
	attrs := []attribute.KeyValue{
		semconv.MessagingSystemKafka, semconv.MessagingConsumerGroupName(m.group),
		semconv.MessagingOperationName("commit"), semconv.MessagingOperationTypeSettle,
	}
	if err != nil {
		attrs = append(attrs, semconv.ErrorTypeKey.String(sendErrorType(err)))
	}
	m.operation.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(attrs...))
}

// topic returns what measures a topic.
func (m *consumerMeter) topic(info *TopicInfo) *topicMeter {
	t := m.topics[info.Name]
	if t == nil {
		set := m.where(info.Name)
		t = &topicMeter{
			consumerMeter: m, topic: info.Name, declared: slices.Clone(info.EventTypes),
			zoneless: bind(m.zoneless, set), lost: bind(m.lost, set), overdue: bind(m.overdue, set), outages: bind(m.outages, set),
		}
		m.topics[info.Name] = t
	}
	return t
}

// eventType returns an event type as an attribute may have it.
func (t *topicMeter) eventType(name string) string {
	if slices.Contains(t.declared, name) {
		return name
	}
	return otherType
}

// count counts something about an event that is rare enough to make its attributes for.
func (t *topicMeter) count(ctx context.Context, c metric.Int64Counter, d *Delivery, more ...attribute.KeyValue) {
	set := t.where(t.topic, append(more, eventTypeKey.String(t.eventType(d.Envelope.EventType)))...)
	c.Add(ctx, 1, metric.WithAttributeSet(set))
}

// eventMeter measures the events of one handler.
type eventMeter struct {
	handled bound
	process metric.Float64Histogram
	size    metric.Int64Histogram
	set     attribute.Set // of calls
	with    []metric.RecordOption
}

func (t *topicMeter) newEventMeter(eventType string) eventMeter {
	typed := eventTypeKey.String(eventType)
	set := t.where(t.topic, typed, semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess)
	return eventMeter{
		handled: bind(t.events, t.where(t.topic, typed, resultKey.String(Handled.String()))),
		process: t.process, size: t.batchSize, set: set, with: []metric.RecordOption{metric.WithAttributeSet(set)},
	}
}

// measuring measures the calls of a handler.
func (h *eventHandler) measuring(next HandlerFunc) HandlerFunc {
	return func(ctx context.Context, e Event) error {
		if !h.meter.process.Enabled(ctx) {
			return next(ctx, e)
		}
		begun, err := time.Now(), errGoexit
		defer func() {
			took := time.Since(begun).Seconds()
			if err == nil {
				h.meter.process.Record(ctx, took, h.meter.with...)
				return
			}
			set := attribute.NewSet(append(h.meter.set.ToSlice(), semconv.ErrorTypeKey.String(errorType(err)))...)
			h.meter.process.Record(ctx, took, metric.WithAttributeSet(set))
		}()
		err = next(ctx, e)
		return err
	}
}

// errGoexit is the error of a handler that ends its goroutine, until it returns another.
var errGoexit error = &PanicError{}

// countDone counts an event that is done.
func (c *Consumer) countDone(t *task, o Outcome) {
	if h := t.handler.Load(); o.Result == Handled && h != nil {
		h.meter.handled.Add(t.part.ctx, 1)
		return
	}
	topic := c.topics[t.part.tp.topic]
	topic.meter.count(t.part.ctx, c.meter.events, t.delivery, resultKey.String(o.Result.String()))
	if o.Result == DeadLettered && !isA[*decidedError](o.Err) { // else who wrote it has counted it
		topic.meter.count(t.part.ctx, c.meter.deadLetters, t.delivery, semconv.ErrorTypeKey.String(errorType(o.Err)))
	}
}

// publisherMeter measures a publisher.
type publisherMeter struct {
	sent      metric.Int64Counter
	withoutID metric.Int64Counter
	operation metric.Float64Histogram
	gauges    metric.Registration
	spool     metric.Registration // nil: there is none
}

func newPublisherMeter(p *Publisher) (*publisherMeter, error) {
	i := &instruments{Meter: p.cfg.meters.Meter(meterName), prefix: "trestle.publisher."}
	sent, err := messagingconv.NewClientSentMessages(i)
	m := &publisherMeter{sent: made(i, sent.Inst(), err)}
	operation, err := messagingconv.NewClientOperationDuration(i, seconds)
	m.operation = made(i, operation.Inst(), err)
	m.withoutID = i.counter("without_schema_id", "{event}", "Events in JSON that were published without the id of their schema, as the registry was away.")
	inFlight := i.gauge("in_flight", "{event}", "Events that wait for their acknowledgement.")
	retained := i.gauge("retained", "By", "Memory of the events that wait for their acknowledgement.")
	m.gauges, err = i.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(inFlight, p.waiting.n.Load(), metric.WithAttributeSet(kafkaOnly))
		o.ObserveInt64(retained, p.client.BufferedProduceBytes()+p.heldBytes(), metric.WithAttributeSet(kafkaOnly))
		return nil
	}, inFlight, retained)
	if p.spool != nil {
		registered, err := p.spool.gauge(i)
		m.spool = registered
		i.errs = append(i.errs, err)
	}
	return m, errors.Join(append(i.errs, err)...)
}

var kafkaOnly = attribute.NewSet(semconv.MessagingSystemKafka)

func (m *publisherMeter) close() {
	if m.gauges != nil {
		_ = m.gauges.Unregister()
	}
	if m.spool != nil {
		_ = m.spool.Unregister()
	}
}

// measuring measures publishing.
func (p *Publisher) measuring(next PublishFunc) PublishFunc {
	return func(ctx context.Context, e Event, done func(Receipt, error), opts ...PublishOption) error {
		if !p.meter.operation.Enabled(ctx) && !p.meter.sent.Enabled(ctx) {
			return next(ctx, e, done, opts...)
		}
		kind, begun := p.kinds.of(p.cfg.names.described(e.EventInfo())), time.Now()
		err := next(ctx, e, func(r Receipt, err error) {
			p.meter.ended(ctx, kind, begun, err)
			done(r, err)
		}, opts...)
		if err != nil {
			p.meter.ended(ctx, kind, begun, err)
		}
		return err
	}
}

// ended measures the end of publishing an event.
func (m *publisherMeter) ended(ctx context.Context, kind *outgoingKind, begun time.Time, err error) {
	took := time.Since(begun).Seconds()
	if err == nil {
		m.sent.Add(ctx, 1, kind.add...)
		m.operation.Record(ctx, took, kind.record...)
		return
	}
	set := metric.WithAttributeSet(attribute.NewSet(append(kind.attributes, semconv.ErrorTypeKey.String(sendErrorType(err)))...))
	if p, ok := errors.AsType[*PublishError](err); ok && p.Fate != NotSent {
		m.sent.Add(ctx, 1, set)
	}
	m.operation.Record(ctx, took, set)
}

// outgoingKinds has what metrics and spans say of the event types that are published, made once.
type outgoingKinds struct{ known sync.Map } // *EventInfo → *outgoingKind

type outgoingKind struct {
	span       string // its name
	attributes []attribute.KeyValue
	start      []trace.SpanStartOption
	add        []metric.AddOption
	record     []metric.RecordOption
}

func (k *outgoingKinds) of(info *EventInfo) *outgoingKind {
	if found, ok := k.known.Load(info); ok {
		return found.(*outgoingKind)
	}
	attrs := []attribute.KeyValue{
		semconv.MessagingSystemKafka, semconv.MessagingOperationName("send"), semconv.MessagingOperationTypeSend,
		eventTypeKey.String(info.Type),
	}
	span := "send"
	if info.Topic != nil {
		attrs = append(attrs, semconv.MessagingDestinationName(info.Topic.Name))
		span += " " + info.Topic.Name
	}
	set := metric.WithAttributeSet(attribute.NewSet(attrs...))
	made := &outgoingKind{
		span: span, attributes: slices.Clip(attrs), add: []metric.AddOption{set}, record: []metric.RecordOption{set},
		start: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attrs...)},
	}
	found, _ := k.known.LoadOrStore(info, made)
	return found.(*outgoingKind)
}

// sendErrorType names the kind of an error of publishing or committing: Kafka's own name of it where a broker said it.
func sendErrorType(err error) string {
	var answer *kerr.Error
	switch {
	case errors.As(err, &answer):
		return answer.Message
	case isA[*lateError](err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, kgo.ErrRecordRetries):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, ErrClosed), errors.Is(err, kgo.ErrClientClosed):
		return "closed"
	}
	if p, ok := errors.AsType[*PublishError](err); ok {
		err = p.Err
	}
	if name := errorName(err); name != "" {
		return name
	}
	return otherType
}
