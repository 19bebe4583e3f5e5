package trestle

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/omninode/trestle/runtime/internal/loglimit"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// WithHeldKeys has the key of an event that goes to its dead letter be held, on topics named as their schemas name them: later
// events of the key are not handled, but written behind the dead letter, to the dead-letter topic, as its followers, and count as
// done, [Held]. Without it the key goes on. Other keys go on in any case, and so do other groups; events without a key have no
// order and are never held.
//
// A key is held, through restarts and rebalances, until its letters are resolved (see package replay): a replay sends the letter
// and its followers back in their order, and each is handled once the one before it was; if one fails again, what follows is held
// behind it again. Once a letter is purged, its followers can be replayed without it. Events of a key that is held while its
// letters are being replayed become followers, too, and need another replay. Letters of before this option was given hold their
// keys as well.
//
// The consumer reads the dead-letter topics and the topic of resolutions for it, from their start, with clients outside of the
// group: it needs the right to. A partition that is assigned starts once they have been read up to their ends of then; while they
// can't be read it waits, which [Consumer.Health] says. In memory is where each pending letter of the group stands, with its key,
// about 500 bytes each. The dead-letter topic is to keep letters until they are resolved. Letters of such topics are not parked:
// see [WithParking]. With retry topics an event's key is held from its dead letter on, not while it waits in these.
//
// Of a batch, what comes behind an event that goes to its dead letter, by key, does not count, whatever the handler did with it:
// it becomes a follower. An event whose letter stands already, since the process died before it could commit, is not handled
// again. A key of more than 1 KiB that its letter had to leave out, as it was too large for its topic, is held until a restart
// only. Run fails if no handler reads a topic.
func WithHeldKeys(topics ...string) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.heldKeys = append(c.heldKeys, topics...) })
}

// WithWaitingKeys has the key of an event that waits in a retry topic wait with it, on topics named as their schemas name them:
// later events of the key are not handled before it, but written behind it, to the retry topic where it waits, and count as done,
// [Held]. So handlers see the events of a key in their order, also those that are tried again after hours. Without it the key
// goes on: see [WithRetryTopics]. Other keys go on in any case. When the event succeeds, what waits behind it follows; when it
// fails again, that waits behind it again; when it goes to its dead letter, the key goes on, or is held by that: see
// [WithHeldKeys].
//
// A record is written once more each time that it has to wait behind another one: with many events of a key behind one that fails
// again and again, each of these rounds writes all of them. While an event is being tried, and for two seconds after it was due,
// later events wait in the consumer instead, so that the key comes back from the retry topic. What members know of each other's
// records of retry topics is what the group has committed: WithCommitInterval later.
//
// What waits is in hand, as WithMaxInFlight counts it: a partition of a retry topic that has its share is not fetched any further
// until some of it is done, so that many events behind one that waits for long put off others that would be due.
//
// The consumer reads the retry topics for it, with clients outside of the group, from where the group has committed: it needs the
// right to. For partitions that are assigned the same holds as with WithHeldKeys, and so it does for memory. An event that its
// retry topic refuses, as it takes nothing so large, goes to its dead letter. When a process dies between writing a record and
// committing, events behind one that failed are written, and handled, twice, in their order. Run fails if no handler reads a
// topic, or if it has no retry topics.
func WithWaitingKeys(topics ...string) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.waitingKeys = append(c.waitingKeys, topics...) })
}

// holdKeys prepares what WithHeldKeys and WithWaitingKeys ask for. It needs mu, and is called once the retry topics are known.
func (c *Consumer) holdKeys() error {
	pending := newPendingRecords(c.group)
	for _, name := range c.cfg.heldKeys {
		name = c.cfg.names.topic(name)
		if t := c.topics[name]; t == nil || t.retryOf != nil {
			return fmt.Errorf("WithHeldKeys: no handler reads topic %s", name)
		}
		pending.held[name] = true
	}
	waiting := map[string]bool{}
	for _, name := range c.cfg.waitingKeys {
		name = c.cfg.names.topic(name)
		switch t := c.topics[name]; {
		case t == nil || t.retryOf != nil:
			return fmt.Errorf("WithWaitingKeys: no handler reads topic %s", name)
		case len(t.retries) == 0:
			return fmt.Errorf("WithWaitingKeys: topic %s has no retry topics", name)
		}
		waiting[name] = true
	}
	for name, t := range c.topics {
		source := name
		if t.retryOf != nil {
			source = t.retryOf.info.Name
		}
		if t.held, t.waits = pending.held[source], waiting[source]; t.held || t.waits {
			t.pending = pending
		}
		if t.waits && t.retryOf != nil {
			pending.waits[name] = source
		}
	}
	return nil
}

// newPendingReader returns what reads which keys are held, for a member; nil where none are.
func (c *Consumer) newPendingReader(m *member) *pendingReader {
	r := &pendingReader{
		c: c, m: m, resolutions: c.cfg.names.topic(replay.ResolutionsTopic), alike: loglimit.New(maxLinesAlike),
		next: kafka.Offsets{}, logs: map[string]string{},
	}
	m.queue.barring = map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.topics)) {
		if t := c.topics[name]; t.pending != nil {
			r.pendingRecords = t.pending
			m.queue.barring[name] = true
			if t.held {
				r.topics = append(r.topics, t.info.DeadLetter)
			}
			if t.waits && t.retryOf != nil {
				r.topics = append(r.topics, name)
				r.retries = append(r.retries, name)
			}
		}
	}
	if r.pendingRecords == nil {
		return nil
	}
	slices.Sort(r.topics)
	r.topics = slices.Compact(r.topics)
	m.pending = r
	return r
}

// heldError is why an event waits behind another of its key. It is no failure.
type heldError struct{ behind *pendingRecord }

func (e *heldError) Error() string {
	return fmt.Sprintf("its key is held: %s comes before it", e.behind)
}

const (
	// waitingPatience is for how long after a retry was due the events behind it wait for it in the consumer.
	waitingPatience = 2 * time.Second
	// waitingStep is how often they look whether it is done.
	waitingStep = 20 * time.Millisecond
)

// isOverSoon says whether what an event waits behind is being tried about now. An event that stands in a retry topic itself may
// have to make way for it.
func (e *heldError) isOverSoon(t *task) bool {
	late := time.Since(e.behind.due)
	return e.behind.waits() && t.part.topic.retryOf == "" && late >= 0 && late < waitingPatience
}

// decidedError says that another record was written for a record already, before who did so could commit.
type decidedError struct{ by *pendingRecord }

func (e *decidedError) Error() string { return fmt.Sprintf("%s stands for it already", e.by) }

func (e *decidedError) result() Result {
	switch {
	case e.by.follower:
		return Held
	case e.by.waits():
		return Retried
	}
	return DeadLettered
}

// heldBack says why a record is not to be handled, as its key is held; nil: it is.
func (t *topicHandlers) heldBack(h *handling) error {
	if t.pending == nil || h.record.Key == nil {
		return nil
	}
	origin, replayed := wire.OriginIn(h.record.Headers)
	partition := h.record.Partition
	if replayed {
		partition = origin.Partition
	}
	if !t.pending.isHeld(h.record.Topic, partition, h.record.Key) {
		return nil
	}
	r := holdableOf(h.member, h.task, &h.record)
	if letter, err := replay.ParsePosition(wire.HeaderValue(h.record.Headers, wire.HeaderReplaySource)); err == nil && replayed && !r.retried {
		t.pending.met(letter, replay.Position{Topic: r.topic, Partition: r.original.Partition, Offset: r.original.Offset}, r.origin)
	}
	own, before := t.pending.of(&r)
	switch {
	case own != nil:
		return &decidedError{own}
	case before != nil:
		return &heldError{before}
	}
	return nil
}

// holdableOf is what a record's key is held by. original is the record that the handler gets.
func holdableOf(m *member, t *task, original *Record) holdable {
	r := holdable{
		topic: original.Topic, key: original.Key,
		original: wire.Place{TopicID: t.topicID(m), Partition: original.Partition, Offset: original.Offset},
	}
	if again := t.retried(); again != nil {
		r.retried, r.at, r.rounds = true, t.position(), again.rounds
	}
	if origin, ok := wire.OriginIn(original.Headers); ok {
		r.origin = origin
	} else {
		r.origin = r.original
	}
	return r
}

// position is where a task's record stands.
func (t *task) position() replay.Position {
	return replay.Position{Topic: t.part.tp.topic, Partition: t.part.tp.id, Offset: t.record.Offset}
}

// holdKey has the letter of a record hold its key from now on.
func (c *Consumer) holdKey(m *member, t *task, at replay.Position) {
	topic := c.topics[t.part.tp.topic]
	if !topic.held || t.record.Key == nil {
		return
	}
	original, _ := t.original()
	r := holdableOf(m, t, &original)
	topic.pending.add(&pendingRecord{
		at: at, key: pendingKey{r.topic, r.origin.Partition, string(r.key)}, origin: r.origin, original: r.original,
		follower: isA[*heldError](t.failure.err),
	})
}

// keyWaits has a record that was written to a retry topic hold its key from now on.
func (c *Consumer) keyWaits(t *task, at replay.Position, r *retried) {
	if topic := c.topics[t.part.tp.topic]; topic.waits && t.record.Key != nil {
		topic.pending.add(r.pending(at))
	}
}

// keyGoesOn has a record of a retry topic that is done hold its key no longer.
func (c *Consumer) keyGoesOn(t *task) {
	if topic := c.topics[t.part.tp.topic]; topic.waits && topic.retryOf != nil && t.record.Key != nil {
		topic.pending.done(t.position())
	}
}

// holdsKeys says whether its keys are held, other than those of a retry topic, which are its source's.
func (t *topicHandlers) holdsKeys() bool { return t.pending != nil && t.retryOf == nil }

// goesOn says whether what comes behind a record, by key, may be handled although it goes to its dead letter.
func (t *topicHandlers) goesOn(r *task) bool { return t.pending == nil || r.record.Key == nil }

// logHeld reports a follower: many come where one event has failed.
func (c *Consumer) logHeld(t *task, at replay.Position) {
	c.log(slog.LevelDebug, t, "event waits behind another of its key", slog.Any("error", t.failure.err), slog.String("written_to", at.String()))
}
