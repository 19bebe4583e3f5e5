package encrypt

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// What a [KEK] answers, whoever asks again. Any other error of a KEK says that it can't be reached now.
var (
	// ErrDenied says that this program may not use the KEK's key.
	ErrDenied = errors.New("the KEK denies it to this program")
	// ErrUnknownKEK says that the KEK has no key of that name.
	ErrUnknownKEK = errors.New("the KEK knows no key of that name")
	// ErrKEKDestroyed says that the KEK had a key of that name, and has destroyed it.
	ErrKEKDestroyed = errors.New("the KEK has destroyed that key")
	// ErrNotWrapped says that what is wrapped is not what the KEK's key wrapped in that context.
	ErrNotWrapped = errors.New("it was changed, or wrapped with another key of that name")
)

// Reason says why a key can't be had, whoever asks again.
type Reason string

// The reasons.
const (
	NoKEK      Reason = "no_kek"      // no KEK is configured for the class of keys
	Denied     Reason = "denied"      // the KEK denies it to this program
	UnknownKey Reason = "unknown_key" // there is no entry of that id
	UnknownKEK Reason = "unknown_kek" // the KEK does not know the key that the data key is wrapped with
	Destroyed  Reason = "destroyed"   // the data key, the one that wraps it, or that of the KEK was
	Erased     Reason = "erased"      // it was destroyed with all of its person
	Broken     Reason = "broken"      // the entry can't be read, or not be unwrapped
)

var reasonTexts = map[Reason]string{
	NoKEK: "no KEK is configured for that class", UnknownKey: "no such key is kept", Destroyed: "it was destroyed", Erased: "it was erased, with all keys of that person",
}

// UnavailableError says that a key can't be had, and that asking again does not help: not before somebody changes access or settings.
type UnavailableError struct {
	Reason Reason
	Class  string // empty: it is not known
	ID     KeyID  // zero: none was asked for by its id
	Err    error  // nil: the reason says it all
}

// Error names the key, the class and the reason.
func (e *UnavailableError) Error() string {
	text := reasonTexts[e.Reason]
	if e.Err != nil {
		text = e.Err.Error()
	}
	return nameOf(e.Class, e.ID) + ": " + cmp.Or(text, string(e.Reason))
}

// Unwrap returns what the reason follows from.
func (e *UnavailableError) Unwrap() error { return e.Err }

// nameOf names a key in a message.
func nameOf(class string, id KeyID) string {
	switch {
	case id == uuid.Nil:
		return "key of class " + class
	case class == "":
		return "key " + id.String()
	}
	return fmt.Sprintf("key %s of class %s", id, class)
}

// AwayError says that a key can't be had now, because its KEK or the store of keys can't be asked. Trying again may help.
type AwayError struct {
	Class string // empty: it is not known
	ID    KeyID  // zero: none is known
	Err   error
}

// Error names what was asked, and what came of it.
func (e *AwayError) Error() string {
	if e.Class == "" && e.ID == uuid.Nil {
		return e.Err.Error()
	}
	return nameOf(e.Class, e.ID) + ": " + e.Err.Error()
}

// Unwrap returns what came of it.
func (e *AwayError) Unwrap() error { return e.Err }

// KEKError is the error for what a [KEK] answered about a key: an [UnavailableError] where it is its answer, an [AwayError] where there was none.
func KEKError(class string, id KeyID, err error) error {
	reason := Reason("")
	switch {
	case errors.Is(err, ErrDenied):
		reason = Denied
	case errors.Is(err, ErrUnknownKEK):
		reason = UnknownKEK
	case errors.Is(err, ErrKEKDestroyed):
		reason = Destroyed
	case errors.Is(err, ErrNotWrapped):
		reason = Broken
	default:
		return &AwayError{Class: class, ID: id, Err: err}
	}
	return &UnavailableError{Reason: reason, Class: class, ID: id, Err: err}
}

// NewestError says that a key was not destroyed because it is its class's newest, with which events are encrypted.
type NewestError struct {
	ID      KeyID
	Class   string
	Persons int // whose keys are wrapped with it
}

// Error says what to do instead.
func (e *NewestError) Error() string {
	return fmt.Sprintf("%s: it is the newest of its class, with which events are encrypted now: rotate the class first", nameOf(e.Class, e.ID))
}

// IncompleteError says that persons' keys may be left, since some keys could not be looked under.
type IncompleteError struct {
	Keys []error // one for each key that could not be opened
}

// Error names the keys.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("keys of the person may be left under %d keys that could not be opened: %v", len(e.Keys), errors.Join(e.Keys...))
}

// Unwrap returns why each key could not be opened.
func (e *IncompleteError) Unwrap() []error { return e.Keys }
