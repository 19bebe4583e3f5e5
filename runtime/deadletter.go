package trestle

import (
	"cmp"
	"errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// failure is why an event goes to its dead letter, and how that goes.
type failure struct {
	err     error
	at      time.Time
	letter  *kgo.Record // once built, as it is to be written
	refused int         // times it could not be written
	shrunk  int         // times that something was left out of it, as it was too large for its topic
	least   bool        // nothing more can be left out

	noRetry bool // it goes to its dead letter, whatever retry topics there are

	entered int64 // the attempt that led to it, by the topic's breaker; 0: none that counts

	refusals     int       // times that brokers said no to it
	refusedSince time.Time // when they did first
}

func newFailure(err error) *failure { return &failure{err: err, at: time.Now()} }

// deadLetter writes a record's dead letter and then counts the record as done. Until it has been written the record is not
// done, however long that takes; its key waits, the worker does not.
func (c *Consumer) deadLetter(m *member, t *task) {
	f := t.failure
	f.noRetry = true
	if f.letter == nil {
		f.letter = c.letter(m, t)
	}
	topic := c.topics[t.part.tp.topic]
	parks := c.cfg.parking != nil && (!topic.held || t.record.Key == nil)
	if parks {
		if refusal := topic.refusals.standing(time.Now()); refusal != nil {
			c.park(m, t, refusal)
			return
		}
	}
	record := *f.letter // the client leaves its marks on what it is given
	// The partition's context: once another member has the record, that one writes its dead letter.
	m.produce(t.part.ctx, &record, func(written *kgo.Record, err error) {
		if err == nil {
			at := replay.Position{Topic: written.Topic, Partition: written.Partition, Offset: written.Offset}
			topic.breaker.wrote(f.entered, at)
			topic.refusals.end()
			c.holdKey(m, t, at)
			if isA[*heldError](f.err) {
				c.logHeld(t, at)
				c.finish(m, t, Outcome{Result: Held, Err: f.err})
				return
			}
			c.logFailure(t.part.ctx, slog.LevelError, t.delivery, "event written to its dead letter", f.err,
				slog.String("dead_letter", f.letter.Topic), slog.Int("attempts", t.attempt))
			c.finish(m, t, Outcome{Result: DeadLettered, Err: f.err})
			return
		}
		if errors.Is(err, kerr.MessageTooLarge) && !f.least {
			f.shrunk++
			f.letter = nil
			m.queue.park(t, 0)
			return
		}
		f.refused++
		if t.part.ctx.Err() == nil && parks && c.refusedForGood(t, err) {
			c.park(m, t, err)
			return
		}
		c.tryLetterAgain(m, t, err, nil)
	})
}

// tryLetterAgain puts off a record whose dead letter could not be written; nor parked, where unparked is an error.
func (c *Consumer) tryLetterAgain(m *member, t *task, refusal, unparked error) {
	t.failure.letter = nil // it says when it was written
	wait := c.cfg.backoff.After(t.failure.refused)
	if t.part.ctx.Err() == nil {
		c.countUnwritten(t, refusal, unparked)
		m.queue.refuse(t)
	}
	m.queue.park(t, wait)
}

// unwrittenEvery is how often it is said that a topic's dead letters can't be written: what waits for them is tried again and
// again.
const unwrittenEvery = time.Minute

func (c *Consumer) countUnwritten(t *task, refusal, unparked error) {
	topic := c.topics[t.part.tp.topic]
	topic.meter.count(t.part.ctx, c.meter.unwritten, t.delivery, semconv.ErrorTypeKey.String(sendErrorType(refusal)))
	msg, logged := "dead letter could not be written: its key stands still, and it is tried again", &topic.unwritten
	attrs := []slog.Attr{slog.Any("error", advised("Write", refusal)), slog.String("dead_letter", topic.info.DeadLetter), slog.Int("tried", t.failure.refused)}
	if unparked != nil {
		msg, logged = "dead letter could be neither written nor parked: its key stands still, and it is tried again", &topic.unparked
		attrs = append(attrs, slog.Any("store_error", unparked))
	}
	now, last := time.Now().UnixNano(), logged.Load()
	if (last == 0 || now-last >= int64(unwrittenEvery)) && logged.CompareAndSwap(last, now) {
		c.log(slog.LevelError, t, msg, attrs...)
	}
}

// letter builds the dead letter of a record.
func (c *Consumer) letter(m *member, t *task) *kgo.Record {
	f := t.failure
	r, before := t.original()
	topic := c.topics[t.part.tp.topic]
	d := deadletter.DeadLetter{
		Original: deadletter.Original{
			Key: r.Key, Value: r.Value, Partition: r.Partition, Offset: r.Offset, Headers: r.Headers,
			TopicID: t.topicID(m),
		},
		Error: deadletter.Error{
			Type: errorType(f.err), Message: f.err.Error(), StackTrace: stackOf(f.err), Timestamp: f.at,
		},
		RetryCount: before + t.attempt - 1, MaxRetries: (c.cfg.retries+1)*(topic.rounds()+1) - 1, Timestamp: time.Now(),
		SourceTopic: r.Topic, ConsumerGroup: c.group, Unanswered: topic.unanswered(t.delivery.Envelope.EventType),
	}
	if held, ok := errors.AsType[*heldError](f.err); ok {
		d.HeldBehind = held.behind.at.String()
	}
	d.Attempt, _ = strconv.Atoi(d.Original.Header(deadletter.HeaderAttempt))
	if o := t.oversized; o != nil {
		d.RefuseOversized(o)
	}
	for range f.shrunk {
		f.least = !d.Shrink()
	}
	return kafka.ToClient(&Record{
		Topic: topic.info.DeadLetter, Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers(),
	})
}

// maxStack bounds a stack trace, in bytes.
const maxStack = 8 << 10

func stackOf(err error) string {
	p, ok := errors.AsType[*PanicError](err)
	if !ok {
		return ""
	}
	return p.Stack[:min(len(p.Stack), maxStack)]
}

// errorType names the kind of an event's error, for grouping.
func errorType(err error) string {
	if isA[*heldError](err) {
		return deadletter.HeldKey
	}
	if _, ok := errors.AsType[*decodeError](err); ok {
		switch {
		case isA[*ValidationError](err):
			return "ValidationError"
		case isA[*UnknownEventTypeError](err):
			return "UnknownEventTypeError"
		case isA[*OversizedError](err):
			return "OversizedError"
		}
		return "DecodeError"
	}
	return cmp.Or(errorName(err), "HandlerError")
}

// errorName is the name of the outermost type in an error's chain that says more than that it is an error; empty where there
// is none.
func errorName(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		t := reflect.TypeOf(err)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.PkgPath() == "errors" || t.PkgPath() == "fmt" || t.Name() == "" || t == reflect.TypeFor[permanentError]() {
			continue
		}
		return strings.TrimPrefix(strings.TrimPrefix(t.String(), "trestle."), "event.")
	}
	return ""
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
