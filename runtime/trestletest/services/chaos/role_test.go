package chaos

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/store/postgres"
)

// What an actor may be.
const (
	publishes = "publishes"              // steps, to the cluster
	spools    = "publishes with a spool" // notes
	transacts = "writes into the outbox" // orders, in transactions
	relays    = "relays"                 // what is in the outbox
	consumes  = "consumes"               // steps
	batches   = "consumes batches"       // of orders, which it has wait in retry topics
	effects   = "consumes with effects"  // orders and notes, once
	replays   = "replays"                // the dead letters of orders
)

// role is what an actor is told to be. It goes to those that are processes as JSON.
type role struct {
	Kind     string
	Brokers  []string
	Routes   map[string]string // by the address of a broker: where to dial instead
	Database string            // its DSN
	Spool    string            // the folder of its spool
	Room     int64             // how much that may take on the disk, in bytes
	Folder   string            // of the ledger
	Part     string            // the actor's own part of it
	Keys     []string          // to publish
	PerKey   int
	Era      int
	Every    time.Duration // an event of each key
	Session  time.Duration // the group's session timeout
	Refresh  time.Duration // how often clients ask where partitions are, and four times how long they back off; 0: what they do by themselves
	Dies     int64         // after so many writes to its connections; 0: when it is told to
}

// acting is an actor as it is to itself.
type acting struct {
	role
	ledger *writer
	out    io.Writer
	orders chan string   // but for those that all obey
	hurry  chan struct{} // closed when there is no more waiting between events
	life   life
	logger *slog.Logger
}

// act plays a role until in ends. It obeys what it reads there, a line each: `hurry` ends the waiting between events, `die N` has
// it die after so many writes to its connections, and `hold` has a publisher of steps publish nothing more until `go ERA`; it answers
// `held` once nothing is under way. Who publishes writes `finished` when all is published; one with a spool
// `full` when that has no room, `accepted` when it has accepted all, and `finished` when nothing is left in it.
func act(ctx context.Context, r role, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := newWriter(r.Part)
	if err != nil {
		return err
	}
	defer w.file.Close()
	said, err := os.Create(r.Part + ".log")
	if err != nil {
		return err
	}
	defer said.Close()
	a := &acting{role: r, ledger: w, out: out, logger: slog.New(slog.NewTextHandler(said, nil)), orders: make(chan string), hurry: make(chan struct{})}
	a.life.left.Store(r.Dies)
	hurry := sync.OnceFunc(func() { close(a.hurry) })
	go func() {
		defer cancel()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			var writes int64
			if lines.Text() == "hurry" {
				hurry()
			} else if _, err := fmt.Sscanf(lines.Text(), "die %d", &writes); err == nil {
				a.life.left.Store(writes)
			} else {
				select {
				case a.orders <- lines.Text():
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	switch r.Kind {
	case publishes, spools:
		return a.publish(ctx)
	case transacts:
		return a.transact(ctx)
	case relays:
		return a.relay(ctx)
	case consumes:
		return a.consume(ctx)
	case batches:
		return a.consumeBatches(ctx)
	case effects:
		return a.consumeWithEffects(ctx)
	case replays:
		return a.replay(ctx)
	}
	return fmt.Errorf("nobody %q", r.Kind)
}

// eachKey does something for all keys side by side. Its channel has the result of each.
func (a *acting) eachKey(do func(key string) error) <-chan error {
	results := make(chan error, len(a.Keys))
	for _, key := range a.Keys {
		go func() { results <- do(key) }()
	}
	return results
}

// await waits until all keys are done, or one has failed.
func (a *acting) await(results <-chan error) error {
	for range a.Keys {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

// finish says that all is published, and waits for the end of ctx.
func (a *acting) finish(ctx context.Context) error {
	if ctx.Err() == nil {
		fmt.Fprintln(a.out, "finished")
	}
	<-ctx.Done()
	return nil
}

// wait waits for a while, unless there is no more waiting. It says false at the end of ctx.
func (a *acting) wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
	case <-a.hurry:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// again waits before something is tried again. It says false at the end of ctx.
func again(ctx context.Context) bool { return kafka.Sleep(ctx, 100*time.Millisecond) == nil }

// options are those of clients: they reach brokers by the routes.
func (a *acting) options() []kgo.Opt {
	opts := []kgo.Opt{kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		return a.dial(ctx, network, cmp.Or(a.Routes[address], address))
	})}
	if a.Refresh > 0 {
		// How soon a topic that was made anew is noticed depends on both: the client asks for the old one some times before it says so.
		opts = append(opts, kgo.MetadataMinAge(a.Refresh/4), kgo.MetadataMaxAge(a.Refresh),
			kgo.RetryBackoffFn(func(int) time.Duration { return a.Refresh / 4 }))
	}
	return opts
}

func (a *acting) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &mortalConn{conn, &a.life}, nil
}

func (a *acting) client() trestle.Option { return trestle.WithKafka(a.options()...) }

// open connects to the database.
func (a *acting) open() (*pgxpool.Pool, *postgres.Database, error) {
	cfg, err := pgxpool.ParseConfig(a.Database)
	if err != nil {
		return nil, nil, err
	}
	cfg.MaxConns = 10
	cfg.ConnConfig.DialFunc = a.dial
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, nil, err
	}
	return pool, postgres.Use(pool), nil
}

// life is that of a process. It may be told to end after so many writes to its connections, of which the last one arrives.
type life struct{ left atomic.Int64 }

type mortalConn struct {
	net.Conn
	life *life
}

func (c *mortalConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if c.life.left.Add(-1) == 0 {
		if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
			select {}
		}
	}
	return n, err
}

// stepOf reads the step that a record is of.
func stepOf(headers []trestle.Header) (stepID, error) {
	return parseStep((&trestle.Record{Headers: headers}).Header(headerStep))
}

// isReplay says that a record is one.
func isReplay(headers []trestle.Header) bool {
	return strings.Contains((&trestle.Record{Headers: headers}).Header("replay-source"), "/")
}
