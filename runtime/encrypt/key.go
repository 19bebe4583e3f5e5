package encrypt

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/daead/subtle"
)

// SecretSize is the size of a key's secret, in bytes.
const SecretSize = 32

// maxSealed is how many values one process seals with a key: with random nonces of 96 bits two of 2^32 are the same with a chance of 2^-33 (NIST SP 800-38D, 8.3).
const maxSealed = 1 << 32

// Key is a data key: it seals values, and opens what it sealed. It may be used from many goroutines.
type Key struct {
	id     KeyID
	gcm    cipher.AEAD
	siv    atomic.Pointer[subtle.AESSIV] // once it was needed
	forSIV *[subtle.AESSIVKeySize]byte   // behind a pointer, so that it is printed nowhere
	sealed atomic.Uint64
}

// NewKey returns the key of that id, whose secret is of [SecretSize]. What it encrypts with is derived from the secret by HKDF-SHA256 (RFC 5869), for each mode another.
func NewKey(id KeyID, secret []byte) (*Key, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("key %s: its secret is of %d bytes, not %d", id, len(secret), SecretSize)
	}
	forGCM, err := derive(secret, id, "aes-256-gcm", 32)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	forSIV, err := derive(secret, id, "aes-siv", subtle.AESSIVKeySize)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	k := &Key{id: id, forSIV: (*[subtle.AESSIVKeySize]byte)(forSIV)}
	if k.gcm, err = newGCM(forGCM); err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	return k, nil
}

// derive returns a key for one purpose, which says nothing of the others nor of the secret.
func derive(secret []byte, id KeyID, purpose string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, id[:], "trestle "+purpose, size)
}

// aesSIV makes what few keys need, and takes as much memory as all else.
func (k *Key) aesSIV() (*subtle.AESSIV, error) {
	if made := k.siv.Load(); made != nil {
		return made, nil
	}
	made, err := subtle.NewAESSIV(k.forSIV[:])
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.id, err)
	}
	k.siv.Store(made)
	return made, nil
}

// ID is the key's.
func (k *Key) ID() KeyID { return k.id }

// Format writes the key's id, whatever the verb.
func (k *Key) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "key %s", k.id) }

// IsSpent says that the key has sealed as much as it may in this process; it still opens.
func (k *Key) IsSpent() bool { return k.sealed.Load() >= maxSealed }

// work is what sealing and opening need beside their results.
type work struct{ raw, place []byte }

var works = sync.Pool{New: func() any { return new(work) }}

// AppendText appends a value, sealed to its place, as text: characters of base64url behind the prefix.
func (k *Key) AppendText(b []byte, place *Place, format Format, value []byte, isDeterministic bool) ([]byte, error) {
	w := works.Get().(*work)
	defer works.Put(w)
	var err error
	if w.raw, err = k.seal(w.raw[:0], w, place, format, value, isDeterministic); err != nil {
		return b, err
	}
	return encoding.AppendEncode(append(b, Prefix...), w.raw), nil
}

// AppendBytes appends a value, sealed to its place, as bytes behind the prefix.
func (k *Key) AppendBytes(b []byte, place *Place, format Format, value []byte, isDeterministic bool) ([]byte, error) {
	w := works.Get().(*work)
	defer works.Put(w)
	return k.seal(append(b, Prefix...), w, place, format, value, isDeterministic)
}

func (k *Key) seal(b []byte, w *work, place *Place, format Format, value []byte, isDeterministic bool) ([]byte, error) {
	m := random
	if isDeterministic {
		m = deterministic
	}
	header := headerOf(k.id, format, m)
	w.place = place.append(w.place[:0], &header, m)
	b = append(b, header[:]...)
	if m == deterministic {
		siv, err := k.aesSIV()
		if err != nil {
			return b, err
		}
		sealed, err := siv.EncryptDeterministically(value, w.place)
		if err != nil {
			return b, fmt.Errorf("seal with key %s: %w", k.id, err)
		}
		return append(b, sealed...), nil
	}
	k.sealed.Add(1)
	from := len(b)
	b = append(b, make([]byte, nonceSize)...)
	_, _ = rand.Read(b[from:]) // it does not fail
	return k.gcm.Seal(b, b[from:], value, w.place), nil
}

// ErrRefused says of a sealed value that it is not what was sealed, or stands in another place.
var ErrRefused = errors.New("it was changed, or sealed for another event, field or type")

// AppendOpened appends the value that was sealed. The error is [ErrRefused] unless it is what this key sealed to that place. Where it was read from text, b may be
// that text's memory.
func (k *Key) AppendOpened(b []byte, place *Place, s *Sealed) ([]byte, error) {
	w := works.Get().(*work)
	defer works.Put(w)
	w.place = place.append(w.place[:0], &s.header, s.mode)
	rest := s.rest
	if s.text != nil {
		var err error
		if w.raw, err = encoding.AppendDecode(w.raw[:0], s.text); err != nil || len(w.raw) < encoding.DecodedLen(len(s.text)) { // see ParseText
			return b, ErrRefused
		}
		rest = w.raw
	}
	if s.mode == deterministic {
		siv, err := k.aesSIV()
		if err != nil {
			return b, err
		}
		opened, err := siv.DecryptDeterministically(rest, w.place)
		if err != nil {
			return b, ErrRefused
		}
		return append(b, opened...), nil
	}
	out, err := k.gcm.Open(b, rest[:nonceSize], rest[nonceSize:], w.place)
	if err != nil {
		return b, ErrRefused
	}
	return out, nil
}
