package ops

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Letters come and are replayed, up and down around the limit, while the webhook is down at first, and while monitors look, too: the limit is told of once, and once
// that it is well again, whatever is started anew.
func TestWatchDeadLetters(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	down := true
	inner := h.Config.Handler
	h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		refuses := down
		h.mu.Unlock()
		if refuses {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		inner.ServeHTTP(w, r)
	})
	s := newShop(t, "monitor: {alerts: {topic: alerts, webhook: {url: "+h.URL+"}}}\n")
	monitor := func() {
		t.Helper()
		alerting, err := NewAlerting(t.Context(), s.project, s.env, AlertOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer alerting.Close()
		seen, err := NewMonitor(s.project, s.env).Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen.Thresholds = slices.DeleteFunc(seen.Thresholds, func(t Threshold) bool { return !strings.HasPrefix(t.Name, MeasureDeadLetters) })
		_ = alerting.Tell(t.Context(), seen) // the webhook may be down
	}
	const name = "dead_letters:orders_dlq "
	w := s.watch(WatchOptions{})
	w.sees(0)
	s.fail(11, "orders", "OrderShipped", "billing", "order %d not found")
	w.sees(11)
	monitor()
	w.until("the webhook is down", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.said) > 0 && strings.Contains(w.said[0], "404")
	})
	h.mu.Lock()
	down = false
	h.mu.Unlock()
	w.until("the webhook is told", func() bool { taken, _ := h.got(); return slices.Equal(taken, []string{name + "raised"}) })

	for range 3 { // around the limit
		s.replay(DeadLetterFilter{Positions: []string{s.oldest()}}, 1)
		w.sees(10)
		monitor()
		s.fail(2, "orders", "OrderShipped", "billing", "order %d not found")
		w.sees(12)
		monitor()
		s.replay(DeadLetterFilter{Positions: []string{s.oldest()}}, 1)
		w.sees(11)
	}
	if got, want := w.limits(), []string{"orders_dlq raised at 11"}; len(got) != 1 || !strings.HasPrefix(got[0], "orders_dlq raised at ") {
		t.Errorf("shown %q, want %q", got, want)
	}
	w.stop() // and begun anew: who watches sees how it is, and nobody else is told of it
	w = s.watch(WatchOptions{})
	w.sees(11)
	monitor()
	if got, want := w.limits(), []string{"orders_dlq raised at 11"}; !slices.Equal(got, want) {
		t.Errorf("begun anew it shows %q, want %q", got, want)
	}
	s.replay(DeadLetterFilter{}, 11)
	w.sees(0)
	want := []string{name + "raised", name + "cleared"}
	w.until("the webhook is told that it is well", func() bool { taken, _ := h.got(); return slices.Equal(taken, want) })
	w.until("so is the topic", func() bool { return slices.Equal(s.told(), want) })
	w.sees(0)
	monitor()
	if got := w.limits(); len(got) != 2 || got[1] != "orders_dlq cleared at 0" {
		t.Errorf("shown %q", got)
	}
	if taken, _ := h.got(); !slices.Equal(taken, want) || !slices.Equal(s.told(), want) {
		t.Errorf("the webhook was told %q, the topic %q, want %q", taken, s.told(), want)
	}
}

// oldest is the place of a letter that is not resolved.
func (s *shop) oldest() (place string) {
	s.t.Helper()
	err := ListDeadLetters(s.t.Context(), s.project, s.env, ListOptions{Count: 1}, func(l ListedDeadLetter) error {
		place = fmt.Sprintf("%s/%d/%d", l.Topic, l.Partition, l.Offset)
		return nil
	})
	if err != nil || place == "" {
		s.t.Fatal(err, place)
	}
	return place
}

// Causes are told as they appear, those that were there first; what may be sensitive is hidden, in the stats, too, unless it is to be revealed. A filter has alerts of
// its own.
func TestWatchCauses(t *testing.T) {
	t.Parallel()
	s := newShop(t, "monitor: {alerts: {topic: alerts}}\n")
	s.fail(3, "orders", "OrderShipped", "billing", "order %d not found")
	limit := int64(2)
	w := s.watch(WatchOptions{Groups: []string{"billing"}, Limit: &limit})
	w.sees(3)
	s.fail(2, "people", "PersonSeen", "billing", "no room for Alice, %d")
	w.sees(5)
	s.fail(2, "people", "PersonSeen", "billing", "no room for Alice, %d")
	s.fail(4, "orders", "OrderShipped", "shipping", "order %d not found")
	w.sees(7)
	got := w.causes()
	if len(got) != 2 || got[0] != "3 of billing: HandlerError: order # not found, earlier true" ||
		!strings.HasSuffix(got[1], " of billing: HandlerError: ***, earlier false") {
		t.Errorf("shown %q", got)
	}
	const scope = "[group=billing,limit=2] raised"
	w.until("both limits are told", func() bool {
		told := s.told()
		slices.Sort(told)
		return slices.Equal(told, []string{"dead_letters:orders_dlq" + scope, "dead_letters:people_dlq" + scope})
	})
	for reveal, want := range map[bool]string{false: "HandlerError: ***", true: "HandlerError: no room for Alice, #"} {
		stats, err := CountDeadLetters(t.Context(), s.project, s.env, CountOptions{DeadLetterFilter: DeadLetterFilter{EventTypes: []string{"PersonSeen"}}, Reveal: reveal})
		if err != nil || len(stats.Groups) != 1 || stats.Groups[0].Cause != want {
			t.Errorf("reveal %t: %+v, %v; want %s", reveal, stats, err, want)
		}
		plan, err := ReplayDeadLetters(t.Context(), s.project, s.env, ResolveOptions{DeadLetterFilter: DeadLetterFilter{EventTypes: []string{"PersonSeen"}}, DryRun: true, Reveal: reveal})
		if err != nil || len(plan.Causes) != 1 || plan.Causes[0].Cause != want {
			t.Errorf("reveal %t: %+v, %v; want %s", reveal, plan, err, want)
		}
		purge, err := PurgeDeadLetters(t.Context(), s.project, s.env, ResolveOptions{DeadLetterFilter: DeadLetterFilter{EventTypes: []string{"PersonSeen"}}, DryRun: true, Reveal: reveal})
		if err != nil || len(purge.Causes) != 1 || purge.Causes[0].Cause != want {
			t.Errorf("reveal %t: %+v, %v; want %s", reveal, purge, err, want)
		}
	}
}

// Of very many causes the most frequent are told, and how many there are besides.
func TestWatchManyCauses(t *testing.T) {
	t.Parallel()
	s := newShop(t, "")
	s.fail(3, "orders", "OrderShipped", "billing", "order %d not found")
	for i := range shownCauses + 4 {
		s.fail(1, "orders", "OrderShipped", strings.Repeat("g", i+1), "order %d not found")
	}
	w := s.watch(WatchOptions{})
	w.sees(shownCauses + 7)
	w.sees(shownCauses + 7)
	w.stop()
	causes, more := w.causes(), w.news[len(w.news)-1].More
	if len(causes) != shownCauses || !strings.HasPrefix(causes[0], "3 of billing") || more == nil || *more != (DeadLetterCounts{5, 5}) {
		t.Errorf("%d causes, %+v besides", len(causes), more)
	}
}

// A watch that can't begin says why; once it has begun, a look that fails is said once, and that it is well again.
func TestWatchFails(t *testing.T) {
	t.Parallel()
	s := newShop(t, "")
	wrong := errors.New("the pipe is closed")
	s.fail(1, "orders", "OrderShipped", "billing", "order %d not found")
	if err := WatchDeadLetters(t.Context(), s.project, s.env, WatchOptions{}, func(DeadLetterNews) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("where it can't be shown: %v", err)
	}
	negative := int64(-1)
	if err := WatchDeadLetters(t.Context(), s.project, s.env, WatchOptions{Limit: &negative}, nil); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("a negative limit: %v", err)
	}
	away := s.env
	away.Brokers = []string{"127.0.0.1:1"}
	if err := WatchDeadLetters(t.Context(), s.project, away, WatchOptions{}, nil); err == nil {
		t.Error("without a broker it begins")
	}
	w := s.watch(WatchOptions{})
	w.sees(1)
	s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.TopicAuthorizationFailed, Count: 3}) // a look each, at least
	w.sees(1)
	s.fail(1, "orders", "OrderShipped", "billing", "order %d not found")
	w.sees(2)
	w.stop()
	if len(w.failed) != 2 || !strings.Contains(w.failed[0], kerr.TopicAuthorizationFailed.Message) || w.failed[1] != fmt.Sprint(nil) {
		t.Errorf("it says %q", w.failed)
	}
}
