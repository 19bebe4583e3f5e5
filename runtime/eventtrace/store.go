package eventtrace

import (
	"context"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// Store keeps events. All methods may be called from several goroutines, and several processes may use one database.
type Store interface {
	// Append adds the events and sets the progress of the partitions in next, all of it or, with an error, nothing.
	// An event whose place in the log, with its topic's id, is already stored is left as it is. Append returns how many were new. A log
	// that was cut off can have another record at the place; whether that is stored, too, where its time differs is the database's.
	//
	// Where events are of another topic than the one that the store has adopted under their topic's name, they are added, and its progress stays
	// as it is: they were read by a sink that had not seen yet that the topic was made anew.
	//
	// When the error is of the connection, the outcome can be unknown: to call Append again with the same arguments
	// is always right. It fails without writing when an event is refused by [Event.Validate].
	Append(ctx context.Context, events []Event, next Progress) (added int, err error)

	// Progress returns the next offsets of all partitions that Append has set, since their topic was adopted last.
	Progress(ctx context.Context) (Progress, error)

	// Topics returns the ids of the topics that Adopt was called for last, by name.
	Topics(ctx context.Context) (map[string]string, error)

	// Adopt says which topic is followed under a name from now on, by its id. When the store knew another of that name, or
	// same is false, its progress is forgotten. Else what is stored of a topic whose id was not known is that one's. The
	// error is as Append's; what was stored stays in any case. It fails when the id is not a UUID in canonical form.
	Adopt(ctx context.Context, topic, id string, same bool) error

	// Join says that a sink follows topics into the store, for as long as its lease: a multiple of a millisecond, from now on. It returns the topics of
	// all sinks that do, by the sinks' ids.
	Join(ctx context.Context, sink string, topics []string, lease time.Duration) (map[string][]string, error)

	// Leave says that a sink does no longer. It is no error where it did not.
	Leave(ctx context.Context, sink string) error

	// Read returns events that q asks for, in the order of [Cursor.Compare]: those behind the cursor at, or with [Newest]
	// those before it, which then come the other way round. It returns at most limit, and fewer where their bytes come to
	// [PageBytes]; none only where there are none. It fails if limit is below 1, or q is refused by [Query.Validate].
	// [Events] reads page by page.
	Read(ctx context.Context, q Query, at Cursor, way Way, limit int) ([]Event, error)

	// Count returns how many of the events that q asks for stand before a cursor; before the zero one, all of them.
	Count(ctx context.Context, q Query, before Cursor) (int64, error)

	// Tally counts the events that q asks for, by type and topic, in this order.
	Tally(ctx context.Context, q Query) ([]Tally, error)

	// Busiest returns the sessions with most of the events that q asks for, at most limit, the busiest first.
	Busiest(ctx context.Context, q Query, limit int) ([]SessionTally, error)

	// Responses says how long requests waited for their responses.
	Responses(ctx context.Context, q ResponseQuery) (Responses, error)

	// Prune removes events whose records are older than a time, and returns what went; with an error, what went before it. What is partitioned by
	// time goes by partitions, once all that a partition may hold is older; else events are removed one by one in small transactions. A record whose
	// time is further than [Ahead] in the future is as old as its row. Whoever reads or appends meanwhile waits for moments only.
	// Progress stays: what went is not read again. It fails if before is zero or in the future.
	Prune(ctx context.Context, before time.Time) (Pruned, error)

	// Prunable returns what Prune would remove, and removes nothing.
	Prunable(ctx context.Context, before time.Time) (Pruned, error)

	// Close closes the store's database. It waits for calls under way.
	Close() error
}

// Progress says for topics and their partitions which offset is to be read next.
type Progress = kafka.Offsets

// Superseded returns the topics, by name, that the events are of and that are not the ones adopted under these names, by their ids. An event without an
// id may be of either; where some are of the adopted one, that is what was read last.
func Superseded(events []Event, adopted map[string]string) map[string]bool {
	superseded := map[string]bool{}
	for i := range events {
		if e := &events[i]; e.TopicID != "" && adopted[e.Topic] != "" {
			if _, seen := superseded[e.Topic]; !seen || e.TopicID == adopted[e.Topic] {
				superseded[e.Topic] = e.TopicID != adopted[e.Topic]
			}
		}
	}
	return superseded
}
