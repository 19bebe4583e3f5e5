package trestle

import (
	"sync"

	"github.com/omninode/trestle/runtime/event"
)

// Names are the names that topics and consumer groups have in an environment, by those that the schemas have for them.
type Names = event.Names

// WithNames has topics, their dead letters and consumer groups go by the names of an environment, overriding those that the
// schemas have: all that a publisher, a consumer or a caller reads and writes, the subjects that WithSchemaIDs asks for, and
// what receipts, deliveries, errors, logs, metrics and spans say. What a program passes in are the schemas' names: the group of
// NewConsumer, the topics of Pause and Resume. A caller without names of its own has those of its publisher. The constructor
// fails when a name is not allowed, or is given twice.
func WithNames(names Names) Option {
	return clientOption(func(c *clientConfig) {
		c.names = nil
		if !names.IsZero() {
			c.names = &environment{Names: names}
		}
	})
}

// environment has the descriptions of event types under the names of an environment, made once: they are compared by where
// they are. A nil one changes nothing.
type environment struct {
	event.Names
	known sync.Map // *EventInfo → *EventInfo
}

// event returns the description of an event type in the environment.
func (e *environment) event(info *EventInfo) (*EventInfo, error) {
	if e == nil {
		return info, nil
	}
	if found, ok := e.known.Load(info); ok {
		return found.(*EventInfo), nil
	}
	named, err := e.Event(info)
	if err != nil {
		return nil, err
	}
	found, _ := e.known.LoadOrStore(info, named)
	return found.(*EventInfo), nil
}

// described is event for what is said of an event type alone: what has no name in the environment keeps its own.
func (e *environment) described(info *EventInfo) *EventInfo {
	if named, err := e.event(info); err == nil {
		return named
	}
	return info
}

// group returns a group in the environment.
func (e *environment) group(g Group) (Group, error) {
	if e == nil || g.Name == "" {
		return g, nil
	}
	return e.InGroup(g)
}

// topic returns the name of a topic in the environment, its own where it has none there.
func (e *environment) topic(name string) string {
	if e == nil {
		return name
	}
	if named, err := e.Topic(name); err == nil {
		return named
	}
	return name
}

// names are those of an environment.
func (e *environment) names() Names {
	if e == nil {
		return Names{}
	}
	return e.Names
}
