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
