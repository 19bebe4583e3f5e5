package replay_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/replay"
)

func TestNormalMessage(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"order 17 not found": "order # not found",
		"order 8f1ee3d0-5a0b-5b52-9e0c-3a6f1f2c7d41 not found": "order # not found",
		`invalid node_type: 'odd one', at "line 3"`:            `invalid node_type: "…", at "…"`,
		"it can't be, said the shop's owner":                   "it can't be, said the shop's owner",
		"dial tcp 10.0.0.7:5432: refused\nTraceback":           "dial tcp # refused",
		"  a   b ":               "a b",
		strings.Repeat("é", 150): strings.Repeat("é", 100),
		"":                       "",
	} {
		if got := replay.NormalMessage(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}
