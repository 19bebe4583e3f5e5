package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/groups"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DescribedTopic is a topic as the cluster has it, and the events that the schemas have for it.
type DescribedTopic struct {
	Name       string            `json:"name"`
	ID         string            `json:"id,omitempty"`
	Partitions []TopicPartition  `json:"partitions"`
	Config     map[string]string `json:"config"` // all settings
	// Set names the settings that are the topic's own, and not the cluster's.
	Set []string `json:"set"`
	// Events are the event types that the schemas have for the topic; none where it is not declared.
	Events []string `json:"events"`
	// Logical is what the schemas call it, where it has another name in the environment.
	Logical string `json:"logical,omitempty"`
}

// TopicPartition is a partition of a topic.
type TopicPartition struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"` // -1: none
	Replicas  []int32 `json:"replicas"`
	InSync    []int32 `json:"in_sync"`
	Start     int64   `json:"start"` // offsets; -1: not known
	End       int64   `json:"end"`
	Bytes     int64   `json:"bytes"` // of the leader's log; -1: not known
	Rate      float64 `json:"rate"`  // records a second, over the last minute
}

// openTopic connects, and returns what the schemas say of a topic: its name may be theirs or the cluster's.
func openTopic(ctx context.Context, p *Project, env Environment, name string) (*kgo.Client, *schema.Set, string, error) {
	set, err := p.loadIfAny(ctx, env)
	if err != nil {
		return nil, nil, "", err
	}
	cl, err := env.kafka(ctx)
	return cl, set, topicOf(set, env.Names(), name), err
}

// DescribeTopic says what the cluster and the schemas know of a topic.
func DescribeTopic(ctx context.Context, p *Project, env Environment, name string) (*DescribedTopic, error) {
	cl, set, topic, err := openTopic(ctx, p, env, name)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	d, err := topics.Describe(ctx, cl, topic)
	if err != nil {
		return nil, err
	}
	out := &DescribedTopic{Name: d.Name, ID: d.ID, Config: d.Config, Partitions: []TopicPartition{}, Set: []string{}, Events: []string{}}
	for _, one := range d.Partitions {
		out.Partitions = append(out.Partitions, TopicPartition(one))
	}
	for name, own := range d.Set {
		if own {
			out.Set = append(out.Set, name)
		}
	}
	slices.Sort(out.Set)
	if declared := set.Topic(topic); declared != nil {
		for _, e := range declared.Events {
			out.Events = append(out.Events, e.Type)
		}
		slices.Sort(out.Events)
		if logical, ok := env.Names().TopicOf(topic); ok {
			out.Logical = otherThan(logical, topic)
		}
	}
	return out, nil
}

// TopicOffsets are where a topic's partitions begin and end, and what stands at a time.
type TopicOffsets struct {
	Topic      string           `json:"topic"`
	Records    int64            `json:"records"`
	Partitions []PartitionRange `json:"partitions"`
}

// PartitionRange is where a partition begins and ends.
type PartitionRange struct {
	Partition int32 `json:"partition"`
	Start     int64 `json:"start"`
	End       int64 `json:"end"`
	// At is the offset of the first record at the time asked for or later; the end where there is none; null where none was asked for.
	At *int64 `json:"at,omitempty"`
}

// ReadOffsets says where a topic's partitions begin and end, and what stands at a time unless that is zero.
func ReadOffsets(ctx context.Context, p *Project, env Environment, name string, at time.Time) (*TopicOffsets, error) {
	cl, _, topic, err := openTopic(ctx, p, env, name)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	d, err := topics.Describe(ctx, cl, topic)
	if err != nil {
		return nil, err
	}
	var times map[int32]int64
	if !at.IsZero() {
		if times, err = topics.OffsetsAt(ctx, cl, topic, at); err != nil {
			return nil, err
		}
	}
	out := &TopicOffsets{Topic: topic, Records: d.Records(), Partitions: []PartitionRange{}}
	for _, one := range d.Partitions {
		r := PartitionRange{Partition: one.Partition, Start: one.Start, End: one.End}
		if offset, ok := times[one.Partition]; ok {
			r.At = &offset
		}
		out.Partitions = append(out.Partitions, r)
	}
	return out, nil
}

// DeletedTopic is what is lost with a topic.
type DeletedTopic struct {
	Topic   string   `json:"topic"`
	Records int64    `json:"records"`
	Groups  []string `json:"groups"` // that have read it
	// Declared says that the schemas have the topic.
	Declared bool `json:"declared"`
	// Done says that it is deleted.
	Done bool `json:"done"`
}

// ErrNotConfirmed says that something is not done before somebody has said that it is to be.
var ErrNotConfirmed = errors.New("not confirmed")

// DeleteTopic deletes a topic with all that is in it, once that is confirmed, and says what is lost, or would be.
func DeleteTopic(ctx context.Context, p *Project, env Environment, name string, confirmed bool) (*DeletedTopic, error) {
	cl, set, topic, err := openTopic(ctx, p, env, name)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	d, err := topics.Describe(ctx, cl, topic)
	if err != nil {
		return nil, err
	}
	out := &DeletedTopic{Topic: topic, Records: d.Records(), Groups: []string{}, Declared: set.Topic(topic) != nil}
	readers, err := groups.Readers(ctx, cl, topic)
	if err != nil {
		return nil, err
	}
	out.Groups = append(out.Groups, readers...)
	if !confirmed {
		return out, fmt.Errorf("topic %s is not deleted: %d records would be lost%s: say so with --yes: %w", topic, out.Records, readBy(out.Groups), ErrNotConfirmed)
	}
	if env.audit.isOn(topic) {
		return out, fmt.Errorf("topic %s is not deleted: changes are written down there: name another one under audit first", topic)
	}
	if err := env.audit.begin(ctx); err != nil {
		return out, err
	}
	if err := topics.Delete(ctx, cl, topic); err != nil {
		return out, err
	}
	out.Done = true
	return out, env.audit.add(ctx, change{what: "topics delete", target: "topic " + topic, before: map[string]any{
		"records": out.Records, "partitions": len(d.Partitions), "groups": out.Groups,
	}})
}

func readBy(groups []string) string {
	if len(groups) == 0 {
		return ""
	}
	return ", and where these groups are in it: " + strings.Join(groups, ", ")
}
