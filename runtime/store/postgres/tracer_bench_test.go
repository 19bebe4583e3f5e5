package postgres_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

// traced are records as publishers write them, of 2 to 5 KB.
func traced(n int) []*kgo.Record {
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("analysis requirements section document extract validate node stage service user confidence result model " +
		"pattern event schema status pending message session timeout registry contract version field")
	began := time.Now().UTC().Truncate(24 * time.Hour)
	records := make([]*kgo.Record, n)
	for i := range records {
		var text strings.Builder
		for size := 1700 + random.IntN(3000); text.Len() < size; {
			fmt.Fprintf(&text, "%s %x ", words[random.IntN(len(words))], random.Uint32N(1<<16))
		}
		correlation, session := uuid.NewString(), uuid.NewString()
		if i%3 > 0 {
			correlation = string(records[i-1].Key)
		}
		records[i] = &kgo.Record{
			Topic: "omninode_codegen_request_analyze_v1", Partition: int32(i % 3), Key: []byte(correlation), Timestamp: began.Add(time.Duration(i) * time.Millisecond),
			Headers: []kgo.RecordHeader{
				{Key: wire.HeaderEventID, Value: []byte(uuid.NewString())}, {Key: wire.HeaderEventType, Value: []byte("CodegenAnalysisRequest")},
				{Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)},
			},
			Value: fmt.Appendf(nil, `{"envelope_version":"1.0","correlation_id":%q,"session_id":%q,"event_type":"CodegenAnalysisRequest",`+
				`"timestamp":"2025-10-16T12:34:56.789012Z","payload":{"session_id":%q,"correlation_id":%q,"prd_content":%q,"analysis_type":"full",`+
				`"workspace_context":{"project":"omninode","language":"go"},"timestamp":"2025-10-16T12:34:56.789012Z"}}`,
				correlation, session, session, correlation, text.String()),
		}
	}
	return records
}

// guideTable and guideInsert are the guide's, with the names quoted that have to be, and indexes for what it asks.
const (
	guideTable = `CREATE TABLE event_logs (event_id uuid PRIMARY KEY, correlation_id uuid, session_id uuid, event_type text, topic text, "partition" integer,
		"offset" bigint, payload jsonb, "timestamp" timestamptz, created_at timestamptz);
		CREATE INDEX ON event_logs (correlation_id); CREATE INDEX ON event_logs (session_id)`
	guideInsert = `INSERT INTO event_logs (event_id, correlation_id, session_id, event_type, topic, "partition", "offset", payload, "timestamp", created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

// BenchmarkTracer stores what a topic holds, from Kafka's records to committed rows, on a server that waits for its disk as PostgreSQL
// does where nothing is set. In one run, by turns, it measures beside that the guide's way, an INSERT a transaction of events that are read
// already, and a bare COPY of the same rows as the tracer's into a table with the same partitions and indexes. The ratios are medians over the rounds.
func BenchmarkTracer(b *testing.B) {
	const total, inserts, rounds = 40_000, 1000, 5
	records := traced(total)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, records[0].Topic))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(b.Context(), records...).FirstErr(); err != nil {
		b.Fatal(err)
	}
	server := services.OwnPostgres(b, "fsync=on", "full_page_writes=on")
	read := eventtrace.Envelopes(func(string) wire.Kind { return wire.OnexV1 })
	events := make([]eventtrace.Event, total)
	for i, r := range records {
		headers := make([]kafka.Header, len(r.Headers))
		for j, h := range r.Headers {
			headers[j] = kafka.Header(h)
		}
		events[i] = read(&kafka.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: headers})
		events[i].Topic, events[i].Partition, events[i].Offset, events[i].Key, events[i].LogTime = r.Topic, r.Partition, r.Offset, r.Key, r.Timestamp
		if err := events[i].Validate(); err != nil || events[i].Invalid != "" {
			b.Fatal(err, events[i].Invalid)
		}
	}
	took := map[string][]float64{} // seconds an event
	measure := func(name string, n int, run func(dsn string)) {
		dsn := server.Database()
		if name != "insert" {
			store := open(b, dsn)
			if _, err := store.Append(b.Context(), events[:1], nil); err != nil { // makes the partition
				b.Fatal(err)
			}
			store.Close()
		}
		conn := connect(b, dsn)
		if name != "insert" {
			guard(b, conn, "TRUNCATE event_logs")
		} else {
			guard(b, conn, guideTable)
		}
		guard(b, conn, "CHECKPOINT")
		began := time.Now()
		run(dsn)
		took[name] = append(took[name], time.Since(began).Seconds()/float64(n))
		var rows int
		if err := conn.QueryRow(b.Context(), "SELECT count(*) FROM event_logs").Scan(&rows); err != nil || rows != n {
			b.Fatalf("%s: %d rows, error %v, want %d", name, rows, err, n)
		}
	}
	ways := []func(){
		func() {
			measure("tracer", total, func(dsn string) {
				store := open(b, dsn)
				defer store.Close()
				sink, err := eventtrace.NewSink(cluster.ListenAddrs(), []string{records[0].Topic}, store, read,
					eventtrace.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
				if err == nil {
					err = sink.RunUntilEnd(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
			})
		},
		func() {
			measure("copy", total, func(dsn string) {
				conn := connect(b, dsn)
				for batch := range slices.Chunk(events, 1000) {
					if err := bareCopy(b.Context(), conn, "event_logs", batch); err != nil {
						b.Fatal(err)
					}
				}
			})
		},
		func() {
			measure("insert", inserts, func(dsn string) {
				conn := connect(b, dsn)
				for i := range events[:inserts] {
					e := &events[i]
					guard(b, conn, guideInsert, e.EventID, e.CorrelationID, e.SessionID, e.EventType, e.Topic, e.Partition, e.Offset, string(e.Payload), e.Timestamp, time.Now())
				}
			})
		},
	}
	for b.Loop() {
		for round := range rounds {
			for i := range ways {
				ways[(round+i)%len(ways)]()
			}
		}
	}
	median := func(all []float64) float64 {
		all = slices.Sorted(slices.Values(all))
		return all[len(all)/2]
	}
	beside := func(name string) float64 {
		ratios := slices.Clone(took[name])
		for i := range ratios {
			ratios[i] /= took["tracer"][i]
		}
		return median(ratios)
	}
	b.ReportMetric(beside("insert"), "tracer-x-insert")
	b.ReportMetric(beside("copy"), "tracer-of-copy")
	for name, all := range took {
		b.ReportMetric(1/median(all), name+"-events/s")
	}
	b.Logf("seconds an event, by round: %v", took)
}

func guard(b *testing.B, conn *pgx.Conn, sql string, args ...any) {
	b.Helper()
	if _, err := conn.Exec(b.Context(), sql, args...); err != nil {
		b.Fatal(err)
	}
}
