package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store/storetest"
)

// TestTracesAreReadByIndex has each question that is promised to be answered by an index read its page from that index in order,
// so that nothing is read but the page.
func TestTracesAreReadByIndex(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "trace.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, planned := range storetest.PlannedQueries() {
		for _, at := range []eventtrace.Cursor{{}, {LogTime: planned.At, Topic: "a", Offset: 7}} {
			for _, way := range []eventtrace.Way{eventtrace.Oldest, eventtrace.Newest} {
				query, args, err := readRows(planned.Query, at, way, 100)
				if err != nil {
					t.Fatal(err)
				}
				rows, err := db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
				if err != nil {
					t.Fatal(err)
				}
				var plan strings.Builder
				for rows.Next() {
					var id, parent, unused int
					var detail string
					if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
						t.Fatal(err)
					}
					plan.WriteString(detail + "\n")
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				if text := plan.String(); !strings.Contains(text, planned.Index) || strings.Contains(text, "TEMP B-TREE FOR ORDER BY") {
					t.Errorf("%s, from %+v, newest first: %t:\n%s", name, at, way, text)
				}
			}
		}
	}
}
