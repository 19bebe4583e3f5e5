package event

import "time"

// Group is a consumer group. Generated packages have one for each that their schemas declare, with all its settings;
// of one that a program makes itself, only Name is needed.
type Group struct {
	Name string
	// Topics are those that the group reads; none: whichever its handlers are for.
	Topics []string
	// Start is where the group begins with a topic that it has not read yet.
	Start Start
	// SessionTimeout is how long a member may be silent before its partitions go to others; 0: the consumer's default.
	SessionTimeout time.Duration
	// HeartbeatInterval is how often a member says that it lives; 0: the consumer's default.
	HeartbeatInterval time.Duration
	// AutoCommit says that positions are committed as work is done, without the handler's doing. Trestle's consumers
	// always do so; it says what others of the group may expect.
	AutoCommit bool
	// Owner is the service that runs the group.
	Owner string
}

// Start says where a group begins with a topic that it has not read yet. It holds for the partitions that the topic has
// then. Those that are added later, and topics that are created while the group waits for them, are read from their
// beginning: they hold nothing that was there before the group.
type Start uint8

// Where to start.
const (
	Earliest Start = iota // with the oldest record there is
	Latest                // with what is published from now on
)
