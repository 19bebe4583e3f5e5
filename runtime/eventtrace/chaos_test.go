package eventtrace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestTracersUnderChaos has three sinks follow topics that others write to, in transactions too, while sinks die, leave and stand still, the database
// and its connections are killed, brokers are cut off, partitions are added and a topic is made anew. In the end the rows are the log, record for record.
func TestTracersUnderChaos(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := newTraced(t, rand.New(rand.NewPCG(seed, 0)))
	for range 3 {
		w.start()
	}
	for n := range 3 {
		w.write(n)
	}
	faults := []struct {
		name string
		do   func()
	}{
		{"a sink dies", func() { w.dies(); w.start() }},
		{"a sink leaves", func() { w.leaves(); w.start() }},
		{"a sink stands still, and goes on when others have its part", w.standsStill},
		{"the database is killed", func() { w.db.Kill(); w.pass(); w.db.Start() }},
		{"connections to the database are ended", w.endConnections},
		{"brokers are cut off", func() { w.cluster.Cut(); w.pass(); w.cluster.Heal() }},
		{"partitions are added", func() { w.cluster.AddPartitions("a", 2) }},
		{"a topic is made anew", w.recreate},
	}
	for range 2 {
		for _, i := range w.random.Perm(len(faults)) {
			begun := time.Now()
			faults[i].do()
			t.Logf("%-60s %v", faults[i].name, time.Since(begun).Round(time.Millisecond))
			w.pass()
		}
	}
	w.rest()
	w.settle()
	w.compare()
	stored, repeated := int64(0), int64(0)
	for _, s := range w.all {
		stored += s.sink.Stats().Stored
		repeated += s.sink.Stats().Repeated
	}
	t.Logf("%d records in the log, %d stored by %d sinks, which had %d of them again", len(w.log), stored, len(w.all), repeated)
}

// traced is a world of topics, of those who write to them, and of sinks that follow them.
type traced struct {
	t       *testing.T
	random  *rand.Rand
	cluster *trestletest.Cluster
	db      *services.PostgresServer
	admin   *kadm.Client

	writing sync.WaitGroup
	over    chan struct{}
	quiet   sync.RWMutex // held to write, and fully to have nothing written

	sinks, all []*tracing
	log        map[place]logged // of topics that are gone, and in the end of all
}

type place struct {
	topic, id string
	partition int32
	offset    int64
}

type logged struct {
	key, value string
	at         int64 // milliseconds
}

// tracing is a sink at work, with a store of its own.
type tracing struct {
	sink *eventtrace.Sink
	*mortal
	slow atomic.Pointer[chan struct{}] // what appends wait for
	end  func()
}

func (s *tracing) Append(ctx context.Context, events []eventtrace.Event, next eventtrace.Progress) (int, error) {
	if gate := s.slow.Load(); gate != nil {
		select {
		case <-*gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return s.Store.Append(ctx, events, next)
}

const tracingLease = 400 * time.Millisecond

func newTraced(t *testing.T, random *rand.Rand) *traced {
	topics := []*trestle.TopicInfo{{Name: "a", Partitions: 6}, {Name: "b", Partitions: 3}}
	w := &traced{
		t: t, random: random, db: services.OwnPostgres(t), over: make(chan struct{}), log: map[place]logged{},
		cluster: trestletest.NewCluster(t, topics, trestletest.WithBrokers(2)),
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	w.admin = kadm.NewClient(client)
	t.Cleanup(client.Close)
	t.Cleanup(w.rest)
	return w
}

func (w *traced) pass() { time.Sleep(time.Duration(200+w.random.IntN(400)) * time.Millisecond) }

// start starts a sink.
func (w *traced) start() {
	w.t.Helper()
	db, err := postgres.Open(w.t.Context(), w.db.DSN())
	if err != nil {
		w.t.Fatal(err)
	}
	s := &tracing{mortal: &mortal{Store: db.Traces(), died: make(chan struct{})}}
	whole := func(r *kafka.Record) eventtrace.Event { return eventtrace.Event{Value: r.Value} }
	s.sink, err = eventtrace.NewSink(w.cluster.Brokers(), []string{"a", "b"}, s, whole,
		eventtrace.WithRetry(5*time.Millisecond, 200*time.Millisecond), eventtrace.WithLinger(20*time.Millisecond), eventtrace.WithBatch(50, 1<<20),
		eventtrace.WithDiscovery(100*time.Millisecond), eventtrace.WithLease(tracingLease),
		eventtrace.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.sink.Run(ctx) }()
	s.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("run: %v", err)
		}
		if err := db.Close(); err != nil {
			w.t.Errorf("close: %v", err)
		}
	})
	w.t.Cleanup(s.end)
	w.sinks, w.all = append(w.sinks, s), append(w.all, s)
}

// take takes one of the sinks away.
func (w *traced) take() *tracing {
	i := w.random.IntN(len(w.sinks))
	s := w.sinks[i]
	w.sinks = append(w.sinks[:i:i], w.sinks[i+1:]...)
	return s
}

func (w *traced) leaves() { w.take().end() }

func (w *traced) dies() {
	s := w.take()
	close(s.died)
	s.end()
}

func (w *traced) standsStill() {
	s := w.sinks[w.random.IntN(len(w.sinks))]
	gate := make(chan struct{})
	s.slow.Store(&gate)
	time.Sleep(3 * tracingLease)
	s.slow.Store(nil)
	close(gate)
}

func (w *traced) endConnections() {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.db.DSN())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	if _, err := conn.Exec(w.t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`); err != nil {
		w.t.Fatal(err)
	}
}

// write has somebody write to the topics, every third time in a transaction, of which every other is aborted.
func (w *traced) write(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Brokers()...), kgo.TransactionalID(fmt.Sprint("writer ", n)),
		kgo.MetadataMinAge(20*time.Millisecond), kgo.RetryTimeout(10*time.Second))
	if err != nil {
		w.t.Fatal(err)
	}
	plain, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Brokers()...), kgo.MetadataMinAge(20*time.Millisecond), kgo.RecordDeliveryTimeout(10*time.Second))
	if err != nil {
		w.t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(w.random.Uint64(), 0))
	records := func() (all []*kgo.Record) {
		for range 1 + random.IntN(20) {
			value := make([]byte, random.IntN(2000))
			for i := range value {
				value[i] = byte(random.Uint32())
			}
			all = append(all, &kgo.Record{Topic: []string{"a", "b"}[random.IntN(2)], Key: fmt.Appendf(nil, "key %d", random.IntN(100)), Value: value})
		}
		return all
	}
	w.writing.Go(func() {
		defer client.Close()
		defer plain.Close()
		for {
			select {
			case <-w.over:
				return
			case <-time.After(time.Duration(random.IntN(20)) * time.Millisecond):
			}
			w.quiet.RLock()
			// What fails is in the log or is not: it is compared with what can be read.
			if random.IntN(3) > 0 {
				_ = plain.ProduceSync(context.Background(), records()...).FirstErr()
			} else if err := client.BeginTransaction(); err == nil {
				written := records()
				_ = client.ProduceSync(context.Background(), written...).FirstErr()
				if err := kafka.EndTransaction(context.Background(), client, kgo.TransactionEndTry(random.IntN(2) == 0), written); err != nil {
					_ = kafka.EndTransaction(context.Background(), client, kgo.TryAbort, written)
				}
			}
			w.quiet.RUnlock()
		}
	})
}

// rest ends all writing.
func (w *traced) rest() {
	select {
	case <-w.over:
	default:
		close(w.over)
	}
	w.writing.Wait()
}

// recreate has a topic deleted and made anew once all of it is stored.
func (w *traced) recreate() {
	w.t.Helper()
	w.quiet.Lock()
	defer w.quiet.Unlock()
	w.settle()
	w.cluster.Recreate("a")
}

// settle waits until all that is in the log is stored, and notes what that is.
func (w *traced) settle() {
	w.t.Helper()
	w.read()
	db, err := postgres.Open(w.t.Context(), w.db.DSN())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	until(w.t, "all is stored", func() error {
		n, err := db.Traces().Count(w.t.Context(), eventtrace.Query{}, eventtrace.Cursor{})
		if err == nil && n < int64(len(w.log)) {
			err = fmt.Errorf("%d of %d", n, len(w.log))
		}
		return err
	})
}

// read notes what the log holds.
func (w *traced) read() {
	w.t.Helper()
	topics, err := w.admin.ListTopics(w.t.Context(), "a", "b")
	if err != nil {
		w.t.Fatal(err)
	}
	conn := kafka.Connection{Brokers: w.cluster.Brokers()}
	for r, err := range kafka.Scan(w.t.Context(), conn, []string{"a", "b"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			w.t.Fatal(err)
		}
		at := place{r.Topic, kafka.TopicIDText(topics[r.Topic].ID), r.Partition, r.Offset}
		w.log[at] = logged{string(r.Key), string(r.Value), r.Timestamp.UnixMilli()}
	}
}

// compare compares the rows with the log.
func (w *traced) compare() {
	w.t.Helper()
	db, err := postgres.Open(w.t.Context(), w.db.DSN())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	seen := map[place]bool{}
	for e, err := range eventtrace.Events(w.t.Context(), db.Traces(), eventtrace.Query{}, eventtrace.Cursor{}, eventtrace.Oldest) {
		if err != nil {
			w.t.Fatal(err)
		}
		at := place{e.Topic, e.TopicID, e.Partition, e.Offset}
		want, there := w.log[at]
		switch {
		case seen[at]:
			w.t.Errorf("%v is stored twice", at)
		case !there:
			w.t.Errorf("%v is stored and not in the log", at)
		case !bytes.Equal(e.Key, []byte(want.key)) || !bytes.Equal(e.Value, []byte(want.value)) || e.LogTime.UnixMilli() != want.at:
			w.t.Errorf("%v is another record than in the log", at)
		}
		seen[at] = true
	}
	for at := range w.log {
		if !seen[at] {
			w.t.Errorf("%v is in the log and not stored", at)
		}
	}
	if len(w.log) == 0 {
		w.t.Error(errors.New("nothing was written"))
	}
}
