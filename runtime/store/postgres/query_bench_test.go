package postgres_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

var rows = flag.Int("rows", 100_000, "how many events BenchmarkQueries asks among")

// BenchmarkQueries asks for conversations of 8 events and sessions of 64 among many of 1 KB, which are those of 30 days. By hand:
//
//	go test ./runtime/store/postgres -run '^$' -bench Queries -benchtime 1x -timeout 60m -args -rows 5000000
func BenchmarkQueries(b *testing.B) {
	const days, batch, perConversation, perSession = 30, 5000, 8, 64
	dsn := services.Postgres(b)
	store := open(b, dsn)
	defer store.Close()
	random := rand.New(rand.NewPCG(3, 4))
	first, apart := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-days), days*24*time.Hour/time.Duration(*rows)
	for at := 0; at < *rows; at += batch {
		events := make([]eventtrace.Event, min(batch, *rows-at))
		for i := range events {
			n := at + i
			// Conversations and sessions stand beside others of their time.
			group := n/(16*perSession)*16 + n%16
			inGroup := n % (16 * perSession) / 16
			e := eventtrace.Event{
				Topic: fmt.Sprintf("omninode_codegen_topic_%d_v1", n%7), TopicID: "11111111-1111-4111-8111-111111111111", Partition: int32(n % 3), Offset: int64(n),
				EventID: wire.RecordID("event", 0, int64(n)), SessionID: wire.RecordID("session", 0, int64(group)),
				CorrelationID: wire.RecordID("conversation", int32(inGroup/perConversation), int64(group)), EventType: fmt.Sprint("CodegenEvent", n%20),
				LogTime: first.Add(apart * time.Duration(n)),
			}
			e.Timestamp, e.Key = e.LogTime, []byte(e.CorrelationID)
			var text strings.Builder
			for text.Len() < 900 {
				fmt.Fprintf(&text, "%x section ", random.Uint64())
			}
			e.Payload = jsonio.Raw(fmt.Sprintf(`{"message":%q,"status":"processing"}`, text.String()))
			events[i] = e
		}
		if added, err := store.Append(b.Context(), events, nil); err != nil || added != len(events) {
			b.Fatalf("added %d, error %v", added, err)
		}
	}
	conn := connect(b, dsn)
	guard(b, conn, "VACUUM ANALYZE event_logs")
	var bytes int64
	if err := conn.QueryRow(b.Context(), "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'event_logs'::regclass").Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	groups := *rows / (16 * perSession) * 16
	percentiles := func(name string, took []time.Duration) {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), name+"-p99-µs")
	}
	for b.Loop() {
		nothing := make([]time.Duration, 2000) // what a question costs that is none
		for i := range nothing {
			began := time.Now()
			guard(b, conn, "SELECT 1")
			nothing[i] = time.Since(began)
		}
		percentiles("round-trip", nothing)
		for name, ask := range map[string]func() (eventtrace.Query, int){
			"conversation": func() (eventtrace.Query, int) {
				return eventtrace.Query{CorrelationID: wire.RecordID("conversation", int32(random.IntN(perSession/perConversation)), int64(random.IntN(groups)))}, perConversation
			},
			"session": func() (eventtrace.Query, int) {
				return eventtrace.Query{SessionID: wire.RecordID("session", 0, int64(random.IntN(groups)))}, perSession
			},
		} {
			took := make([]time.Duration, 2000)
			for i := range took {
				q, want := ask()
				began := time.Now()
				found, err := eventtrace.All(b.Context(), store, q)
				took[i] = time.Since(began)
				if err != nil || len(found) != want {
					b.Fatalf("%s: %d events, error %v, want %d", name, len(found), err, want)
				}
			}
			percentiles(name, took)
		}
	}
	b.ReportMetric(float64(bytes)/float64(*rows), "bytes/event")
}
