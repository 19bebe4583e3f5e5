package trestle

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

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

// holdKeys prepares what WithHeldKeys asks for. It needs mu, and is called once the retry topics are known.
func (c *Consumer) holdKeys() error {
	if len(c.cfg.heldKeys) == 0 {
		return nil
	}
	pending := newPendingLetters(c.group)
	for _, name := range c.cfg.heldKeys {
		name = c.cfg.names.topic(name)
		if t := c.topics[name]; t == nil || t.retryOf != nil {
			return fmt.Errorf("WithHeldKeys: no handler reads topic %s", name)
		}
		pending.topics[name] = true
	}
	for name, t := range c.topics {
		if pending.topics[name] || t.retryOf != nil && pending.topics[t.retryOf.info.Name] {
			t.pending = pending
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
			r.pendingLetters = t.pending
			r.topics = append(r.topics, t.info.DeadLetter)
			m.queue.barring[name] = true
		}
	}
	if r.pendingLetters == nil {
		return nil
	}
	slices.Sort(r.topics)
	r.topics = slices.Compact(r.topics)
	m.pending = r
	return r
}

// heldError is why an event becomes a follower. It is no failure.
type heldError struct{ behind replay.Position }

func (e *heldError) Error() string {
	return fmt.Sprintf("its key is held: dead letter %s comes before it, and is not resolved", e.behind)
}

// decidedError says that a record's letter stands already: it was written before who did so could commit.
type decidedError struct{ letter *pendingLetter }

func (e *decidedError) Error() string {
	return fmt.Sprintf("dead letter %s stands for it already", e.letter.at)
}

func (e *decidedError) result() Result {
	if e.letter.follower {
		return Held
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
		return &heldError{before.at}
	}
	return nil
}

// holdableOf is what a record's key is held by. original is the record that the handler gets.
func holdableOf(m *member, t *task, original *Record) holdable {
	r := holdable{
		topic: original.Topic, key: original.Key, retried: t.part.topic.retryOf != "",
		original: wire.Place{TopicID: t.topicID(m), Partition: original.Partition, Offset: original.Offset},
	}
	if origin, ok := wire.OriginIn(original.Headers); ok {
		r.origin = origin
	} else {
		r.origin = r.original
	}
	return r
}

// holdKey has the letter of a record hold its key from now on.
func (c *Consumer) holdKey(m *member, t *task, at replay.Position) {
	topic := c.topics[t.part.tp.topic]
	if topic.pending == nil || t.record.Key == nil {
		return
	}
	original, _ := t.original()
	r := holdableOf(m, t, &original)
	topic.pending.add(&pendingLetter{
		at: at, key: pendingKey{r.topic, r.origin.Partition, string(r.key)}, origin: r.origin, original: r.original,
		follower: isA[*heldError](t.failure.err),
	})
}

// holdsKeys says whether its keys are held, other than those of a retry topic, which are its source's.
func (t *topicHandlers) holdsKeys() bool { return t.pending != nil && t.retryOf == nil }

// goesOn says whether what comes behind a record, by key, may be handled although it goes to its dead letter.
func (t *topicHandlers) goesOn(r *task) bool { return t.pending == nil || r.record.Key == nil }

// logHeld reports a follower: many come where one event has failed.
func (c *Consumer) logHeld(t *task, at replay.Position) {
	c.log(slog.LevelDebug, t, "event waits behind a dead letter of its key", slog.Any("error", t.failure.err), slog.String("dead_letter", at.String()))
}
