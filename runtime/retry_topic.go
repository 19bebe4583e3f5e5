package trestle

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// WithRetryTopics has the events of a topic, named as its schema names it, that fail after WithRetries wait in retry topics
// before their dead letter: in the first for as often as that says, then in the next. It may be given for several topics, and
// overrides what the schema declares, by which they wait without it, or go to their dead letters where that declares none. So an
// event is tried again after minutes or days, and through restarts and rebalances: its attempts are counted in its record.
// Permanent errors, and what can't be read, go to their dead letters at once.
//
// The consumer reads the retry topics itself, from their beginning, and handles an event once it is due, with WithRetries again.
// It gets what the original was: topic, position, key, headers and time; [Delivery.Attempt] counts on. The key's later events do
// not wait for it, so that handlers see them in another order, unless [WithWaitingKeys] says so. Other groups that read the topic
// pass over the records.
//
// An event whose retry topic refuses it, as it does not exist or takes nothing so large, goes to its dead letter. When a process
// dies between writing a record and committing that its event is done, the record is written twice. The topics are to keep
// records for longer than the delay, and not to be compacted, as those are that schemas declare. NewConsumer fails if there are
// none, or one has no name, no positive delay, or negative attempts; Run fails if a retry topic is used twice, or has handlers or
// dead letters.
func WithRetryTopics(topic string, retries ...RetryTopic) ConsumerOption {
	return consumerOption(func(c *consumerConfig) {
		c.retryTopics = append(c.retryTopics, retryTopics{topic, slices.Clone(retries)})
	})
}

type retryTopics struct {
	topic   string
	retries []RetryTopic
}

// check names the topics as an environment does, and says what is wrong with them.
func (r *retryTopics) check(env *environment) error {
	if r.topic == "" || len(r.retries) == 0 {
		return fmt.Errorf("WithRetryTopics: must have a topic and its retry topics, got %q and %d", r.topic, len(r.retries))
	}
	r.topic = env.topic(r.topic)
	for i := range r.retries {
		one := &r.retries[i]
		if one.Name == "" || one.Delay <= 0 || one.Attempts < 0 {
			return fmt.Errorf("WithRetryTopics: %s: a retry topic has a name, a positive delay and no negative attempts, got %+v", r.topic, *one)
		}
		one.Name = env.topic(one.Name)
	}
	return nil
}

// addRetryTopics has the retry topics be read. It needs mu.
func (c *Consumer) addRetryTopics() error {
	deadLetters := c.deadLetterTopics()
	all := c.cfg.retryTopics
	for _, name := range slices.Sorted(maps.Keys(c.topics)) {
		given := slices.ContainsFunc(all, func(r retryTopics) bool { return r.topic == name })
		if declared := c.topics[name].info.Retries; len(declared) > 0 && !given {
			all = append(slices.Clip(all), retryTopics{name, declared})
		}
	}
	for _, r := range all {
		source := c.topics[r.topic]
		switch {
		case source == nil || source.retryOf != nil:
			return fmt.Errorf("WithRetryTopics: no handler reads topic %s", r.topic)
		case source.retries != nil:
			return fmt.Errorf("WithRetryTopics: topic %s has retry topics already", r.topic)
		}
		source.retries = r.retries
		for _, one := range r.retries {
			if c.topics[one.Name] != nil || slices.Contains(deadLetters, one.Name) {
				return fmt.Errorf("WithRetryTopics: %s: topic %s is read by handlers or another's retries, or takes dead letters", r.topic, one.Name)
			}
			info := *source.info
			info.Name = one.Name
			c.topics[one.Name] = &topicHandlers{
				info: &info, meter: c.meter.topic(&info), byType: source.byType, deletion: source.deletion, raw: source.raw,
				retries: source.retries, retryOf: source,
			}
		}
	}
	return nil
}

// sources are the topics of retry topics, by these.
func (c *Consumer) sources() map[string]string {
	all := map[string]string{}
	for name, t := range c.topics {
		if t.retryOf != nil {
			all[name] = t.retryOf.info.Name
		}
	}
	return all
}

// retryAfter is the retry topic of an event that has waited in them so often; nil when there is none any more.
func (t *topicHandlers) retryAfter(rounds int) *RetryTopic {
	for i := range t.retries {
		if rounds -= max(1, t.retries[i].Attempts); rounds < 0 {
			return &t.retries[i]
		}
	}
	return nil
}

// rounds is how often an event can wait in retry topics.
func (t *topicHandlers) rounds() int {
	n := 0
	for _, r := range t.retries {
		n += max(1, r.Attempts)
	}
	return n
}

// retried is what a record of a retry topic says of itself.
type retried struct {
	group    string
	due      time.Time
	rounds   int // how often the event has come to a retry topic, from 1
	attempts int // of its handler until now
	original Record
	topicID  string // of the log that the original stands in; empty: not known
	behind   string // what the event waits behind, without having failed since; empty: it failed
}

// retryHeaders are the headers that are a retry record's own.
var retryHeaders = []string{
	wire.HeaderRetryGroup, wire.HeaderRetryDue, wire.HeaderRetryRounds, wire.HeaderRetryAttempts, wire.HeaderRetrySource,
	wire.HeaderRetryTopicID, wire.HeaderRetryTime, wire.HeaderRetryBehind,
}

// readRetried reads a record of a topic's retry topic. It says false for those that are none.
func readRetried(r Record, source string) (*retried, bool) {
	value := func(name string) string { return wire.HeaderValue(r.Headers, name) }
	place := strings.Split(value(wire.HeaderRetrySource), "/")
	if len(place) != 3 || place[0] != source {
		return nil, false
	}
	var errs []error
	number := func(text string, bits int) int64 {
		n, err := strconv.ParseInt(text, 10, bits)
		if err == nil && n < 0 {
			err = errors.New("is negative")
		}
		errs = append(errs, err)
		return n
	}
	t := &retried{
		group: value(wire.HeaderRetryGroup), due: time.UnixMilli(number(value(wire.HeaderRetryDue), 64)),
		rounds: int(number(value(wire.HeaderRetryRounds), 32)), attempts: int(number(value(wire.HeaderRetryAttempts), 32)),
		original: r, topicID: value(wire.HeaderRetryTopicID), behind: value(wire.HeaderRetryBehind),
	}
	o := &t.original
	o.Topic, o.Partition, o.Offset = source, int32(number(place[1], 32)), number(place[2], 64)
	o.Timestamp = time.UnixMilli(number(value(wire.HeaderRetryTime), 64))
	o.Headers = nil
	for _, h := range r.Headers {
		if !slices.Contains(retryHeaders, h.Key) {
			o.Headers = append(o.Headers, h)
		}
	}
	valid := errors.Join(errs...) == nil && t.rounds > 0 && t.group != ""
	if t.behind != "" && t.attempts == 0 {
		t.rounds = 0 // it has not been tried yet
	}
	return t, valid
}

// headers are those of the record that a retry topic gets.
func (t *retried) headers() []kgo.RecordHeader {
	var all []kgo.RecordHeader
	for _, h := range t.original.Headers {
		if !slices.Contains(retryHeaders, h.Key) {
			all = append(all, kgo.RecordHeader(h))
		}
	}
	add := func(name, value string) {
		if value != "" {
			all = append(all, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
	}
	o := &t.original
	add(wire.HeaderRetryGroup, t.group)
	add(wire.HeaderRetryDue, strconv.FormatInt(t.due.UnixMilli(), 10))
	add(wire.HeaderRetryRounds, strconv.Itoa(max(1, t.rounds))) // who does not know of waiting keys passes over less
	add(wire.HeaderRetryAttempts, strconv.Itoa(t.attempts))
	add(wire.HeaderRetrySource, fmt.Sprintf("%s/%d/%d", o.Topic, o.Partition, o.Offset))
	add(wire.HeaderRetryTopicID, t.topicID)
	add(wire.HeaderRetryTime, strconv.FormatInt(o.Timestamp.UnixMilli(), 10))
	add(wire.HeaderRetryBehind, t.behind)
	return all
}

// retried is what a task's record says of its retries: nil where it stands in no retry topic, or is none.
func (t *task) retried() *retried {
	source := t.part.topic.retryOf
	if source == "" {
		return nil
	}
	r, ok := readRetried(kafka.FromClient(t.record), source)
	if !ok {
		return nil
	}
	return r
}

// original is the record that a handler gets: on a retry topic the one that is tried again, which attempts says how often it was
// tried before, and otherwise the task's own.
func (t *task) original() (r Record, attempts int) {
	if again := t.retried(); again != nil {
		return again.original, again.attempts
	}
	return kafka.FromClient(t.record), 0
}

// topicID is the id of the log that the original stands in, as a UUID; empty where it is not known.
func (t *task) topicID(m *member) string {
	if again := t.retried(); again != nil {
		return again.topicID
	}
	return m.notes.topicID(t.part.tp.topic)
}

// isForOthers says whether a record of a retry topic is not to be handled here.
func (c *Consumer) isForOthers(t *task) bool {
	if t.part.topic.retryOf == "" {
		return false
	}
	r := t.retried()
	return r == nil || r.group != c.group
}

// untilDue is how long a record of a retry topic has to wait.
func (c *Consumer) untilDue(t *task) time.Duration {
	if r := t.retried(); r != nil && r.group == c.group {
		return max(0, time.Until(r.due))
	}
	return 0
}

// retryLater writes an event to its next retry topic, or to where what it waits behind waits, and counts it as done once it is
// there. It says false where there is none: the event goes to its dead letter then, as it does where it can't be written for
// good.
func (c *Consumer) retryLater(m *member, t *task) bool {
	topic, f := c.topics[t.part.tp.topic], t.failure
	again := t.retried()
	if again == nil {
		again = &retried{group: c.group, original: kafka.FromClient(t.record), topicID: t.topicID(m)}
	}
	held, _ := errors.AsType[*heldError](f.err)
	next := again.next(topic, t, held)
	if next == "" {
		return false
	}
	record := &kgo.Record{Topic: next, Key: t.record.Key, Value: t.record.Value, Headers: again.headers()}
	m.produce(t.part.ctx, record, func(written *kgo.Record, err error) {
		switch {
		case err == nil:
			at := replay.Position{Topic: written.Topic, Partition: written.Partition, Offset: written.Offset}
			c.keyWaits(t, at, again)
			if held != nil {
				c.logHeld(t, at)
				c.finish(m, t, Outcome{Result: Held, Err: f.err})
				return
			}
			c.logFailure(t.part.ctx, slog.LevelWarn, t.delivery, "event waits in a retry topic", f.err,
				slog.String("retry_topic", next), slog.Int("attempts", again.attempts), slog.Time("due", again.due))
			c.finish(m, t, Outcome{Result: Retried, Err: f.err})
		case refusesLetter(err) && t.part.ctx.Err() == nil:
			c.log(slog.LevelError, t, "event could not be written to its retry topic, and goes to its dead letter",
				slog.Any("error", advised("Write", err)), slog.String("retry_topic", next))
			f.noRetry = true
			m.queue.park(t, 0)
		default:
			f.refused++
			m.queue.park(t, c.cfg.backoff.After(f.refused))
		}
	})
	return true
}

// next is the topic that an event goes to, and says there what has become of it; empty: there is none.
func (r *retried) next(topic *topicHandlers, t *task, held *heldError) string {
	f := t.failure
	switch {
	case f.noRetry || t.oversized != nil:
		return ""
	case held != nil && held.behind.waits():
		r.behind, r.due = held.behind.at.String(), held.behind.due
		if now := time.Now(); r.due.Before(now) {
			r.due = now
		}
		return held.behind.at.Topic
	case held != nil || IsPermanent(f.err):
		return ""
	}
	next := topic.retryAfter(r.rounds)
	if next == nil {
		return ""
	}
	r.rounds++
	r.attempts += t.attempt
	r.behind, r.due = "", time.Now().Add(next.Delay)
	return next.Name
}
