package parking

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/event"
)

// Place is which record a letter is about, and for which group: there is one letter for it. Names are those on the cluster.
type Place struct {
	Group     string // the consumer group that could not handle the record
	Topic     string
	TopicID   string // a UUID: a topic that is deleted and made anew is another log
	Partition int32
	Offset    int64
}

// String returns the place as it stands in messages: topic[partition]@offset and the group.
func (p Place) String() string {
	return fmt.Sprintf("%s[%d]@%d of group %s", p.Topic, p.Partition, p.Offset, p.Group)
}

// Headers are a letter's headers.
type Headers = event.StoredHeaders

// Letter is a dead letter that its topic refused.
type Letter struct {
	Place
	// DeadLetter is the topic that it belongs to; Key, Value and Headers are the record that it would have been there. A nil key or
	// value differs from an empty one.
	DeadLetter string
	Key, Value []byte
	Headers    Headers
	Refusal    string    // why its topic did not take it, for people
	ParkedAt   time.Time // to the microsecond
}

// Format writes, for any verb, which letter it is and how much is in it: it may hold what is sensitive.
func (l Letter) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "%v for %s (key of %d bytes, value of %d bytes, %d headers): %s", l.Place, l.DeadLetter, len(l.Key), len(l.Value), len(l.Headers), l.Refusal)
}

// LogValue is what slog writes of the letter: what Format does.
func (l Letter) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

// Validate says what keeps a place from being one: a name that is missing or no text, an id that is no UUID in canonical form, a
// negative partition or offset.
func (p Place) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(p.Group != "" && isText(p.Group), "its group is %q", p.Group)
	check(p.Topic != "" && isText(p.Topic), "its topic is %q", p.Topic)
	id, err := uuid.Parse(p.TopicID)
	check(err == nil && id != uuid.Nil && id.String() == p.TopicID, "its topic's id is %q, it must be a UUID", p.TopicID)
	check(p.Partition >= 0 && p.Offset >= 0, "its partition is %d, its offset %d", p.Partition, p.Offset)
	return errors.Join(errs...)
}

// Validate says what keeps a letter from being parked: a place that is none, a name that is missing or no text, or a time that a
// database can't have.
func (l *Letter) Validate() error {
	errs := []error{l.Place.Validate()}
	if l.DeadLetter == "" || !isText(l.DeadLetter) {
		errs = append(errs, fmt.Errorf("its dead-letter topic is %q", l.DeadLetter))
	}
	for _, h := range l.Headers {
		if !utf8.ValidString(h.Key) {
			errs = append(errs, fmt.Errorf("the name of its header %q is no UTF-8", h.Key))
		}
	}
	if !isText(l.Refusal) {
		errs = append(errs, fmt.Errorf("its refusal is no text: %q", l.Refusal))
	}
	if year := l.ParkedAt.UTC().Year(); year < 1 || year > 9999 {
		errs = append(errs, fmt.Errorf("its time is %v", l.ParkedAt))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dead letter of %v: %w", l.Place, err)
	}
	return nil
}

// isText says whether databases take a string as text: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// Filter says which letters are meant. Its zero value means all.
type Filter struct {
	Group      string // empty: of every group
	DeadLetter string // the dead-letter topic; empty: every one
}

// Store keeps letters. All methods may be called from several goroutines, and several processes may use one database.
type Store interface {
	// Park keeps a letter. If there is one of its place already, that stays as it is and nothing is wrong: a second try, or another
	// member's, does nothing. When the error is of the connection, the outcome can be unknown; to call Park again is always
	// right. It fails without writing when the letter is refused by [Letter.Validate].
	Park(ctx context.Context, letter Letter) error

	// List goes through the letters that the filter means, in the order of topic, topic id, partition, offset and group. One is in
	// memory at a time. Letters may be removed, and parked, meanwhile; whether those parked meanwhile come is open. It ends
	// with the first error.
	List(ctx context.Context, f Filter) iter.Seq2[Letter, error]

	// Count returns how many letters there are that the filter means, by dead-letter topic.
	Count(ctx context.Context, f Filter) (map[string]int, error)

	// Remove removes the letter of a place. It is no error that there is none; it is one that the place is none.
	Remove(ctx context.Context, at Place) error
}
