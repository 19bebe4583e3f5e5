package replay

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// Letter is a dead letter as it stands on its topic.
type Letter struct {
	Position
	TopicID string    // of the dead-letter topic, a UUID; empty where brokers give topics none
	Time    time.Time // when it was written, by the record
	// Dead is what it says; nil where it can't be read, and Err says why.
	Dead *deadletter.DeadLetter
	Err  error
	// Source is the topic that its original stands in: what it says, or, where it says nothing, what [Options].Sources does.
	Source    string
	EventType string // the original's; empty: unknown
	Cause     Cause
	// Follower says that its event has not failed, and was not handled: its key is held, and it waits behind another letter.
	Follower bool
	// Resolution is what became of it; nil: it is not resolved.
	Resolution *Resolution
}

// Format writes, for any verb, which letter it is: what it says may hold what is sensitive.
func (l Letter) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "letter %v of %s %s (cause %s)", l.Position, cmp.Or(l.Source, "?"), l.EventType, l.Cause.ID)
}

// LogValue is what slog writes of the letter: what Format does.
func (l Letter) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

func (r *Replayer) letter(record *kafka.Record, topicID string) *Letter {
	l := &Letter{
		Position: Position{record.Topic, record.Partition, record.Offset}, TopicID: topicID, Time: record.Timestamp, Source: r.opts.Sources[record.Topic],
	}
	if record.Oversized != nil {
		l.Err = record.Oversized
	} else {
		l.Dead, l.Err = deadletter.Parse(record)
	}
	if l.Err != nil {
		l.Cause = newCause("Unreadable", l.Err.Error(), l.Source, "", "")
		return l
	}
	if l.Dead.SourceTopic != "" {
		l.Source = l.Dead.SourceTopic
	}
	l.Follower = l.Dead.HeldBehind != ""
	l.EventType = eventTypeOf(&l.Dead.Original)
	l.Cause = newCause(l.Dead.Error.Type, withoutKey(l.Dead.Error.Message, string(l.Dead.Original.Key)), l.Source, l.EventType, l.Dead.ConsumerGroup)
	return l
}

func eventTypeOf(o *deadletter.Original) string {
	for _, name := range []string{wire.HeaderEventType, wire.HeaderCEType} {
		if eventType := o.Header(name); eventType != "" {
			return eventType
		}
	}
	return wire.EventType(o.Value)
}
