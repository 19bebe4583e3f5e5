package topics

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	var errs []error
	var done []Topic
	for _, t := range p.Topics {
		if t.Action == None {
			continue
		}
		refused, err := submit(ctx, cl, []*Topic{&t}, false)
		if err == nil {
			err = refused[t.Name]
		}
		if t.Action == Create && errors.Is(err, kerr.TopicAlreadyExists) {
			continue // made meanwhile, by another apply: a new plan says whether as declared
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

func withMessage(err error, message string) error {
	if err == nil || message == "" || strings.Contains(err.Error(), message) {
		return err
	}
	return fmt.Errorf("%w: %s", err, message)
}
