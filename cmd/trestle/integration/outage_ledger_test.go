package integration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	trestle "github.com/omninode/trestle/runtime"
)

// checkPublishFails publishes while the cluster is away: the caller learns it, in time.
func (s *stream) checkPublishFails() {
	s.t.Helper()
	for _, c := range []struct {
		name    string
		timeout time.Duration
		cause   error
	}{
		{"until the delivery timeout", patience, nil},
		{"until the caller's deadline", deliveryTimeout / 6, context.DeadlineExceeded},
	} {
		took, err := s.publishAlone(c.timeout)
		failure, ok := errors.AsType[*trestle.PublishError](err)
		switch {
		case !ok:
			s.t.Errorf("publish while the cluster is away, %s: %v, want a PublishError", c.name, err)
		case !failure.Retriable || failure.Topic != statusTopic:
			s.t.Errorf("publish while the cluster is away, %s: %+v, want it retriable and to name %s", c.name, failure, statusTopic)
		case c.cause != nil && !errors.Is(err, c.cause):
			s.t.Errorf("publish while the cluster is away, %s: %v, want %v in it", c.name, err, c.cause)
		}
		if limit := min(c.timeout, deliveryTimeout) + slack; took > limit {
			s.t.Errorf("publish while the cluster is away, %s: took %v, want at most %v", c.name, took, limit)
		}
	}
}

// publishAlone publishes one event with a publisher of its own, and returns the error and the time it took. Events
// that wait for the same partition fail together, when the first of them has waited long enough.
func (s *stream) publishAlone(timeout time.Duration) (took time.Duration, failure error) {
	s.t.Helper()
	pub, err := trestle.NewPublisher(s.brokers, trestle.WithDeliveryTimeout(deliveryTimeout), trestle.WithLogger(logTo(s.t)))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	begun := time.Now()
	failure = pub.Publish(ctx, statusEvent(uuid.NewString(), 0))
	took = time.Since(begun)
	cancel()
	_ = pub.Close(ctx) // it gives up what the caller gave up before
	return took, failure
}

// stop ends the stream and closes the publisher. It checks that each accepted event had exactly one callback, and
// returns the events that failed, by id.
func (s *stream) stop() map[string]error {
	s.t.Helper()
	s.cancel()
	<-s.stopped
	if err := s.pub.Close(within(s.t, patience)); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := map[string]error{}
	for id, f := range s.fates {
		if f.callbacks != 1 {
			s.t.Errorf("event %s was accepted and had %d callbacks, want 1", id, f.callbacks)
		}
		if f.err != nil {
			failed[id] = f.err
		}
	}
	s.t.Logf("%d events accepted: %d delivered, %d failed", len(s.fates), len(s.fates)-len(failed), len(failed))
	return failed
}

// checkLog reads the whole log: what was reported delivered is where its receipt says and nowhere else; what was
// reported failed is there once at most, and the log has nothing that was not accepted.
func (s *stream) checkLog(k *kafka) {
	s.t.Helper()
	found := places(s.t, k)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, f := range s.fates {
		where := found[id]
		switch {
		case len(where) > 1:
			s.t.Errorf("event %s (failed: %v) is in the log %d times: %v", id, f.err, len(where), where)
		case f.err != nil: // the cluster may have written it and not been able to say so
		case len(where) == 0:
			s.t.Errorf("event %s was reported delivered at %+v and is not in the log", id, f.receipt)
		case where[0] != at{place{f.receipt.Topic, f.receipt.Partition}, f.receipt.Offset} || f.receipt.EventID != id:
			s.t.Errorf("event %s is at %v, its receipt says %+v", id, where[0], f.receipt)
		}
	}
	for id, where := range found {
		if s.fates[id] == nil {
			s.t.Errorf("%v has event %s, which was not accepted", where, id)
		}
	}
}

// publishAgain publishes failed events under the ids they had.
func (s *stream) publishAgain(failed map[string]error) {
	s.t.Helper()
	pub, err := trestle.NewPublisher(s.brokers)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx := within(s.t, patience)
	for id := range failed {
		f := s.fates[id]
		err := pub.PublishAsync(ctx, statusEvent(f.session, f.n), func(_ trestle.Receipt, err error) {
			if err != nil {
				s.t.Errorf("event %s, published again: %v", id, err)
			}
		}, trestle.WithEventID(id))
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := pub.Close(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// checkNothingMissing checks that every accepted event is in the log, and that only one that had failed is there twice.
func (s *stream) checkNothingMissing(k *kafka) {
	s.t.Helper()
	found := places(s.t, k)
	for id, f := range s.fates {
		most := 1
		if f.err != nil {
			most = 2
		}
		if n := len(found[id]); n < 1 || n > most {
			s.t.Errorf("event %s (failed at first: %v) is in the log %d times, want 1 to %d", id, f.err, n, most)
		}
	}
}

// places returns where the events of the log stand, by event id.
func places(t *testing.T, k *kafka) map[string][]at {
	t.Helper()
	found := map[string][]at{}
	for _, r := range k.read(nil, statusTopic) {
		id := header(r, "event-id")
		found[id] = append(found[id], at{place{r.Topic, r.Partition}, r.Offset})
	}
	return found
}
