package postgres

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
)

// TestBatchesAreReadByIndex has much wait in an outbox, of which the planner knows nothing: the rows of a batch are read where an index has
// them, without the others of the lane being read and sorted.
func TestBatchesAreReadByIndex(t *testing.T) {
	t.Parallel()
	db := opened(t)
	record := kafka.Record{Topic: "orders", Key: []byte("a"), Value: []byte(strings.Repeat("x", 3000))}
	key, lane := outbox.Place("id", &record)
	if _, err := db.pool.Exec(t.Context(), `INSERT INTO trestle_outbox (lane, key_hash, event_id, topic, "key", value, headers)
		SELECT $1, $2, 'id' || n, 'orders', 'a', $3, '[]' FROM generate_series(1, 5000) AS n`, lane, key, record.Value); err != nil {
		t.Fatal(err)
	}
	leases, _, err := db.Outbox().Lease(t.Context(), "relay", 1e9)
	if err != nil || len(leases) != outbox.Lanes {
		t.Fatal(leases, err)
	}
	for name, query := range map[string]string{"no key is held up": readyRows, "some are": freeRows} {
		tx, err := db.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := finish(t.Context(), tx, leases[lane], 0); err != nil {
			t.Fatal(err)
		}
		plan := explain(t, tx, query, lane, 100, 1<<20)
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plan, "Sort") || strings.Contains(plan, "rows=5000") || !strings.Contains(plan, "trestle_outbox_ready") {
			t.Errorf("where %s:\n%s", name, plan)
		}
	}
}
