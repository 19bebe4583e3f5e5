package trestle

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/omninode/trestle/runtime/internal/loglimit"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// pendingReader follows the dead-letter topics of held keys and the topic of resolutions, outside of the group, and says when
// partitions may start: when all is known that had been written there when they were assigned, by whoever had them before.
type pendingReader struct {
	*pendingRecords
	c           *Consumer
	m           *member
	topics      []string // of dead letters, and of retries whose keys wait
	retries     []string // these
	resolutions string
	alike       *loglimit.Limiter

	// Its goroutine's alone:
	reader   *kafka.TopicReader
	next     kafka.Offsets                // what is to be read
	logs     map[string]string            // the ids of the topics that this is of
	ends     kafka.Offsets                // that what waits has to see passed; nil: they have not been asked for
	endsDone map[topicPartition]committed // what the group had done before these
	later    *seen                        // of what others do, once its ends are passed; nil: nothing is asked for
	asked    map[*partition]bool          // of the partitions that had been assigned when they were asked for
	tidied   time.Time
	asks     time.Time // when to ask what of the retry topics is done

	mu    sync.Mutex
	since time.Time // since when partitions have waited; zero: none does
	err   error     // why they can't start; nil: not known, or nothing is in the way
}

const (
	// pendingPoll is how late a reader with nothing to read learns that a partition waits for it.
	pendingPoll = 50 * time.Millisecond
	// tidyEvery is how often letters are forgotten that hold nothing any more.
	tidyEvery = 10 * time.Second
	// doneEvery is how often to ask what other members have done of retry topics, while anything waits in these.
	doneEvery = 500 * time.Millisecond
	// heldPatience is for how long a partition may wait before that is a reason not to be ready.
	heldPatience = 2 * time.Second
)

// run reads until ctx ends.
func (r *pendingReader) run(ctx context.Context) {
	for failures := 1; ctx.Err() == nil; failures++ {
		err := r.follow(ctx, func() { failures = 0 })
		if ctx.Err() != nil {
			return
		}
		r.cannot(err)
		_ = kafka.Sleep(ctx, r.c.cfg.backoff.After(failures))
	}
}

// follow reads until it can't.
func (r *pendingReader) follow(ctx context.Context, goesWell func()) error {
	if err := r.findStarts(ctx); err != nil {
		return err
	}
	reader, err := kafka.NewTopicReader(r.c.cfg.kafka, kafka.TopicReaderConfig{
		Topics: append(r.topics[:len(r.topics):len(r.topics)], r.resolutions),
		From:   kafka.FromOffsets(r.next).OfTopics(r.logs), To: kafka.Endless(),
		Backoff: r.c.cfg.backoff, Discovery: time.Second, Observer: r,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	r.reader, r.ends, r.later = reader, nil, nil // what is begun anew has to get as far
	for {
		if err := reader.Poll(ctx, pendingPoll, 1000, r.take); err != nil {
			return err
		}
		if err := r.admit(ctx); err != nil {
			r.cannot(err)
			if err := kafka.Sleep(ctx, r.c.cfg.backoff.Lowest); err != nil {
				return err
			}
			continue
		}
		goesWell()
		if now := time.Now(); now.After(r.asks) && r.retriesPend() {
			r.asks = now.Add(doneEvery)
			if later, err := r.look(ctx); err == nil && r.later == nil { // else the next time
				r.later = later
			}
		}
		if r.later != nil && r.reached(r.later.ends) {
			r.doneBy(r.later.done)
			r.later = nil
		}
		if time.Since(r.tidied) > tidyEvery {
			r.tidied = time.Now()
			r.tidy(ctx)
		}
	}
}

// take takes in a record.
func (r *pendingReader) take(record *kafka.Record) error {
	defer r.Passed(record.Topic, record.Partition, record.Offset+1)
	if record.Topic == r.resolutions {
		if at, topicID, resolution, ok := replay.ReadResolution(record); ok {
			r.resolve(at, topicID, resolution)
		}
		return nil
	}
	if l := r.pendingIn(record); l != nil {
		r.add(l)
	}
	return nil
}

// admit lets partitions start that wait for what has been read by now.
func (r *pendingReader) admit(ctx context.Context) error {
	waiting := r.m.queue.barred()
	r.wait(len(waiting) > 0)
	if len(waiting) == 0 {
		return nil
	}
	if r.ends == nil || slices.ContainsFunc(waiting, func(p *partition) bool { return !r.asked[p] }) {
		seen, err := r.look(ctx)
		if err != nil {
			return err
		}
		r.ends, r.endsDone, r.asked = seen.ends, seen.done, map[*partition]bool{}
		for _, p := range waiting {
			r.asked[p] = true
		}
	}
	if !r.reached(r.ends) {
		return nil
	}
	r.doneBy(r.endsDone)
	r.tidied = time.Now()
	r.tidy(ctx)
	r.ends, r.asked = nil, nil
	for _, p := range waiting {
		r.m.queue.admitPartition(p)
	}
	r.wait(false)
	return nil
}

// seen is what the group has done of the retry topics, and where what is read ended after that.
type seen struct {
	done map[topicPartition]committed
	ends kafka.Offsets
}

// look asks for both, in this order: who has done a record has written before what has become of it, which is to be known before
// the record holds nothing any more.
func (r *pendingReader) look(ctx context.Context) (*seen, error) {
	s := &seen{}
	var err error
	if len(r.retries) > 0 {
		if s.done, _, err = r.commits(ctx); err != nil {
			return nil, err
		}
	}
	s.ends, err = r.findEnds(ctx)
	return s, err
}

// reached says whether all has been read before these ends.
func (r *pendingReader) reached(ends kafka.Offsets) bool {
	for topic, partitions := range ends {
		for partition, end := range partitions {
			r.reader.Await(topic, partition, end)
			if !r.reader.Reached(topic, partition, end) {
				return false
			}
		}
	}
	return true
}

// wait notes whether partitions wait.
func (r *pendingReader) wait(some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !some:
		r.since, r.err = time.Time{}, nil
	case r.since.IsZero():
		r.since = time.Now()
	}
}

// commits asks what the group has done of the retry topics whose keys wait, and which logs that is of.
func (r *pendingReader) commits(ctx context.Context) (map[topicPartition]committed, map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookAheadTimeout)
	defer cancel()
	all, err := kadm.NewClient(r.m.client).FetchOffsets(ctx, r.c.group)
	if err != nil {
		return nil, nil, fmt.Errorf("find what the group has committed: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	done, logs := map[topicPartition]committed{}, map[string]string{}
	for _, topic := range r.retries {
		for id, commit := range all[topic] {
			note, ours := parseCommitNote(commit.Metadata)
			if commit.Err != nil || commit.At < 0 {
				continue
			}
			if ours { // what others have committed, such as who moved the group, is taken to be of the topic that is here
				log := kafka.TopicIDText(note.topic)
				if now, known := r.logs[topic]; known && now != log {
					continue // of the topic that was here before
				}
				logs[topic] = log
			}
			done[topicPartition{topic, id}] = committed{commit.At, doneIn(commit.Metadata, commit.At)}
		}
	}
	return done, logs, nil
}

// findStarts has the retry topics be read from where the group has committed: what comes before that is done.
func (r *pendingReader) findStarts(ctx context.Context) error {
	if len(r.retries) == 0 {
		return nil
	}
	done, logs, err := r.commits(ctx)
	if err != nil {
		return err
	}
	for tp, c := range done {
		if next, known := r.next.Next(tp.topic, tp.id); !known || next < c.at {
			r.next.Set(tp.topic, tp.id, c.at)
			r.passed(tp.topic, tp.id, c.at)
			if log, ok := logs[tp.topic]; ok {
				r.logs[tp.topic] = log
			}
		}
	}
	return nil
}

// findEnds asks where the topics end. What is open on the topic of resolutions nobody can read yet; a dead letter may have been
// written behind what is open, and has to be waited for.
func (r *pendingReader) findEnds(ctx context.Context) (kafka.Offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, lookAheadTimeout)
	defer cancel()
	admin := kadm.NewClient(r.m.client)
	ends := kafka.Offsets{}
	take := func(what string, listed kadm.ListedOffsets, err error) error {
		if err != nil {
			return fmt.Errorf("find the end of %s: %w%s", what, err, kafka.AdviceOn("Describe", err))
		}
		for _, partitions := range listed {
			for _, o := range partitions {
				if o.Err != nil {
					return fmt.Errorf("find the end of %s/%d: %w%s", o.Topic, o.Partition, o.Err, kafka.AdviceOn("Describe", o.Err))
				}
				ends.Set(o.Topic, o.Partition, o.Offset)
			}
		}
		return nil
	}
	for _, topic := range r.topics {
		listed, err := admin.ListEndOffsets(ctx, topic)
		if err := take(topic, listed, err); err != nil {
			return nil, err
		}
	}
	listed, err := admin.ListCommittedOffsets(ctx, r.resolutions)
	err = take(r.resolutions, listed, err)
	if err != nil && kafka.Classify(err) == kafka.Missing {
		return ends, nil // nothing is resolved yet
	}
	return ends, err
}

// cannot notes that what holds keys can't be read.
func (r *pendingReader) cannot(err error) {
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
	leftOut, ok := r.alike.Allow("")
	if !ok {
		return
	}
	attrs := []slog.Attr{slog.Any("error", err), slog.String("group", r.c.group), slog.Int("waiting_partitions", len(r.m.queue.barred()))}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	r.c.cfg.logger.LogAttrs(context.Background(), slog.LevelError, "can't read which keys are held: partitions that were assigned wait for that", attrs...)
}

// tidy forgets letters that hold nothing any more. What it can't ask for now it asks for the next time.
func (r *pendingReader) tidy(ctx context.Context) {
	sources, letters := r.topicsOf()
	ctx, cancel := context.WithTimeout(ctx, lookAheadTimeout)
	defer cancel()
	admin := kadm.NewClient(r.m.client)
	commits, starts := kafka.Offsets{}, kafka.Offsets{}
	if len(sources) > 0 {
		if committed, err := admin.FetchOffsetsForTopics(ctx, r.c.group, sources...); err == nil {
			committed.Each(func(o kadm.OffsetResponse) {
				if o.Err == nil && o.At >= 0 {
					commits.Set(o.Topic, o.Partition, o.At)
				}
			})
		}
	}
	if len(letters) > 0 {
		if listed, err := admin.ListStartOffsets(ctx, letters...); err == nil {
			listed.Each(func(o kadm.ListedOffset) {
				if o.Err == nil {
					starts.Set(o.Topic, o.Partition, o.Offset)
				}
			})
		}
	}
	if deleted := r.forget(commits, starts); deleted > 0 {
		r.c.cfg.logger.LogAttrs(ctx, slog.LevelWarn, "dead letters or retries that held their keys were deleted, and hold them no longer: does their topic keep them for too short a time?",
			slog.Int("letters", deleted), slog.String("group", r.c.group))
	}
}

// health is the reason that partitions wait, if they do.
func (r *pendingReader) health() []HealthReason {
	if r == nil {
		return nil
	}
	waiting := len(r.m.queue.barred())
	r.mu.Lock()
	defer r.mu.Unlock()
	if waiting == 0 || r.since.IsZero() || r.err == nil && time.Since(r.since) < heldPatience {
		return nil
	}
	text := fmt.Sprintf("%d partitions have waited for %v until it is known which of their keys are held", waiting, time.Since(r.since).Round(time.Second))
	if r.err != nil {
		text += ": " + r.err.Error()
	}
	return []HealthReason{{Code: HeldKeysUnknown, Text: text}}
}

// Found implements [kafka.TopicObserver].
func (r *pendingReader) Found(topic, id string) {
	if r.logs[topic] != id {
		r.logs[topic] = id
		delete(r.next, topic)
		r.begin(topic)
	}
	if topic == r.resolutions || !r.isIn(topic, id) {
		return
	}
	r.c.cfg.logger.Warn("topic was made anew: what held keys there is gone with it", "topic", topic, "group", r.c.group)
	r.ends = nil
	r.m.queue.bar()
}

// Passed implements [kafka.TopicObserver].
func (r *pendingReader) Passed(topic string, partition int32, next int64) {
	r.next.Set(topic, partition, next)
	if topic != r.resolutions {
		r.passed(topic, partition, next)
	}
}

// Dropped implements [kafka.TopicObserver]. What was deleted holds nothing.
func (r *pendingReader) Dropped(string, int32, int64, int64) {}

// Reset implements [kafka.TopicObserver]. What is read again is known by its place.
func (r *pendingReader) Reset(string, int32, int64, int64) {}

// Deleted implements [kafka.TopicObserver].
func (r *pendingReader) Deleted(string) {}

// Lost implements [kafka.TopicObserver].
func (r *pendingReader) Lost(err error) {
	r.c.cfg.logger.Warn("brokers lost records of dead-letter topics or resolutions", "error", err)
}

// Retrying implements [kafka.TopicObserver].
func (r *pendingReader) Retrying(what string, err error, _ time.Duration) error {
	r.cannot(fmt.Errorf("%s: %w", what, err))
	return nil
}
