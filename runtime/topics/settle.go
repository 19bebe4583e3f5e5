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
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	again := time.NewTicker(settleAgain)
	defer again.Stop()
	for {
		behind := shown(ctx, cl, changed)
		if behind == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the changes were accepted, but %w; look again with a new plan", behind)
		}
	}
}

// shown returns what the first broker that is behind lacks. Brokers are listed anew each time: one that went away in
// between has nothing to show.
func shown(ctx context.Context, cl *kgo.Client, changed []*Topic) error {
	brokers, err := kadm.NewClient(cl).ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("the brokers can't be listed: %w", err)
	}
	for _, b := range brokers {
		existing, err := describe(ctx, cl.Broker(int(b.NodeID)), namesOf(changed))
		if err != nil {
			return fmt.Errorf("broker %d does not show them: %w", b.NodeID, err)
		}
		for _, t := range changed {
			now := *t
			if now.compare(existing); now.Action != None {
				return fmt.Errorf("broker %d does not show topic %s so yet", b.NodeID, t.Name)
			}
		}
	}
	return nil
}
