package topics

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// settle waits until every broker that is up shows the topics as they were brought to be.
func settle(ctx context.Context, cl *kgo.Client, changed []*Topic) error {
	if len(changed) == 0 {
		return nil
	}
	err := kafka.AwaitBrokers(ctx, cl, func(ctx context.Context, id int32, broker *kgo.Broker) error {
		existing, err := describe(ctx, broker, namesOf(changed))
		if err != nil {
			return fmt.Errorf("broker %d does not show them: %w", id, err)
		}
		for _, t := range changed {
			now := *t
			if now.compare(existing); now.Action != None {
				return fmt.Errorf("broker %d does not show topic %s so yet", id, t.Name)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the changes were accepted, but %w; look again with a new plan", err)
	}
	return nil
}
