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

	"github.com/omninode/trestle/runtime/encrypt"
	trestle "github.com/omninode/trestle/runtime/event"
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

// BenchmarkSealedEvent writes and reads an event with six encrypted fields, beside the same event in clear together with AES-256-GCM, by the standard library, of the same
// values in the same text form: what somebody who encrypts by hand would need at least.
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
	values := []string{sealed.Text, "81", sealed.Record, sealed.Patient.Who.Name, sealed.Patient.Ward, "0"}
	block, err := aes.NewCipher(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	aad := bytes.Repeat([]byte{1}, 100)
	var raw, out []byte
	var texts [][]byte
	for _, v := range values {
		var nonce [12]byte
		texts = append(texts, base64.RawURLEncoding.AppendEncode(nil, gcm.Seal(nonce[:], nonce[:], []byte(v), aad)))
	}
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
			for _, v := range values {
				var nonce [12]byte
				_, _ = rand.Read(nonce[:])
				raw = gcm.Seal(append(raw[:0], nonce[:]...), nonce[:], []byte(v), aad)
				out = base64.RawURLEncoding.AppendEncode(out[:0], raw)
			}
		})
	})
	b.Run("read", func(b *testing.B) {
		besideByHand(b, func() { decode(&sealedRecord, sealedTypes) }, func() {
			decode(&plainRecord, plainTypes)
			for _, text := range texts {
				raw, _ = base64.RawURLEncoding.AppendDecode(raw[:0], text)
				if out, err = gcm.Open(out[:0], raw[:12], raw[12:], aad); err != nil {
					b.Fatal(err)
				}
			}
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
