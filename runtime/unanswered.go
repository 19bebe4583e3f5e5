package trestle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/wire"
)

// UnansweredError says that a request was given up by who was to answer it: it is a dead letter now.
type UnansweredError struct {
	Topic     string // of the dead letter
	Partition int32
	Offset    int64
	Group     string // that gave up; empty where the letter names none
	Type      string // of the error, such as ValidationError; empty where the letter names none
	Message   string // of the error
}

// Error says why, and where the dead letter stands.
func (e *UnansweredError) Error() string {
	why := e.Message
	if e.Type != "" {
		why = e.Type + ": " + why
	}
	return fmt.Sprintf("the request went to its dead letter at %s/%d, offset %d: %s", e.Topic, e.Partition, e.Offset, why)
}

// absentFor is for how long dead letters that can't be read are left alone.
const absentFor = time.Minute

// lettersPatience is for how long a call waits until its dead letters can be read, before it does without.
const lettersPatience = time.Second

// openLetters has the dead letters of a request's topic read, from their present end if they weren't yet. Where there are
// none, or the caller may not read them, calls do without. Its error is ctx's.
func (r *replies) openLetters(ctx context.Context, asked *TopicInfo) error {
	topic := asked.DeadLetter
	if topic == "" || r.isOpen(topic) {
		return nil
	}
	done, err := r.alone(ctx, topic)
	if err != nil {
		return err
	}
	defer done()
	if r.isOpen(topic) {
		return nil
	}
	looking, cancel := context.WithTimeout(ctx, lettersPatience)
	defer cancel()
	ends, err := r.ends(looking, topic)
	switch {
	case err == nil:
		_ = r.limits.Ask(ctx, r.client, topic)
		r.begin(topic, ends, true)
	case ctx.Err() != nil:
		return fmt.Errorf("read %s: %w", topic, err)
	default:
		r.withoutLetters(topic, err)
	}
	return nil
}

// isOpen says whether a topic is read, or can't be.
func (r *replies) isOpen(topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, absent := r.absent[topic]
	return r.topics[topic] != nil || absent && time.Since(since) < absentFor
}

func (r *replies) withoutLetters(topic string, err error) {
	r.mu.Lock()
	_, known := r.absent[topic]
	r.absent[topic] = time.Now()
	r.mu.Unlock()
	if !known {
		r.cfg.logger.Warn("dead letters of requests can't be read: calls don't learn of them", "topic", topic, "error", advised("Read", err))
	}
}

// giveUpLetters reads dead letters no further that the cluster refuses for good. It says false for topics of responses.
func (r *replies) giveUpLetters(topic string, err error) bool {
	letters := r.stopLetters(topic)
	if letters {
		r.withoutLetters(topic, err)
	}
	return letters
}

func (r *replies) stopLetters(topic string) bool {
	r.fetching.Lock() // a call may have the topic read again at once
	defer r.fetching.Unlock()
	r.mu.Lock()
	t := r.topics[topic]
	letters := t != nil && len(t.expected) == 0
	if letters {
		delete(r.topics, topic)
	}
	r.mu.Unlock()
	if letters {
		r.client.PurgeTopicsFromConsuming(topic)
	}
	return letters
}

// lettersOf returns the topic where a call's dead letter would come, nil where it isn't read. It needs mu.
func (r *replies) lettersOf(w *waitingCall) *replyTopic { return r.topics[w.request.Topic.DeadLetter] }

// letter ends the call whose request a dead letter holds, if it is of who was to answer it.
func (r *replies) letter(rec *Record) {
	w, d := r.callOf(rec)
	if w == nil {
		return
	}
	w.deliver(answer{err: &UnansweredError{
		Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
		Group: d.ConsumerGroup, Type: d.Error.Type, Message: d.Error.Message,
	}})
}

// callOf finds the call whose request a dead letter holds. Of Trestle's own only those count whose group was to answer it;
// others don't say.
func (r *replies) callOf(rec *Record) (*waitingCall, *deadletter.DeadLetter) {
	ours := wire.HeaderValue(rec.Headers, deadletter.HeaderEventType) == deadletter.EventType
	r.mu.Lock()
	var w *waitingCall
	awaited := false
	if t := r.topics[rec.Topic]; t != nil {
		w = t.asked[strings.ToLower(wire.HeaderValue(rec.Headers, deadletter.HeaderEventID))]
		awaited = t.awaited > 0
	}
	r.mu.Unlock()
	if ours && w == nil && !awaited {
		return nil, nil
	}
	d, err := deadletter.Parse(rec)
	switch {
	case err != nil, ours && w != nil && !slices.Contains(d.Unanswered, w.reply.Type):
		return nil, nil
	case w != nil:
		return w, d
	}
	return r.callByConversation(rec.Topic, d, ours), d
}

// callByConversation finds the call whose request a dead letter holds by the correlation id: that of a letter without an event
// id or, if it is one of Trestle's own, of a call that does not know its request's.
func (r *replies) callByConversation(topic string, d *deadletter.DeadLetter, ours bool) *waitingCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topics[topic] == nil {
		return nil
	}
	var correlationID string
	var kind *EventInfo
	for _, w := range r.topics[topic].asked {
		if d.SourceTopic != "" && d.SourceTopic != w.request.Topic.Name {
			continue
		}
		if ours && (w.requestID != "" || !slices.Contains(d.Unanswered, w.reply.Type)) {
			continue
		}
		if kind != w.request { // most often all are of one type
			kind = w.request
			correlationID = correlationOf(kind, &Record{Value: d.Original.Value, Headers: d.Original.Headers})
		}
		if correlationID != "" && correlationID == w.correlationID {
			return w
		}
	}
	return nil
}

// correlationOf is the correlation id that the envelope of a record of that type says, in lower case, without the payload
// being decoded; empty where it says none.
func correlationOf(info *EventInfo, rec *Record) string {
	frame, err := wire.Unframe(rec.Value, rec.Headers)
	switch {
	case frame.Protobuf:
		return strings.ToLower(wire.ReadCloudEvent(rec.Headers, wire.ReadOptions{}).Envelope.CorrelationID)
	case err != nil:
		return ""
	}
	found, err := wire.ReadEnvelope(frame.Body, info.Envelope, wire.ReadOptions{})
	if err != nil {
		return ""
	}
	return strings.ToLower(found.Envelope.CorrelationID)
}

// concerns says whether a record can be what a call waits for. Most are responses to other instances.
func (r *replies) concerns(e *expected, rec *Record) bool {
	r.mu.Lock()
	watched := len(e.watching) > 0
	r.mu.Unlock()
	if watched {
		return true // by session, too
	}
	if caller := wire.HeaderValue(rec.Headers, wire.HeaderCaller); caller != "" {
		return caller == r.id
	}
	id := correlationOf(e.info, rec)
	if id == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return e.waiting[id] != nil
}
