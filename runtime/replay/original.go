package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// Reason says why a letter is left alone.
type Reason string

// The reasons.
const (
	Unreadable   Reason = "unreadable"    // it is no dead letter that can be read
	NoSource     Reason = "no-source"     // it does not say which topic its original is from
	NoGroup      Reason = "no-group"      // it does not say which group failed, and none was given
	AtLimit      Reason = "at-limit"      // its original was replayed MaxAttempts times
	SourceGone   Reason = "source-gone"   // there is no topic any more to replay it to
	OriginalGone Reason = "original-gone" // what the letter could not carry is no longer in the log, or another log has its name
	TooLarge     Reason = "too-large"     // the original is larger than its topic, or MaxBatchBytes, takes
	Unrepaired   Reason = "unrepaired"    // the repair returned an error
	KeysAway     Reason = "keys_away"     // the keys of its encrypted fields can't be reached
	StillInvalid Reason = "still-invalid" // what was repaired is not valid
	Held         Reason = "held"          // its key is held, and a letter that comes before it is not replayed
	Elsewhere    Reason = "elsewhere"     // somebody else has resolved it since this began
)

// leftAlone is why a letter is.
type leftAlone struct {
	reason Reason
	detail string
}

func (e *leftAlone) Error() string { return e.detail }

func leave(reason Reason, format string, args ...any) error {
	return &leftAlone{reason, fmt.Sprintf(format, args...)}
}

// sources knows the topics that originals go back to, of one run.
type sources struct {
	r      *Replayer
	client *kgo.Client
	limits *kafka.Limits
	known  map[string]sourceTopic
}

type sourceTopic struct {
	id  string
	err error // kafka.Missing
}

func (r *Replayer) newSources(client *kgo.Client) *sources {
	return &sources{r: r, client: client, limits: kafka.NewLimits(nil), known: map[string]sourceTopic{}}
}

func (s *sources) topic(ctx context.Context, name string) (sourceTopic, error) {
	if known, ok := s.known[name]; ok {
		return known, nil
	}
	found, err := kadm.NewClient(s.client).ListTopics(ctx, name)
	if err != nil {
		return sourceTopic{}, fmt.Errorf("find topic %s: %w%s", name, err, kafka.AdviceOn("Describe", err))
	}
	t := found[name]
	if t.Err != nil && kafka.Classify(t.Err) != kafka.Missing {
		return sourceTopic{}, fmt.Errorf("find topic %s: %w%s", name, t.Err, kafka.AdviceOn("Describe", t.Err))
	}
	source := sourceTopic{kafka.TopicIDText(t.ID), t.Err}
	if t.Err == nil {
		_ = s.limits.Ask(ctx, s.client, name) // where brokers don't tell, Kafka's default counts
	}
	s.known[name] = source
	return source, nil
}

// originals returns what a letter's original was, byte for byte: one record, or those of a batch. The error is a leftAlone where it
// can't be had.
func (s *sources) originals(ctx context.Context, l *Letter) ([]*kafka.Record, error) {
	source, err := s.topic(ctx, l.Source)
	switch {
	case err != nil:
		return nil, err
	case source.err != nil:
		return nil, leave(SourceGone, "topic %s: %v", l.Source, source.err)
	}
	o := &l.Dead.Original
	if o.Batch == nil && o.Omitted == 0 && !o.Partial {
		return []*kafka.Record{{Topic: l.Source, Key: o.Key, Value: o.Value, Headers: o.Headers}}, nil
	}
	if o.Offset < 0 || o.Partition < 0 {
		return nil, leave(OriginalGone, "it does not say where its original stands")
	}
	if o.TopicID != "" && source.id != o.TopicID {
		return nil, leave(OriginalGone, "topic %s was made anew since", l.Source)
	}
	if o.Batch != nil {
		return s.batch(ctx, l)
	}
	for record, err := range s.read(ctx, l.Source, o.Partition, o.Offset, o.Offset+1, s.r.conn) {
		if err != nil {
			return nil, err
		}
		switch {
		case record.Oversized != nil:
			return nil, leave(TooLarge, "%v", record.Oversized)
		case !sameRecord(o, record):
			return nil, leave(OriginalGone, "%s[%d]@%d is another record", l.Source, o.Partition, o.Offset)
		}
		return []*kafka.Record{record}, nil
	}
	return nil, leave(OriginalGone, "%s[%d]@%d is no longer in the log", l.Source, o.Partition, o.Offset)
}

// sameRecord says whether a record can be the original of which a letter has only a part.
func sameRecord(o *deadletter.Original, r *kafka.Record) bool {
	switch {
	case o.Omitted > 0 && o.Value == nil && len(r.Value) != o.Omitted,
		o.Value != nil && !bytes.Equal(bytes.TrimSpace(o.Value), bytes.TrimSpace(r.Value)),
		o.Key != nil && !bytes.Equal(o.Key, r.Key):
		return false
	}
	id := o.Header(deadletter.HeaderEventID)
	return id == "" || r.Header(deadletter.HeaderEventID) == "" || id == r.Header(deadletter.HeaderEventID)
}

// batch reads the records of a batch that was too large for its consumers.
func (s *sources) batch(ctx context.Context, l *Letter) ([]*kafka.Record, error) {
	o := &l.Dead.Original
	found, err := kafka.FindBatch(ctx, s.client, l.Source, o.Partition, o.Batch.FirstOffset)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange) || kafka.Classify(err) == kafka.Missing:
		return nil, leave(OriginalGone, "the batch at %s[%d]@%d is no longer in the log", l.Source, o.Partition, o.Batch.FirstOffset)
	case err != nil:
		return nil, err
	case o.Batch.SHA256 != found.SHA256 || found.Last != o.Offset:
		return nil, leave(OriginalGone, "another batch stands at %s[%d]@%d", l.Source, o.Partition, o.Batch.FirstOffset)
	}
	conn := s.r.conn
	conn.Options = append(slices.Clip(conn.Options), kgo.MaxDecompressBatchBytes(s.r.opts.MaxBatchBytes))
	var records []*kafka.Record
	for record, err := range s.read(ctx, l.Source, o.Partition, o.Batch.FirstOffset, o.Offset+1, conn) {
		if err != nil {
			return nil, err
		}
		if record.Oversized != nil {
			return nil, leave(TooLarge, "%v", record.Oversized)
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil, leave(OriginalGone, "the batch at %s[%d]@%d holds no records", l.Source, o.Partition, o.Batch.FirstOffset)
	}
	return records, nil
}

func (s *sources) read(ctx context.Context, topic string, partition int32, from, to int64, conn kafka.Connection) func(func(*kafka.Record, error) bool) {
	begin, end := kafka.Offsets{}, kafka.Offsets{}
	begin.Set(topic, partition, from)
	end.Set(topic, partition, to)
	return kafka.Scan(ctx, conn, []string{topic}, kafka.FromOffsets(begin), kafka.ToOffsets(end))
}

// outgoing makes the record of a replay of an original. That a follower is replayed is no attempt of its event, which nobody has handled.
func outgoing(l *Letter, original *kafka.Record, group string) *kafka.Record {
	headers := slices.DeleteFunc(slices.Clone(original.Headers), func(h kafka.Header) bool {
		switch h.Key {
		case wire.HeaderAttempt, wire.HeaderReplayGroup, wire.HeaderReplaySource, wire.HeaderReplayOrigin:
			return true
		}
		return false
	})
	attempt := l.Dead.Attempt
	if !l.Follower {
		attempt++
	}
	if attempt > 0 {
		headers = append(headers, kafka.Header{Key: wire.HeaderAttempt, Value: strconv.AppendInt(nil, int64(attempt), 10)})
	}
	if group != "" {
		headers = append(headers, kafka.Header{Key: wire.HeaderReplayGroup, Value: []byte(group)})
	}
	if origin, ok := l.Dead.Original.Origin(); ok {
		headers = append(headers, kafka.Header{Key: wire.HeaderReplayOrigin, Value: []byte(origin.String())})
	}
	headers = append(headers, kafka.Header{Key: wire.HeaderReplaySource, Value: []byte(l.Position.String())})
	return &kafka.Record{Topic: l.Source, Key: original.Key, Value: original.Value, Headers: headers}
}
