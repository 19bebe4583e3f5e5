package chaos

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// role is what an actor, a publisher or a consumer, is told to be. It goes to those that are processes as JSON.
type role struct {
	Brokers []string
	Routes  map[string]string // by the address of a broker: where to dial instead
	Folder  string            // of the ledger
	Part    string            // the actor's own part of it
	Keys    []string          // to publish; none: a consumer
	PerKey  int
	Era     int
	Every   time.Duration // an event of each key
	Session time.Duration // the group's session timeout
	Refresh time.Duration // how often clients ask where partitions are, and four times how long they back off; 0: what they do by themselves
}

// noteSize is how much text an event has, in bytes.
const noteSize = 1500

var note = strings.Repeat("what stands in an event does not matter here, only how much of it. ", noteSize/68)

// maxInFlight is how many bytes of records a consumer may have in hand.
const maxInFlight = 8 << 20

// act plays a role until in ends. A publisher obeys what it reads there, a line each: `hold` has it publish nothing more until `go
// ERA`; it answers `held` once nothing is under way, and writes `finished` when all is published. `hurry` ends the waiting between
// events.
func act(ctx context.Context, r role, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := newWriter(r.Part)
	if err != nil {
		return err
	}
	defer w.file.Close()
	orders := make(chan string)
	go func() {
		defer cancel()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			select {
			case orders <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	if len(r.Keys) == 0 {
		return consume(ctx, r, w)
	}
	p := &publishing{role: r, ledger: w, out: out, hurry: make(chan struct{})}
	p.era.Store(int64(r.Era))
	return p.run(ctx, orders)
}

// client reaches brokers by the routes.
func (r role) client() trestle.Option {
	opts := []kgo.Opt{kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		return d.DialContext(ctx, network, cmp.Or(r.Routes[address], address))
	})}
	if r.Refresh > 0 {
		// How soon a topic that was made anew is noticed depends on both: the client asks for the old one some times before it says so.
		opts = append(opts, kgo.MetadataMinAge(r.Refresh/4), kgo.MetadataMaxAge(r.Refresh),
			kgo.RetryBackoffFn(func(int) time.Duration { return r.Refresh / 4 }))
	}
	return trestle.WithKafka(opts...)
}

var silent = trestle.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

// publishing is a publisher at work.
type publishing struct {
	role
	ledger *writer
	out    io.Writer
	era    atomic.Int64
	gate   sync.RWMutex  // held to publish, and fully to have nothing published
	hurry  chan struct{} // closed when there is no more waiting between events
	pub    *trestle.Publisher
}

func (p *publishing) run(ctx context.Context, orders <-chan string) (err error) {
	begin, err := p.published()
	if err != nil {
		return err
	}
	p.pub, err = trestle.NewPublisher(p.Brokers, silent, p.client(), trestle.WithDeliveryTimeout(10*time.Second))
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.pub.Close(ctx) // what is under way is of no more interest
	}()
	failed := make(chan error, len(p.Keys))
	var keys sync.WaitGroup
	defer keys.Wait()
	for _, key := range p.Keys {
		keys.Go(func() { failed <- p.key(ctx, key, begin[key]) })
	}
	for left, held := len(p.Keys), false; ; {
		select {
		case <-ctx.Done():
			if held {
				p.gate.Unlock()
			}
			return nil
		case err := <-failed:
			if err != nil {
				return err
			}
			if left--; left == 0 {
				fmt.Fprintln(p.out, "finished")
			}
		case order := <-orders:
			switch order {
			case "hold":
				p.gate.Lock()
				held = true
				fmt.Fprintln(p.out, "held")
				continue
			case "hurry":
				close(p.hurry)
				continue
			}
			var era int64
			if _, err := fmt.Sscanf(order, "go %d", &era); err != nil || !held {
				return fmt.Errorf("order %q: %v", order, err)
			}
			p.era.Store(era)
			held = false
			p.gate.Unlock()
		}
	}
}

// published says how far keys have been published, by the ledger.
func (p *publishing) published() (map[string]int, error) {
	next := map[string]int{}
	return next, readLedger(p.Folder, func(l line) {
		if l.what == acked {
			next[l.step.key] = max(next[l.step.key], l.step.n+1)
		}
	})
}

// key publishes the events of a key, each once the one before it has been acknowledged, and again where that is not known.
func (p *publishing) key(ctx context.Context, key string, from int) error {
	for n := from; n < p.PerKey; n++ {
		wait := time.Duration(rand.Float64() * 2 * float64(p.Every))
		for first := true; ; first = false {
			hurry := p.hurry
			if !first {
				wait, hurry = 100*time.Millisecond, nil
			}
			select {
			case <-time.After(wait):
			case <-hurry:
			case <-ctx.Done():
				return nil
			}
			err := p.step(ctx, key, n)
			if err == nil {
				break
			}
			if _, ok := errors.AsType[*trestle.PublishError](err); !ok && ctx.Err() == nil {
				return err // it is no fault of the cluster
			}
		}
	}
	return nil
}

func (p *publishing) step(ctx context.Context, key string, n int) error {
	p.gate.RLock()
	defer p.gate.RUnlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := &step{Key: key, N: n, Era: int(p.era.Load()), Note: note}
	result := make(chan error, 1)
	err := p.pub.PublishAsync(ctx, s, func(r trestle.Receipt, err error) {
		if err == nil {
			p.ledger.write(acked, stepID{s.Era, key, n}, r.Partition, r.Offset)
		}
		result <- err
	}, trestle.WithHeader(headerStep, s.header()), trestle.WithEventID(uuid.NewSHA1(uuid.NameSpaceOID, s.header()).String()))
	if err != nil {
		return err
	}
	return <-result
}

// consume handles what there is until ctx ends.
func consume(ctx context.Context, r role, w *writer) error {
	write := func(what string, d trestle.Delivery) stepID {
		id, err := parseStep((&trestle.Record{Headers: d.Headers}).Header(headerStep))
		if err != nil {
			panic(err)
		}
		w.write(what, id, d.Partition, d.Offset)
		return id
	}
	c, err := trestle.NewConsumer(r.Brokers, group, silent, r.client(),
		trestle.WithSessionTimeout(r.Session), trestle.WithHeartbeatInterval(r.Session/6), trestle.WithRebalanceTimeout(2*r.Session),
		trestle.WithCommitInterval(100*time.Millisecond), trestle.WithBackoff(5*time.Millisecond, 100*time.Millisecond),
		trestle.WithMaxInFlightBytes(maxInFlight), trestle.WithDrainTimeout(5*time.Second),
		trestle.WithKafka(kgo.FetchMaxWait(200*time.Millisecond)),
		trestle.WithObserver(func(o trestle.Outcome) { write(done, o.Delivery) }))
	if err != nil {
		return err
	}
	trestle.Handle(c, func(ctx context.Context, s *step) error {
		d, _ := trestle.DeliveryFrom(ctx)
		if id := write(begun, d); id != (stepID{s.Era, s.Key, s.N}) || s.Note != note {
			return trestle.Permanent(fmt.Errorf("the record of %v holds another event", id))
		}
		switch {
		case s.isPoison():
			return trestle.Permanent(errors.New("it is poison"))
		case s.isFlaky() && d.Attempt == 1:
			return errors.New("not yet")
		case s.isSlow():
			select {
			case <-time.After(slow):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return c.Run(ctx)
}
