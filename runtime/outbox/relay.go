package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/internal/loglimit"
	"github.com/omninode/trestle/runtime/kafka"
)

// Relay publishes what an outbox holds. Several may do so at once, in one process or in many.
type Relay struct {
	store  Store
	cfg    *config
	id     string
	meter  *meter
	alike  *loglimit.Limiter
	mu     sync.Mutex
	run    bool
	ended  bool
	lanes  map[int]*lane
	broken map[int]error // the lanes that fail, and why
	away   error         // why the database does not answer; nil: it does
	status Status        // the last
}

// NewRelay returns a relay that publishes what the store holds to the cluster of the brokers. It fails when an option is wrong, and
// names it; it connects to nothing before Run.
func NewRelay(brokers []string, store Store, opts ...Option) (*Relay, error) {
	cfg, err := newConfig(brokers, opts)
	if err == nil && store == nil {
		err = errors.New("the store is nil")
	}
	if err != nil {
		return nil, fmt.Errorf("new outbox relay: %w", err)
	}
	r := &Relay{
		store: store, cfg: cfg, id: uuid.NewString(), alike: loglimit.New(1), lanes: map[int]*lane{}, broken: map[int]error{},
	}
	if r.meter, err = newMeter(r); err != nil {
		return nil, fmt.Errorf("new outbox relay: WithMeterProvider: %w", err)
	}
	return r, nil
}

// statusEvery is how often a relay counts what waits, for metrics and health.
const statusEvery = 10 * time.Second

// Run publishes until ctx ends, and then, after the batches that are under way, or 5 s, gives its lanes back and returns nil. A
// database or a cluster that is away, or refuses it, is waited for: [Relay.Health] says so. Run may be called once.
func (r *Relay) Run(ctx context.Context) error {
	r.mu.Lock()
	again := r.run
	r.run = true
	r.mu.Unlock()
	if again {
		return errors.New("outbox relay: Run was called before")
	}
	defer r.meter.close()
	var working, watching sync.WaitGroup
	watching.Go(func() { r.listen(ctx) })
	watching.Go(func() { r.watch(ctx) })
	ended := make(chan struct{}, Lanes)
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, operationTimeout)
		leases, share, err := r.store.Lease(asking, r.id, r.cfg.lease)
		cancel()
		r.answered(ctx, "lease lanes of the outbox", err)
		if err == nil {
			r.have(ctx, leases, share, &working, ended)
		}
		timer := time.NewTimer(r.cfg.lease / 3)
		select {
		case <-timer.C:
		case <-ended: // to take it again, if it is still this relay's
			_ = kafka.Sleep(ctx, r.cfg.shortest)
		case <-ctx.Done():
		}
		timer.Stop()
	}
	working.Wait()
	watching.Wait()
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	r.answered(ctx, "give back lanes of the outbox", r.store.Leave(leaving, r.id))
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	return nil
}

// have begins with lanes that it has got, ends those that it has lost, and gives back what is more than its share.
func (r *Relay) have(ctx context.Context, leases []Lease, share int, working *sync.WaitGroup, ended chan<- struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := maps.Clone(r.lanes)
	for i, lease := range leases {
		l := r.lanes[lease.Lane]
		delete(lost, lease.Lane)
		if l == nil {
			l = r.begin(ctx, lease, working, ended)
		}
		if i >= share {
			l.leave()
		}
	}
	for _, l := range lost {
		l.stop()
	}
}

// begin has a goroutine publish what is in a lane. It needs mu.
func (r *Relay) begin(ctx context.Context, lease Lease, working *sync.WaitGroup, ended chan<- struct{}) *lane {
	l := newLane(r, lease)
	ctx, l.stop = context.WithCancel(ctx)
	r.lanes[lease.Lane] = l
	working.Go(func() {
		defer l.stop()
		l.run(ctx)
		r.mu.Lock()
		delete(r.lanes, lease.Lane)
		delete(r.broken, lease.Lane)
		r.mu.Unlock()
		select {
		case ended <- struct{}{}:
		default:
		}
	})
	return l
}

// listen wakes the lanes when the database says that there is something new.
func (r *Relay) listen(ctx context.Context) {
	backoff := kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 10 * time.Second}
	for failures := 1; ctx.Err() == nil; failures++ {
		err := r.store.Listen(ctx, func() { failures = 0; r.wake() })
		if ctx.Err() != nil {
			return
		}
		r.warn("outbox: the database does not tell of new rows; looking for them all the same", err)
		_ = kafka.Sleep(ctx, backoff.After(failures))
	}
}

func (r *Relay) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// watch counts what waits.
func (r *Relay) watch(ctx context.Context) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, operationTimeout)
		_, err := r.Status(asking)
		cancel()
		r.answered(ctx, "count the outbox", err)
		_ = kafka.Sleep(ctx, statusEvery)
	}
}

// Status counts what waits in the outbox, whichever relay is to publish it.
func (r *Relay) Status(ctx context.Context) (Status, error) {
	s, err := r.store.Status(ctx)
	if err == nil {
		r.mu.Lock()
		r.status = s
		r.mu.Unlock()
	}
	return s, err
}

// answered notes whether the database answers.
func (r *Relay) answered(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	r.away = err
	r.mu.Unlock()
	if err != nil {
		r.warn("outbox: could not "+what+", trying again", err)
	}
}

// failed notes that a lane publishes nothing.
func (r *Relay) failed(lane int, err error) {
	r.mu.Lock()
	r.broken[lane] = err
	r.mu.Unlock()
	r.warn("outbox: could not publish, trying again", err, slog.Int("lane", lane))
}

// working notes that a lane does publish.
func (r *Relay) working(lane int) {
	r.mu.Lock()
	delete(r.broken, lane)
	r.mu.Unlock()
}

// refused counts and logs rows that were set aside. Where none was, the batch was too large or one of its rows is to blame.
func (r *Relay) refused(ctx context.Context, b Batch, blamed []Refusal, answers []refusal) {
	if len(blamed) == 0 {
		r.cfg.logger.DebugContext(ctx, "outbox: a batch was refused, trying fewer rows", "error", answers[0].err, "rows", len(b.Rows))
		return
	}
	for _, refusal := range blamed {
		r.meter.refusal(ctx, refusal.Row.Record.Topic)
		r.warn("outbox: Kafka refuses an event, which holds up its key until it is taken", errors.New(refusal.Err),
			slog.String("topic", refusal.Row.Record.Topic), slog.String("event_id", refusal.Row.EventID))
	}
}

// warn logs once a minute what is alike.
func (r *Relay) warn(msg string, err error, attrs ...slog.Attr) {
	leftOut, ok := r.alike.Allow(msg)
	if !ok {
		return
	}
	if attrs = append(attrs, slog.Any("error", err)); leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	r.cfg.logger.LogAttrs(context.Background(), slog.LevelWarn, msg, attrs...)
}

// The reasons why a relay is not ready, beside trestle.NotRunning.
const (
	DatabaseAway trestle.HealthCode = "database_away"  // the database did not answer when it was last asked
	LaneFailing  trestle.HealthCode = "lane_failing"   // what is in a lane is not published, mostly as no broker answers
	RowsRefused  trestle.HealthCode = "outbox_refused" // keys stand still since Kafka refuses an event of theirs
)

// Health says whether the relay publishes what it has to. One without lanes, since others have them all, is ready. That rows are
// refused is known 10 s late at most.
func (r *Relay) Health() trestle.Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := trestle.Health{Live: true}
	reason := func(code trestle.HealthCode, topic, format string, args ...any) {
		h.Reasons = append(h.Reasons, trestle.HealthReason{Code: code, Topic: topic, Text: fmt.Sprintf(format, args...)})
	}
	if !r.run || r.ended {
		reason(trestle.NotRunning, "", "the outbox relay does not run")
	} else {
		if r.away != nil {
			reason(DatabaseAway, "", "outbox relay: %v", r.away)
		}
		for _, lane := range slices.Sorted(maps.Keys(r.broken)) {
			reason(LaneFailing, "", "outbox relay: lane %d: %v", lane, r.broken[lane])
		}
		topics := map[string]string{}
		for _, row := range r.status.Refused {
			topics[row.Topic] = row.Err
		}
		for _, topic := range slices.Sorted(maps.Keys(topics)) {
			reason(RowsRefused, topic, "outbox relay: %s refuses events: %s", topic, topics[topic])
		}
	}
	h.Ready = len(h.Reasons) == 0
	return h
}
