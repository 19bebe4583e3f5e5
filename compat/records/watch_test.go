package records_test

import (
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/records"
)

// An edit that breaks the schemas is safe for what is stored where no record has what it is about, or all that have it are fine; else nothing of the kind is said.
func TestSafeEdits(t *testing.T) {
	t.Parallel()
	old := set(t)
	removed, tightened := set(t, "  // A code.\n  string code = 5 CODE;\n", "  reserved 5;\n"), set(t, "STATE", "[(buf.validate.field).string.max_len = 3]")
	bare, coded := `{"order_id":"a","status":"new","items":[]}`, `{"order_id":"b","status":"new","items":[{"state":"abc"}],"code":"x"}`
	for name, c := range map[string]struct {
		tighten  bool
		payloads []string
		want     string
	}{
		"removed, and no record has it": {payloads: []string{bare, bare}, want: "shop.v1.Placed.code: no record since 2025-10-16 has this field (2 looked at): the edit is safe for what is there"},
		"removed, and one has it":       {payloads: []string{bare, coded}},
		"removed, and nothing is there": {want: "shop.v1.Placed.code: no record of these events is stored since 2025-10-16: the edit is safe for what is there"},
		"tightened, and all are fine":   {tighten: true, payloads: []string{bare, coded}, want: "shop.v1.Item.state: 1 of 2 records since 2025-10-16 have this field, and none of them is refused or loses it: the edit is safe for what is there"},
		"tightened, and one is refused": {tighten: true, payloads: []string{coded, `{"order_id":"b","status":"new","items":[{"state":"abcd"}]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := removed
			if c.tighten {
				next = tightened
			}
			r, err := compat.Compare(old, next, compat.Options{})
			if err != nil || r.Compatible {
				t.Fatalf("the edit breaks nothing: %v", err)
			}
			x := records.NewExaminer(next, old, records.Options{Since: time.Date(2025, 10, 16, 0, 0, 0, 0, time.UTC)})
			x.Watch(r.Findings)
			for i, p := range c.payloads {
				x.Examine(placed(p), records.Place{Topic: "orders", Offset: int64(i)})
			}
			x.Conclude(r)
			var got []string
			for _, n := range r.RecordNotes {
				got = append(got, n.Text)
			}
			if all := strings.Join(got, "; "); all != c.want {
				t.Errorf("noted %q, want %q", all, c.want)
			}
		})
	}
}
