package encrypt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/jsonio"
)

const (
	// PersonTagSize is the size of what stands for a person in an entry, in bytes.
	PersonTagSize = 32
	// wrappedPersonSize is that of a person's key: nonce, secret and tag.
	wrappedPersonSize = nonceSize + SecretSize + tagSize
)

// Entry is how a data key is kept: wrapped, or destroyed. One that has a parent is the key of a person.
type Entry struct {
	ID      KeyID
	Class   string
	Created time.Time // kept to the microsecond
	// KEK is the name of the KEK's key that a class's data key is wrapped with; empty for a person's.
	KEK string
	// Parent is the data key of the class that a person's key is wrapped with, and Person what stands for the person under it: [PersonTagSize] bytes.
	// Zero and nil for a key of the class.
	Parent  KeyID
	Person  []byte
	Wrapped []byte // nil: it was destroyed
	// Destroyed is when it was, and Why; zero: it was not.
	Destroyed time.Time
	Why       Why
}

// Why says for what a key was destroyed.
type Why string

// The reasons for which keys are destroyed.
const (
	ToDestroy Why = "destroy" // it alone
	ToErase   Why = "erase"   // a person's, with all that there are of that person
)

// entryVersion is the version of entries that is written.
const entryVersion = 1

// VersionError says that an entry is of a version that this release does not read.
type VersionError struct{ Version int64 }

// Error names the version.
func (e *VersionError) Error() string {
	return fmt.Sprintf("its entry is of version %d, and this reads version %d: a newer release may", e.Version, entryVersion)
}

// IsPerson says that the key is a person's.
func (e *Entry) IsPerson() bool { return e.Parent != uuid.Nil }

// String names the key.
func (e *Entry) String() string { return nameOf(e.Class, e.ID) }

// Record is the entry as it is kept. It panics when the entry's times are outside of the years 1 to 9999.
func (e *Entry) Record() Record { return Record{Key: []byte(e.ID.String()), Value: e.AppendJSON(nil)} }

// AppendJSON appends the entry as a JSON text. It panics when the entry's times are outside of the years 1 to 9999.
func (e *Entry) AppendJSON(b []byte) []byte {
	b = append(b, `{"version":`...)
	b = strconv.AppendInt(b, entryVersion, 10)
	b = appendMember(b, "id", e.ID.String())
	b = appendMember(b, "class", e.Class)
	b = appendTime(append(b, `,"created":`...), e.Created)
	if e.IsPerson() {
		b = appendMember(b, "parent", e.Parent.String())
		b = appendBase64(b, "person", e.Person)
	} else if e.KEK != "" {
		b = appendMember(b, "kek", e.KEK)
	}
	if e.Destroyed.IsZero() {
		b = appendBase64(b, "wrapped", e.Wrapped)
	} else {
		b = appendTime(append(b, `,"destroyed":`...), e.Destroyed)
		b = appendMember(b, "why", string(e.Why))
	}
	return append(b, '}')
}

func appendMember(b []byte, name, value string) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	b, err := jsonio.AppendString(b, value)
	if err != nil {
		panic("encrypt: an entry's " + name + " is not UTF-8")
	}
	return b
}

func appendBase64(b []byte, name string, value []byte) []byte {
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(base64.StdEncoding.AppendEncode(b, value), '"')
}

func appendTime(b []byte, t time.Time) []byte {
	b, err := jsonio.AppendTime(b, t)
	if err != nil {
		panic("encrypt: an entry's time: " + err.Error())
	}
	return b
}

// ParseEntry reads what [Entry.AppendJSON] writes. Members that it does not know are passed over. The error is a [*VersionError] where the entry is of another
// version. Whether what is wrapped can be unwrapped is another question.
func ParseEntry(text []byte) (*Entry, error) {
	r := jsonio.NewReader(text)
	e, p := &Entry{}, entryParser{r: r}
	var version int64
	var seen uint64
	if r.BeginObject() {
		for r.More() {
			switch r.Name() {
			case "version":
				r.Once(&seen, 0)
				version = r.Int64()
			case "id":
				r.Once(&seen, 1)
				e.ID = p.id()
			case "class":
				r.Once(&seen, 2)
				e.Class = r.String()
			case "created":
				r.Once(&seen, 3)
				e.Created = r.Time()
			case "kek":
				r.Once(&seen, 4)
				e.KEK = r.String()
			case "parent":
				r.Once(&seen, 5)
				e.Parent = p.id()
			case "person":
				r.Once(&seen, 6)
				e.Person = r.Bytes()
			case "wrapped":
				r.Once(&seen, 7)
				e.Wrapped = r.Bytes()
			case "destroyed":
				r.Once(&seen, 8)
				e.Destroyed = r.Time()
			case "why":
				r.Once(&seen, 9)
				e.Why = Why(r.String())
			default:
				r.Skip()
			}
		}
	}
	r.End()
	switch {
	case r.Err() != nil:
		return nil, fmt.Errorf("its entry is not JSON: %w", r.Err())
	case version != entryVersion:
		return nil, &VersionError{version}
	case p.err != nil:
		return nil, p.err
	case len(r.Faults()) > 0: // what was found is not shown: it may be what is wrapped
		return nil, fmt.Errorf("its entry is broken: %s: %s", r.Faults()[0].Path, r.Faults()[0].Message)
	}
	return e, e.check()
}

// check says what an entry lacks.
func (e *Entry) check() error {
	what := ""
	switch {
	case e.ID == uuid.Nil:
		what = "it has no id"
	case e.Class == "":
		what = "it has no class"
	case e.Created.IsZero():
		what = "it has no time at which it was created"
	case e.IsPerson() && len(e.Person) != PersonTagSize:
		what = fmt.Sprintf("what stands for the person is of %d bytes, not %d", len(e.Person), PersonTagSize)
	case !e.IsPerson() && e.Person != nil:
		what = "it is a person's and has no parent"
	case !e.Destroyed.IsZero():
		return nil
	case e.IsPerson() && len(e.Wrapped) != wrappedPersonSize:
		what = fmt.Sprintf("what is wrapped is of %d bytes, not %d", len(e.Wrapped), wrappedPersonSize)
	case len(e.Wrapped) == 0:
		what = "nothing is wrapped, and it was not destroyed"
	case !e.IsPerson() && e.KEK == "":
		what = "it has no name of a KEK's key"
	default:
		return nil
	}
	return errors.New("its entry is broken: " + what)
}

type entryParser struct {
	r   *jsonio.Reader
	err error
}

func (p *entryParser) id() KeyID {
	text := p.r.String()
	id, ok := parseID(text)
	if !ok && p.err == nil && p.r.Err() == nil {
		p.err = errors.New("its entry is broken: an id is not a UUID: " + jsonio.Excerpt(text))
	}
	return id
}

// parseID reads a UUID in its usual form alone, of 36 characters.
func parseID(text string) (KeyID, bool) {
	if len(text) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}
