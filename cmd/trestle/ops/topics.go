package ops

import (
	"context"
	"slices"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
)

// topicSpecs turns declared topics, under their names in the environment, into what the cluster is asked for, with what the
// environment sets otherwise, and adds those that come with them.
func topicSpecs(set *schema.Set, env Environment) []topics.Spec {
	out, names := make([]topics.Spec, 0, len(set.Topics)), env.Names()
	for _, t := range set.Topics {
		s := topics.Spec{
			Name:              t.Name,
			Partitions:        t.Settings.Partitions,
			ReplicationFactor: env.ReplicationFactor,
			Config:            t.Settings.Config(),
			Unkeyed:           !isKeyed(set, t.Name),
		}
		logical, _ := names.TopicOf(t.Name)
		env.Topics[logical].overlay(&s)
		out = append(out, s)
	}
	if name, ok := resolutionsTopic(set, names); ok && set.Topic(name) == nil {
		s, o := replay.Spec(name, env.ReplicationFactor), env.Topics[replay.ResolutionsTopic]
		o.Partitions = 0 // it has one, which keeps resolutions in their order
		o.overlay(&s)
		out = append(out, s)
	}
	if name, ok := keysTopic(set, names); ok && set.Topic(name) == nil {
		s, o := keytopic.Spec(name, env.ReplicationFactor), env.Topics[keytopic.Topic]
		o.Partitions = 0 // it has one, whose end is the end of all keys
		o.overlay(&s)
		out = append(out, s)
	}
	return append(out, env.ownSpecs(set)...)
}

// keysTopic is the name, in an environment, of the topic of keys. It says false where no field is encrypted.
func keysTopic(set *schema.Set, names trestle.Names) (string, bool) {
	if len(keyClasses(set)) == 0 {
		return "", false
	}
	name, err := names.Topic(keytopic.Topic)
	return name, err == nil // namesOf has reported it
}

// besideSchemas are the logical names of the topics that a set's schemas need and do not declare.
func besideSchemas(set *schema.Set) []string {
	var out []string
	for _, topic := range []func(*schema.Set, trestle.Names) (string, bool){resolutionsTopic, keysTopic} {
		if name, ok := topic(set, trestle.Names{}); ok && set.Topic(name) == nil {
			out = append(out, name)
		}
	}
	return out
}

// resolutionsTopic is the name, in an environment, of the topic that says which dead letters are resolved. It says false where no topic
// has dead letters.
func resolutionsTopic(set *schema.Set, names trestle.Names) (string, bool) {
	for _, t := range set.Topics {
		if t.DeadLetter != nil {
			name, err := names.Topic(replay.ResolutionsTopic)
			return name, err == nil // namesOf has reported it
		}
	}
	return "", false
}

// ListedTopic is a topic of the cluster.
type ListedTopic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	// Records is the sum of end less start offsets: what can still be read.
	Records int64 `json:"records"`
	// Declared says that the project's schemas have the topic.
	Declared bool `json:"declared"`
	// Logical is what the schemas call it, where it has another name in the environment.
	Logical string `json:"logical,omitempty"`
}

// ListTopics lists the cluster's topics, by name. Outside of a project none of them is declared.
func ListTopics(ctx context.Context, p *Project, env Environment) ([]ListedTopic, error) {
	set, err := p.loadIfAny(ctx, env)
	if err != nil {
		return nil, err
	}
	cl, err := env.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	found, err := topics.List(ctx, cl)
	if err != nil {
		return nil, err
	}
	declared := topicSpecs(set, env)
	list := make([]ListedTopic, 0, len(found))
	for _, t := range found {
		row := ListedTopic{
			Name: t.Name, Partitions: t.Partitions, Replicas: t.Replicas, Records: t.Records,
			Declared: slices.ContainsFunc(declared, func(s topics.Spec) bool { return s.Name == t.Name }),
		}
		if logical, ok := env.Names().TopicOf(t.Name); ok && row.Declared && logical != t.Name {
			row.Logical = logical
		}
		list = append(list, row)
	}
	return list, nil
}
