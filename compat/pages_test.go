package compat_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
)

// TestPages holds that each rule has a page that shows an edit which breaks, and one that does not.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, r := range compat.Rules() {
		var b strings.Builder
		if err := r.WritePage(&b); err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		page := b.String()
		for _, want := range []string{"## " + r.ID, "Keeps: " + r.Purpose, "An edit that breaks", "Its neighbour", r.ID + ":"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in its page:\n%s", r.ID, want, page)
			}
		}
		if strings.Contains(page, "%s") || strings.Contains(strings.Split(page, "Its neighbour")[0], "# nothing differs") {
			t.Errorf("%s: its page is not filled in:\n%s", r.ID, page)
		}
	}
}
