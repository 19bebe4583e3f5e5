package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/event"
)

// Record is a record as it stands on a topic.
type Record = event.Record

// Header is a record header. Names may repeat; a nil Value differs from an empty one.
type Header = event.Header

// OversizedError says what of a log was not read: a value, or a batch of records.
type OversizedError = event.OversizedError

// FromClient returns the record that the client fetched. It shares the memory of key, value and headers' values.
func FromClient(r *kgo.Record) Record {
	return Record{
		Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: headersFromClient(r.Headers),
		Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
	}
}

// ToClient returns the record for the client to produce, which sets its offset and, unless it partitions by hand, its
// partition. It shares the memory of key, value and headers' values.
func ToClient(r *Record) *kgo.Record {
	to := new(kgo.Record)
	ForClient(to, r)
	return to
}

// ForClient is ToClient for a record whose memory the caller brings.
func ForClient(to *kgo.Record, r *Record) {
	headers := make([]kgo.RecordHeader, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = kgo.RecordHeader(h)
	}
	*to = kgo.Record{
		Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: headers, Partition: r.Partition, Timestamp: r.Timestamp,
	}
}

func headersFromClient(from []kgo.RecordHeader) []Header {
	if len(from) == 0 {
		return nil
	}
	headers := make([]Header, len(from))
	for i, h := range from {
		headers[i] = Header(h)
	}
	return headers
}
