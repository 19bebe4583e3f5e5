package keytopic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/kafka"
)

const (
	// pollWait is how late a reader with nothing to read learns that somebody waits for it.
	pollWait = 100 * time.Millisecond
	// pollLimit is how many records are given at once.
	pollLimit = 1000
	// discovery is how late a topic is found that was made after the reader.
	discovery = 2 * time.Second
	// patience is for how long errors are tried again that may pass, before those are told who wait.
	patience = 10 * time.Second
)

var backoff = kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 5 * time.Second}

// reader follows the topic in a goroutine.
type reader struct {
	store    *Store
	follower encrypt.Follower
	cancel   func()
	done     chan struct{}

	// The goroutine's alone:
	batch []encrypt.Record
	at    place // as far as it has read, the batch included
	lost  bool  // brokers have lost some of what was read
	well  bool  // nothing failed since the last look

	mu      sync.Mutex
	changed chan struct{} // closed when one of these is another
	taken   place         // as far as the follower has taken it
	target  place         // somebody waits for
	since   time.Time     // when it began to fail; zero: it does not
	err     error
	fatal   bool // trying again does not help
}

// Follow implements [encrypt.Store]. The topic may be missing: the reader waits for it.
func (s *Store) Follow(f encrypt.Follower) encrypt.Reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{store: s, follower: f, cancel: cancel, done: make(chan struct{}), changed: make(chan struct{})}
	go r.run(ctx)
	return r
}

// Close implements [encrypt.Reader].
func (r *reader) Close() {
	r.cancel()
	<-r.done
}

// Sync implements [encrypt.Reader].
func (r *reader) Sync(ctx context.Context) error {
	for {
		r.mu.Lock()
		of := r.taken.id
		r.mu.Unlock()
		end, err := r.store.end(ctx)
		if err != nil {
			return err
		}
		if reached, err := r.await(ctx, end, of); reached || err != nil {
			return err
		}
	}
}

// await waits until all is taken before an end, and says no where the topic is another than at first, and than that of the end: it was made anew meanwhile.
func (r *reader) await(ctx context.Context, end place, of string) (reached bool, err error) {
	ticker := time.NewTicker(patience / 10) // errors come of age
	defer ticker.Stop()
	for {
		r.mu.Lock()
		taken, err, changed := r.taken, r.err, r.changed
		fails := r.fatal || !r.since.IsZero() && time.Since(r.since) > patience
		if r.target.id != end.id || r.target.next < end.next {
			r.target = end
		}
		r.mu.Unlock()
		switch {
		case taken.id == end.id && taken.next >= end.next:
			return true, nil
		case taken.id != end.id && taken.id != of:
			return false, nil
		case fails:
			return false, err
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-ctx.Done():
			if err != nil {
				return false, fmt.Errorf("%w: %w", ctx.Err(), err)
			}
			return false, ctx.Err()
		case <-r.done:
			return false, errors.New("the keys are closed")
		}
	}
}

func (r *reader) run(ctx context.Context) {
	defer close(r.done)
	for failures := 1; ; failures++ {
		err := r.read(ctx, func() { failures = 0 })
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.failed(err, true)
			r.store.log.Warn("data keys can't be read, trying again", "topic", r.store.topic, "error", err)
		}
		if kafka.Sleep(ctx, backoff.After(failures)) != nil {
			return
		}
	}
}

// read reads on until it can't, or, without an error, has to begin anew.
func (r *reader) read(ctx context.Context, goesWell func()) error {
	topic := r.store.topic
	from := kafka.FromStart()
	if r.lost {
		r.at.next = 0
	}
	if r.at.next > 0 {
		from = kafka.FromOffsets(kafka.Offsets{topic: {0: r.at.next}}).OfTopics(map[string]string{topic: r.at.id})
	}
	r.lost, r.batch = false, nil
	began := time.Now()
	reader, err := kafka.NewTopicReader(r.store.conn, kafka.TopicReaderConfig{
		Topics: []string{topic}, From: from, To: kafka.Endless(), Backoff: backoff, Discovery: discovery, Observer: r,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		r.mu.Lock()
		target := r.target
		r.mu.Unlock()
		if target.id == r.at.id && target.next > r.at.next { // maybe nothing stands there any more that would come
			reader.Await(topic, 0, target.next)
		}
		r.well = true
		err := reader.Poll(ctx, pollWait, pollLimit, r.take)
		if err != nil || r.lost {
			return err
		}
		r.well = r.well && (len(r.batch) > 0 || time.Since(began) > patience/2) // else it may not have been answered yet
		r.give()
		if r.well {
			goesWell()
		}
	}
}

func (r *reader) take(record *kafka.Record) error {
	r.batch = append(r.batch, encrypt.Record{Key: record.Key, Value: record.Value})
	r.at.next = record.Offset + 1
	return nil
}

// give has the follower take what was read, and those who wait know it.
func (r *reader) give() {
	if len(r.batch) > 0 {
		r.follower.Take(r.batch)
		r.batch = nil // its memory is the follower's
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	isWell := r.well && r.err != nil
	if r.taken == r.at && !isWell {
		return
	}
	r.taken = r.at
	if isWell {
		r.err, r.since, r.fatal = nil, time.Time{}, false
	}
	r.change()
}

// change wakes those who wait. The mutex is held.
func (r *reader) change() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *reader) failed(err error, fatal bool) {
	r.well = false
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.since = time.Now()
	}
	r.err, r.fatal = err, fatal
	r.change()
}

// restart has all be read again, from an offset on.
func (r *reader) restart(at int64) {
	r.batch, r.at.next = nil, at
	r.mu.Lock()
	r.taken = place{id: "none"} // nobody's end
	r.mu.Unlock()
	r.follower.Restarted()
}

// Found implements [kafka.TopicObserver].
func (r *reader) Found(_, id string) { r.at.id = id }

// Passed implements [kafka.TopicObserver].
func (r *reader) Passed(_ string, _ int32, next int64) { r.at.next = next }

// Dropped implements [kafka.TopicObserver].
func (r *reader) Dropped(topic string, _ int32, next, start int64) {
	r.store.log.Warn("keys were deleted from their topic before they were read: is its cleanup.policy compact?", "topic", topic, "next", next, "start", start)
}

// Reset implements [kafka.TopicObserver].
func (r *reader) Reset(topic string, _ int32, next, from int64) {
	r.store.log.Warn("the topic of keys ends before what was read, reading it again: was it deleted and made anew?", "topic", topic, "next", next, "from", from)
	r.restart(from)
}

// Deleted implements [kafka.TopicObserver].
func (r *reader) Deleted(string) {}

// Lost implements [kafka.TopicObserver].
func (r *reader) Lost(err error) {
	r.store.log.Warn("brokers lost keys that they had acknowledged, all are read again", "topic", r.store.topic, "error", err)
	r.lost = true
	r.restart(0)
}

// Retrying implements [kafka.TopicObserver].
func (r *reader) Retrying(what string, err error, pause time.Duration) error {
	r.failed(fmt.Errorf("%s: %w%s", what, err, kafka.Advice(err)), false)
	r.store.log.Warn("could not "+what+", trying again", "error", err, "in", pause)
	return nil
}
