package gentest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/daead/subtle"

	"github.com/omninode/trestle/runtime/encrypt"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
)

// oneKey is the only key.
type oneKey struct{ key *encrypt.Key }

func (k oneKey) Current(context.Context, string, string) (*encrypt.Key, error) { return k.key, nil }
func (k oneKey) ByID(context.Context, encrypt.KeyID) (*encrypt.Key, error)     { return k.key, nil }

// plainAdmitted describes an event as if nothing of it were encrypted.
type plainAdmitted struct{ sealedv1.PatientAdmitted }

var plainInfo = func() trestle.EventInfo {
	info := *new(sealedv1.PatientAdmitted).EventInfo()
	info.SealedKeys = nil
	info.New = func() trestle.Event { return new(plainAdmitted) }
	return info
}()

func (*plainAdmitted) EventInfo() *trestle.EventInfo { return &plainInfo }

// byHand is encryption as one would write it with the standard library and Tink: each value by AES-256-GCM, or AES-SIV where that is asked for, as base64url.
type byHand struct {
	b             *testing.B
	gcm           cipher.AEAD
	siv           *subtle.AESSIV
	aad, raw, out []byte
	values        [][]byte
	deterministic []bool
	texts         [][]byte
}

func newByHand(b *testing.B) *byHand {
	b.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		b.Fatal(err)
	}
	h := &byHand{b: b, aad: bytes.Repeat([]byte{1}, 100)}
	if h.gcm, err = cipher.NewGCM(block); err != nil {
		b.Fatal(err)
	}
	if h.siv, err = subtle.NewAESSIV(bytes.Repeat([]byte{7}, subtle.AESSIVKeySize)); err != nil {
		b.Fatal(err)
	}
	return h
}

func (h *byHand) add(value []byte, deterministic bool) {
	h.values, h.deterministic = append(h.values, value), append(h.deterministic, deterministic)
	h.texts = append(h.texts, bytes.Clone(h.one(value, deterministic)))
}

func (h *byHand) one(value []byte, deterministic bool) []byte {
	if deterministic {
		h.raw, _ = h.siv.EncryptDeterministically(value, h.aad)
	} else {
		var nonce [12]byte
		_, _ = rand.Read(nonce[:])
		h.raw = h.gcm.Seal(append(h.raw[:0], nonce[:]...), nonce[:], value, h.aad)
	}
	h.out = base64.RawURLEncoding.AppendEncode(h.out[:0], h.raw)
	return h.out
}

func (h *byHand) seal() {
	for i, v := range h.values {
		h.one(v, h.deterministic[i])
	}
}

func (h *byHand) open() {
	for i, text := range h.texts {
		var err error
		h.raw, _ = base64.RawURLEncoding.AppendDecode(h.raw[:0], text)
		if h.deterministic[i] {
			_, err = h.siv.DecryptDeterministically(h.raw, h.aad)
		} else {
			h.out, err = h.gcm.Open(h.out[:0], h.raw[:12], h.raw[12:], h.aad)
		}
		if err != nil {
			h.b.Fatal(err)
		}
	}
}

// BenchmarkSealedEvent writes and reads an event with encrypted fields, beside the same event in clear and the encryption of the same values by hand, which are not put
// into the event, nor found there.
func BenchmarkSealedEvent(b *testing.B) {
	key, err := encrypt.NewKey(uuid.New(), bytes.Repeat([]byte{7}, encrypt.SecretSize))
	if err != nil {
		b.Fatal(err)
	}
	keys := oneKey{key}
	make := func(e *sealedv1.PatientAdmitted) {
		e.Id, e.Text, e.Weight = "admission-4711", "has a cough, and sleeps badly", 81
		e.Email, e.Record = "", "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b"
		e.Patient = &sealedv1.Patient{Who: &sealedv1.Person{Id: "person-7", Name: "Ann Example"}, Ward: "pneumology"}
	}
	sealed, plain := new(sealedv1.PatientAdmitted), new(plainAdmitted)
	make(sealed)
	make(&plain.PatientAdmitted)
	hand := newByHand(b)
	text, err := sealed.AppendJSON(nil)
	if err != nil {
		b.Fatal(err)
	}
	r := jsonio.NewReader(text)
	sealed.EventInfo().Masks.Sealed(r, sealed.EventInfo().FullName, func(m *jsonio.SealedMember) {
		hand.add(bytes.Clone(text[m.Value.Start:m.Value.End]), m.Seal.Deterministic)
	})
	env := func() *trestle.Envelope {
		return &trestle.Envelope{EventID: "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b", CorrelationID: "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6c"}
	}
	encode := func(e trestle.Event) trestle.Record {
		rec, err := trestle.Encode(e, env(), trestle.EncodeOptions{Keys: keys})
		if err != nil {
			b.Fatal(err)
		}
		return rec
	}
	decode := func(rec *trestle.Record, types *trestle.Types) {
		if d, err := trestle.Decode(rec, types, trestle.DecodeOptions{Keys: keys}); err != nil || len(d.Unavailable) > 0 {
			b.Fatal(err)
		}
	}
	sealedRecord, plainRecord := encode(sealed), encode(plain)
	sealedTypes, plainTypes := trestle.NewTypes(sealed.EventInfo()), trestle.NewTypes(&plainInfo)
	b.Run("write", func(b *testing.B) {
		besideByHand(b, func() { encode(sealed) }, func() {
			encode(plain)
			hand.seal()
		})
	})
	b.Run("read", func(b *testing.B) {
		besideByHand(b, func() { decode(&sealedRecord, sealedTypes) }, func() {
			decode(&plainRecord, plainTypes)
			hand.open()
		})
	})
}

// besideByHand measures ours beside another in turns, and reports the median of ours by the other's.
func besideByHand(b *testing.B, ours, hand func()) {
	const each = 100
	var ratios []float64
	var total time.Duration
	for b.Loop() {
		var took [2]time.Duration
		for i, do := range []func(){ours, hand} {
			begun := time.Now()
			for range each {
				do()
			}
			took[i] = time.Since(begun)
		}
		total += took[0]
		ratios = append(ratios, float64(took[0])/float64(took[1]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "hand-x-time")
	b.ReportMetric(float64(total.Nanoseconds())/float64(each*len(ratios)), "ns/event")
}
