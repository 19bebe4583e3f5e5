// Package testseam is how package trestletest reaches the parts of the runtime that need no brokers. The runtime sets the
// variables when it is initialized; nothing changes them afterwards.
package testseam

import (
	"context"
	"time"

	"github.com/omninode/trestle/runtime/event"
)

// Deliver takes the record of an event that is published, in place of brokers. answer is to be called once, not before Deliver
// has returned: with where the record stands, or with why it does not, and what became of it then, a trestle.Fate.
type Deliver func(ctx context.Context, info *event.EventInfo, r event.Record, answer Answer)

// Answer says what became of a record.
type Answer func(partition int32, offset int64, fate uint8, err error)

// DeliverTo returns the trestle.PublisherOption that has a publisher hand its records to deliver.
var DeliverTo func(deliver Deliver) any

// Rehearsal is a *trestle.Consumer without brokers: it is given records one by one. It is not for concurrent use.
type Rehearsal interface {
	// Handle has a record handled until it is done, or waits for the end of an outage. The contexts of handlers carry the values
	// of ctx. The error is that no handler reads its topic, or that it is not done when ctx ends.
	Handle(ctx context.Context, r event.Record) (Rehearsed, error)
	// Close ends it.
	Close() error
}

// Rehearsed is what became of a record.
type Rehearsed struct {
	Outcome any             // a trestle.Outcome; nil: it waits for the end of an outage
	Waits   []time.Duration // between the calls of its handler, as long as they would have been
	Letter  *event.Record   // its dead letter; nil: none
}

// Rehearse begins the rehearsal of a *trestle.Consumer, which has its handlers. It fails as its Run does when they do not fit
// together.
var Rehearse func(consumer any) (Rehearsal, error)

// DoneIn reads the metadata of a commit, and says of offsets whether it has them as done beyond the one that is committed.
var DoneIn func(metadata string, committed int64) (done func(offset int64) bool)
