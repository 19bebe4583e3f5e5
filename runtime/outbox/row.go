package outbox

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// ErrNoTransaction says that an event was to be written into an outbox with a context that carries no transaction of its database.
var ErrNoTransaction = errors.New("the context carries no transaction of the database")

// Lanes is how many lanes an outbox has: so many relays can work at once. It is part of the format of the table.
const Lanes = 4

// Row is an event that waits in an outbox.
type Row struct {
	ID      int64 // in the order of writing
	EventID string
	Record  kafka.Record // topic, key, value and headers
	Created time.Time    // when it was written, by the database's clock
}

// LogValue is what slog writes of the row: its record's key and value may hold what is sensitive, and are left out, as they are in what package fmt prints.
func (r Row) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", r)) }

// Place returns where the record of an event is kept: a number that all records of its topic and key have in common (each
// event its own, if there is no key), and the lane that follows from it. Every version computes the same, as the order within a key
// depends on it.
func Place(eventID string, r *kafka.Record) (key int64, lane int) {
	h := fnv.New64a()
	h.Write([]byte(r.Topic))
	h.Write([]byte{0})
	if r.Key != nil {
		h.Write(r.Key)
	} else {
		h.Write([]byte{0})
		h.Write([]byte(eventID))
	}
	sum := h.Sum64()
	return int64(sum), int(sum % Lanes)
}
