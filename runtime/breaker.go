package trestle

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// Breaker says when a consumer takes failing handlers for an outage of what they depend on. Then the topic stands still and
// its events wait, instead of going to their dead letters one by one; one event at a time is tried, if possible one that was not
// tried before, less and less often, until one succeeds. Zero fields take the defaults.
//
// Only errors that may pass count: neither permanent errors, nor events that can't be read. There are two windows: one of events' first
// attempts, one of their later ones; without retries first attempts are in both. It is an outage when both are full of failures. So events that
// succeed when they are tried again never make one; nor do a few bad events among many good ones, even if they are all tried again at
// the same time and nothing else is; nor does one key that fails again and again. What a restart leaves behind, with events done that came after
// it, has probably failed before: its attempts count as later ones. What stands in a retry topic has failed before, so that its
// failures tell nothing: they are an outage while the topic is in one that they come from, or where the handler says so ([Unavailable]).
type Breaker struct {
	// Share is the part of each window that failed, from 0 to 1, at which it opens; default 0.5.
	Share float64
	// Window is how many attempts there are in each, at most; default 20.
	Window int
	// Keys is how many different keys must have failed in each; default 5.
	Keys int
	// Failures is how many attempts must have failed in each; default 10. When everything begins to fail, events of enough keys, fewer than
	// this many, or than Share of Window if that is more, reach their dead letters before it opens.
	Failures int
	// Lowest and Highest are how long to wait before an event is tried; twice as long each time; defaults 1 s and 30 s.
	Lowest, Highest time.Duration
	// Replay has the dead letters that this consumer wrote in the window that led to an outage, before it was known to be one, replayed
	// once it is over: for its group alone, once, and each letter is resolved then (see package runtime/replay). An event that
	// fails again gets a letter again; events of one key are not in their order then, unless their keys are held. A consumer that ends before leaves them where they are. The
	// topic of resolutions must exist: `trestle topics apply` makes it. Default: they stay.
	Replay bool
}

// WithBreaker sets when failing handlers are taken for an outage, overriding the defaults of [Breaker]. Each topic has a
// breaker of its own. NewConsumer fails when a field is negative, Share is above 1, or Highest is below Lowest.
func WithBreaker(b Breaker) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.breaker = &b })
}

// WithoutBreaker has every event that fails go to its dead letter once its attempts are used up, however many fail.
func WithoutBreaker() ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.breaker = nil })
}

// Unavailable marks a handler's error as an outage of what it depends on: the breaker opens at once, without waiting for
// more to fail. Unavailable(nil) is nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &unavailableError{err}
}

type unavailableError struct{ err error }

func (e *unavailableError) Error() string { return e.err.Error() }
func (e *unavailableError) Unwrap() error { return e.err }

func (b Breaker) withDefaults() Breaker {
	if b.Share == 0 {
		b.Share = 0.5
	}
	if b.Window == 0 {
		b.Window = 20
	}
	if b.Keys == 0 {
		b.Keys = 5
	}
	if b.Failures == 0 {
		b.Failures = 10
	}
	if b.Lowest == 0 {
		b.Lowest = time.Second
	}
	if b.Highest == 0 {
		b.Highest = 30 * time.Second
	}
	return b
}

func (b Breaker) check() error {
	if b.Share < 0 || b.Share > 1 || b.Window < 0 || b.Keys < 0 || b.Failures < 0 || b.Lowest < 0 || b.Highest < b.Lowest {
		return fmt.Errorf("WithBreaker: fields must not be negative, Share at most 1, Highest at least Lowest, got %+v", b)
	}
	return nil
}

// breaker is one topic's. A nil one never opens.
type breaker struct {
	Breaker
	c      *Consumer
	queue  *keyQueue
	topic  string
	source *breaker // of the topic that it is a retry topic of; nil: none
	seed   maphash.Seed

	turns atomic.Int64 // how often it has opened

	mu     sync.Mutex
	firsts attempts
	laters attempts
	open   bool
	since  time.Time
	probes int
	timer  *time.Timer
	ended  bool

	entered int64             // attempts so far
	letters []outageLetter    // of attempts that are in the windows, or were when it opened
	window  [2]int64          // the first and the last attempt of the windows that led to the last outage
	over    []replay.Position // letters of outages that are over
	some    func()            // called, without mu, when there are such; nil: nobody replays
}

// outageLetter is a dead letter that may be due to an outage, and the attempt that led to it.
type outageLetter struct {
	entered int64
	at      replay.Position
}

// newBreakers gives each topic its breaker.
func (c *Consumer) newBreakers(q *keyQueue) {
	if c.cfg.breaker == nil {
		return
	}
	for name, t := range c.topics {
		t.breaker = &breaker{Breaker: c.cfg.breaker.withDefaults(), c: c, queue: q, topic: name, seed: maphash.MakeSeed()}
	}
	for _, t := range c.topics {
		if t.retryOf != nil {
			t.breaker.source = t.retryOf.breaker
		}
	}
}

// attempts is a window.
type attempts struct {
	last []attempt // a ring
	at   int       // of the oldest, once it is full
}

// attempt is how a handler's call went.
type attempt struct {
	n      int64 // counts them
	failed bool
	key    uint64 // of one that failed
}

func (w *attempts) enter(a attempt, size int) {
	if len(w.last) < size {
		w.last = append(w.last, a)
		return
	}
	w.last[w.at] = a
	w.at = (w.at + 1) % len(w.last)
}

// oldest is the number of the first attempt that is in the window; 0: it is empty.
func (w *attempts) oldest() int64 {
	if len(w.last) == 0 {
		return 0
	}
	return w.last[w.at].n
}

func (w *attempts) fail(b *Breaker) bool {
	failed, keys := 0, map[uint64]bool{}
	for _, a := range w.last {
		if a.failed {
			failed++
			keys[a.key] = true
		}
	}
	return failed >= b.Failures && len(keys) >= b.Keys && float64(failed) >= b.Share*float64(len(w.last))
}

// begun says when a call begins, for succeeded.
func (b *breaker) begun() (turn int64) {
	if b == nil {
		return 0
	}
	return b.turns.Load()
}

// succeeded takes in an event's attempt, the first is 1, without an error. While it is open, that closes it, if the call has begun since: one
// that began before says nothing about what holds now.
func (b *breaker) succeeded(begun int64, attempt int) {
	if b == nil {
		return
	}
	if b.close(begun, attempt) && b.some != nil {
		b.some()
	}
}

// close says whether the call has closed it.
func (b *breaker) close(begun int64, number int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if begun != b.turns.Load() {
		return false
	}
	if !b.open {
		b.enter(number, attempt{})
		return false
	}
	b.goOn("handlers succeed again: their topic goes on")
	return true
}

// goOn ends an outage. It needs mu.
func (b *breaker) goOn(msg string) {
	b.open, b.firsts, b.laters = false, attempts{}, attempts{}
	b.timer.Stop()
	b.log(slog.LevelInfo, msg, slog.Duration("after", time.Since(b.since)))
	b.queue.suspend(b.topic, false)
	for _, letter := range b.letters {
		b.over = append(b.over, letter.at)
	}
	b.letters = nil
}

// wrote notes the dead letter that an attempt has led to, by what failed said of it.
func (b *breaker) wrote(entered int64, at replay.Position) {
	if b == nil || b.some == nil || entered == 0 {
		return
	}
	b.mu.Lock()
	late := !b.open && entered >= b.window[0] && entered <= b.window[1] // the outage was over before it was written
	if late {
		b.over = append(b.over, at)
	} else {
		b.letters = append(b.letters, outageLetter{entered, at})
		b.prune()
	}
	b.mu.Unlock()
	if late {
		b.some()
	}
}

// prune forgets letters of attempts that are not in the windows. It needs mu.
func (b *breaker) prune() {
	first := b.windowStart()
	if b.open {
		first = b.window[0]
	}
	b.letters = slices.DeleteFunc(b.letters, func(l outageLetter) bool { return l.entered < first })
}

// windowStart is the first attempt since which both windows have what is in them. It needs mu.
func (b *breaker) windowStart() int64 { return max(b.firsts.oldest(), b.laters.oldest()) }

// takeOver returns the letters of outages that are over, once.
func (b *breaker) takeOver() []replay.Position {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	over := b.over
	b.over = nil
	return over
}

// failed takes in an attempt's error, and says whether the event has to wait for the end of an outage: then the attempt does
// not count. The first attempt is 1; one of which it is not known what has failed is 0. It says which one of all it is, for wrote; 0: none.
func (b *breaker) failed(begun int64, key []byte, err error, attempt int) (entered int64, wait bool) {
	if b == nil || IsPermanent(err) {
		return 0, false
	}
	said := isA[*unavailableError](err)
	elsewhere := !b.source.openSince().IsZero()
	entered, wait, over := b.fail(begun, key, err, attempt, said || elsewhere)
	if over && b.some != nil {
		b.some()
	}
	return entered, wait
}

// fail is failed where it is known that there is an outage, or to be found out. It says whether one is over by that.
func (b *breaker) fail(begun int64, key []byte, err error, number int, outage bool) (entered int64, wait, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended && !b.open {
		return 0, false, false
	}
	if b.open && b.source != nil && !outage && begun == b.turns.Load() {
		b.goOn("the outage is over that retries waited for: their topic goes on")
		over = true
	}
	if !b.open {
		if number > 0 {
			b.enter(number, attempt{failed: true, key: maphash.Bytes(b.seed, key)})
			entered = b.entered
		}
		if !outage && (number == 0 || b.source != nil || !b.firsts.fail(&b.Breaker) || !b.laters.fail(&b.Breaker)) {
			return entered, false, over
		}
		b.open, b.since, b.probes = true, time.Now(), 0
		b.window = [2]int64{b.windowStart(), b.entered}
		b.prune()
		b.turns.Add(1)
		b.queue.suspend(b.topic, true)
		b.c.meter.topics[b.topic].outages.Add(context.Background(), 1)
		b.log(slog.LevelError, "handlers fail as in an outage: their topic waits, and an event is tried from time to time", slog.Any("error", err))
		b.probeLater(err)
	}
	return 0, true, over
}

// probeLater needs mu.
func (b *breaker) probeLater(cause error) {
	b.probes++
	wait := kafka.Backoff{Lowest: b.Lowest, Highest: b.Highest}.After(b.probes)
	b.log(slog.LevelWarn, "topic waits for the end of an outage", slog.Any("error", cause), slog.Duration("next_try", wait))
	b.timer = time.AfterFunc(wait, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.open && !b.ended {
			b.queue.admit(b.topic)
			b.probeLater(cause)
		}
	})
}

// openSince says since when the topic has waited for the end of an outage; zero: it does not.
func (b *breaker) openSince() time.Time {
	if b == nil {
		return time.Time{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return time.Time{}
	}
	return b.since
}

// end has it open no more, and try nothing.
func (b *breaker) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if b.timer != nil {
		b.timer.Stop()
	}
}

func (b *breaker) log(level slog.Level, msg string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("topic", b.topic), slog.String("group", b.c.group))
	b.c.cfg.logger.LogAttrs(context.Background(), level, msg, attrs...)
}

// enter puts an event's attempt into its window. It needs mu.
func (b *breaker) enter(number int, a attempt) {
	b.entered++
	a.n = b.entered
	if number == 1 {
		b.firsts.enter(a, b.Window)
	}
	if number > 1 || b.c.cfg.retries == 0 {
		b.laters.enter(a, b.Window)
	}
}
