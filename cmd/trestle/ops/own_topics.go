package ops

import (
	"maps"
	"slices"

	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
)

// ownTopic is a topic that trestle.yaml names, and that the schemas need not declare.
type ownTopic struct {
	name   string // the logical one
	config map[string]string
}

// ownTopics are those of the project. Each has one partition: what stands there is in order.
func (p *Project) ownTopics() []ownTopic {
	var own []ownTopic
	if name := p.Config.Monitor.Alerts.Topic; name != "" {
		own = append(own, ownTopic{name, map[string]string{"cleanup.policy": "delete", "retention.ms": "2592000000"}}) // 30 days
	}
	if name := p.Config.Audit.Topic; name != "" {
		own = append(own, ownTopic{name, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}}) // for ever
	}
	return own
}

// ownSpecs are those topics of the project that a set, under its names in the environment, does not declare.
func (e Environment) ownSpecs(set *schema.Set) []topics.Spec {
	var out []topics.Spec
	for _, t := range e.own {
		name, err := e.Names().Topic(t.name)
		if err != nil || set.Topic(name) != nil || slices.ContainsFunc(out, func(s topics.Spec) bool { return s.Name == name }) {
			continue // namesOf has reported the error
		}
		s, o := topics.Spec{Name: name, Partitions: 1, ReplicationFactor: e.ReplicationFactor, Config: maps.Clone(t.config)}, e.Topics[t.name]
		o.Partitions = 0 // as with resolutions
		o.overlay(&s)
		out = append(out, s)
	}
	return out
}
