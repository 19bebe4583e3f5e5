package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicReader reads topics outside of any consumer group, for those who need more than [Scan]: to do other things while it
// waits for records, or to know of gaps. It is used from one goroutine.
type TopicReader struct {
	cfg      TopicReaderConfig
	bounded  bool
	client   *kgo.Client
	limits   *Limits
	admin    *kadm.Client
	failures int // in a row

	next   Offsets // the offset to read next, of every partition that is read
	ends   Offsets // where to stop; a partition that is read without an end has none
	goals  Offsets // of Await
	ids    map[string]kadm.TopicID
	absent map[string]error                         // topics that could not be found, as of the last look
	picks  func(topic string, partition int32) bool // what is read; nil: all partitions

	opened   bool      // From is for what is found first; what is found later is read from its start
	discover time.Time // when to look for partitions again
}

// TopicReaderConfig says what a reader reads, and how.
type TopicReaderConfig struct {
	Topics []string
	From   From
	To     To
	// Backoff spaces attempts after errors.
	Backoff Backoff
	// Discovery is how often an endless reader looks for new partitions.
	Discovery time.Duration
	Observer  TopicObserver
}

// TopicObserver is told what a reader meets, in the reader's goroutine.
type TopicObserver interface {
	// Found says which topic is read from now on under that name: its id, as a UUID, empty where brokers give topics none. What
	// else there is to say of the place where it begins was said before.
	Found(topic, id string)
	// Passed says that there are no records before the offset next which were not given.
	Passed(topic string, partition int32, next int64)
	// Dropped says that the log has dropped records before they were read: it starts at start, and next was to be read.
	Dropped(topic string, partition int32, next, start int64)
	// Reset says that the log ends before next, which was to be read, and that it is read again from start on.
	Reset(topic string, partition int32, next, start int64)
	// Deleted says that a topic was deleted before its end was reached.
	Deleted(topic string)
	// Lost says that the brokers lost records which they had acknowledged.
	Lost(err error)
	// Retrying says what failed and is tried again after a pause. With an error the reader gives up.
	Retrying(what string, err error, pause time.Duration) error
}

const (
	// stall is how long a bounded reader waits for records before it asks whether there are any.
	stall = 100 * time.Millisecond
	// lookTimeout bounds one look at the cluster, so that a broker that is away does not hold up those that are there.
	lookTimeout = 10 * time.Second
	// MetadataMinAge is how long clients wait before asking again where partitions are: how long a moved leader goes
	// unnoticed.
	MetadataMinAge = 250 * time.Millisecond
	// MetadataMaxAge is how often clients ask where partitions are: how late those are read that were added.
	MetadataMaxAge = 5 * time.Second
)

// NewTopicReader returns a reader, which the caller closes. It contacts nothing, and fails as [Connection.Validate] does.
func NewTopicReader(conn Connection, cfg TopicReaderConfig) (*TopicReader, error) {
	// A fetch that waits holds up what comes after it: new partitions, and the question what is left before the end.
	wait := 500 * time.Millisecond
	if !cfg.To.endless {
		wait = stall
	}
	// What makes the reader exact comes last.
	conn.Options = append(conn.Options[:len(conn.Options):len(conn.Options)],
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // a transaction's marker may be the last before the end
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	limits := NewLimits(nil)
	client, err := conn.Client(kgo.FetchMaxBytes(16<<20), kgo.FetchMaxWait(wait), kgo.MetadataMinAge(MetadataMinAge),
		kgo.WithDecompressor(limits))
	if err != nil {
		return nil, err
	}
	limits.HoldTo(client)
	cfg.From = cfg.From.clone()
	return &TopicReader{
		cfg: cfg, bounded: !cfg.To.endless, client: client, limits: limits, admin: kadm.NewClient(client),
		next: make(Offsets), ends: make(Offsets), goals: make(Offsets), ids: make(map[string]kadm.TopicID), absent: make(map[string]error),
	}, nil
}

// Close closes the reader's client.
func (r *TopicReader) Close() { r.client.Close() }

// Open finds the topics and, for a bounded reader, their ends. It is tried again until it succeeds, fails for good, or
// ctx ends. A bounded reader must be opened; an endless one opens by and by as it polls.
func (r *TopicReader) Open(ctx context.Context) error {
	const what = "find the topics' ends"
	for {
		err := r.findPartitions(ctx)
		if err == nil {
			return nil
		}
		if err := r.pause(ctx, "Describe", what, err); err != nil {
			return err
		}
	}
}

// AtEnd says whether all is read that a bounded reader is to read.
func (r *TopicReader) AtEnd() bool { return r.bounded && len(r.short()) == 0 }

// Absent returns the error for a topic that did not exist at the last look, nil for others.
func (r *TopicReader) Absent(topic string) error { return r.absent[topic] }

// Stop has a partition read no further.
func (r *TopicReader) Stop(topic string, partition int32) {
	if next, reading := r.next.Next(topic, partition); reading {
		r.ends.Set(topic, partition, next)
		r.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
	}
}

// Share has an endless reader read those partitions alone, from now on, that picks says. What is read already goes on where it is; the others begin
// as the reader would begin with from, which is to be [FromOffsets].
func (r *TopicReader) Share(picks func(topic string, partition int32) bool, from From) {
	left := map[string][]int32{}
	for topic, partitions := range r.next {
		for partition := range partitions {
			if !picks(topic, partition) {
				left[topic] = append(left[topic], partition)
				delete(partitions, partition)
				delete(r.goals[topic], partition)
			}
		}
	}
	r.client.RemoveConsumePartitions(left)
	r.picks, r.cfg.From = picks, from.clone()
	r.discover = time.Time{}
}

// Await has a reader without an end get past an offset of a partition also where no records bring it there: since the log was compacted
// before that, say. [TopicReader.Reached] says when it has.
func (r *TopicReader) Await(topic string, partition int32, end int64) {
	if goal, _ := r.goals.Next(topic, partition); end > goal {
		r.goals.Set(topic, partition, end)
	}
}

// Reached says whether all has been given that stands before an offset of a partition.
func (r *TopicReader) Reached(topic string, partition int32, end int64) bool {
	next, reading := r.next.Next(topic, partition)
	return reading && next >= end
}

// Poll waits for records, not much longer than wait, and calls each with at most limit of them; those of a partition
// come in the order of their offsets. What is too large to be read comes as a record that says so: see [Limits]. An error of
// each ends it. Other errors are those that trying again can't mend, ctx's, and what the observer gives up with.
func (r *TopicReader) Poll(ctx context.Context, wait time.Duration, limit int, each func(*Record) error) error {
	if err := r.lookAround(ctx); err != nil {
		return err
	}
	if r.bounded {
		wait = min(wait, stall)
	} else {
		wait = min(wait, time.Until(r.discover))
	}
	// Not less than an instant: a context that is over hides what is buffered.
	pollCtx, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	fetches := r.client.PollRecords(pollCtx, max(1, limit))
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, fetch := range fetches {
		for _, topic := range fetch.Topics {
			if r.isAnother(topic) {
				r.recreated(topic.Topic)
				continue
			}
			for _, p := range topic.Partitions {
				if err := r.take(ctx, kgo.FetchTopicPartition{Topic: topic.Topic, FetchPartition: p}, each); err != nil {
					return err
				}
			}
		}
	}
	if fetches.NumRecords() > 0 {
		r.failures = 0
		return nil
	}
	return r.passHoles(ctx)
}

// lookAround looks for new partitions when it is time to.
func (r *TopicReader) lookAround(ctx context.Context) error {
	if r.bounded || time.Now().Before(r.discover) {
		return nil
	}
	const what = "find partitions"
	err := r.findPartitions(ctx)
	switch {
	case err == nil:
		r.discover = time.Now().Add(r.cfg.Discovery)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case Classify(err) == Fatal:
		return fmt.Errorf("%s: %w%s", what, err, AdviceOn("Describe", err))
	}
	// Those that are found are read on meanwhile.
	r.failures++
	pause := min(r.cfg.Backoff.After(r.failures), r.cfg.Discovery)
	r.discover = time.Now().Add(pause)
	return r.cfg.Observer.Retrying(what, err, pause)
}

// pause waits before another attempt to do an operation of ACLs, unless err is for good.
func (r *TopicReader) pause(ctx context.Context, operation, what string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case Classify(err) == Fatal:
		return fmt.Errorf("%s: %w%s", what, err, AdviceOn(operation, err))
	}
	r.failures++
	pause := r.cfg.Backoff.After(r.failures)
	if err := r.cfg.Observer.Retrying(what, err, pause); err != nil {
		return err
	}
	return Sleep(ctx, pause)
}

func (r *TopicReader) take(ctx context.Context, p kgo.FetchTopicPartition, each func(*Record) error) error {
	next, reading := r.next.Next(p.Topic, p.Partition)
	if reading && len(p.Records) > 0 {
		r.compareLog(p, next)
	}
	if reading {
		if err := r.give(ctx, p, each); err != nil {
			return err
		}
		if tooLarge := TooLarge(p.Err); tooLarge != nil {
			return r.passBatch(ctx, tooLarge, each)
		}
	}
	if p.Err != nil && ctx.Err() == nil {
		return r.fetchFailed(ctx, p)
	}
	return nil
}

func (r *TopicReader) give(ctx context.Context, p kgo.FetchTopicPartition, each func(*Record) error) error {
	for _, fetched := range p.Records {
		if end, bounded := r.ends.Next(p.Topic, p.Partition); bounded && fetched.Offset >= end {
			r.pass(p.Topic, p.Partition, end)
			return nil
		}
		if fetched.Attrs.IsControl() {
			r.pass(p.Topic, p.Partition, fetched.Offset+1)
			continue
		}
		record := r.limits.Check(ctx, r.client, fetched)
		r.reach(p.Topic, p.Partition, fetched.Offset+1)
		if err := each(&record); err != nil {
			return err
		}
	}
	return nil
}

// passBatch gives a record that stands for a batch which is too large to be opened, and goes on behind it.
func (r *TopicReader) passBatch(ctx context.Context, tooLarge *kgo.ErrDecompressTooLarge, each func(*Record) error) error {
	topic, partition := tooLarge.Topic, tooLarge.Partition
	next, _ := r.next.Next(topic, partition)
	if !r.limits.Pass(ctx, r.client, tooLarge, next) {
		return nil
	}
	lookCtx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	found, err := FindBatch(lookCtx, r.client, topic, partition, tooLarge.Offset)
	if err != nil {
		seek(r.client, topic, partition, kgo.EpochOffset{Epoch: -1, Offset: next})
		return r.pause(ctx, "Read", r.reading(topic, partition), err)
	}
	if end, bounded := r.ends.Next(topic, partition); bounded && found.First >= end {
		r.pass(topic, partition, end)
		return nil
	}
	if found.Aborted {
		r.pass(topic, partition, tooLarge.NextOffset)
		return nil
	}
	r.reach(topic, partition, tooLarge.NextOffset)
	record := found.Record(next, r.limits.Batch())
	return each(&record)
}

// compareLog reports when the log does not go on where it was.
func (r *TopicReader) compareLog(p kgo.FetchTopicPartition, next int64) {
	first := p.Records[0].Offset
	switch {
	case first < next:
		r.cfg.Observer.Reset(p.Topic, p.Partition, next, first)
	case first > next && p.LogStartOffset > next:
		r.cfg.Observer.Dropped(p.Topic, p.Partition, next, min(first, p.LogStartOffset))
	}
}

// reach notes where a partition goes on.
func (r *TopicReader) reach(topic string, partition int32, next int64) {
	r.next.Set(topic, partition, next)
	if end, bounded := r.ends.Next(topic, partition); bounded && next >= end {
		r.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
	}
}

// pass goes past offsets without records.
func (r *TopicReader) pass(topic string, partition int32, next int64) {
	if at, _ := r.next.Next(topic, partition); at == next {
		return
	}
	r.reach(topic, partition, next)
	r.cfg.Observer.Passed(topic, partition, next)
}

// fetchFailed deals with an error that the client does not retry by itself.
func (r *TopicReader) fetchFailed(ctx context.Context, p kgo.FetchTopicPartition) error {
	if lost, ok := errors.AsType[*kgo.ErrDataLoss](p.Err); ok {
		r.cfg.Observer.Lost(lost)
		return nil
	}
	if errors.Is(p.Err, context.DeadlineExceeded) || errors.Is(p.Err, context.Canceled) {
		return nil // the poll's own
	}
	what := r.reading(p.Topic, p.Partition)
	if errors.Is(p.Err, kerr.UnknownTopicID) {
		r.recreated(p.Topic)
	}
	return r.pause(ctx, "Read", what, p.Err)
}

// isAnother says whether what was fetched is of another topic than the one that was found under its name: it may have been made anew before the client
// asked for its partitions.
func (r *TopicReader) isAnother(topic kgo.FetchTopic) bool {
	known := r.ids[topic.Topic]
	return topic.TopicID != [16]byte{} && known != kadm.TopicID{} && topic.TopicID != known
}

func (r *TopicReader) reading(topic string, partition int32) string {
	if next, reading := r.next.Next(topic, partition); reading {
		return fmt.Sprintf("read %s[%d]@%d", topic, partition, next)
	}
	return fmt.Sprintf("read %s[%d]", topic, partition)
}

// recreated forgets a topic that was deleted, so that its successor is found and read from the start.
func (r *TopicReader) recreated(topic string) {
	r.client.PurgeTopicsFromConsuming(topic)
	for partition, next := range r.next[topic] {
		r.cfg.Observer.Reset(topic, partition, next, 0)
	}
	delete(r.next, topic)
	delete(r.cfg.From.offsets, topic)
	delete(r.cfg.From.ids, topic)
	delete(r.ids, topic)
	delete(r.ends, topic) // it is gone, and with it the end that was to be reached
	delete(r.goals, topic)
	r.discover = time.Time{}
}
