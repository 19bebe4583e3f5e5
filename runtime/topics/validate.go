package topics

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// validateTimeout is for how long a broker may judge, in milliseconds.
const validateTimeout = 15_000

// Validate has the brokers judge what the plan would do, in three requests at most, and changes nothing: what they would refuse, for its settings, their
// own limits or what this user may do, is refused in the plan, with what they say.
func (p *Plan) Validate(ctx context.Context, cl *kgo.Client) error {
	creations, partitions, settings := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewPtrCreatePartitionsRequest(), kmsg.NewPtrIncrementalAlterConfigsRequest()
	creations.ValidateOnly, partitions.ValidateOnly, settings.ValidateOnly = true, true, true
	creations.TimeoutMillis, partitions.TimeoutMillis = validateTimeout, validateTimeout
	for i := range p.Topics {
		t := &p.Topics[i]
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
	if len(creations.Topics) > 0 {
		answer, err := creations.RequestWith(ctx, cl)
		if err != nil {
			return fmt.Errorf("ask brokers whether they take the topics that are to be created: %w", err)
		}
		for _, t := range answer.Topics {
			if err := p.judged(t.Topic, t.ErrorCode, t.ErrorMessage); err != nil {
				return err
			}
		}
	}
	if len(partitions.Topics) > 0 {
		answer, err := partitions.RequestWith(ctx, cl)
		if err != nil {
			return fmt.Errorf("ask brokers whether they take more partitions: %w", err)
		}
		for _, t := range answer.Topics {
			if err := p.judged(t.Topic, t.ErrorCode, t.ErrorMessage); err != nil {
				return err
			}
		}
	}
	if len(settings.Resources) > 0 {
		answer, err := settings.RequestWith(ctx, cl)
		if err != nil {
			return fmt.Errorf("ask brokers whether they take the settings: %w", err)
		}
		for _, r := range answer.Resources {
			if err := p.judged(r.ResourceName, r.ErrorCode, r.ErrorMessage); err != nil {
				return err
			}
		}
	}
	return nil
}

// judged takes in what brokers say of a topic. An error is one that passes: it is no judgement.
func (p *Plan) judged(topic string, code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	if err == nil {
		return nil
	}
	if message != nil {
		err = withMessage(err, *message)
	}
	if kafka.Classify(err) == kafka.Retriable {
		return fmt.Errorf("topic %s: ask brokers whether they take it: %w", topic, err)
	}
	i := slices.IndexFunc(p.Topics, func(t Topic) bool { return t.Name == topic })
	if i < 0 {
		return fmt.Errorf("brokers judged topic %s, of which nobody asked", topic)
	}
	p.Topics[i].Action = Refused
	p.Topics[i].Changes = append(p.Topics[i].Changes, Change{Name: "brokers", Warning: err.Error() + kafka.Advice(err)})
	return nil
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
	if !slices.ContainsFunc(t.Changes, func(c Change) bool { return c.Name == partitionsChange }) {
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
		if change.Name == partitionsChange {
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
