package eventtrace

import (
	"errors"
	"time"
)

// Pruned is what [Store.Prune] removes from a store.
type Pruned struct {
	// Partitions are those that go whole, the oldest first; only PostgreSQL has any.
	Partitions []PrunedPartition
	// Deleted is how many events go one by one.
	Deleted int64
	// Bytes is what all of it takes. PostgreSQL gives the space of partitions back to its file system, and uses that of deleted events again.
	// A SQLite file that was made by this version or a later one shrinks; an older one uses the space again.
	Bytes int64
}

// Events is how many events go, those of partitions as the database has them estimated.
func (p *Pruned) Events() int64 {
	n := p.Deleted
	for i := range p.Partitions {
		n += p.Partitions[i].Events
	}
	return n
}

// PrunedPartition is a partition that goes whole.
type PrunedPartition struct {
	Name string
	// From and Until bound its records' time: From is in, Until is not. From is zero where it has no bound.
	From, Until time.Time
	// Events is estimated.
	Events int64
	Bytes  int64
}

// Ahead is how far ahead of the present a record's time may be to be believed. One that is further ahead is some producer's error: the event is as
// old as its row in the store.
const Ahead = 3 * 24 * time.Hour

// CheckPrune refuses to prune what is not older than the present.
func CheckPrune(before time.Time) error {
	if before.IsZero() || before.After(time.Now()) {
		return errors.New("prune the trace: events are to be kept until some time after their own")
	}
	return nil
}
