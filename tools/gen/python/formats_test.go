package python_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/omninode/trestle/runtime/genapi/format"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
	"github.com/omninode/trestle/tools/gen/python"
)

// TestFormatsAgree has Go and Python judge texts of and near every format.
func TestFormatsAgree(t *testing.T) {
	t.Parallel()
	files, err := python.Generate(loadSet(t, filepath.Join("..", "golang", "testdata", "left", "in")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, files)
	p := startPeer(t, filepath.Join(dir, "python"), "acme_events", leftv1.Events())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	tests := map[string]struct {
		holds func(string) bool
		texts []string
	}{
		"date":          {format.Date, []string{"2024-02-29", "0000-02-29", "1900-02-28", "9999-12-31"}},
		"time":          {format.TimeOfDay, []string{"08:30:06Z", "23:59:60z", "01:29:60.5+01:30", "15:59:60-08:00"}},
		"duration":      {format.Period, []string{"P4DT12H30M5S", "P2W", "PT0S", "P1Y2M3D", "P1M", "PT36H"}},
		"email":         {format.Mailbox, []string{"a.b@c.d", "\"a @b\\\"\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]"}},
		"hostname":      {format.Hostname, []string{"a", "a-b.c1.", "1.a", "a.1"}},
		"ipv4":          {format.IPv4, []string{"1.2.3.4", "255.255.255.255", "01.2.3.4"}},
		"ipv6":          {format.IPv6Bare, []string{"::1", "1:2::192.168.0.1", "1:2:3:4:5:6:7:8", "fe80::1%eth0"}},
		"uri":           {format.URI, []string{"http://u:p@h:80/a?b#c", "urn:a:b", "http://[::1]:80/", "a:", "http://%41/%zz", "h://[v1.a]"}},
		"uri-reference": {format.URIReference, []string{"", "a:##", "a/b:c", "//h/a", "./a:b", "#a", "?a", "a:b"}},
		"uuid":          {format.UUID, []string{"550e8400-e29b-41d4-a716-446655440000"}},
		"json-pointer":  {format.JSONPointer, []string{"", "/a~0b/c~1", "/"}},
	}
	for name, tt := range tests {
		texts := tt.texts
		for range 3000 {
			texts = append(texts, mutated(rng, tt.texts[rng.IntN(len(tt.texts))]))
		}
		var theirs []bool
		p.ask(t, map[string]any{"op": "formats", "name": name, "texts": texts}, &theirs)
		count := map[bool]int{}
		for i, text := range texts {
			if ours := tt.holds(text); ours != theirs[i] {
				t.Errorf("%s %q: Go says %t, Python %t", name, text, ours, theirs[i])
			}
			count[theirs[i]]++
		}
		if count[true] < 20 || count[false] < 20 {
			t.Errorf("%s: %v of the texts are valid: too few of one kind", name, count)
		}
	}
}

// mutated changes a text in one place or two.
func mutated(rng *rand.Rand, s string) string {
	const letters = "019aAfFgzTZPYMDWHS.:-_@/%#?[]~+ \n\"\\é৪"
	runes, pool := []rune(s), []rune(letters)
	for range 1 + rng.IntN(2) {
		at, r := rng.IntN(len(runes)+1), pool[rng.IntN(len(pool))]
		switch {
		case at == len(runes) || rng.IntN(3) == 0:
			runes = append(runes[:at], append([]rune{r}, runes[at:]...)...)
		case rng.IntN(2) == 0:
			runes = append(runes[:at], runes[at+1:]...)
		default:
			runes[at] = r
		}
	}
	return string(runes)
}
