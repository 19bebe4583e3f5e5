package kek

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/omninode/trestle/runtime/encrypt"
)

// keySize is the size of a key, in bytes.
const keySize = 32

var encoding = base64.StdEncoding.Strict()

// keys are those that a text has.
type keys struct {
	current string
	by      map[string]cipher.AEAD
}

// parse reads a key a line: its name, a blank, and 32 bytes in base64. The last one is current. Lines that are empty or begin with # say nothing.
// Errors name the line, and never show what may be a key.
func parse(text string, at func(line int) string) (*keys, error) {
	k := &keys{by: map[string]cipher.AEAD{}}
	line := 0
	for l := range strings.Lines(text) {
		line++
		words := strings.Fields(l)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 2 {
			return nil, fmt.Errorf("%s: a key is a name and 32 bytes in base64 with a blank between, got words: %d", at(line), len(words))
		}
		name := words[0]
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("%s: %w: does the name stand first?", at(line), err)
		}
		raw, err := encoding.DecodeString(words[1])
		if err != nil {
			return nil, fmt.Errorf("%s: what follows the name is not base64", at(line))
		}
		if len(raw) != keySize {
			return nil, fmt.Errorf("%s: the key is of %d bytes, not %d", at(line), len(raw), keySize)
		}
		if k.by[name] != nil {
			return nil, fmt.Errorf("%s: there is a key %s before it", at(line), name)
		}
		if k.by[name], err = newGCM(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", at(line), err)
		}
		k.current = name
	}
	if k.current == "" {
		return nil, fmt.Errorf("%s: there is no key", at(0))
	}
	return k, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// maxName bounds a name: one that is longer is rather a key.
const maxName = 40

// checkName says what a key's name can't be. It is not shown: it may be a key, in the wrong place.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a key needs a name")
	case len(name) > maxName:
		return fmt.Errorf("the name of a key has at most %d bytes, got %d", maxName, len(name))
	case strings.HasPrefix(name, "#"):
		return errors.New("the name of a key can't begin with #")
	case strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == ';' || r == unicode.ReplacementChar
	}):
		return errors.New("the name of a key has no blanks, no ; and nothing that can't be printed")
	}
	return nil
}

// line is that of a new key.
func newLine(name string) string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // it does not fail
	return name + " " + encoding.EncodeToString(key) + "\n"
}

func (k *keys) wrap(secret, context []byte) (name string, wrapped []byte) {
	return k.current, k.by[k.current].Seal(nil, nil, secret, context)
}

func (k *keys) unwrap(name string, wrapped, context []byte) ([]byte, error) {
	key := k.by[name]
	if key == nil {
		return nil, encrypt.ErrUnknownKEK
	}
	secret, err := key.Open(nil, nil, wrapped, context)
	if err != nil {
		return nil, encrypt.ErrNotWrapped
	}
	return secret, nil
}
