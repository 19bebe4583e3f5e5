package protobin

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestValidSameAsUTF8(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := bytes.Repeat([]byte("a"), rng.IntN(80))
		if len(b) > 0 && rng.IntN(2) == 0 {
			copy(b[rng.IntN(len(b)):], "é")
		}
		if s := string(b); Valid(s) != utf8.ValidString(s) {
			t.Fatalf("Valid(%q) = %t", s, Valid(s))
		}
	}
}

func TestAppendSameAsProtowire(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 127, 128, 300, 20_000} {
		s := string(bytes.Repeat([]byte("a"), n))
		if got, want := AppendString(nil, s), protowire.AppendString(nil, s); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %x, want %x", n, got[:min(len(got), 8)], want[:min(len(want), 8)])
		}
		if got, want := AppendVarint(nil, uint64(n)), protowire.AppendVarint(nil, uint64(n)); !bytes.Equal(got, want) {
			t.Errorf("%d: %x, want %x", n, got, want)
		}
	}
}
