package eventtrace_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/wire"
)

func Example() {
	if err := conversationOf(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// CodegenStatusEvent {"message":"step 1"}
	// CodegenStatusEvent {"message":"step 2"}
}

func conversationOf(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "trace")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, "status"))
	if err != nil {
		return err
	}
	defer cluster.Close()
	if err := publishTwo(ctx, cluster.ListenAddrs()); err != nil {
		return err
	}

	store, err := store.OpenTraces(ctx, filepath.Join(dir, "trace.db"))
	if err != nil {
		return err
	}
	defer store.Close()
	kindOf := func(string) wire.Kind { return wire.OnexV1 }
	sink, err := eventtrace.NewSink(cluster.ListenAddrs(), []string{"status"}, store, eventtrace.Envelopes(kindOf))
	if err != nil {
		return err
	}
	if err := sink.RunUntilEnd(ctx); err != nil {
		return err
	}
	events, err := eventtrace.All(ctx, store, eventtrace.Query{SessionID: session})
	if err != nil {
		return err
	}
	for _, e := range events {
		fmt.Println(e.EventType, e.Payload)
	}
	return nil
}

func publishTwo(ctx context.Context, brokers []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx,
		&kgo.Record{Topic: "status", Value: status(1)},
		&kgo.Record{Topic: "status", Value: status(2)},
	).FirstErr()
}
