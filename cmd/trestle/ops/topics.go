package ops

import (
	"context"
	"errors"
	"fmt"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kadm"
)

// PlanTopics says what [ApplyTopics] would do to the cluster's topics; it changes nothing.
func PlanTopics(ctx context.Context, p *Project, env Environment) (*topics.Plan, error) {
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	cl, err := env.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return topics.NewPlan(ctx, cl, topicSpecs(set, env))
}

// ApplyTopics creates and updates topics as a plan says. A plan that refuses a topic changes nothing, and is an error.
func ApplyTopics(ctx context.Context, env Environment, plan *topics.Plan) error {
	return applyTopics(ctx, env, plan, "topics apply", "")
}

func applyTopics(ctx context.Context, env Environment, plan *topics.Plan, what, state string) error {
	if err := env.audit.begin(); err != nil {
		return err
	}
	cl, err := env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	err = plan.Apply(ctx, cl)
	if refused := plan.Refused(); len(refused) > 0 {
		return err
	}
	var changes []change
	for _, t := range plan.Topics {
		if t.Action != topics.None {
			changes = append(changes, topicChange(t, what, state, err))
		}
	}
	return errors.Join(err, env.audit.add(changes...))
}

// topicChange is what was done to a topic; with an error it may not have been.
func topicChange(t topics.Topic, what, state string, failed error) change {
	before, after := map[string]string{}, map[string]string{}
	for _, c := range t.Changes {
		before[c.Name], after[c.Name] = c.From, c.To
	}
	out := change{what: what, target: "topic " + t.Name, before: before, after: after, plan: state}
	if t.Action == topics.Create {
		after["partitions"] = fmt.Sprint(t.Partitions)
		for name, value := range t.Config {
			after[name] = value
		}
		out.before = nil
	}
	if failed != nil {
		after["error"] = failed.Error()
	}
	return out
}

// topicSpecs turns declared topics, under their names in the environment, into what the cluster is asked for, with what the
// environment sets otherwise.
func topicSpecs(set *schema.Set, env Environment) []topics.Spec {
	out, names := make([]topics.Spec, 0, len(set.Topics)), env.Names()
	for _, t := range set.Topics {
		s := topics.Spec{
			Name:              t.Name,
			Partitions:        t.Settings.Partitions,
			ReplicationFactor: env.ReplicationFactor,
			Config:            t.Settings.Config(),
		}
		logical, _ := names.TopicOf(t.Name)
		if o := env.Topics[logical]; o.Partitions > 0 {
			s.Partitions = o.Partitions
		}
		out = append(out, s)
	}
	if name, ok := resolutionsTopic(set, names); ok && set.Topic(name) == nil {
		out = append(out, replay.Spec(name, env.ReplicationFactor))
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
	adm := kadm.NewClient(cl)
	found, err := adm.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	names := found.Names()
	list := make([]ListedTopic, 0, len(names))
	if len(names) == 0 {
		return list, nil
	}
	starts, err := adm.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list start offsets: %w", err)
	}
	ends, err := adm.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	resolutions, _ := resolutionsTopic(set, env.Names())
	for _, t := range found.Sorted() {
		row := ListedTopic{
			Name: t.Topic, Partitions: len(t.Partitions), Replicas: t.Partitions.NumReplicas(),
			Declared: set.Topic(t.Topic) != nil || t.Topic == resolutions,
		}
		if logical, ok := env.Names().TopicOf(t.Topic); ok && row.Declared && logical != t.Topic {
			row.Logical = logical
		}
		for partition := range t.Partitions {
			start, okStart := starts.Lookup(t.Topic, partition)
			end, okEnd := ends.Lookup(t.Topic, partition)
			if okStart && okEnd && start.Err == nil && end.Err == nil {
				row.Records += end.Offset - start.Offset
			}
		}
		list = append(list, row)
	}
	return list, nil
}
