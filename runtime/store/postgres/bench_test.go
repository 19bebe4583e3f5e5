package postgres_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// BenchmarkAppend compares with a bare COPY of the same rows, in a transaction of its own, into a table with the same
// indexes.
func BenchmarkAppend(b *testing.B) {
	dsn := services.Postgres(b)
	store := open(b, dsn)
	defer store.Close()
	conn := connect(b, dsn)
	if _, err := conn.Exec(b.Context(), "CREATE TABLE bare (LIKE event_logs INCLUDING ALL)"); err != nil {
		b.Fatal(err)
	}
	storetest.BenchmarkTraces(b, store, func(events []eventtrace.Event) error { return bareCopy(b.Context(), conn, "bare", events) })
}

// bareCopy copies events into a table.
func bareCopy(ctx context.Context, conn *pgx.Conn, table string, events []eventtrace.Event) error {
	columns := []string{
		"topic", "partition", "offset", "event_id", "correlation_id", "session_id", "event_type", "timestamp", "log_time",
		"key", "payload",
	}
	_, err := conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
		e := &events[i]
		return []any{
			e.Topic, e.Partition, e.Offset, [16]byte(uuid.MustParse(e.EventID)),
			[16]byte(uuid.MustParse(e.CorrelationID)), [16]byte(uuid.MustParse(e.SessionID)), e.EventType,
			e.Timestamp, e.LogTime, e.Key, string(e.Payload),
		}, nil
	}))
	return err
}

func connect(tb testing.TB, dsn string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close(tb.Context()) })
	return conn
}
