package eventtrace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// follower is one run of a sink. It reads in one goroutine, so that what is pending and how far it has read always agree, and stores a batch
// in another while it reads the next: one batch after the other, so that the store is never told of a batch before those in front of it.
type follower struct {
	*Sink
	reader *kafka.TopicReader
	to     kafka.To
	again  *kafka.From // where to begin, whatever is stored; nil: where the store says
	share  *share      // nil: it follows all partitions

	pending []Event
	bytes   int       // of the values in pending
	since   time.Time // when the first of pending came
	changed Progress  // how far partitions have been read that the store doesn't know yet
	spare   []Event   // the memory of the batch before
	storing chan error

	ids   map[string]string // of the topics that are read, by name
	fresh map[string]bool   // those that the store has yet to adopt, and whether what it has of them is theirs
	reset map[string]bool   // topics that did not go on where they were
}

func (s *Sink) follower(to kafka.To) *follower {
	return &follower{Sink: s, to: to, changed: make(Progress), ids: map[string]string{}, fresh: map[string]bool{}, reset: map[string]bool{}}
}

func (f *follower) follow(ctx context.Context) error {
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("trace sink: %w", err)
	}
	return nil
}

func (f *follower) run(ctx context.Context) error {
	if err := f.cfg.kafka.Validate(); err != nil { // before waiting for the store
		return err
	}
	from, err := f.begin(ctx)
	if err != nil {
		return err
	}
	f.reader, err = kafka.NewTopicReader(f.cfg.kafka, kafka.TopicReaderConfig{
		Topics: f.cfg.topics, From: from, To: f.to,
		Backoff: f.cfg.backoff, Discovery: f.cfg.discovery, Observer: f,
	})
	if err != nil {
		return err
	}
	defer f.reader.Close()
	defer f.leave(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer func() { stop(); f.settle() }() //nolint:errcheck // what went wrong before is at hand
	if f.share == nil {                   // else topics that can be read are not held up by those that can't yet
		if err := f.reader.Open(ctx); err != nil {
			return err
		}
	}
	for !f.reader.AtEnd() {
		if err := f.keepShare(ctx); err != nil {
			return err
		}
		if f.due() {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
		wait := f.cfg.discovery
		if len(f.pending) > 0 {
			wait = time.Until(f.since.Add(f.cfg.linger))
		}
		if f.share != nil {
			wait = min(wait, time.Until(f.share.due))
		}
		err := f.reader.Poll(ctx, wait, f.cfg.events-len(f.pending), func(record *kafka.Record) error { return f.take(ctx, record) })
		if err != nil {
			return err
		}
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	return f.settle()
}

// begin is where to begin.
func (f *follower) begin(ctx context.Context) (kafka.From, error) {
	if f.again != nil {
		return *f.again, nil
	}
	return f.stored(ctx)
}

// take adds a record to those pending, and stores them when they are enough.
func (f *follower) take(ctx context.Context, record *kafka.Record) error {
	if len(f.pending) == 0 {
		f.since = time.Now()
	}
	e := f.event(record)
	e.TopicID = f.ids[record.Topic]
	f.pending = append(f.pending, e)
	f.bytes += len(record.Key) + len(record.Value)
	f.Passed(record.Topic, record.Partition, record.Offset+1)
	if f.full() {
		return f.flush(ctx)
	}
	return nil
}

func (f *follower) full() bool { return len(f.pending) >= f.cfg.events || f.bytes >= f.cfg.bytes }

func (f *follower) due() bool {
	return f.full() || len(f.pending) > 0 && time.Since(f.since) >= f.cfg.linger
}

// flush begins to store what is pending, once what was before it is stored.
func (f *follower) flush(ctx context.Context) error {
	if err := f.settle(); err != nil {
		return err
	}
	for topic, same := range f.fresh {
		err := f.retry(ctx, "store a topic's id", func() error { return f.store.Adopt(ctx, topic, f.ids[topic], same) })
		if err != nil {
			return err
		}
		delete(f.fresh, topic)
	}
	if len(f.pending) == 0 && len(f.changed) == 0 {
		return nil
	}
	events, next, done := f.pending, f.changed, make(chan error, 1)
	f.pending, f.bytes, f.changed, f.spare, f.storing = f.spare[:0], 0, make(Progress), events, done
	go func() { done <- f.append(ctx, batch{events, next}) }()
	return nil
}

// settle waits until the batch that is being stored is.
func (f *follower) settle() error {
	if f.storing == nil {
		return nil
	}
	err := <-f.storing
	f.storing = nil
	clear(f.spare) // lets go of the records' memory
	return err
}

// append stores a batch, a large one by two halves at once.
func (f *follower) append(ctx context.Context, b batch) error {
	halves := b.split()
	errs := make([]error, len(halves))
	var group sync.WaitGroup
	for i, half := range halves {
		group.Go(func() { errs[i] = f.appendHalf(ctx, half.events, half.next) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (f *follower) appendHalf(ctx context.Context, events []Event, next Progress) error {
	var added int
	err := f.retry(ctx, "store events", func() (err error) {
		added, err = f.store.Append(ctx, events, next)
		return err
	})
	if err != nil {
		return err
	}
	f.stats.batches.Add(1)
	f.stats.stored.Add(int64(added))
	f.stats.repeated.Add(int64(len(events) - added))
	for i := range events {
		if events[i].Invalid != "" {
			f.stats.invalid.Add(1)
		}
		if events[i].ValueBytes > 0 {
			f.stats.large.Add(1)
		}
	}
	return nil
}

// Found implements [kafka.TopicObserver].
func (f *follower) Found(topic, id string) {
	f.ids[topic] = id
	if id != "" {
		f.fresh[topic] = !f.reset[topic]
	}
	delete(f.reset, topic)
}

// Passed implements [kafka.TopicObserver].
func (f *follower) Passed(topic string, partition int32, next int64) {
	if f.again == nil {
		f.changed.Set(topic, partition, next)
	}
}

// Dropped implements [kafka.TopicObserver].
func (f *follower) Dropped(topic string, partition int32, next, start int64) {
	f.stats.lost.Add(start - next)
	f.cfg.log.Error("trace: the log dropped records before they were read: is the topic's retention too short?",
		"topic", topic, "partition", partition, "next", next, "start", start, "lost", start-next)
}

// Reset implements [kafka.TopicObserver].
func (f *follower) Reset(topic string, partition int32, next, start int64) {
	f.stats.resets.Add(1)
	f.reset[topic] = true
	if delete(f.changed[topic], partition); len(f.changed[topic]) == 0 {
		delete(f.changed, topic)
	}
	f.cfg.log.Error("trace: the log ends before what was read, reading it again: was the topic deleted and made anew?",
		"topic", topic, "partition", partition, "next", next, "from", start)
}

// Deleted implements [kafka.TopicObserver].
func (f *follower) Deleted(topic string) {
	f.cfg.log.Error("trace: the topic was deleted while it was read", "topic", topic)
}

// Lost implements [kafka.TopicObserver].
func (f *follower) Lost(err error) {
	f.cfg.log.Error("trace: the brokers lost records", "error", err)
}

// Retrying implements [kafka.TopicObserver]: the sink waits for ever.
func (f *follower) Retrying(what string, err error, pause time.Duration) error {
	f.stats.retries.Add(1)
	f.cfg.log.Warn("trace: could not "+what+", trying again", "error", err, "in", pause)
	return nil
}

// retry calls do, which asks the store, until it succeeds or ctx ends.
func (f *follower) retry(ctx context.Context, what string, do func() error) error {
	for failures := 1; ; failures++ {
		err := do()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		pause := f.cfg.backoff.After(failures)
		f.Retrying(what, err, pause) //nolint:errcheck // it has none
		if err := kafka.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// event reads a record. What the store would refuse becomes an event that it takes.
func (s *Sink) event(record *kafka.Record) Event {
	e := s.read(record)
	e.Topic, e.Partition, e.Offset = record.Topic, record.Partition, record.Offset
	e.Key, e.LogTime = record.Key, bounded(record.Timestamp)
	e.complete()
	if err := e.Validate(); err != nil {
		why := err.Error()
		if e.Invalid != "" {
			why = e.Invalid + "; " + why
		}
		e = Event{
			Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Key: e.Key, LogTime: e.LogTime,
			Invalid: why, Value: record.Value,
		}
		e.complete()
	}
	if len(record.Value) > s.cfg.largest {
		e.Payload, e.Value, e.ValueBytes = "", nil, int64(len(record.Value))
	}
	return e
}
