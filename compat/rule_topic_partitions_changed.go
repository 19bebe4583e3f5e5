package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var topicPartitionsChanged = Rule{
	ID:        "TOPIC_PARTITIONS_CHANGED",
	Purpose:   "a topic keeps its number of partitions",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "keys of %s move to other partitions: new records may be handled before old ones of the same key",
	Forward:   "keys of %s move to other partitions: new records may be handled before old ones of the same key",
	Fix:       "let consumers of %s catch up before partitions are added, or add a topic",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil {
			return
		}
		o, n := old.Settings.Partitions, new.Settings.Partitions
		switch {
		case n > o:
			c.Report(Problem{Change: fmt.Sprintf("partitions of %s grow from %d to %d", new.Name, o, n)})
		case n < o:
			c.Report(Problem{
				Change:   fmt.Sprintf("partitions of %s shrink from %d to %d", new.Name, o, n),
				Severity: Error,
				Backward: "a broker cannot take partitions away from %s without deleting it and what is in it",
				Forward:  "a broker cannot take partitions away from %s without deleting it and what is in it",
				Fix:      fmt.Sprintf("keep %d partitions, or move the events to a new topic", o),
			})
		}
	},
}
