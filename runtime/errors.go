package trestle

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrClosed is what a closed publisher answers.
var ErrClosed = errors.New("publisher is closed")

// PublishError says that the cluster did not acknowledge an event.
type PublishError struct {
	Topic     string
	EventType string // full name
	Key       string
	EventID   string
	// Retriable is false when the cluster refused the event for good: not authorised, no such topic, invalid. It is
	// true when the cluster was away or too slow, or the caller did not wait. Then the event may have been written all
	// the same; published again under the same event id (see WithEventID), consumers can tell that it is the same.
	Retriable bool
	Err       error
}

// Error says what could not be published where, and why.
func (e *PublishError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "publish to %s: %s: %v", e.Topic, e.EventType, e.Err)
	switch {
	case isUnknownTopic(e.Err):
		b.WriteString(": run trestle topics apply?")
	case isUnauthorised(e.Err):
		b.WriteString(": run trestle acl apply?")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *PublishError) Unwrap() error { return e.Err }

// retriable says whether what the cluster answered, or didn't, can be different next time.
func retriable(err error) bool {
	refusal, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		return true // the cluster was away, or time was up
	}
	switch refusal {
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		return false // after the client has asked several times
	case kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch, kerr.UnknownProducerID, kerr.InvalidProducerIDMapping,
		kerr.ProducerFenced:
		return true // the producer starts over
	}
	return refusal.Retriable
}

func isUnknownTopic(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

func isUnauthorised(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed)
}
