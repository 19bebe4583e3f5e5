package replay_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/replay"
)

func TestNormalMessage(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"order 17 not found": "order # not found",
		"order 8f1ee3d0-5a0b-5b52-9e0c-3a6f1f2c7d41 not found":         "order # not found",
		`invalid node_type: 'odd one', at "line 3"`:                    `invalid node_type: "…", at "…"`,
		"it can't be, said the shop's owner":                           "it can't be, said the shop's owner",
		"dial tcp 10.0.0.7:5432: refused\nTraceback":                   "dial tcp # refused",
		"span deadbeef of order:FACADEFACE is lost, the facade stands": "span # of # is lost, the facade stands",
		"  a   b ":               "a b",
		strings.Repeat("é", 150): strings.Repeat("é", 100),
		"":                       "",
	} {
		if got := replay.NormalMessage(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

// Letters have one cause whatever ids their messages hold, such as keys without a digit; and those of several topics and event types have one across these.
func TestCauseAcrossTopics(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	for i, key := range []string{"V1StGXR8_Z5jdHi6B-myT", "KXQZvtrwLmNpQsTuVwXyZ", "cafebabe", "17"} {
		c.write(t, letterRecord(letter(i, func(d *deadletter.DeadLetter) {
			d.Original.Key = []byte(key)
			d.Error.Message = "order:" + key + " is held by " + key
			d.SourceTopic = []string{source, "elsewhere"}[i%2]
		})))
	}
	stats := c.stats(t)
	if len(stats.Causes) != 2 || stats.Causes[0].Message != "# is held by #" || stats.Causes[0].Across != stats.Causes[1].Across || stats.Causes[0].ID == stats.Causes[1].ID {
		t.Fatalf("%+v", stats.Causes)
	}
	for _, id := range []string{stats.Causes[0].Across, stats.Causes[0].ID} {
		n := 0
		for _, err := range selected(t, c.replayer(t, replay.Options{}), replay.Filter{Topics: []string{letters}, Causes: []string{id}}).Letters(deadline(t)) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if want := map[bool]int{true: 4, false: 2}[id == stats.Causes[0].Across]; n != want {
			t.Errorf("%s selects %d letters, want %d", id, n, want)
		}
	}
}
