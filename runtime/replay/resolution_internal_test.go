package replay

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var recorded = map[string]Resolution{
	"replayed": {
		Kind: Replayed, At: time.Date(2026, 11, 29, 2, 3, 4, 567890000, time.UTC), By: "alice", Groups: []string{"billing"},
	},
	"purged":   {Kind: Purged, At: time.Date(2026, 11, 29, 2, 3, 4, 0, time.UTC)},
	"repaired": {Kind: Repaired, At: time.Date(2026, 11, 29, 2, 3, 4, 0, time.UTC), By: "a \"b\"\u00e9", Groups: []string{"billing", "shipping"}},
}

// TestRecordedResolutions reads and writes the bytes of version 1, which never change.
func TestRecordedResolutions(t *testing.T) {
	t.Parallel()
	for name, want := range recorded {
		value, err := os.ReadFile("testdata/resolution_v1_" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(string(value), "\n")
		if diff := cmp.Diff(want, parseResolution([]byte(text))); diff != "" {
			t.Errorf("%s is read otherwise: %s", name, diff)
		}
		if diff := cmp.Diff(text, string(want.appendJSON(nil))); diff != "" {
			t.Errorf("%s is written otherwise: %s", name, diff)
		}
	}
	const key = "orders_dlq/0199a5c4-0000-4000-8000-000000000001/3/41"
	if l, offset, ok := parseResolutionKey([]byte(key)); !ok || string(resolutionKey(l, offset)) != key {
		t.Errorf("key %s is %+v, %d, %v", key, l, offset, ok)
	}
}

// TestResolutionsThatCannotBeRead count as resolved, and say why.
func TestResolutionsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for value, why := range map[string]string{
		`{"version":2,"resolution":"replayed"}`: "version 2",
		`{"version":1,"resolution":"parked"}`:   `"parked"`,
		`{"resolution":"replayed"}`:             "version 0",
		`{"version":1,"resolution":7}`:          "resolution:",
		`{"version":1,"resolution":"replayed"`:  "not a resolution",
		`[]`:                                    "version 0",
		"":                                      "not a resolution",
		`{"version":1,"resolution":"purged","groups":"a string"}`: "groups:",
	} {
		got := parseResolution([]byte(value))
		if got.Kind != Later || !strings.Contains(got.Note, why) {
			t.Errorf("%s: %+v, should say %q", value, got, why)
		}
	}
	if got := parseResolution([]byte(`{"version":1,"resolution":"purged","at":null,"ticket":{"more":[1]}}`)); got.Kind != Purged {
		t.Errorf("a member that a later version adds is not passed over: %+v", got)
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	p := Position{"orders_dlq", 3, 41}
	if got, err := ParsePosition(p.String()); err != nil || got != p {
		t.Errorf("%s is read as %v, %v", p, got, err)
	}
	for _, bad := range []string{"", "a", "a/1", "a/x/1", "a/1/x", "a/-1/1", "a/1/-1", "/1/1", "a/1/1/1"} {
		if got, err := ParsePosition(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
