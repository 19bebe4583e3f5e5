package jsonio

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// TestPlainEnd holds the search for what cannot stand for itself in a string to looking at every byte.
func TestPlainEnd(t *testing.T) {
	t.Parallel()
	edges := []byte{0x00, 0x1f, 0x20, 0x21, '"', 0x23, 0x5b, '\\', 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		d := make([]byte, rng.IntN(100))
		for i := range d {
			d[i] = 'a'
			if rng.IntN(30) == 0 {
				d[i] = edges[rng.IntN(len(edges))]
			}
		}
		start := rng.IntN(len(d) + 1)
		want := start
		for want < len(d) && d[want] >= 0x20 && d[want] != '"' && d[want] != '\\' && d[want] < utf8.RuneSelf {
			want++
		}
		if got := plainEnd(d, start); got != want {
			t.Fatalf("plainEnd(%q, %d) = %d, want %d", d, start, got, want)
		}
		if got := plainWords(d, start); got > want || got < start {
			t.Fatalf("plainWords(%q, %d) = %d, beyond %d", d, start, got, want)
		}
	}
}
