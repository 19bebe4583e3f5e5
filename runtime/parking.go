package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
)

// WithParking has dead letters that their topic refuses for good written to a store instead, so that their keys go on: the
// record counts as done, [Parked]. Without it they are tried until the topic takes them, and their keys stand still.
//
// A letter is refused for good when brokers have said no to it for 5 s and at least three times: its topic does not exist, the
// consumer may not write to it, a policy is against it, or it is too large though all was left out that can be. Once a topic has
// refused all letters for that long, further ones are parked at once, and each second one of them is tried. What passes is waited
// for as ever: a cluster that is away or does not let the consumer in, a moving leader. So is a store that is away, and a broker
// that gives topics no ids, by which letters are told apart (Kafka before 2.8).
//
// Letters of topics whose keys are held are not parked: in a store they would hold nothing. See [WithHeldKeys].
//
// [parking.Publish] brings parked letters to their topic. A caller whose request is parked does not learn of it before that.
// NewConsumer fails if the store is nil.
func WithParking(store parking.Store) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.parking, c.parks = store, true })
}

const (
	// parkAfter and parkTries are for how long and how often a letter must have been refused: who deploys may make its topic
	// a moment later.
	parkAfter = 5 * time.Second
	parkTries = 3
	// askAgain is how often a topic that refuses all letters is given one.
	askAgain = time.Second
	// parkTimeout bounds a write to the store.
	parkTimeout = 10 * time.Second
	// parkAtOnce is how many letters are written to the store at once.
	parkAtOnce = 4
)

// refusesLetter says whether brokers have said no to a letter, for what it is or what its topic is. That they don't let the client in
// is not one: then nothing is read either.
func refusesLetter(err error) bool {
	answer, ok := errors.AsType[*kerr.Error](err)
	switch {
	case !ok, answer == kerr.SaslAuthenticationFailed, answer == kerr.UnsupportedSaslMechanism, answer == kerr.IllegalSaslState:
		return false
	}
	return kafka.Classify(err) >= kafka.Missing
}

// refusals are how a dead-letter topic has refused letters without having taken one in between.
type refusals struct {
	mu          sync.Mutex
	since, last time.Time // of the first and the last in a row; zero: there is none
	times       int
	err         error     // the last one
	asked       time.Time // when the topic was given a letter last
}

// add notes a refusal, and says whether they have lasted for long enough to count on more.
func (r *refusals) add(now time.Time, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last) > parkAfter { // what was then says nothing of now
		r.since, r.times = now, 0
	}
	r.last, r.err = now, err
	r.times++
	return r.lasting()
}

func (r *refusals) lasting() bool { return r.times >= parkTries && r.last.Sub(r.since) >= parkAfter }

// standing returns why the topic would refuse one more letter, nil when it is to be given one.
func (r *refusals) standing(now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.lasting() || now.Sub(r.last) > parkAfter || now.Sub(r.asked) >= askAgain {
		r.asked = now
		return nil
	}
	return r.err
}

// end notes that the topic has taken a letter.
func (r *refusals) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.last, r.times, r.err = time.Time{}, time.Time{}, 0, nil
}

// refusedForGood notes that a letter could not be written, and says whether it is to be parked.
func (c *Consumer) refusedForGood(t *task, err error) bool {
	if !refusesLetter(err) {
		return false
	}
	f, now := t.failure, time.Now()
	if f.refusedSince.IsZero() {
		f.refusedSince = now
	}
	f.refusals++
	own := f.refusals >= parkTries && now.Sub(f.refusedSince) >= parkAfter
	if kafka.Classify(err) == kafka.Refused { // of this letter; another may be taken
		return own
	}
	return c.topics[t.part.tp.topic].refusals.add(now, err) || own
}

// park writes a record's dead letter to the store and then counts the record as done. Its worker does not wait for that.
func (c *Consumer) park(m *member, t *task, refusal error) {
	f := t.failure
	m.workers.Go(func() {
		if err := c.parkLetter(m, t, refusal); err != nil {
			f.refused++
			c.tryLetterAgain(m, t, refusal, err)
			return
		}
		c.topics[t.part.tp.topic].meter.count(t.part.ctx, c.meter.parked, t.delivery, semconv.ErrorTypeKey.String(sendErrorType(refusal)))
		c.logFailure(t.part.ctx, slog.LevelError, t.delivery, "dead letter parked, as its topic refuses it", f.err,
			slog.String("dead_letter", f.letter.Topic), slog.Any("refusal", refusal), slog.Int("attempts", t.attempt))
		c.finish(m, t, Outcome{Result: Parked, Err: f.err})
	})
}

func (c *Consumer) parkLetter(m *member, t *task, refusal error) error {
	ctx, cancel := context.WithTimeout(t.part.ctx, parkTimeout)
	defer cancel()
	select {
	case c.parking <- struct{}{}:
		defer func() { <-c.parking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	id := m.notes.topicID(t.part.tp.topic)
	switch {
	case t.part.ctx.Err() != nil: // after the id was read: that may be of the topic that came after this one
		return context.Cause(t.part.ctx)
	case id == "":
		return fmt.Errorf("the id of topic %s is not known", t.part.tp.topic)
	}
	letter := t.failure.letter
	headers := make(parking.Headers, len(letter.Headers))
	for i, h := range letter.Headers {
		headers[i] = Header(h)
	}
	return c.cfg.parking.Park(ctx, parking.Letter{
		Place: parking.Place{
			Group: c.group, Topic: t.part.tp.topic, TopicID: id, Partition: t.part.tp.id, Offset: t.record.Offset,
		},
		DeadLetter: letter.Topic, Key: letter.Key, Value: letter.Value, Headers: headers,
		Refusal:  strings.ReplaceAll(strings.ToValidUTF8(refusal.Error(), "\uFFFD"), "\x00", "\uFFFD"),
		ParkedAt: time.Now(),
	})
}
