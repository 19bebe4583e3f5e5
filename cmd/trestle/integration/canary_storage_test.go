package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kerr"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
	secretsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/secrets/v1"
	vaultv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/vault/v1"
)

// seenStore is an outbox of which a test sees what relays are given.
type seenStore struct {
	outbox.Store
	mu   sync.Mutex
	seen strings.Builder
}

func (s *seenStore) note(values ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		s.seen.WriteString(allOf(v))
	}
}

func (s *seenStore) Next(ctx context.Context, lease outbox.Lease, finished int64, rows, bytes int, position func(topic string) outbox.Position) (outbox.Batch, error) {
	b, err := s.Store.Next(ctx, lease, finished, rows, bytes, position)
	s.note(b, err)
	for _, row := range b.Rows {
		s.note(row, row.Record)
	}
	return b, err
}

func (s *seenStore) Amend(ctx context.Context, lease outbox.Lease, b outbox.Batch, refused []outbox.Refusal, retry outbox.Retry) error {
	for _, r := range refused {
		s.note(r, r.Row)
	}
	return s.Store.Amend(ctx, lease, b, refused, retry)
}

// TestCanariesInOutbox has events wait in the tables of an outbox, some for ever as Kafka refuses them, and searches all that stands there beside what is to be
// published, and all that publishers and relays say.
func TestCanariesInOutbox(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		ctx := within(t, patience)
		pool, err := pgxpool.New(ctx, services.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		db := postgres.Use(pool)
		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		l := listenToAll(t)
		cluster := trestletest.NewCluster(t, slices.Concat(secretsv1.Topics(), vaultv1.Topics()))
		pub, err := trestle.NewPublisher(cluster.Brokers(), trestle.WithOutbox(db.Outbox()), trestle.WithLogger(l.logger), trestle.WithMeterProvider(l.meter), trestle.WithTracerProvider(l.tracer), secretSource, cluster.Option(),
			trestle.WithSchemaIDs(trestletest.SchemaIDs()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pub.Close(context.Background()) })
		publish := func(events ...trestle.Event) error {
			return db.InTx(ctx, func(ctx context.Context) error {
				for _, e := range events {
					if err := pub.Publish(ctx, e); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for _, e := range secretEvents {
			for range 5 {
				if err := publish(e.valid(t, c)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, e := range brokenSecrets(c) {
			err := publish(e)
			if err == nil {
				t.Errorf("an event that breaks rules was published: %v", e)
			}
			c.search(t, "what a publisher with an outbox says of an event that breaks rules", allOf(err))
		}
		// The database says which row it does not take, with all that is in it.
		if _, err := pool.Exec(ctx, `ALTER TABLE trestle_outbox ADD CONSTRAINT none CHECK (topic = '') NOT VALID`); err != nil {
			t.Fatal(err)
		}
		for _, e := range secretEvents {
			err := publish(e.valid(t, c))
			if err == nil || !strings.Contains(err.Error(), "none") {
				t.Errorf("a row that the database refuses: %v", err)
			}
			c.search(t, "what a publisher says of a row that the database refuses", allOf(err))
		}
		if _, err := pool.Exec(ctx, `ALTER TABLE trestle_outbox DROP CONSTRAINT none`); err != nil {
			t.Fatal(err)
		}
		rows, held := c.searchRows(ctx, t, pool, "before they are relayed")
		if rows["trestle_outbox"] != 5*len(secretEvents) || held < 5*len(secretEvents) {
			t.Errorf("rows %v, of which %d hold what is sensitive", rows, held)
		}

		cluster.RefuseWrites(secretEvents[0].topic, kerr.PolicyViolation, 0)
		cluster.RefuseWrites(secretEvents[1].topic, kerr.TopicAuthorizationFailed, 0)
		store := &seenStore{Store: db.Outbox()}
		relay, err := outbox.NewRelay(cluster.Brokers(), store, outbox.WithConnection(cluster.Connection()), outbox.WithLogger(l.logger), outbox.WithMeterProvider(l.meter),
			outbox.WithPolling(time.Millisecond, 10*time.Millisecond), outbox.WithRefusalRetry(50*time.Millisecond, time.Second))
		if err != nil {
			t.Fatal(err)
		}
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- relay.Run(running) }()
		for {
			status, err := relay.Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			topics := map[string]bool{}
			for _, r := range status.Refused {
				topics[r.Topic] = r.Attempts > 1
			}
			if status.Depth == 10 && topics[secretEvents[0].topic] && topics[secretEvents[1].topic] {
				c.search(t, "the status of an outbox", allOf(status))
				break
			}
			_ = connection.Sleep(ctx, 20*time.Millisecond)
		}
		c.search(t, "the health of a relay", allOf(relay.Health()))
		rows, held = c.searchRows(ctx, t, pool, "while some are refused")
		if rows["trestle_outbox_refused"] == 0 || rows["trestle_outbox_lanes"] == 0 || rows["trestle_outbox_relays"] == 0 || held < 10 {
			t.Errorf("rows %v, of which %d hold what is sensitive", rows, held)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		log := l.log.take()
		for by, text := range map[string]string{"the log": log, "metrics": l.exposition(), "spans": l.traced(), "what a relay is given, printed": store.seen.String()} {
			c.search(t, by, text)
		}
		if !strings.Contains(log, "Kafka refuses an event") || !strings.Contains(l.exposition(), "trestle_outbox") || !strings.Contains(store.seen.String(), secretEvents[0].topic) {
			t.Errorf("the relay says too little to be searched: %.300s", log)
		}
		// And what is planted where nothing may stand is found.
		if _, err := pool.Exec(ctx, `UPDATE trestle_outbox_refused SET error = $1`, c.fill("no account of @S")); err != nil {
			t.Fatal(err)
		}
		if got := c.rowsThatShow(ctx, t, pool); !strings.Contains(strings.Join(got, "\n"), "trestle_outbox_refused.error: ") {
			t.Errorf("what was planted is not found: %v", got)
		}
	})
}

// heldColumns are those that are to hold what is published.
var heldColumns = []string{"trestle_outbox.key", "trestle_outbox.value"}

// searchRows searches all tables of a database, and counts their rows, and the columns that show what they are to hold.
func (c *canaries) searchRows(ctx context.Context, t *testing.T, pool *pgxpool.Pool, when string) (rows map[string]int, held int) {
	t.Helper()
	rows = map[string]int{}
	c.eachColumn(ctx, t, pool, func(table, column, text string, first bool) {
		if first {
			rows[table]++
		}
		if slices.Contains(heldColumns, table+"."+column) {
			if _, _, found := c.find(text); found {
				held++
			}
			return
		}
		c.search(t, when+", "+table+"."+column, text)
	})
	return rows, held
}

// rowsThatShow are the columns in which something stands that may not.
func (c *canaries) rowsThatShow(ctx context.Context, t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	var out []string
	c.eachColumn(ctx, t, pool, func(table, column, text string, _ bool) {
		if spelling, _, found := c.find(text); found && !slices.Contains(heldColumns, table+"."+column) {
			out = append(out, table+"."+column+": "+spelling)
		}
	})
	return out
}

func (c *canaries) eachColumn(ctx context.Context, t *testing.T, pool *pgxpool.Pool, each func(table, column, text string, first bool)) {
	t.Helper()
	found, err := pool.Query(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for found.Next() {
		var name string
		if err := found.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	for _, table := range tables {
		rows, err := pool.Query(ctx, `SELECT * FROM "`+table+`"`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				text := fmt.Sprintf("%v", v)
				if b, ok := v.([]byte); ok {
					text = string(b)
				}
				each(table, rows.FieldDescriptions()[i].Name, text, i == 0)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCanariesInSpool has a publisher accept events into a folder while the cluster is away, and searches its files beside what is to be sent, and what is said of
// them: when there is no room, when they are damaged, when the cluster refuses them.
func TestCanariesInSpool(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		ctx := within(t, patience)
		l := listenToAll(t)
		cluster := trestletest.NewCluster(t, slices.Concat(secretsv1.Topics(), vaultv1.Topics()))
		dir := filepath.Join(t.TempDir(), "spool")
		open := func(most int64) *trestle.Publisher {
			t.Helper()
			pub, err := trestle.NewPublisher(cluster.Brokers(), trestle.WithSpool(dir, spool.Options{MaxBytes: most}), trestle.WithLogger(l.logger), trestle.WithMeterProvider(l.meter),
				trestle.WithTracerProvider(l.tracer), secretSource, cluster.Option(), trestle.WithDeliveryTimeout(2*time.Second), trestle.WithSchemaIDs(trestletest.SchemaIDs()))
			if err != nil {
				t.Fatal(err)
			}
			return pub
		}
		cluster.Cut()
		pub := open(1 << 20)
		for _, e := range secretEvents {
			for range 5 {
				if err := pub.Publish(ctx, e.valid(t, c)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, e := range brokenSecrets(c) {
			if err := pub.Publish(ctx, e); err == nil {
				t.Errorf("an event that breaks rules was accepted: %v", e)
			} else {
				c.search(t, "what a publisher with a spool says of an event that breaks rules", allOf(err))
			}
		}
		c.search(t, "the health of a publisher with a spool", allOf(pub.Health()))
		if err := pub.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if held := c.searchSpool(t, dir); held < 5*len(secretEvents) {
			t.Errorf("%d records of the spool hold what is sensitive", held)
		}

		full := open(1)
		for refused := false; !refused; { // what is handed over before it is known that the cluster is away fails otherwise
			err := full.Publish(ctx, secretEvents[0].valid(t, c))
			_, refused = errors.AsType[*spool.FullError](err)
			if err == nil || ctx.Err() != nil {
				t.Fatalf("without room: %v", err)
			}
			c.search(t, "what is said where there is no room", allOf(err))
		}
		if err := full.Close(ctx); err != nil {
			t.Fatal(err)
		}
		segments, err := filepath.Glob(filepath.Join(dir, "*.spool"))
		if err != nil || len(segments) == 0 {
			t.Fatalf("segments %v, %v", segments, err)
		}
		whole, err := os.ReadFile(segments[0])
		if err != nil {
			t.Fatal(err)
		}
		damaged := 0
		for at := 8; at < len(whole); at += 1 + c.random.IntN(len(whole)/40) {
			bad := slices.Clone(whole)
			bad[at] ^= 0x41
			if err := os.WriteFile(segments[0], bad, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := spool.Open(dir, spool.Options{MaxBytes: 1 << 20})
			if err == nil { // the end of the last segment is cut off
				s.Close()
				continue
			}
			damaged++
			c.search(t, "what is said of a damaged file", allOf(err))
		}
		if damaged == 0 {
			t.Error("no damage was found")
		}
		if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
			t.Fatal(err)
		}

		cluster.Heal()
		cluster.RefuseWrites(secretEvents[0].topic, kerr.PolicyViolation, 0)
		pub = open(1 << 20)
		for !l.log.has("POLICY_VIOLATION") || countRecords(ctx, t, cluster, secretEvents[1].topic) < 5 || countRecords(ctx, t, cluster, secretEvents[2].topic) < 5 {
			if err := connection.Sleep(ctx, 50*time.Millisecond); err != nil {
				t.Fatalf("what the spool holds is not sent: %v", err)
			}
		}
		c.search(t, "the health of a publisher with a spool", allOf(pub.Health()))
		closing, cancel := context.WithTimeout(ctx, 3*time.Second)
		_ = pub.Close(closing)
		cancel()
		log := l.log.take()
		for by, text := range map[string]string{"the log": log, "metrics": l.exposition(), "spans": l.traced()} {
			c.search(t, by, text)
		}
		if !strings.Contains(l.exposition(), "spool") {
			t.Errorf("the publisher says too little to be searched: %.500s", log)
		}
	})
}

func countRecords(ctx context.Context, t *testing.T, cluster *trestletest.Cluster, topic string) (n int) {
	t.Helper()
	for _, err := range connection.Scan(ctx, cluster.Connection(), []string{topic}, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// searchSpool searches the files of a spool, without the keys and values of its records, and counts the records that hold what is sensitive. Their headers are searched.
func (c *canaries) searchSpool(t *testing.T, dir string) (held int) {
	t.Helper()
	var rest bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		fmt.Fprintln(&rest, path)
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rest.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, found := c.find(rest.String()); !found {
		t.Error("nothing is found in the files: are they searched at all?")
	}
	s, err := spool.Open(dir, spool.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := rest.Bytes()
	for range s.Stats().Records {
		e, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, found := c.find(string(e.Record.Value)); found {
			held++
		}
		c.search(t, "a record of a spool printed", allOf(e)+allOf(e.Record))
		for _, part := range [][]byte{e.Record.Value, e.Record.Key} {
			if len(part) > 0 && !bytes.Contains(text, part) {
				t.Errorf("a part of %d bytes is not in the files as it is", len(part))
			}
			text = bytes.ReplaceAll(text, part, nil)
		}
	}
	c.search(t, "the files of a spool", string(text))
	return held
}

// TestCanariesInHolders prints what holds events and letters on their way to and from stores.
func TestCanariesInHolders(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		for i, e := range secretEvents {
			payload := e.payload(c, "")
			r := e.record(c, e.enveloped(payload))
			d := e.letter(c, r, i)
			parked := parking.Letter{
				Place: parking.Place{Group: "readers", Topic: e.topic, TopicID: uuid.NewString()}, DeadLetter: e.topic + "_dlq", Key: r.Key, Value: d.AppendJSON(nil),
				Headers: d.Headers(), Refusal: "too large", ParkedAt: time.Now(),
			}
			traced := eventtrace.Event{Topic: e.topic, EventID: uuid.NewString(), EventType: e.eventType, Key: r.Key, Payload: jsonio.Raw(payload), Value: r.Value}
			read := &replay.Letter{Position: replay.Position{Topic: e.topic + "_dlq"}, Dead: &d, Source: e.topic, EventType: e.eventType, Cause: replay.Cause{ID: "c0ffee", Message: d.Error.Message}}
			for _, held := range []any{
				parked, &parked, traced, &traced, *read, read, replay.Examination{Before: r, After: r}, outbox.Refusal{Row: outbox.Row{Record: *r}}, outbox.Batch{Rows: []outbox.Row{{Record: *r}}},
				spool.Entry{Record: *r},
			} {
				c.search(t, fmt.Sprintf("%T printed", held), allOf(held))
			}
			if _, _, found := c.find(string(parked.Value) + payload); !found {
				t.Error("nothing is found in what is held")
			}
		}
	})
}
