package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/omninode/trestle/runtime/kafka"
)

// A resolution is of no use once its letter is gone: deleted by retention or a purge, or with its topic. Whoever resolves letters reads
// all resolutions, and takes such ones back: those of a topic by the writer of that topic, once it is known that nobody else can commit
// any. So a letter that stands can't lose its own: of a topic that is made anew meanwhile letters are resolved by a later writer, which
// fences this one.

const (
	// keepNotes is how old a resolution is at least when it is taken back: brokers may lag in telling each other of a new topic.
	keepNotes = time.Hour
	// maxStale is how many resolutions a writer takes back, and maxGone of how many topics that don't exist.
	maxStale = 10_000
	maxGone  = 10
)

// stale are the keys of a topic's resolutions whose letters are gone.
type stale struct {
	keys map[string]bool
	gone func(log, int64) bool // says so of a letter
	till time.Time             // none was written later
}

func (r *Replayer) newStale(gone func(log, int64) bool) *stale {
	return &stale{map[string]bool{}, gone, time.Now().Add(-r.keep)}
}

// see takes in a note of the topic's. One that a later version wrote stays.
func (s *stale) see(n *note) {
	key := string(resolutionKey(n.log, n.offset))
	switch {
	case n.back, n.at.After(s.till), !s.gone(n.log, n.offset), parseResolution(n.value).Kind == Later:
		delete(s.keys, key)
	case len(s.keys) < maxStale:
		s.keys[key] = true
	}
}

// isGone says whether a letter of one of the selection's topics is gone, or its log is.
func (s *Selection) isGone(l log, offset int64) bool {
	id := s.ids[l.topic]
	if id == "" || l.id == "" { // brokers gave no ids, now or then
		return false
	}
	start, known := s.starts.Next(l.topic, l.partition)
	return id != l.id || known && offset < start
}

// takeBack takes resolutions back, in transactions. That somebody else has begun is no error: they do it.
func (w *writer) takeBack(ctx context.Context, s *stale) error {
	if len(s.keys) == 0 {
		return nil
	}
	w.pace, w.done = &pace{}, func(done) {}
	if err := w.begin(ctx); err != nil { // before it is known which keys are left
		return housekeeping(err)
	}
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		w.letters = append(w.letters, written{back: []byte(key)})
		if len(w.letters) < w.r.perTransaction {
			continue
		}
		if err := w.commit(ctx); err != nil {
			return housekeeping(err)
		}
	}
	return housekeeping(w.commit(ctx))
}

// housekeeping is the error of what comes after letters are resolved.
func housekeeping(err error) error {
	if _, fenced := errors.AsType[*FencedError](err); err == nil || fenced || errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		return nil
	}
	return fmt.Errorf("letters are resolved; take back resolutions of letters that are gone: %w", err)
}

// takeBackGone takes back the resolutions of those of the topics that don't exist.
func (r *Replayer) takeBackGone(ctx context.Context, topics map[string]bool) error {
	missing, err := r.missing(ctx, slices.Sorted(maps.Keys(topics)))
	if err != nil || len(missing) == 0 {
		return housekeeping(err)
	}
	writers := map[string]*writer{}
	for _, topic := range missing[:min(maxGone, len(missing))] {
		w, err := r.newWriter(topic, nil, nil)
		if err != nil {
			return housekeeping(err)
		}
		defer w.client.Close()
		if err := w.take(ctx); err != nil {
			if err = housekeeping(err); err != nil {
				return err
			}
			continue
		}
		writers[topic] = w
	}
	// Only now: whoever resolves letters of one that is made from now on is a later writer.
	if missing, err = r.missing(ctx, slices.Sorted(maps.Keys(writers))); err != nil {
		return housekeeping(err)
	}
	stales := map[string]*stale{}
	for _, topic := range missing {
		stales[topic] = r.newStale(func(log, int64) bool { return true })
	}
	for n, err := range r.notes(ctx, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			return housekeeping(err)
		}
		if s := stales[n.log.topic]; s != nil {
			s.see(&n)
		}
	}
	for _, topic := range missing {
		if err := writers[topic].takeBack(ctx, stales[topic]); err != nil {
			return err
		}
	}
	return nil
}

// missing are those of topics that don't exist.
func (r *Replayer) missing(ctx context.Context, topics []string) (missing []string, err error) {
	if len(topics) == 0 {
		return nil, nil
	}
	client, err := r.conn.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	found, err := kadm.NewClient(client).ListTopics(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, t := range found.Sorted() {
		if kafka.Classify(t.Err) == kafka.Missing {
			missing = append(missing, t.Topic)
		}
	}
	return missing, nil
}
