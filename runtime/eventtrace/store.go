package eventtrace

import (
	"context"

	"github.com/omninode/trestle/runtime/kafka"
)

// Store keeps events. All methods may be called from several goroutines, and several processes may use one database.
type Store interface {
	// Append adds the events and sets the progress of the partitions in next, all of it or, with an error, nothing.
	// An event whose place in the log, with its topic's id, is already stored is left as it is. Append returns how many were new.
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

	// ByCorrelation returns all events with that correlation id, in the order of [Sort].
	ByCorrelation(ctx context.Context, id string) ([]Event, error)

	// BySession returns all events with that session id, in the order of [Sort].
	BySession(ctx context.Context, id string) ([]Event, error)

	// ByType returns the newest events of the type before the cursor, at most limit, in the order of [Sort]; the
	// empty type is that of records whose type could not be read. It fails if limit is below 1.
	ByType(ctx context.Context, eventType string, before Cursor, limit int) (Page, error)

	// Close closes the store's database. It waits for calls under way.
	Close() error
}

// Progress says for topics and their partitions which offset is to be read next.
type Progress = kafka.Offsets
