package topics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Apply does what the plan says. It refuses to start when a topic is refused, and goes on after a failure with the
// topics that are left; the error then joins all failures. Applying twice is harmless. It returns once every broker shows
// what was done, so that a producer or a plan that asks any of them right after finds the topics.
func (p *Plan) Apply(ctx context.Context, cl *kgo.Client) error {
	if refused := p.Refused(); len(refused) > 0 {
		var errs []error
		for _, t := range refused {
			errs = append(errs, fmt.Errorf("topic %s: %s is %s, declared %s: %s",
				t.Name, t.Changes[0].Name, t.Changes[0].From, t.Changes[0].To, t.Changes[0].Warning))
		}
		return errors.Join(errs...)
	}
	adm := kadm.NewClient(cl)
	var errs []error
	var done []Topic
	for _, t := range p.Topics {
		if t.Action == None {
			continue
		}
		var err error
		switch t.Action {
		case Create:
			if err = t.create(ctx, adm); errors.Is(err, kerr.TopicAlreadyExists) {
				continue // made meanwhile, by another apply: a new plan says whether as declared
			}
		case Update:
			err = t.update(ctx, adm)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s topic %s: %w", t.Action, t.Name, err))
			continue
		}
		done = append(done, t)
	}
	if err := settle(ctx, cl, done); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (t *Topic) create(ctx context.Context, adm *kadm.Client) error {
	config := make(map[string]*string, len(t.Config))
	for k, v := range t.Config {
		config[k] = &v
	}
	replication := t.replication
	if replication == 0 {
		replication = -1
	}
	resp, err := adm.CreateTopics(ctx, t.Partitions, replication, config, t.Name)
	if err != nil {
		return err
	}
	r := resp[t.Name]
	return withMessage(r.Err, r.ErrMessage)
}

func (t *Topic) update(ctx context.Context, adm *kadm.Client) error {
	var alter []kadm.AlterConfig
	for _, c := range t.Changes {
		if c.Name == partitionsChange {
			resp, err := adm.UpdatePartitions(ctx, int(t.Partitions), t.Name)
			if err != nil {
				return err
			}
			r := resp[t.Name]
			if err := withMessage(r.Err, r.ErrMessage); err != nil {
				return err
			}
			continue
		}
		to := c.To
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: c.Name, Value: &to})
	}
	if len(alter) == 0 {
		return nil
	}
	resp, err := adm.AlterTopicConfigs(ctx, alter, t.Name)
	if err != nil {
		return err
	}
	for _, r := range resp {
		if err := withMessage(r.Err, r.ErrMessage); err != nil {
			return err
		}
	}
	return nil
}

func withMessage(err error, message string) error {
	if err == nil || message == "" || strings.Contains(err.Error(), message) {
		return err
	}
	return fmt.Errorf("%w: %s", err, message)
}
