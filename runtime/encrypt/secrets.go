package encrypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// classSecrets are what follows from the secret of a class's data key.
type classSecrets struct {
	key     *Key
	persons cipher.AEAD // wraps persons' keys
	tags    *[32]byte   // what persons' tags are made with; behind a pointer, so that it is printed nowhere
}

func newClassSecrets(id KeyID, secret []byte) (*classSecrets, error) {
	key, err := NewKey(id, secret)
	if err != nil {
		return nil, err
	}
	forPersons, err := derive(secret, id, "person keys", 32)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	forTags, err := derive(secret, id, "persons", 32)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	s := &classSecrets{key: key, tags: (*[32]byte)(forTags)}
	if s.persons, err = newGCM(forPersons); err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	return s, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// personTag is what stands for a person: whoever does not have the key's secret can't tell whom it stands for, nor try.
func (s *classSecrets) personTag(subject string) (tag [PersonTagSize]byte) {
	mac := hmac.New(sha256.New, s.tags[:])
	mac.Write([]byte(canonical(subject)))
	mac.Sum(tag[:0])
	return tag
}

// canonical is a data subject as all programs know it: a UUID is the same person in capitals.
func canonical(subject string) string {
	if len(subject) == 36 {
		if _, err := uuid.Parse(subject); err == nil {
			return strings.ToLower(subject)
		}
	}
	return subject
}

// wrapPerson wraps the secret of a person's key.
func (s *classSecrets) wrapPerson(class string, id KeyID, secret []byte) []byte {
	b := make([]byte, nonceSize, wrappedPersonSize)
	_, _ = rand.Read(b) // it does not fail
	return s.persons.Seal(b, b, secret, wrapContext(class, id))
}

// unwrapPerson returns a person's key.
func (s *classSecrets) unwrapPerson(class string, id KeyID, wrapped []byte) (*Key, error) {
	secret, err := s.persons.Open(nil, wrapped[:nonceSize], wrapped[nonceSize:], wrapContext(class, id))
	if err != nil {
		return nil, &UnavailableError{Reason: Broken, Class: class, ID: id, Err: ErrNotWrapped}
	}
	return NewKey(id, secret)
}
