package replay

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/omninode/trestle/runtime/kafka"
)

// MissingTopicError says that a topic that is needed does not exist; nothing was sent.
type MissingTopicError struct {
	Topic string
	// Resolutions says that it is the one that says which letters are resolved.
	Resolutions bool
	Err         error
}

// Error says which topic, and what to do.
func (e *MissingTopicError) Error() string {
	what := "dead-letter topic"
	if e.Resolutions {
		what = "topic of resolutions"
	}
	return fmt.Sprintf("%s %s: %v%s", what, e.Topic, e.Err, kafka.Advice(e.Err))
}

// Unwrap returns the cluster's answer.
func (e *MissingTopicError) Unwrap() error { return e.Err }

// FencedError says that somebody else began to resolve letters of a topic after this replay or purge did, which so ended; or that
// one of its transactions took longer than it may. What it had done by then stays done, and is not done again.
type FencedError struct {
	Topic string // the dead-letter topic
	Err   error
}

// Error says so.
func (e *FencedError) Error() string {
	return fmt.Sprintf("letters of %s: another replay or purge of the topic has begun, or a transaction took too long; this one ends: %v", e.Topic, e.Err)
}

// Unwrap returns the cluster's answer.
func (e *FencedError) Unwrap() error { return e.Err }

// RecreatedTopicError says that a dead-letter topic was made anew after letters were selected: it is another log.
type RecreatedTopicError struct{ Topic string }

// Error says so.
func (e *RecreatedTopicError) Error() string {
	return fmt.Sprintf("dead-letter topic %s was made anew since its letters were selected: select again", e.Topic)
}

// fenced gives what the cluster answers to a producer that is not the last one of its transactional id a name; nil stays nil.
func fenced(topic string, err error) error {
	if err == nil {
		return nil
	}
	for _, answer := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.TransactionalIDNotFound, kerr.InvalidTxnState} {
		if errors.Is(err, answer) {
			return &FencedError{topic, err}
		}
	}
	return fmt.Errorf("letters of %s: %w%s", topic, err, kafka.AdviceOn("Write", err))
}
