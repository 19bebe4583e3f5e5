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
	// Retriable is false when the cluster refused the event for good: not authorised, no such topic, invalid. It is
	// true when the cluster was away or too slow, or the caller did not wait. Then the event may have been written all
	// the same; published again under the same event id (see WithEventID), consumers can tell that it is the same.
	Retriable bool
	Err       error
}

// Error says what could not be published where, and why.
func (e *PublishError) Error() string {
	return fmt.Sprintf("publish to %s: %s: %v%s", e.Topic, e.EventType, e.Err, kafka.Advice(e.Err))
}

// Unwrap returns the cause.
func (e *PublishError) Unwrap() error { return e.Err }

// retriable says whether what the cluster answered, or didn't, can be different next time.
func retriable(err error) bool {
	if errors.Is(err, kgo.ErrClientClosed) {
		return true // before the event was acknowledged; another publisher can publish it
	}
	switch kafka.Classify(err) {
	case kafka.Unknown, kafka.Retriable: // the cluster was away, or time was up
		return true
	}
	return false // a topic is missing after the client has asked several times
}
