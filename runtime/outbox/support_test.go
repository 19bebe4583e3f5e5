package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/internal/testwait"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/sqlite"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

const (
	topic      = "orders"
	partitions = 3
)

var (
	deadline   = testwait.Deadline
	eventually = testwait.Eventually
	quiet      = testwait.Quiet
)

func startCluster(t testing.TB, topics ...string) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
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
		Add(ctx context.Context, eventID string, r kafka.Record) error
	}
	inTx func(ctx context.Context, f func(ctx context.Context) error) error
	// exec and count are of the program's own table, exec in the transaction.
	exec  func(ctx context.Context, statement string, args ...any) error
	count func(ctx context.Context, query string, args ...any) (int, error)
	// cut breaks all connections.
	cut func(ctx context.Context) error
}

func onSQLite(t testing.TB) *database {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &database{outbox: db.Outbox(), inTx: db.InTx, cut: func(context.Context) error { return nil }}
	d.exec = func(ctx context.Context, statement string, args ...any) error {
		tx, _ := sqlite.TxFrom(ctx)
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	}
	d.count = func(ctx context.Context, query string, args ...any) (n int, err error) {
		err = db.InTx(ctx, func(ctx context.Context) error {
			tx, _ := sqlite.TxFrom(ctx)
			return tx.QueryRowContext(ctx, query, args...).Scan(&n)
		})
		return n, err
	}
	return d.withTable(t)
}

func onPostgres(t testing.TB) *database {
	t.Helper()
	return postgresAt(t, services.Postgres(t)).withTable(t)
}

func postgresAt(t testing.TB, dsn string) *database {
	t.Helper()
	db, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &database{outbox: db.Outbox(), inTx: db.InTx}
	d.exec = func(ctx context.Context, statement string, args ...any) error {
		tx, _ := postgres.TxFrom(ctx)
		_, err := tx.Exec(ctx, statement, args...)
		return err
	}
	d.count = func(ctx context.Context, query string, args ...any) (n int, err error) {
		err = db.InTx(ctx, func(ctx context.Context) error {
			tx, _ := postgres.TxFrom(ctx)
			return tx.QueryRow(ctx, query, args...).Scan(&n)
		})
		return n, err
	}
	d.cut = func(ctx context.Context) error {
		_, err := d.count(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		return err
	}
	return d
}

func (d *database) withTable(t testing.TB) *database {
	t.Helper()
	err := d.inTx(t.Context(), func(ctx context.Context) error {
		return d.exec(ctx, `CREATE TABLE changes (id text PRIMARY KEY)`)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// databases runs a test on both kinds.
func databases(t *testing.T, test func(t *testing.T, open func(t testing.TB) *database)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *database{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// add writes records into the outbox, in ctx's transaction.
func (d *database) add(ctx context.Context, records ...kafka.Record) error {
	for _, r := range records {
		id := uuid.NewString()
		r.Headers = append(r.Headers, kafka.Header{Key: "event-id", Value: []byte(id)})
		if err := d.outbox.Add(ctx, id, r); err != nil {
			return err
		}
	}
	return nil
}

// commit writes records in a transaction of their own.
func (d *database) commit(t testing.TB, records ...kafka.Record) {
	t.Helper()
	if err := d.inTx(t.Context(), func(ctx context.Context) error { return d.add(ctx, records...) }); err != nil {
		t.Fatal(err)
	}
}

func record(key string, n int) kafka.Record {
	return kafka.Record{Topic: topic, Key: []byte(key), Value: fmt.Appendf(nil, "%s#%d", key, n)}
}

func records(key string, from, to int) []kafka.Record {
	var all []kafka.Record
	for n := from; n < to; n++ {
		all = append(all, record(key, n))
	}
	return all
}

// quick are options that make a relay's life fit into a test.
func quick(more ...outbox.Option) []outbox.Option {
	return append([]outbox.Option{
		outbox.WithLogger(quiet), outbox.WithLease(300 * time.Millisecond), outbox.WithPolling(time.Millisecond, 20*time.Millisecond),
		outbox.WithRefusalRetry(20*time.Millisecond, 50*time.Millisecond),
	}, more...)
}

// running is a relay that runs until the test stops it.
type running struct {
	*outbox.Relay
	t      testing.TB
	cancel context.CancelFunc
	ended  chan struct{}
}

func relay(t testing.TB, brokers []string, store outbox.Store, opts ...outbox.Option) *running {
	t.Helper()
	made, err := outbox.NewRelay(brokers, store, quick(opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{made, t, cancel, make(chan struct{})}
	go func() {
		defer close(r.ended)
		if err := made.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	select {
	case <-r.ended:
	case <-deadline(r.t).Done():
		r.t.Fatal("Run does not return")
	}
}

// drained waits until nothing is left in an outbox.
func (d *database) drained(t testing.TB) {
	t.Helper()
	eventually(t, "the outbox is empty", func() bool {
		s, err := d.outbox.Status(t.Context())
		return err == nil && s.Depth == 0
	})
}

// committed reads what is committed on topics, each partition in order.
func committed(t testing.TB, brokers []string, topics ...string) []kafka.Record {
	t.Helper()
	var all []kafka.Record
	for r, err := range kafka.Scan(deadline(t), kafka.Connection{Brokers: brokers}, topics, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *r)
	}
	return all
}

// wantOnce checks that each of these values is on the topics once and nothing else, and that those of a key, which end in #n, are in
// the order of n.
func wantOnce(t testing.TB, got []kafka.Record, want map[string]bool) {
	t.Helper()
	times, last := map[string]int{}, map[string]int{}
	for i := range got {
		r := &got[i]
		value, key := string(r.Value), string(r.Key)
		times[value]++
		if !want[value] {
			t.Errorf("%s was published and not committed", value)
		}
		var n int
		if _, err := fmt.Sscanf(value[len(key):], "#%d", &n); err != nil {
			t.Errorf("%s: %v", value, err)
		}
		if before, ok := last[key]; ok && before >= n && times[value] == 1 {
			t.Errorf("%s came after #%d", value, before)
		}
		last[key] = n
	}
	for value := range want {
		if times[value] != 1 {
			t.Errorf("%s was published %d times", value, times[value])
		}
	}
}

func valuesOf(records ...kafka.Record) map[string]bool {
	all := map[string]bool{}
	for i := range records {
		all[string(records[i].Value)] = true
	}
	return all
}

var errDead = errors.New("the process is dead")

// mortal is a relay's process that can die: from then on nothing that it asks of its database or the cluster gets there, and its
// connections to the cluster are gone.
type mortal struct {
	outbox.Store
	only func(outbox.Lease) bool // the lanes that it sees; nil: all

	dead  atomic.Bool
	steps atomic.Int64 // done so far: calls of the store, requests and responses
	last  int64        // the step at which it dies; 0: when it is told to

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	diary []string // of its steps
}

func newMortal(store outbox.Store, last int64) *mortal {
	return &mortal{Store: store, last: last, conns: map[net.Conn]struct{}{}}
}

func (m *mortal) kill() {
	m.dead.Store(true)
	m.cut()
}

// cut breaks its connections to the cluster.
func (m *mortal) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for conn := range m.conns {
		conn.Close()
	}
	clear(m.conns)
}

// step counts, and kills where it is time.
func (m *mortal) step(what string) error {
	m.mu.Lock()
	m.diary = append(m.diary, what)
	m.mu.Unlock()
	if m.steps.Add(1) == m.last {
		m.kill()
	}
	if m.dead.Load() {
		return errDead
	}
	return nil
}

// at is what it did at a step, or at its last.
func (m *mortal) at(step int64) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.diary[min(int(step), len(m.diary))-1]
}

// kafka are the options that have its connections die with it.
func (m *mortal) kafka() outbox.Option {
	return outbox.WithKafka(kgo.WithHooks(m), kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		if m.dead.Load() {
			return nil, errDead
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, host)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.dead.Load() {
			conn.Close()
			return nil, errDead
		}
		m.conns[conn] = struct{}{}
		return conn, nil
	}))
}

func isStep(key int16) bool {
	switch kmsg.Key(key) {
	case kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.EndTxn:
		return true
	}
	return false
}

func (m *mortal) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if isStep(key) && err == nil {
		_ = m.step("sent " + kmsg.NameForKey(key))
	}
}

func (m *mortal) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if isStep(key) && err == nil {
		_ = m.step("answered " + kmsg.NameForKey(key))
	}
}

func (m *mortal) call(what string, call func() error) error {
	if err := m.step("before " + what); err != nil {
		return err
	}
	err := call()
	if err := m.step("after " + what); err != nil {
		return err
	}
	return err
}

func (m *mortal) Lease(ctx context.Context, relay string, d time.Duration) ([]outbox.Lease, int, error) {
	if m.dead.Load() {
		return nil, 0, errDead
	}
	leases, share, err := m.Store.Lease(ctx, relay, d)
	if m.only == nil {
		return leases, share, err
	}
	var seen []outbox.Lease
	for _, l := range leases {
		if m.only(l) {
			seen = append(seen, l)
		}
	}
	return seen, share, err
}

func (m *mortal) Leave(ctx context.Context, relay string) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Store.Leave(ctx, relay)
}

func (m *mortal) Begun(ctx context.Context, l outbox.Lease) (b outbox.Batch, err error) {
	err = m.call("Begun", func() error { b, err = m.Store.Begun(ctx, l); return err })
	return b, err
}

func (m *mortal) Next(ctx context.Context, l outbox.Lease, finished int64, rows, bytes int, position func(string) outbox.Position) (b outbox.Batch, err error) {
	err = m.call("Next", func() error { b, err = m.Store.Next(ctx, l, finished, rows, bytes, position); return err })
	return b, err
}

func (m *mortal) Amend(ctx context.Context, l outbox.Lease, b outbox.Batch, refused []outbox.Refusal, retry outbox.Retry) error {
	return m.call("Amend", func() error { return m.Store.Amend(ctx, l, b, refused, retry) })
}

func (m *mortal) Release(ctx context.Context, l outbox.Lease, finished int64) error {
	return m.call("Release", func() error { return m.Store.Release(ctx, l, finished) })
}

func (m *mortal) Status(ctx context.Context) (outbox.Status, error) {
	if m.dead.Load() {
		return outbox.Status{}, errDead
	}
	return m.Store.Status(ctx)
}
