package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/wire"
)

// WithSpool has a publisher accept events into a folder of the local disk while the cluster is away, instead of failing. NewPublisher opens the folder
// and makes it if it isn't there; it fails where another publisher, in any process, has it (spool.ErrInUse), where its files are damaged
// (*spool.CorruptError), and together with WithOutbox.
//
// An event is accepted once it is synced to the disk, after it was completed, validated and encoded as ever. Then Publish and Delete
// return nil, and the done of PublishAsync is called, before it returns, with a [Receipt] that says Spooled: nobody has
// acknowledged it. It is sent, with the same id, once the cluster answers, by this publisher or the next one that is given the
// folder. Whoever asks for more than acceptance looks at the receipt. Where there is no room (*spool.FullError) or the disk fails, publishing
// fails as ever, with a *PublishError that says NotSent.
//
// The order of a key is kept: while events of it are in the spool that are not on their way, later ones go there, too. An event that the
// cluster refuses for good is tried again, and holds up what comes behind it of its key and was not on its way with it; once a thousand
// wait so, it holds up all. After a crash between an acknowledgement and its note, events are sent again: consumers know them by their ids
// (WithDeduplication, package dedup).
//
// The cluster counts as away as soon as a broker that was asked does not answer, and as a topic's events go unanswered for a second. What was
// handed over before that, and is not written in its time, fails as ever. Flush waits for what is on its way to the cluster, not for
// what the spool holds. Close leaves that there, and what is on its way out of it and not answered within WithDeliveryTimeout, or while
// the cluster is away: it is sent again, which consumers can tell by its id.
func WithSpool(dir string, opts spool.Options) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.spoolDir, c.spoolOptions, c.hasSpool = dir, opts, true })
}

// spooling is a publisher's spool, and what is on its way out of it.
type spooling struct {
	*spool.Spool
	p       *Publisher
	ctx     context.Context // ends when the publisher is to be closed
	stop    context.CancelFunc
	running sync.WaitGroup
	sending atomic.Int64 // events out of it that the publisher has
	limited *slog.Logger
	entries chan spool.Entry
	results chan spooledResult
	again   chan *spooledKey

	mu     sync.Mutex
	flying map[string]int // events out of it that were handed over and did not come back, by topic and key
}

// spoolWindow is how many events out of the spool are on their way, or wait for others of their key.
const spoolWindow = 1000

// spoolPing bounds how long the cluster is asked whether it is there, before it has answered for the first time.
const spoolPing = time.Second

// untilSent is the time of an event that is tried until it is written, or the publisher is closed: see refuseNew.
const untilSent = 10 * 365 * 24 * time.Hour

// spooledKey has the events of a key in order. All are on their way; but once one was refused, one at a time is.
type spooledKey struct {
	name    string
	events  []*spooledEvent
	flying  int  // of these, until the result is seen
	tried   int  // how often one was refused since the last that was not
	waiting bool // until one is tried again
}

type spooledEvent struct {
	spool.Entry
	flying bool
}

type spooledResult struct {
	key   *spooledKey
	event *spooledEvent
	err   error
}

func spooledKeyOf(topic string, key []byte) string { return topic + "\x00" + string(key) }

func (p *Publisher) openSpool() error {
	if !p.cfg.hasSpool {
		return nil
	}
	opened, err := spool.Open(p.cfg.spoolDir, p.cfg.spoolOptions)
	if err != nil {
		return fmt.Errorf("WithSpool: %w", err)
	}
	s := &spooling{
		Spool: opened, p: p, entries: make(chan spool.Entry),
		results: make(chan spooledResult, spoolWindow), again: make(chan *spooledKey, spoolWindow),
		flying: map[string]int{},
	}
	s.ctx, s.stop = context.WithCancel(p.ctx)
	p.spool = s
	return nil
}

func (s *spooling) start() {
	if s == nil {
		return
	}
	s.limited = kafka.LimitLog(s.p.client, s.p.cfg.logger)
	s.running.Go(s.read)
	s.running.Go(s.send)
}

// end has nothing more sent out of it.
func (s *spooling) end() {
	if s != nil {
		s.stop()
		s.running.Wait()
	}
}

// untilKept returns a context that ends with another one, or once all that is on its way is in the spool, and the cluster is away: nobody need wait
// for it then.
func (s *spooling) untilKept(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if s != nil {
		go func() {
			for kafka.Sleep(ctx, flushPause) == nil {
				if sending := s.sending.Load(); sending > 0 && s.p.waiting.n.Load() <= sending && s.foundAway() {
					cancel()
				}
			}
		}()
	}
	return ctx, cancel
}

// foundAway says whether the cluster is away, by what was sent.
func (s *spooling) foundAway() bool {
	since, _ := kafka.Unreachable(s.p.client)
	away := !since.IsZero()
	s.p.topics.Range(func(_, t any) bool {
		away = away || !t.(*outgoing).flows()
		return !away
	})
	return away
}

// close lets the folder go, once nothing is on its way.
func (s *spooling) close() error {
	if s == nil {
		return nil
	}
	for {
		select {
		case r := <-s.results: // what was answered while the publisher was closed
			if r.err == nil {
				s.Done(r.event.Seq)
			}
		default:
			return s.Spool.Close()
		}
	}
}

// takes says whether an event goes into the spool: as the cluster is away, or others of its key are there.
func (s *spooling) takes(ctx context.Context, e *sending) bool {
	if s == nil || s.p.cfg.deliver != nil {
		return false
	}
	return e.client.Key != nil && s.holds(e.client.Topic, e.client.Key) || s.isAway(ctx, e.client.Topic)
}

// holds says whether events of a key are in the spool that are not on their way.
func (s *spooling) holds(topic string, key []byte) bool {
	held := s.Held(topic, key) // before the others: one that is done meanwhile must not be taken for one that waits
	s.mu.Lock()
	defer s.mu.Unlock()
	return held > s.flying[spooledKeyOf(topic, key)]
}

// fly counts events of a key that were handed over, or came back.
func (s *spooling) fly(key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying[key] += n; s.flying[key] == 0 {
		delete(s.flying, key)
	}
}

func (s *spooling) isAway(ctx context.Context, topic string) bool {
	if since, _ := kafka.Unreachable(s.p.client); !since.IsZero() {
		return true
	}
	if t, ok := s.p.topics.Load(topic); ok {
		return !t.(*outgoing).flows()
	}
	// Nothing was sent to the topic yet: it may be that no broker was asked for anything.
	ctx, cancel := context.WithTimeout(ctx, spoolPing)
	defer cancel()
	return s.p.client.Ping(ctx) != nil
}

// accept writes an event into the spool.
func (s *spooling) accept(e *sending, done func(Receipt, error)) error {
	s.p.mu.Lock()
	closed := s.p.closed
	s.p.mu.Unlock()
	if closed {
		return e.notSent(ErrClosed)
	}
	record := kafka.FromClient(&e.client)
	if err := s.Append(&record); err != nil {
		return e.notSent(fmt.Errorf("the cluster is away: %w", err))
	}
	done(Receipt{Topic: record.Topic, Partition: -1, Offset: -1, EventID: e.ids.event, Timestamp: record.Timestamp, Spooled: true}, nil)
	return nil
}

// read gives entries to send, until the publisher is closed.
func (s *spooling) read() {
	for {
		e, err := s.Next(s.ctx)
		switch {
		case s.ctx.Err() != nil || errors.Is(err, spool.ErrClosed):
			return
		case err != nil:
			s.limited.Error("spool can't be read, will be tried again", slog.Any("error", err))
			_ = kafka.Sleep(s.ctx, spoolBackoff.Highest)
			continue
		}
		select {
		case s.entries <- e:
		case <-s.ctx.Done():
			return
		}
	}
}

// spoolBackoff is between attempts to send an event out of the spool that the cluster refuses.
var spoolBackoff = kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 30 * time.Second}

// send sends entries, those of a key in order, until the publisher is closed.
func (s *spooling) send() {
	keys := map[string]*spooledKey{}
	waiting := 0
	for {
		entries := s.entries
		if since, _ := kafka.Unreachable(s.p.client); waiting == spoolWindow || waiting > 0 && !since.IsZero() {
			entries = nil // while it is away, one event finds out when it is back
		}
		select {
		case <-s.ctx.Done():
			return
		case e := <-entries:
			waiting++
			name := spooledKeyOf(e.Record.Topic, e.Record.Key)
			if e.Record.Key == nil { // it is in order with none
				name = strconv.FormatUint(e.Seq, 10)
			}
			key := keys[name]
			if key == nil {
				key = &spooledKey{name: name}
				keys[name] = key
			}
			key.events = append(key.events, &spooledEvent{Entry: e})
			s.sendKey(key)
		case key := <-s.again:
			if key.waiting = false; len(key.events) == 0 {
				delete(keys, key.name)
			}
			s.sendKey(key)
		case r := <-s.results:
			key := r.key
			r.event.flying = false
			key.flying--
			if r.err != nil {
				key.tried++
				s.limited.Warn("event out of the spool is not written yet, will be tried again",
					slog.Any("error", r.err), slog.String("topic", r.event.Record.Topic), slog.Int("tried", key.tried))
				if !key.waiting {
					key.waiting = true
					time.AfterFunc(spoolBackoff.After(key.tried), func() { s.again <- key })
				}
				continue
			}
			waiting--
			s.fly(key.name, -1)
			s.Done(r.event.Seq)
			first := key.events[0] == r.event
			key.events = slices.DeleteFunc(key.events, func(e *spooledEvent) bool { return e == r.event })
			if first {
				key.tried = 0
			}
			if len(key.events) == 0 && !key.waiting {
				delete(keys, key.name)
			} else {
				s.sendKey(key)
			}
		}
	}
}

// sendKey sends what may be sent of a key.
func (s *spooling) sendKey(key *spooledKey) {
	for _, e := range key.events {
		if key.waiting || key.tried > 0 && key.flying > 0 {
			return
		}
		if !e.flying {
			s.sendEvent(key, e)
		}
	}
}

// sendEvent hands an event over. What becomes of it comes to results.
func (s *spooling) sendEvent(key *spooledKey, event *spooledEvent) {
	record := event.Record
	eventType := wire.HeaderValue(record.Headers, wire.HeaderEventType)
	e := &sending{
		info:    &EventInfo{Type: eventType, FullName: eventType, Topic: &TopicInfo{Name: record.Topic}},
		ids:     eventIDs{event: wire.HeaderValue(record.Headers, wire.HeaderEventID)},
		size:    int64(record.Size()),
		timeout: untilSent, published: s.p.since(),
	}
	kafka.ForClient(&e.client, &record)
	event.flying = true
	key.flying++
	s.sending.Add(1)
	done := func(err error) {
		s.sending.Add(-1)
		if err != nil {
			s.fly(key.name, -1) // at once: what is published from now on would come before it
		}
		s.results <- spooledResult{key, event, err}
	}
	if err := s.p.send(s.ctx, e, func(_ Receipt, err error) { done(err) }); err != nil {
		done(err)
	}
	s.fly(key.name, 1) // once it is handed over: what is published from now on comes behind it
}

// health is the reason that events wait in the spool, if they do.
func (s *spooling) health() []HealthReason {
	if s == nil {
		return nil
	}
	stats := s.Stats()
	if stats.Records == 0 {
		return nil
	}
	return []HealthReason{{Code: Spooling, Text: fmt.Sprintf("publisher: %d events wait in its spool, %d bytes on the disk, the oldest for %v",
		stats.Records, stats.Bytes, age(stats.Oldest, time.Now()).Round(time.Second))}}
}

// gauge has what the spool holds read when metrics are collected.
func (s *spooling) gauge(i *instruments) (metric.Registration, error) {
	events := i.gauge("spool.events", "{event}", "Events in the spool that the cluster has not acknowledged.")
	bytes := i.gauge("spool.size", "By", "What the files of the spool take on the disk.")
	oldest := i.age("spool.time", "Age of the oldest event in the spool, by its record's timestamp; 0 when there is none.")
	return i.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		stats := s.Stats()
		o.ObserveInt64(events, int64(stats.Records), metric.WithAttributeSet(kafkaOnly))
		o.ObserveInt64(bytes, stats.Bytes, metric.WithAttributeSet(kafkaOnly))
		o.ObserveFloat64(oldest, age(stats.Oldest, time.Now()).Seconds(), metric.WithAttributeSet(kafkaOnly))
		return nil
	}, events, bytes, oldest)
}
