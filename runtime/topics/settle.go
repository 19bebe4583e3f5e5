package topics

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The controller answers before the other brokers have heard of a change: a few tens of milliseconds, on a busy
// machine a second.
const (
	settleWithin = 30 * time.Second
	settleAgain  = 20 * time.Millisecond
)

// settle waits until every broker that is up shows the topics as they were brought to be.
func settle(ctx context.Context, cl *kgo.Client, changed []*Topic) error {
	if len(changed) == 0 {
		return nil
	}
	if err := await(ctx, func(ctx context.Context) error { return shown(ctx, cl, changed) }); err != nil {
		return fmt.Errorf("the changes were accepted, but %w; look again with a new plan", err)
	}
	return nil
}

// await calls behind until it returns nil, and returns its last error where that does not come in time.
func await(ctx context.Context, behind func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	again := time.NewTicker(settleAgain)
	defer again.Stop()
	for {
		err := behind(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// shown returns what the first broker that is behind lacks.
func shown(ctx context.Context, cl *kgo.Client, changed []*Topic) error {
	return eachBroker(ctx, cl, func(id int32, broker *kgo.Broker) error {
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
}

// eachBroker calls ask for each broker, until one is behind. Brokers are listed anew each time: one that went away in between has nothing to show.
func eachBroker(ctx context.Context, cl *kgo.Client, ask func(id int32, broker *kgo.Broker) error) error {
	brokers, err := kadm.NewClient(cl).ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("the brokers can't be listed: %w", err)
	}
	for _, b := range brokers {
		if err := ask(b.NodeID, cl.Broker(int(b.NodeID))); err != nil {
			return err
		}
	}
	return nil
}
