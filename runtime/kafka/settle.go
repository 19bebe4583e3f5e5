package kafka

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

// AwaitBrokers waits until every broker that is up shows a change, for 30 s at most: shows is called for each of them, until it returns nil for all in one
// round. The error is that of the broker that is behind. Brokers are listed anew each time: one that went away in between has nothing to show.
func AwaitBrokers(ctx context.Context, cl *kgo.Client, shows func(ctx context.Context, id int32, broker *kgo.Broker) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	again := time.NewTicker(settleAgain)
	defer again.Stop()
	for {
		err := eachBroker(ctx, cl, shows)
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

// eachBroker calls ask for each broker, until one fails.
func eachBroker(ctx context.Context, cl *kgo.Client, ask func(ctx context.Context, id int32, broker *kgo.Broker) error) error {
	brokers, err := kadm.NewClient(cl).ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("the brokers can't be listed: %w", err)
	}
	for _, b := range brokers {
		if err := ask(ctx, b.NodeID, cl.Broker(int(b.NodeID))); err != nil {
			return err
		}
	}
	return nil
}
