package event

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/omninode/trestle/runtime/wire"
)

// Header is a record header. Names may repeat; a nil Value differs from an empty one.
type Header = wire.Header

// Record is an event as it stands on a topic, of no particular Kafka client.
type Record struct {
	Topic      string
	Key, Value []byte // nil: none
	Headers    []Header
	// Partition, Offset and Timestamp are where and when the record was written; zero in one still to be published.
	Partition int32
	Offset    int64
	Timestamp time.Time
	// Oversized says that the record was not read, or a whole batch of which this is the last record: Value is nil then, and large
	// headers are missing. nil: nothing was left out.
	Oversized *OversizedError
}

// Format writes, for any verb, where the record stands and how much is in it: key and value may hold what is sensitive.
func (r Record) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "%s/%d/%d (key of %d bytes, value of %d bytes, %d headers)", r.Topic, r.Partition, r.Offset, len(r.Key), len(r.Value), len(r.Headers))
}

// LogValue is what slog writes of the record: what Format does.
func (r Record) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Header returns the value of the first header of that name, empty when there is none.
func (r *Record) Header(name string) string { return wire.HeaderValue(r.Headers, name) }

// batchOverhead is what a batch of records has of its own, in the message format of Kafka 0.11 and later.
const batchOverhead = 61

// Size returns what the record takes as a batch of its own, before compression, in bytes: what a broker holds against
// the topic's max.message.bytes.
func (r *Record) Size() int {
	n := 1 + 1 + 1 // attributes, timestamp delta, offset delta
	n += varintSize(len(r.Key)) + len(r.Key)
	n += varintSize(len(r.Value)) + len(r.Value)
	n += varintSize(len(r.Headers))
	for i := range r.Headers {
		h := &r.Headers[i]
		n += varintSize(len(h.Key)) + len(h.Key) + varintSize(len(h.Value)) + len(h.Value)
	}
	return batchOverhead + varintSize(n) + n
}

func varintSize(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutVarint(b[:], int64(n))
}
