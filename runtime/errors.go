package trestle

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// ErrClosed is what a closed publisher answers.
var ErrClosed = errors.New("publisher is closed")

// PublishError says that the cluster did not acknowledge an event.
type PublishError struct {
	Topic     string
	EventType string // full name
	Key       string // "***" where it is sensitive
	EventID   string
	// Fate says whether the event can be on its topic.
	Fate Fate
	// Retriable is false when trying again cannot help: the cluster refused the event, with no such topic or not
	// authorised, or does not let the publisher in, with a wrong password or TLS. It is true when the cluster was away or
	// too slow, or the caller did not wait. Published again under the same event id (see WithEventID), consumers can
	// tell that it is the same.
	Retriable bool
	Err       error
}

// Fate says what became of an event that was not acknowledged.
type Fate uint8

// The fates.
const (
	FateUnknown Fate = iota // it may have been written, or may still be
	NotSent                 // no broker has seen it, nor will
	Refused                 // a broker said no to it
)

// String says it in words: `may have been written`, `not sent`, `refused`.
func (f Fate) String() string {
	switch f {
	case NotSent:
		return "not sent"
	case Refused:
		return "refused"
	default:
		return "may have been written"
	}
}

// Error says what could not be published where, and why.
func (e *PublishError) Error() string {
	return fmt.Sprintf("publish to %s: %s: %s: %v%s", e.Topic, e.EventType, e.Fate, e.Err, kafka.AdviceOn("Write", e.Err))
}

// Unwrap returns the cause.
func (e *PublishError) Unwrap() error { return e.Err }

// fateOf says what became of an event that failed with err; sent: records have been sent since it was published.
func fateOf(err error, sent bool) Fate {
	switch kafka.Classify(err) {
	case kafka.Missing, kafka.Refused:
		return Refused
	case kafka.Fatal:
		if !errors.Is(err, kgo.ErrClientClosed) && !isA[*RefusedError](err) {
			return Refused
		}
	}
	if sent {
		return FateUnknown
	}
	return NotSent
}

// retriable says whether what the cluster answered, or didn't, can be different next time.
func retriable(err error) bool {
	switch {
	case isA[*RefusedError](err):
		return false
	case errors.Is(err, kgo.ErrClientClosed):
		return true // before the event was acknowledged; another publisher can publish it
	}
	switch kafka.Classify(err) {
	case kafka.Unknown, kafka.Retriable: // the cluster was away, or time was up
		return true
	}
	return false // a topic is missing after the client has asked several times
}

// advised is an error of a request that does an operation of Kafka's ACLs, with the guess at what would help that there is.
func advised(operation string, err error) error {
	if advice := kafka.AdviceOn(operation, err); advice != "" {
		return fmt.Errorf("%w%s", err, advice)
	}
	return err
}
