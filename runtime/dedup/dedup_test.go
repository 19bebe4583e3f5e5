package dedup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/dedup"
	"github.com/omninode/trestle/runtime/internal/testwait"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/sqlite"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

const (
	requests  = "omninode_codegen_request_pattern_v1"
	responses = "omninode_codegen_response_pattern_v1"
	group     = "patterns"
)

var (
	deadline   = testwait.Deadline
	eventually = testwait.Eventually
	quiet      = testwait.Quiet
)

func startCluster(t testing.TB) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, requests, responses), kfake.SeedTopics(1, "omninode_codegen_dlq_pattern_v1"),
		kfake.GroupMinSessionTimeout(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// database is one of either kind, with a table of the program's own.
type database struct {
	outbox interface {
		outbox.Store
		trestle.Outbox
	}
	dedup dedup.Store
	exec  func(ctx context.Context, statement string) error // in ctx's transaction
	count func(ctx context.Context, query string) (int, error)
	cut   func(ctx context.Context) // breaks all connections
}

func onSQLite(t testing.TB) *database {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "patterns.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &database{outbox: db.Outbox(), dedup: db.Dedup(), cut: func(context.Context) {}}
	d.exec = func(ctx context.Context, statement string) error {
		tx, _ := sqlite.TxFrom(ctx)
		_, err := tx.ExecContext(ctx, statement)
		return err
	}
	d.count = func(ctx context.Context, query string) (n int, err error) {
		err = db.InTx(ctx, func(ctx context.Context) error {
			tx, _ := sqlite.TxFrom(ctx)
			return tx.QueryRowContext(ctx, query).Scan(&n)
		})
		return n, err
	}
	return d.withTable(t)
}

func onPostgres(t testing.TB) *database {
	t.Helper()
	db, err := postgres.Open(t.Context(), services.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &database{outbox: db.Outbox(), dedup: db.Dedup()}
	d.exec = func(ctx context.Context, statement string) error {
		tx, _ := postgres.TxFrom(ctx)
		_, err := tx.Exec(ctx, statement)
		return err
	}
	d.count = func(ctx context.Context, query string) (n int, err error) {
		err = db.InTx(ctx, func(ctx context.Context) error {
			tx, _ := postgres.TxFrom(ctx)
			return tx.QueryRow(ctx, query).Scan(&n)
		})
		return n, err
	}
	d.cut = func(ctx context.Context) {
		_, _ = d.count(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	return d.withTable(t)
}

func (d *database) withTable(t testing.TB) *database {
	t.Helper()
	err := d.dedup.InTx(t.Context(), func(ctx context.Context) error {
		return d.exec(ctx, `CREATE TABLE effects (correlation_id text)`)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(correlation string) *codegenv1.CodegenPatternRequest {
	return &codegenv1.CodegenPatternRequest{
		CorrelationId: correlation, SessionId: correlation, NodeDescription: new("writes orders"), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
	}
}

func response(r *codegenv1.CodegenPatternRequest) *codegenv1.CodegenPatternResponse {
	return &codegenv1.CodegenPatternResponse{
		CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(), TotalMatches: new(int64(0)), ProcessingTimeMs: new(int64(1)),
	}
}

// outcomes counts what became of events.
type outcomes struct {
	mu sync.Mutex
	of map[trestle.Result]int
}

func (o *outcomes) note(one trestle.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = map[trestle.Result]int{}
	}
	o.of[one.Result]++
}

func (o *outcomes) count(r trestle.Result) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of[r]
}

// consume handles requests until stop is called.
func consume(t testing.TB, brokers []string, handle func(context.Context, *codegenv1.CodegenPatternRequest) error, opts ...trestle.ConsumerOption) (stop func()) {
	t.Helper()
	c, err := trestle.NewConsumer(brokers, group, append([]trestle.ConsumerOption{
		trestle.WithLogger(quiet), trestle.WithHeartbeatInterval(50 * time.Millisecond), trestle.WithSessionTimeout(2 * time.Second),
		trestle.WithCommitInterval(20 * time.Millisecond), trestle.WithBackoff(time.Millisecond, 10*time.Millisecond),
		trestle.WithRetries(1000), trestle.WithKafka(kgo.FetchMaxWait(50 * time.Millisecond)),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(c, handle)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// rewind has the group, which has no members, begin anew.
func rewind(t testing.TB, brokers []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets := kadm.Offsets{}
	for p := range int32(3) {
		offsets.AddOffset(requests, p, 0, -1)
	}
	if err := kadm.NewClient(client).CommitAllOffsets(deadline(t), group, offsets); err != nil {
		t.Fatal(err)
	}
}

func scan(t testing.TB, brokers []string, topic string) []kafka.Record {
	t.Helper()
	var all []kafka.Record
	for r, err := range kafka.Scan(deadline(t), kafka.Connection{Brokers: brokers}, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *r)
	}
	return all
}

// TestEffectsOnce handles events of which some were sent twice, while handlers fail and panic, connections to the database break,
// consumers come and go, and the group begins anew: each event has its effect in the database, and its answer on the topic, once.
func TestEffectsOnce(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *database{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c := open(t), startCluster(t)
			brokers := c.ListenAddrs()
			direct := publisher(t, brokers)
			const events = 120
			sent := 0
			for n := range events {
				r, id := request(uuid.NewString()), uuid.NewString()
				for range 1 + n%3 { // the caller was not sure
					if err := direct.Publish(deadline(t), r, trestle.WithEventID(id)); err != nil {
						t.Fatal(err)
					}
					sent++
				}
			}
			pub := publisher(t, brokers, trestle.WithOutbox(db.outbox))
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			var mu sync.Mutex
			chance := func(n int) bool {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(n) == 0
			}
			errFails := errors.New("fails")
			var results outcomes
			start := func(trouble bool) func() {
				return consume(t, brokers, func(ctx context.Context, r *codegenv1.CodegenPatternRequest) error {
					if err := db.exec(ctx, fmt.Sprintf(`INSERT INTO effects VALUES ('%s')`, r.GetCorrelationId())); err != nil {
						return err
					}
					if err := pub.Publish(ctx, response(r)); err != nil {
						return err
					}
					if trouble && chance(4) {
						return errFails
					}
					return nil
				}, trestle.WithHandlerMiddleware(dedup.Once(db.dedup)), trestle.WithObserver(results.note))
			}
			stops := []func(){start(true), start(true)}
			all := func() bool {
				n, err := db.count(t.Context(), `SELECT count(*) FROM effects`)
				return err == nil && n >= events
			}
			for i := 0; !all(); i++ {
				db.cut(t.Context())
				stops[i%2]()
				stops[i%2] = start(true)
				time.Sleep(50 * time.Millisecond)
			}
			stops[0]()
			stops[1]()
			rewind(t, brokers)
			before := results.count(trestle.Duplicate)
			stop := start(false)
			eventually(t, "all came again", func() bool { return results.count(trestle.Duplicate)-before >= sent })
			stop()

			if n, err := db.count(t.Context(), `SELECT count(*) FROM effects`); err != nil || n != events {
				t.Errorf("%d effects, error %v; want %d", n, err, events)
			}
			if n, err := db.count(t.Context(), `SELECT count(DISTINCT correlation_id) FROM effects`); err != nil || n != events {
				t.Errorf("effects of %d events, error %v; want %d", n, err, events)
			}
			if n := results.count(trestle.DeadLettered); n > 0 {
				t.Errorf("%d dead letters", n)
			}
			relay, err := outbox.NewRelay(brokers, db.outbox, outbox.WithLogger(quiet))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- relay.Run(ctx) }()
			eventually(t, "the outbox is empty", func() bool {
				s, err := db.outbox.Status(t.Context())
				return err == nil && s.Depth == 0
			})
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			answered := map[string]int{}
			for _, r := range scan(t, brokers, responses) {
				answered[string(r.Key)]++
			}
			if len(answered) != events {
				t.Errorf("%d events are answered, want %d", len(answered), events)
			}
			for correlation, n := range answered {
				if n != 1 {
					t.Errorf("%s is answered %d times", correlation, n)
				}
			}
		})
	}
}

func publisher(t testing.TB, brokers []string, opts ...trestle.PublisherOption) *trestle.Publisher {
	t.Helper()
	p, err := trestle.NewPublisher(brokers, append([]trestle.PublisherOption{trestle.WithLogger(quiet)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestEventsWithoutIDs has events of a producer that gives them none come again, and then others in their places: those of a topic
// that was made anew.
func TestEventsWithoutIDs(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t)
	brokers := c.ListenAddrs()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	write := func() {
		t.Helper()
		for range 5 {
			id := uuid.NewString()
			value := fmt.Sprintf(`{"envelope_version": "1.0", "correlation_id": %[1]q, "session_id": %[1]q, "event_type": "CodegenPatternRequest",
				"timestamp": "2025-10-16 12:34:56.790123", "payload": {"correlation_id": %[1]q, "session_id": %[1]q, "node_description": "x", "node_type": "effect"}}`, id)
			if err := client.ProduceSync(deadline(t), &kgo.Record{Topic: requests, Value: []byte(value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var results outcomes
	start := func() func() {
		return consume(t, brokers, func(context.Context, *codegenv1.CodegenPatternRequest) error { return nil },
			trestle.WithHandlerMiddleware(dedup.Once(db.dedup)), trestle.WithObserver(results.note))
	}
	write()
	stop := start()
	eventually(t, "all are handled", func() bool { return results.count(trestle.Handled) == 5 })
	stop()
	rewind(t, brokers)
	stop = start()
	eventually(t, "all are duplicates", func() bool { return results.count(trestle.Duplicate) == 5 })
	stop()
	if _, err := admin.DeleteTopics(deadline(t), requests); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopics(deadline(t), 3, 1, nil, requests); err != nil {
		t.Fatal(err)
	}
	client.PurgeTopicsFromClient(requests)
	write()
	start()
	eventually(t, "all are handled", func() bool { return results.count(trestle.Handled) == 10 })
	if n := results.count(trestle.Duplicate); n != 5 {
		t.Errorf("%d duplicates, want 5", n)
	}
}

// TestDeadLettersAreNotRemembered has a handler refuse an event for good, and take it when it comes again.
func TestDeadLettersAreNotRemembered(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t)
	brokers := c.ListenAddrs()
	if err := publisher(t, brokers).Publish(deadline(t), request(uuid.NewString())); err != nil {
		t.Fatal(err)
	}
	refuse := true
	var results outcomes
	start := func() func() {
		return consume(t, brokers, func(context.Context, *codegenv1.CodegenPatternRequest) error {
			if refuse {
				return trestle.Permanent(errors.New("no"))
			}
			return nil
		}, trestle.WithHandlerMiddleware(dedup.Once(db.dedup)), trestle.WithObserver(results.note))
	}
	stop := start()
	eventually(t, "it has its dead letter", func() bool { return results.count(trestle.DeadLettered) == 1 })
	stop()
	refuse = false
	rewind(t, brokers)
	start()
	eventually(t, "it is handled", func() bool { return results.count(trestle.Handled) == 1 })
}

// away is a store whose database is away until it is told otherwise.
type away struct {
	dedup.Store
	mu    sync.Mutex
	here  bool
	calls int
}

func (a *away) InTx(ctx context.Context, f func(context.Context) error) error {
	a.mu.Lock()
	a.calls++
	here := a.here
	a.mu.Unlock()
	if !here {
		return errors.New("connection refused")
	}
	return a.Store.InTx(ctx, f)
}

// TestDatabaseAway has no event go to its dead letter while there is no database.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t)
	store := &away{Store: db.dedup}
	pub := publisher(t, c.ListenAddrs())
	for range 5 {
		if err := pub.Publish(deadline(t), request(uuid.NewString())); err != nil {
			t.Fatal(err)
		}
	}
	var results outcomes
	consume(t, c.ListenAddrs(), func(context.Context, *codegenv1.CodegenPatternRequest) error { return nil },
		trestle.WithRetries(1), trestle.WithHandlerMiddleware(dedup.Once(store)), trestle.WithObserver(results.note))
	eventually(t, "several have tried", func() bool {
		store.mu.Lock()
		defer store.mu.Unlock()
		return store.calls >= 3
	})
	store.mu.Lock()
	store.here = true
	store.mu.Unlock()
	eventually(t, "all are handled", func() bool { return results.count(trestle.Handled) == 5 })
	if n := results.count(trestle.DeadLettered); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	db := onSQLite(t)
	remember := func() bool {
		var first bool
		err := db.dedup.InTx(t.Context(), func(ctx context.Context) (err error) {
			first, err = db.dedup.Remember(ctx, group, "a")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if !remember() || remember() {
		t.Fatal("it is not remembered")
	}
	prune := func(keep time.Duration) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- dedup.Prune(ctx, db.dedup, keep) }()
		if keep < time.Second {
			eventually(t, "it is forgotten", remember)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	prune(time.Hour)
	if remember() {
		t.Error("it is forgotten too early")
	}
	prune(time.Nanosecond)
	if err := dedup.Prune(t.Context(), db.dedup, 0); err == nil || !strings.Contains(err.Error(), "dedup.Prune") {
		t.Errorf("keeping nothing: %v", err)
	}
	handler := dedup.Once(db.dedup)(func(context.Context, trestle.Event) error { return nil })
	if err := handler(t.Context(), request(uuid.NewString())); !trestle.IsPermanent(err) {
		t.Errorf("outside of a consumer: %v", err)
	}
}
