package kafka

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Class says what can be hoped for after an error.
type Class uint8

// The classes.
const (
	// Unknown is an error that no broker sent: the network's, a deadline's, a program's own. Most of them pass.
	Unknown Class = iota
	// Retriable passes by itself: a leader moved, a broker starts, a producer starts over.
	Retriable
	// Missing says that there is no such topic or partition, or not yet. Whether to wait for it is the caller's to say.
	Missing
	// Refused is a broker's no to this one request: a record too large, an offset out of range. Another may succeed.
	Refused
	// Fatal is for as long as nobody changes credentials, access, settings or versions: whatever is asked next is
	// refused too. A client that was closed is one.
	Fatal
)

// String returns the class in lower case.
func (c Class) String() string {
	switch c {
	case Unknown:
		return "unknown"
	case Retriable:
		return "retriable"
	case Missing:
		return "missing"
	case Refused:
		return "refused"
	default:
		return "fatal"
	}
}

// classes has the errors of brokers whose class does not follow from Kafka's own note whether to try again.
var classes = map[*kerr.Error]Class{
	kerr.UnknownTopicOrPartition: Missing,
	kerr.UnknownTopicID:          Missing,

	// The client's producer starts over with a new id.
	kerr.OutOfOrderSequenceNumber: Retriable,
	kerr.InvalidProducerEpoch:     Retriable,
	kerr.UnknownProducerID:        Retriable,
	kerr.InvalidProducerIDMapping: Retriable,
	kerr.ProducerFenced:           Retriable,

	kerr.TopicAuthorizationFailed:           Fatal,
	kerr.GroupAuthorizationFailed:           Fatal,
	kerr.ClusterAuthorizationFailed:         Fatal,
	kerr.TransactionalIDAuthorizationFailed: Fatal,
	kerr.SaslAuthenticationFailed:           Fatal,
	kerr.UnsupportedSaslMechanism:           Fatal,
	kerr.IllegalSaslState:                   Fatal,
	kerr.UnsupportedVersion:                 Fatal,
	kerr.InvalidTopicException:              Fatal,
	kerr.InvalidGroupID:                     Fatal,
	kerr.InvalidSessionTimeout:              Fatal,
	kerr.InvalidTransactionTimeout:          Fatal,
	kerr.InconsistentGroupProtocol:          Fatal,
	kerr.GroupMaxSizeReached:                Fatal,
	kerr.FencedInstanceID:                   Fatal,
}

// Classify says what can be hoped for after an error from a client, or one that wraps it; of several joined, after the
// worst.
func Classify(err error) Class {
	if err == kgo.ErrClientClosed {
		return Fatal
	}
	switch err := err.(type) { // by hand: errors.As stops at the first of joined errors
	case *kerr.Error:
		return classOf(err)
	case interface{ Unwrap() error }:
		return Classify(err.Unwrap())
	case interface{ Unwrap() []error }:
		worst := Unknown
		for _, one := range err.Unwrap() {
			worst = max(worst, Classify(one))
		}
		return worst
	}
	return Unknown
}

func classOf(answer *kerr.Error) Class {
	if class, listed := classes[answer]; listed {
		return class
	}
	if answer.Retriable {
		return Retriable
	}
	return Refused
}

// IsUnauthorised says whether the cluster knows who asks, and does not let it.
func IsUnauthorised(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.TransactionalIDAuthorizationFailed)
}

// IsAboutTopic says of what became of a record that its topic takes nothing from this user, whichever record. One that was deleted and
// made anew does, from another client: this one goes on asking for the old one.
func IsAboutTopic(err error) bool {
	if errors.Is(err, kerr.UnknownTopicID) {
		return false
	}
	return Classify(err) == Missing || errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.InvalidTopicException)
}

// IsAboutRecord says of what became of a record that its topic does not take it, or one that came with it.
func IsAboutRecord(err error) bool {
	for _, of := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation,
		kerr.UnsupportedForMessageFormat,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// Advice is the end of a message about an error: ": " and a guess at what would help, as a question; empty where there
// is none.
func Advice(err error) string {
	switch {
	case Classify(err) == Missing:
		return ": run trestle topics apply?"
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return denied("Write on the transactional id") + explained // all that is done with one needs that
	case IsUnauthorised(err):
		return ": does an ACL of the cluster allow it to this user?"
	}
	return ""
}

// AdviceOn is [Advice] about a request that does an operation of Kafka's ACLs, such as Describe or Write, on a topic or a group: where this user may not do it, it
// names what would have to be allowed, and the command that says so beforehand where services do such a thing.
func AdviceOn(operation string, err error) string {
	var advice string
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		advice = denied(operation + " on the topic")
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		advice = denied(operation + " on the group")
	case errors.Is(err, kerr.ClusterAuthorizationFailed) && operation == "Write": // who may write to no topic at all gets no producer id
		advice = denied("Write on the topic, or IdempotentWrite on the cluster")
	default:
		return Advice(err)
	}
	if operation == "Read" || operation == "Write" || operation == "Describe" { // the others are for whoever operates the cluster
		advice += explained
	}
	return advice
}

const explained = " trestle acl explain SERVICE says what a service needs"

func denied(operation string) string {
	return ": does an ACL of the cluster allow this user " + operation + "?"
}

// MadeAnew returns the topics that were deleted and made anew since the client began to read them. It reads no more of
// them until it is told to forget them, and says so without end.
func MadeAnew(fetches kgo.Fetches) []string {
	var topics []string
	fetches.EachError(func(topic string, _ int32, err error) {
		if errors.Is(err, kerr.UnknownTopicID) && !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
	})
	return topics
}
