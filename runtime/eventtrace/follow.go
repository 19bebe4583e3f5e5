package eventtrace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// follower is one run of a sink. It has one goroutine, so that what is pending and how far it has read always agree.
type follower struct {
	*Sink
	client *kgo.Client
	admin  *kadm.Client
	pauses backoff

	stored Progress // what the store said at the start
	next   Progress // the offset to read next, of every partition that is followed
	ends   Progress // where to stop; nil when running on
	ids    map[string]kadm.TopicID

	pending []Event
	bytes   int       // of the values in pending
	since   time.Time // when the first of pending came
	changed Progress  // the part of next that the store doesn't have yet

	discover time.Time // when to look for partitions again
}

// stall is how long a bounded run waits for records before it asks whether there are any.
const stall = 100 * time.Millisecond

func (s *Sink) follow(ctx context.Context, bounded bool) error {
	client, err := s.connect(bounded)
	if err != nil {
		return fmt.Errorf("trace sink: %w", err)
	}
	defer client.Close()
	f := &follower{
		Sink: s, client: client, admin: kadm.NewClient(client), pauses: backoff{first: s.cfg.retryMin, longest: s.cfg.retryMax},
		next: make(Progress), changed: make(Progress), ids: make(map[string]kadm.TopicID),
	}
	err = f.retry(ctx, "read the store's progress", func() (err error) {
		f.stored, err = s.store.Progress(ctx)
		return err
	})
	if err == nil && bounded {
		f.ends = make(Progress)
		err = f.retry(ctx, "find the topics' ends", func() error { return f.findPartitions(ctx) })
	}
	if err == nil {
		err = f.run(ctx)
	}
	if err != nil {
		return fmt.Errorf("trace sink: %w", err)
	}
	return nil
}

func (s *Sink) connect(bounded bool) (*kgo.Client, error) {
	// A fetch that waits holds up what comes after it: new partitions, and the question what is left before the end.
	wait := 500 * time.Millisecond
	if bounded {
		wait = stall
	}
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(s.cfg.brokers...),
		kgo.ClientID("trestle-trace"),
		kgo.FetchMaxBytes(16 << 20),
		kgo.FetchMaxWait(wait),
		kgo.MetadataMinAge(250 * time.Millisecond), // what findPartitions adds waits for the client's own look at the cluster
	}, s.cfg.kafka...)
	return kgo.NewClient(append(opts,
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)...)
}

func (f *follower) run(ctx context.Context) error {
	for {
		if f.ends != nil && f.atEnd() {
			return f.flush(ctx)
		}
		if f.due() {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
		if err := f.lookAround(ctx); err != nil {
			return err
		}
		fetches := f.poll(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.take(ctx, fetches); err != nil {
			return err
		}
		if fetches.NumRecords() > 0 {
			f.pauses.reset()
		} else if err := f.passHoles(ctx); err != nil {
			return err
		}
	}
}

// lookAround looks for new partitions when it is time to.
func (f *follower) lookAround(ctx context.Context) error {
	if f.ends != nil || time.Now().Before(f.discover) {
		return nil
	}
	err := f.findPartitions(ctx)
	switch {
	case err == nil:
		f.discover = time.Now().Add(f.cfg.discovery)
	case ctx.Err() != nil:
		return ctx.Err()
	case permanent(err):
		return fmt.Errorf("find partitions: %w", err)
	default:
		pause := min(f.pauses.next(), f.cfg.discovery)
		f.waited("find partitions", err, pause)
		f.discover = time.Now().Add(pause)
	}
	return nil
}

// poll waits for records until something else is to be done.
func (f *follower) poll(ctx context.Context) kgo.Fetches {
	wait := time.Until(f.discover)
	if f.ends != nil {
		wait = stall
	}
	if len(f.pending) > 0 {
		wait = min(wait, time.Until(f.since.Add(f.cfg.linger)))
	}
	// Not less than an instant: a context that is over hides what is buffered.
	ctx, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	return f.client.PollRecords(ctx, max(1, f.cfg.events-len(f.pending)))
}

// take moves what was fetched to pending, and stores it as batches fill.
func (f *follower) take(ctx context.Context, fetches kgo.Fetches) error {
	var err error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil {
			err = f.takePartition(ctx, p)
		}
	})
	return err
}

func (f *follower) takePartition(ctx context.Context, p kgo.FetchTopicPartition) error {
	next, followed := f.next.Next(p.Topic, p.Partition)
	if followed && len(p.Records) > 0 {
		f.compareLog(p, next)
	}
	end, bounded := f.ends.Next(p.Topic, p.Partition)
	for _, record := range p.Records {
		if !followed || bounded && record.Offset >= end {
			break
		}
		f.add(record)
		if f.full() {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
	}
	if bounded && len(p.Records) > 0 && p.Records[len(p.Records)-1].Offset >= end-1 {
		f.reach(p.Topic, p.Partition, end)
	}
	if p.Err != nil && ctx.Err() == nil {
		return f.fetchFailed(ctx, p)
	}
	return nil
}

// compareLog counts and logs when the log does not go on where it was.
func (f *follower) compareLog(p kgo.FetchTopicPartition, next int64) {
	first := p.Records[0].Offset
	switch {
	case first < next:
		f.wasReset(p.Topic, p.Partition, next, first)
	case first > next && p.LogStartOffset > next:
		f.wasDropped(p.Topic, p.Partition, next, min(first, p.LogStartOffset))
	}
}

func (f *follower) wasDropped(topic string, partition int32, next, start int64) {
	f.stats.lost.Add(start - next)
	f.cfg.log.Error("trace: the log dropped records before they were read: is the topic's retention too short?",
		"topic", topic, "partition", partition, "next", next, "start", start, "lost", start-next)
}

func (f *follower) wasReset(topic string, partition int32, next, start int64) {
	f.stats.resets.Add(1)
	f.cfg.log.Error("trace: the log ends before what was read, reading it again: was the topic deleted and made anew?",
		"topic", topic, "partition", partition, "next", next, "from", start)
}

func (f *follower) add(record *kgo.Record) {
	e := f.event(record)
	if len(f.pending) == 0 {
		f.since = time.Now()
	}
	f.pending = append(f.pending, e)
	f.bytes += len(record.Key) + len(record.Value)
	f.reach(record.Topic, record.Partition, record.Offset+1)
}

func (f *follower) reach(topic string, partition int32, next int64) {
	f.next.Set(topic, partition, next)
	f.changed.Set(topic, partition, next)
	if end, bounded := f.ends.Next(topic, partition); bounded && next >= end {
		f.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
	}
}

func (f *follower) full() bool { return len(f.pending) >= f.cfg.events || f.bytes >= f.cfg.bytes }

func (f *follower) due() bool {
	return f.full() || len(f.pending) > 0 && time.Since(f.since) >= f.cfg.linger
}

func (f *follower) flush(ctx context.Context) error {
	if len(f.pending) == 0 && len(f.changed) == 0 {
		return nil
	}
	var added int
	err := f.retry(ctx, "store events", func() (err error) {
		added, err = f.store.Append(ctx, f.pending, f.changed)
		return err
	})
	if err != nil {
		return err
	}
	f.stats.batches.Add(1)
	f.stats.stored.Add(int64(added))
	f.stats.repeated.Add(int64(len(f.pending) - added))
	for i := range f.pending {
		if f.pending[i].Invalid != "" {
			f.stats.invalid.Add(1)
		}
	}
	clear(f.pending) // lets go of the records' memory
	f.pending, f.bytes, f.changed = f.pending[:0], 0, make(Progress)
	return nil
}

// fetchFailed deals with an error that the client does not retry by itself.
func (f *follower) fetchFailed(ctx context.Context, p kgo.FetchTopicPartition) error {
	if lost, ok := errors.AsType[*kgo.ErrDataLoss](p.Err); ok {
		f.cfg.log.Error("trace: the brokers lost records", "error", lost)
		return nil
	}
	if errors.Is(p.Err, context.DeadlineExceeded) || errors.Is(p.Err, context.Canceled) {
		return nil // the poll's own
	}
	where := fmt.Sprintf("read %s[%d]", p.Topic, p.Partition)
	if permanent(p.Err) {
		return fmt.Errorf("%s: %w", where, p.Err)
	}
	if errors.Is(p.Err, kerr.UnknownTopicID) {
		f.madeAnew(p.Topic)
	}
	pause := f.pauses.next()
	f.waited(where, p.Err, pause)
	return sleep(ctx, pause)
}

// madeAnew forgets a topic that was deleted, so that its successor is found and read from the start.
func (f *follower) madeAnew(topic string) {
	f.client.PurgeTopicsFromConsuming(topic)
	for partition, next := range f.next[topic] {
		f.wasReset(topic, partition, next, 0)
	}
	delete(f.next, topic)
	delete(f.changed, topic)
	delete(f.stored, topic)
	delete(f.ids, topic)
	delete(f.ends, topic) // it is gone, and with it the end that was to be reached
	f.discover = time.Time{}
}

// retry calls do until it succeeds, fails for good, or ctx ends.
func (f *follower) retry(ctx context.Context, what string, do func() error) error {
	for {
		err := do()
		switch {
		case err == nil:
			f.pauses.reset()
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case permanent(err):
			return fmt.Errorf("%s: %w", what, err)
		}
		pause := f.pauses.next()
		f.waited(what, err, pause)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (f *follower) waited(what string, err error, pause time.Duration) {
	f.stats.retries.Add(1)
	f.cfg.log.Warn("trace: could not "+what+", trying again", "error", err, "in", pause)
}

// event reads a record. What the store would refuse becomes an event that it takes.
func (s *Sink) event(record *kgo.Record) Event {
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
	return e
}
