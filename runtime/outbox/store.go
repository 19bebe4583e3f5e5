package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrLost says that a lane is not the relay's any more, or is not where the relay took it to be.
var ErrLost = errors.New("another relay has the lane")

// Store is an outbox as relays see it. Several processes may use one database. After an error of the connection the outcome of a
// call is unknown; the relay then begins with [Store.Begun] again.
type Store interface {
	// Lease says that the relay lives, has its leases last for d from now on, and takes lanes that nobody has a lease on, up
	// to its share: all lanes by the number of relays that live. It returns what the relay then has, in the order of lanes,
	// and its share, which may be less: the rest is for it to give back. A relay lives for d after it said so.
	Lease(ctx context.Context, relay string, d time.Duration) (leases []Lease, share int, err error)

	// Leave says that the relay lives no more, and ends its leases. What it has begun stays begun.
	Leave(ctx context.Context, relay string) error

	// Begun returns the lane's batch that was begun last. It has no rows where that one is finished. It fails with ErrLost.
	Begun(ctx context.Context, lease Lease) (Batch, error)

	// Next finishes the batch with that number, which removes its rows and lets go what was set aside behind them, and begins
	// another: the oldest rows of the lane that are committed, or, if it is time to try some again that were refused, these. Rows of
	// keys that were refused are set aside. It returns at most rows rows, and no more once their values have that many bytes; none
	// if there are none. position is called with the topic of the first and says what Batch.Position is to be.
	//
	// It is one transaction. It fails with ErrLost, without a change, when the lane is another relay's, or its batch another.
	Next(ctx context.Context, lease Lease, finished int64, rows, bytes int, position func(topic string) Position) (Batch, error)

	// Amend has the lane's batch, of that number, consist of the rows of these ids alone, and sets aside rows that were
	// refused: with a backoff from retry.Lowest to retry.Highest, doubled at each refusal. Rows that are in neither are as if
	// they had not been begun. It fails with ErrLost, without a change.
	Amend(ctx context.Context, lease Lease, batch Batch, refused []Refusal, retry Retry) error

	// Release finishes the batch with that number, as Next does, and gives the lane back. It fails with ErrLost.
	Release(ctx context.Context, lease Lease, finished int64) error

	// Status counts what waits.
	Status(ctx context.Context) (Status, error)

	// Listen calls wake whenever rows may have been committed, until ctx ends; its error is then nil. A database that
	// doesn't tell has it wait for that end. Calls may be missing.
	Listen(ctx context.Context, wake func()) error
}

// Lease is a relay's right to a lane.
type Lease struct {
	Lane            int
	Relay           string
	TransactionalID string // under which the lane's batches are written; every outbox has its own
}

// Batch is what a lane's relay writes in one Kafka transaction.
type Batch struct {
	Number   int64
	Rows     []Row // in the order in which they are to be published
	Position Position
}

// LogValue is what slog writes of the batch: that of its rows.
func (b Batch) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", b)) }

// Position says, for the partitions of the topic of a batch's first row, where the topic ended before the batch was begun, or
// earlier: what it wrote stands behind that. A partition that is not there is read from its start.
type Position map[int32]int64

// Refusal is a row that Kafka refused.
type Refusal struct {
	Row Row
	Err string
}

// LogValue is what slog writes of the refusal: that of its row, and why.
func (r Refusal) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", r)) }

// Retry spaces attempts.
type Retry struct {
	Lowest, Highest time.Duration
}

// Status is what waits in an outbox.
type Status struct {
	Depth  int64     // rows that are committed and not published, those set aside among them
	Oldest time.Time // when the oldest of them was written; zero: there is none
	// Now is the database's present, to compare Oldest with.
	Now time.Time
	// Refused are the rows that Kafka refused, at most the [MaxRefused] that were refused first. Each holds up its key alone.
	Refused []RefusedRow
	// RefusedKeys counts all keys that are held up.
	RefusedKeys int64
}

// Lag is the age of the oldest row that is committed and not published.
func (s Status) Lag() time.Duration {
	if s.Oldest.IsZero() {
		return 0
	}
	return max(0, s.Now.Sub(s.Oldest))
}

// MaxRefused is how many refused rows a Status names.
const MaxRefused = 100

// RefusedRow is a row that Kafka refused.
type RefusedRow struct {
	ID       int64
	Topic    string
	Attempts int
	Err      string // the last time
	Since    time.Time
	Next     time.Time // when it is tried again
}
