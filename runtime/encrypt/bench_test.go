package encrypt_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
)

// byHand is AES-256-GCM as one would write it with the standard library: the same bytes, but for what they are bound to.
var aad = bytes.Repeat([]byte{1}, 17+18+4+5+4+13+4+36)

type byHand struct {
	gcm    cipher.AEAD
	header [18]byte
	aad    []byte
	raw    []byte
	sealed []byte
}

func newByHand(b *testing.B, aad []byte) *byHand {
	b.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return &byHand{gcm: gcm, aad: aad}
}

func (h *byHand) seal(out, value []byte) []byte {
	var nonce [12]byte
	_, _ = rand.Read(nonce[:])
	h.raw = append(append(h.raw[:0], h.header[:]...), nonce[:]...)
	h.raw = h.gcm.Seal(h.raw, nonce[:], value, h.aad)
	return base64.RawURLEncoding.AppendEncode(append(out, encrypt.Prefix...), h.raw)
}

func (h *byHand) open(out, text []byte) ([]byte, error) {
	var err error
	if h.raw, err = base64.RawURLEncoding.AppendDecode(h.raw[:0], text[len(encrypt.Prefix):]); err != nil {
		return nil, err
	}
	return h.gcm.Open(out, h.raw[18:30], h.raw[30:], h.aad)
}

// beside measures ours beside others in turns, and reports the medians of ours by theirs: by another that binds a field as ours does, and one that does not.
func beside(b *testing.B, ours, bound, unbound func()) {
	const each = 200
	var ratios [2][]float64
	var total time.Duration
	for b.Loop() {
		var took [3]time.Duration
		for i, do := range []func(){ours, bound, unbound} {
			began := time.Now()
			for range each {
				do()
			}
			took[i] = time.Since(began)
		}
		total += took[0]
		for i := range ratios {
			ratios[i] = append(ratios[i], float64(took[0])/float64(took[i+1]))
		}
	}
	for i, unit := range []string{"bound-x-time", "unbound-x-time"} {
		slices.Sort(ratios[i])
		b.ReportMetric(ratios[i][len(ratios[i])/2], unit)
	}
	b.ReportMetric(float64(total.Nanoseconds())/float64(each*len(ratios[0])), "ns/field")
}

// BenchmarkField seals and opens the text of a field beside AES-256-GCM by hand.
func BenchmarkField(b *testing.B) {
	key, hands := newKey(b), []*byHand{newByHand(b, aad), newByHand(b, nil)}
	for _, size := range []int{16, 64, 1024} {
		value := bytes.Repeat([]byte("v"), size)
		var out, handOut []byte
		must := func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		}
		of := func(do func(h *byHand)) (bound, unbound func()) {
			return func() { do(hands[0]) }, func() { do(hands[1]) }
		}
		b.Run(fmt.Sprintf("seal-%d", size), func(b *testing.B) {
			bound, unbound := of(func(h *byHand) { handOut = h.seal(handOut[:0], value) })
			beside(b, func() {
				var err error
				out, err = key.AppendText(out[:0], &place, encrypt.Text, value, false)
				must(err)
			}, bound, unbound)
		})
		sealed, err := key.AppendText(nil, &place, encrypt.Text, value, false)
		must(err)
		for _, h := range hands {
			if h.sealed = h.seal(nil, value); len(h.sealed) != len(sealed) {
				b.Errorf("by hand %d bytes, sealed %d", len(h.sealed), len(sealed))
			}
		}
		b.Run(fmt.Sprintf("open-%d", size), func(b *testing.B) {
			bound, unbound := of(func(h *byHand) {
				var err error
				handOut, err = h.open(handOut[:0], h.sealed)
				must(err)
			})
			beside(b, func() {
				s, err := encrypt.ParseText(sealed)
				must(err)
				out, err = key.AppendOpened(out[:0], &place, &s)
				must(err)
			}, bound, unbound)
		})
	}
}
