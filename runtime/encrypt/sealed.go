package encrypt

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Prefix begins every sealed value, as text and as bytes.
const Prefix = "trs:"

// KeyID identifies a data key, on every cluster.
type KeyID = uuid.UUID

// Format says what was sealed.
type Format uint8

// The formats.
const (
	Text     Format = iota // the UTF-8 text of a string
	JSON                   // a JSON text
	Protobuf               // fields of a message, tags and values, as they stand in it
	Bytes                  // bytes as they are
	formats
)

type mode uint8

const (
	random        mode = 1 // AES-256-GCM with a random nonce
	deterministic mode = 2 // AES-SIV
)

const (
	version    = 1
	headerSize = 2 + len(KeyID{}) // version, format and mode, key id: 24 characters of the text
	nonceSize  = 12
	tagSize    = 16
)

// Sealed is a value that was sealed. It shares the memory of what it was read from.
type Sealed struct {
	KeyID  KeyID
	Format Format
	mode   mode
	header [headerSize]byte
	rest   []byte // behind the header
	text   []byte // that in base64url, instead
}

// IsDeterministic says that the same value has the same sealed one at the same place of the schema, with the same key.
func (s *Sealed) IsDeterministic() bool { return s.mode == deterministic }

// IsSealed says that a value, as text or bytes, is a sealed one, though maybe a broken one.
func IsSealed(value []byte) bool {
	return len(value) >= len(Prefix) && string(value[:len(Prefix)]) == Prefix
}

// IsDamaged says that a value that is not sealed was, but for a fault in its prefix.
func IsDamaged(value []byte) bool {
	if len(value) < len(Prefix)+headerSize+tagSize {
		return false
	}
	same := 0
	for i := range Prefix {
		if value[i] == Prefix[i] {
			same++
		}
	}
	if same < len(Prefix)/2 {
		return false
	}
	return IsWhole(append([]byte(Prefix), value[len(Prefix):]...))
}

// IsWhole says that a value, as text or bytes, is a sealed one, and looks whole.
func IsWhole(value []byte) bool {
	if _, err := ParseText(value); err == nil {
		return true
	}
	_, err := ParseBytes(value)
	return err == nil
}

var encoding = base64.RawURLEncoding.Strict()

// ParseText reads a sealed value in text. What follows the key's id in it is read when it is opened.
func ParseText(text []byte) (Sealed, error) {
	if !IsSealed(text) {
		return Sealed{}, errors.New("it is not a sealed value")
	}
	text = text[len(Prefix):]
	var s Sealed
	begins := min(len(text), headerText)
	n, err := encoding.Decode(s.header[:], text[:begins])
	if err != nil || n < encoding.DecodedLen(begins) { // the decoder passes over lines' ends
		return Sealed{}, errors.New("a sealed value that is not base64url")
	}
	s.text = text[begins:]
	return s, s.parse(n, encoding.DecodedLen(len(s.text)))
}

// ParseBytes reads a sealed value in bytes.
func ParseBytes(b []byte) (Sealed, error) {
	if !IsSealed(b) {
		return Sealed{}, errors.New("it is not a sealed value")
	}
	var s Sealed
	n := copy(s.header[:], b[len(Prefix):])
	s.rest = b[len(Prefix)+n:]
	return s, s.parse(n, len(s.rest))
}

// headerText is the size of a header in text.
const headerText = headerSize / 3 * 4

// parse reads the header, of which there are n bytes, of a value with so many behind it.
func (s *Sealed) parse(n, behind int) error {
	switch {
	case n > 0 && s.header[0] != version:
		return fmt.Errorf("a sealed value of version %d, and this reads version %d: a newer release may", s.header[0], version)
	case n < headerSize:
		return errors.New("a sealed value that is cut off")
	}
	s.Format, s.mode = Format(s.header[1]>>4), mode(s.header[1]&0xf)
	s.KeyID = KeyID(s.header[2:])
	least := tagSize
	switch {
	case s.Format >= formats || s.mode != random && s.mode != deterministic:
		return fmt.Errorf("a sealed value of an unknown kind (%#x): a newer release may read it", s.header[1])
	case s.mode == random:
		least += nonceSize
	}
	if behind < least {
		return errors.New("a sealed value that is cut off")
	}
	return nil
}

// AppendTextOfKey appends what the text of every value begins with that a key has sealed as a format. See [Marks] for where a key was used.
func AppendTextOfKey(b []byte, id KeyID, format Format, isDeterministic bool) []byte {
	m := random
	if isDeterministic {
		m = deterministic
	}
	header := headerOf(id, format, m)
	return encoding.AppendEncode(append(b, Prefix...), header[:])
}

func headerOf(id KeyID, format Format, m mode) (h [headerSize]byte) {
	h[0], h[1] = version, byte(format)<<4|byte(m)
	copy(h[2:], id[:])
	return h
}
