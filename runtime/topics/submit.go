package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// Validate has the brokers judge what the plan would do, in three requests at most, and changes nothing: what they would refuse, for its settings, their
// own limits or what this user may do, is refused in the plan, with what they say.
func (p *Plan) Validate(ctx context.Context, cl *kgo.Client) error {
	all := make([]*Topic, len(p.Topics))
	byName := map[string]*Topic{}
	for i := range p.Topics {
		all[i] = &p.Topics[i]
		byName[all[i].Name] = all[i]
	}
	answers, err := submit(ctx, cl, all, true)
	if err != nil {
		return fmt.Errorf("ask brokers whether they take what is planned: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		err, t := answers[name], byName[name]
		if t == nil {
			return fmt.Errorf("brokers judged topic %s, of which nobody asked: %w", name, err)
		}
		if kafka.Classify(err) == kafka.Retriable { // that is no judgement
			return fmt.Errorf("topic %s: ask brokers whether they take it: %w", name, err)
		}
		t.Action = Refused
		t.Changes = append(t.Changes, Change{Name: brokersChange, Warning: err.Error()})
	}
	return nil
}

// submitTimeout is for how long a broker may take, in milliseconds.
const submitTimeout = 15_000

// submit asks brokers to bring topics to what is declared, or only whether they would. It returns why they do not, by topic; those that they do are not
// among these. The error is of asking.
func submit(ctx context.Context, cl *kgo.Client, topics []*Topic, validateOnly bool) (map[string]error, error) {
	creations, partitions, settings := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewPtrCreatePartitionsRequest(), kmsg.NewPtrIncrementalAlterConfigsRequest()
	creations.ValidateOnly, partitions.ValidateOnly, settings.ValidateOnly = validateOnly, validateOnly, validateOnly
	creations.TimeoutMillis, partitions.TimeoutMillis = submitTimeout, submitTimeout
	for _, t := range topics {
		switch t.Action {
		case Create:
			creations.Topics = append(creations.Topics, t.creation())
		case Update:
			if more := t.growth(); more != nil {
				partitions.Topics = append(partitions.Topics, *more)
			}
			if alter := t.alteration(); alter != nil {
				settings.Resources = append(settings.Resources, *alter)
			}
		}
	}
	refused := map[string]error{}
	answered := func(operation, topic string, code int16, message *string) {
		err := kerr.ErrorForCode(code)
		if message != nil {
			err = withMessage(err, *message)
		}
		if err != nil {
			refused[topic] = errors.Join(refused[topic], fmt.Errorf("%w%s", err, kafka.AdviceOn(operation, err)))
		}
	}
	if len(creations.Topics) > 0 {
		answer, err := creations.RequestWith(ctx, cl)
		if err != nil {
			return nil, err
		}
		for _, t := range answer.Topics {
			answered("Create", t.Topic, t.ErrorCode, t.ErrorMessage)
		}
	}
	if len(partitions.Topics) > 0 {
		answer, err := partitions.RequestWith(ctx, cl)
		if err != nil {
			return nil, err
		}
		for _, t := range answer.Topics {
			answered("Alter", t.Topic, t.ErrorCode, t.ErrorMessage)
		}
	}
	if len(settings.Resources) > 0 {
		answer, err := settings.RequestWith(ctx, cl)
		if err != nil {
			return nil, err
		}
		for _, r := range answer.Resources {
			answered("AlterConfigs", r.ResourceName, r.ErrorCode, r.ErrorMessage)
		}
	}
	return refused, nil
}

func (t *Topic) creation() kmsg.CreateTopicsRequestTopic {
	r := kmsg.NewCreateTopicsRequestTopic()
	r.Topic, r.NumPartitions, r.ReplicationFactor = t.Name, t.Partitions, t.replication
	if r.ReplicationFactor == 0 {
		r.ReplicationFactor = -1
	}
	for _, name := range slices.Sorted(maps.Keys(t.Config)) {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		value := t.Config[name]
		c.Name, c.Value = name, &value
		r.Configs = append(r.Configs, c)
	}
	return r
}

// growth is the request for more partitions; nil where there are to be no more.
func (t *Topic) growth() *kmsg.CreatePartitionsRequestTopic {
	if !slices.ContainsFunc(t.Changes, func(c Change) bool { return c.Name == PartitionsChange }) {
		return nil
	}
	r := kmsg.NewCreatePartitionsRequestTopic()
	r.Topic, r.Count = t.Name, t.Partitions
	return &r
}

// alteration is the request for other settings; nil where they stay.
func (t *Topic) alteration() *kmsg.IncrementalAlterConfigsRequestResource {
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, t.Name
	for _, change := range t.Changes {
		if change.Name == PartitionsChange {
			continue
		}
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Op, c.Value = change.Name, kmsg.IncrementalAlterConfigOpSet, &change.To
		r.Configs = append(r.Configs, c)
	}
	if len(r.Configs) == 0 {
		return nil
	}
	return &r
}
