package event

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Names are the names that topics and consumer groups have in an environment, such as that of a team or a stage, by those
// that the schemas have for them. The schemas' names are the logical ones, those on the cluster the physical ones. The zero
// value changes none.
//
//	staging := event.Names{Prefix: "staging.", Topics: map[string]string{"orders": "legacy_orders"}}
//	staging.Topic("payments") // staging.payments
//	staging.Topic("orders")   // legacy_orders
type Names struct {
	// Prefix stands before all names that are not given outright.
	Prefix string
	// Topics and Groups are the names that are given outright, by the logical ones.
	Topics, Groups map[string]string
}

// maxName is how long Kafka lets a topic's name be, in bytes.
const maxName = 249

var nameChars = regexp.MustCompile(`^[a-zA-Z0-9._-]*$`)

// IsZero says that no name is changed.
func (n Names) IsZero() bool { return n.Prefix == "" && len(n.Topics) == 0 && len(n.Groups) == 0 }

// Equal says whether both change all names alike.
func (n Names) Equal(other Names) bool {
	return n.Prefix == other.Prefix && maps.Equal(n.Topics, other.Topics) && maps.Equal(n.Groups, other.Groups)
}

// Validate reports what is wrong whatever the schemas declare: a prefix or a name that Kafka does not allow, and a name that
// is given to two topics, or to two groups.
func (n Names) Validate() error {
	var errs []error
	if !nameChars.MatchString(n.Prefix) || len(n.Prefix) >= maxName {
		errs = append(errs, fmt.Errorf("prefix %q: names have letters, digits, dots, underscores and hyphens, at most %d", n.Prefix, maxName))
	}
	for _, logical := range slices.Sorted(maps.Keys(n.Topics)) {
		errs = append(errs, checkTopicName(logical, n.Topics[logical]))
	}
	for _, logical := range slices.Sorted(maps.Keys(n.Groups)) {
		if n.Groups[logical] == "" {
			errs = append(errs, fmt.Errorf("consumer group %s: its name is empty", logical))
		}
	}
	return errors.Join(append(errs, givenTwice("topics", n.Topics), givenTwice("consumer groups", n.Groups))...)
}

func givenTwice(kind string, outright map[string]string) error {
	first := map[string]string{}
	for _, logical := range slices.Sorted(maps.Keys(outright)) {
		physical := outright[logical]
		if other, twice := first[physical]; twice {
			return bothNamed(kind, other, logical, physical)
		}
		first[physical] = logical
	}
	return nil
}

func bothNamed(kind, a, b, physical string) error {
	return fmt.Errorf("%s %s and %s would both be %s", kind, min(a, b), max(a, b), physical)
}

func checkTopicName(logical, physical string) error {
	switch {
	case physical == "":
		return fmt.Errorf("topic %s: its name is empty", logical)
	case physical == "." || physical == ".." || !nameChars.MatchString(physical):
		return fmt.Errorf("topic %s would be %q: a topic's name has letters, digits, dots, underscores and hyphens, and is not . or .. alone", logical, physical)
	case len(physical) > maxName:
		return fmt.Errorf("topic %s would be %s, of %d characters: a topic's name has at most %d", logical, physical, len(physical), maxName)
	}
	return nil
}

// Topic returns the physical name of a topic. It fails where Kafka does not allow that name, and where another topic has been
// given it outright.
func (n Names) Topic(logical string) (string, error) {
	physical, err := physicalOf("topics", n.Prefix, n.Topics, logical)
	if err == nil {
		err = checkTopicName(logical, physical)
	}
	return physical, err
}

// Group returns the physical name of a consumer group. It fails where another group has been given that name outright.
func (n Names) Group(logical string) (string, error) {
	return physicalOf("consumer groups", n.Prefix, n.Groups, logical)
}

func physicalOf(kind, prefix string, outright map[string]string, logical string) (string, error) {
	if physical, ok := outright[logical]; ok {
		return physical, nil
	}
	physical := prefix + logical
	for other, given := range outright {
		if given == physical {
			return "", bothNamed(kind, other, logical, physical)
		}
	}
	return physical, nil
}

// TopicOf returns the logical name of a topic. It says false for one that no topic of the environment can have.
func (n Names) TopicOf(physical string) (logical string, ok bool) {
	return logicalOf(n.Prefix, n.Topics, physical)
}

// GroupOf returns the logical name of a consumer group. It says false for one that no group of the environment can have.
func (n Names) GroupOf(physical string) (logical string, ok bool) {
	return logicalOf(n.Prefix, n.Groups, physical)
}

func logicalOf(prefix string, outright map[string]string, physical string) (string, bool) {
	for logical, given := range outright {
		if given == physical {
			return logical, true
		}
	}
	logical, ok := strings.CutPrefix(physical, prefix)
	if _, elsewhere := outright[logical]; !ok || elsewhere || logical == "" {
		return "", false
	}
	return logical, true
}

// Subject returns the name that a registry has for a schema which belongs to no topic, since others refer to it. A topic's
// subjects follow from its physical name.
func (n Names) Subject(logical string) string { return n.Prefix + logical }

// CheckTopics reports what keeps topics from being on one cluster, by their logical names: names that Kafka does not allow,
// two topics of one name, and two whose names differ by dots and underscores alone, which Kafka takes for the same.
func (n Names) CheckTopics(logical ...string) error {
	errs := []error{n.Validate()}
	first := map[string]string{}
	for _, topic := range slices.Compact(slices.Sorted(slices.Values(logical))) {
		physical, err := n.Topic(topic)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		metric := strings.ReplaceAll(physical, ".", "_")
		if other, clash := first[metric]; clash {
			a, _ := n.Topic(other)
			errs = append(errs, fmt.Errorf("topics %s and %s would be %s and %s: Kafka takes . and _ in names for the same", other, topic, a, physical))
		}
		first[metric] = topic
	}
	return errors.Join(errs...)
}

// Event returns the description of an event type with the names of its topics replaced; one without a topic is returned as it
// is. What it makes is the same but for [EventInfo.Topic].
func (n Names) Event(info *EventInfo) (*EventInfo, error) {
	if info.Topic == nil || n.IsZero() {
		return info, nil
	}
	topic := *info.Topic
	var errs []error
	name := func(name *string) {
		var err error
		*name, err = n.Topic(*name)
		errs = append(errs, err)
	}
	name(&topic.Name)
	if topic.DeadLetter != "" {
		name(&topic.DeadLetter)
	}
	topic.Retries = slices.Clone(topic.Retries)
	for i := range topic.Retries {
		name(&topic.Retries[i].Name)
	}
	named := *info
	named.Topic = &topic
	return &named, errors.Join(errs...)
}

// InGroup returns a group with its name and those of its topics replaced.
func (n Names) InGroup(g Group) (Group, error) {
	var errs []error
	name, err := n.Group(g.Name)
	errs = append(errs, err)
	topics := make([]string, len(g.Topics))
	for i, topic := range g.Topics {
		topics[i], err = n.Topic(topic)
		errs = append(errs, err)
	}
	g.Name, g.Topics = name, topics
	return g, errors.Join(errs...)
}
