package topics

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// State is how a cluster has a topic.
type State struct {
	Name                          string
	Partitions, ReplicationFactor int
	// Config has all settings, Set the names of those that are the topic's own and not the cluster's.
	Config map[string]string
	Set    map[string]bool
}

// Found are the topics of a cluster.
type Found struct {
	ClusterID string // empty: brokers give none
	Topics    []State
}

// All asks for all topics that this user may see, by name, without Kafka's own. It takes two requests.
func All(ctx context.Context, cl *kgo.Client) (*Found, error) {
	admin := kadm.NewClient(cl)
	metadata, err := admin.Metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	metadata.Topics.FilterInternal()
	found := &Found{ClusterID: metadata.Cluster, Topics: []State{}}
	if len(metadata.Topics) == 0 {
		return found, nil
	}
	names := slices.Sorted(maps.Keys(metadata.Topics))
	described, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topic settings: %w%s", err, kafka.AdviceOn("DescribeConfigs", err))
	}
	configs := make(map[string]kadm.ResourceConfig, len(described))
	for _, c := range described {
		configs[c.Name] = c
	}
	for _, name := range names {
		t := metadata.Topics[name]
		if t.Err != nil {
			return nil, fmt.Errorf("topic %s: %w%s", name, t.Err, kafka.AdviceOn("Describe", t.Err))
		}
		c := configs[name]
		if c.Err != nil {
			return nil, fmt.Errorf("describe settings of topic %s: %w%s", name, c.Err, kafka.AdviceOn("DescribeConfigs", c.Err))
		}
		s := State{Name: name, Partitions: len(t.Partitions), ReplicationFactor: t.Partitions.NumReplicas(), Config: map[string]string{}, Set: map[string]bool{}}
		for _, one := range c.Configs {
			if one.Value != nil {
				s.Config[one.Key] = *one.Value
				s.Set[one.Key] = one.Source == kmsg.ConfigSourceDynamicTopicConfig
			}
		}
		found.Topics = append(found.Topics, s)
	}
	return found, nil
}
