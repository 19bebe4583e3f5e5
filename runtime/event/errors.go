package event

import "fmt"

// TooLargeError says that an event is larger than its topic takes; nothing was sent.
type TooLargeError struct {
	Topic     string
	EventType string // full name
	Size      int    // of the record before compression, in bytes
	Limit     int    // in bytes
}

// Error names both sizes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("publish to %s: %s: record has %d bytes, the topic takes %d", e.Topic, e.EventType, e.Size, e.Limit)
}

// UnknownEventTypeError says that a record's event type is not one of its topic's.
type UnknownEventTypeError struct {
	Topic     string
	EventType string
	Declared  []string // for the topic
}

// Error names the type and those declared.
func (e *UnknownEventTypeError) Error() string {
	return fmt.Sprintf("unknown event type %q on %s, which has %s: is its schema newer than this consumer?",
		e.EventType, e.Topic, e.Declared)
}

// OversizedError says what of a log was not read, because it is larger than its topic takes: a record that only compression
// got past the topic's limit, or a batch of records that would open to many times that.
type OversizedError struct {
	// Bytes is the size of the record's key, value and headers, or of the records of the batch as they stand in the log, compressed.
	Bytes int
	// Limit is what it exceeds, in bytes: for a record the topic's max.message.bytes, for a batch what it may open to.
	Limit int
	// Batch says that it is a batch, with the records from FirstOffset to that of the record it stands with.
	Batch       bool
	FirstOffset int64
	LastOffset  int64
	// Untold says that brokers did not tell this user what the topic takes, so that Limit is what the schemas declare, or Kafka's default.
	Untold bool
	// SHA256 is the digest of the batch's records as they stand in the log, in hex; empty for a record, and where the log
	// no longer had them.
	SHA256 string
}

// Error names the sizes, and the offsets of a batch.
func (e *OversizedError) Error() string {
	switch {
	case !e.Batch && e.Untold:
		return fmt.Sprintf("record of %d bytes was not read: its topic takes %d, as far as is known: does an ACL of the cluster allow this user DescribeConfigs on the topic?", e.Bytes, e.Limit)
	case !e.Batch:
		return fmt.Sprintf("record of %d bytes was not read: its topic takes %d", e.Bytes, e.Limit)
	case e.SHA256 == "":
		return fmt.Sprintf("batch of records %d to %d was not opened: it would have more than %d bytes", e.FirstOffset, e.LastOffset, e.Limit)
	}
	return fmt.Sprintf("batch of records %d to %d, %d bytes compressed, was not opened: it would have more than %d bytes (sha256 %s)",
		e.FirstOffset, e.LastOffset, e.Bytes, e.Limit, e.SHA256)
}

// RegistryAwayError says that an event's schema has an id which nobody has told yet, as the registry is away. Trying again later can help.
type RegistryAwayError struct {
	Registry string // its address
	Subject  string
	Err      error
}

// Error names the registry and the subject.
func (e *RegistryAwayError) Error() string {
	return fmt.Sprintf("schema id of subject %s: the registry %s is away, and there is no kept id: %v", e.Subject, e.Registry, e.Err)
}

// Unwrap returns what became of the question.
func (e *RegistryAwayError) Unwrap() error { return e.Err }
