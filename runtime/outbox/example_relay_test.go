package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/metric/noop"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// A relay of one's own settings, and what it says of itself.
func ExampleNewRelay() {
	if err := watchRelay(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ready before it runs: false
	// 1 waits
	// 0 wait, 0s behind, ready: true
}

func watchRelay(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "jobs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, "omninode_codegen_status_session_v1"))
	if err != nil {
		return err
	}
	defer cluster.Close()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "jobs.db"))
	if err != nil {
		return err
	}
	defer db.Close()

	relay, err := outbox.NewRelay(cluster.ListenAddrs(), db.Outbox(),
		outbox.WithConnection(kafka.Connection{ClientID: "jobs-outbox"}),
		outbox.WithKafka(kgo.ProducerBatchCompression(kgo.ZstdCompression())),
		outbox.WithBatch(200, 1<<20), outbox.WithBatchBytes(2<<20),
		outbox.WithPolling(5*time.Millisecond, 50*time.Millisecond),
		outbox.WithLease(5*time.Second),
		outbox.WithRefusalRetry(time.Second, time.Minute),
		outbox.WithLogger(slog.New(slog.DiscardHandler)),
		outbox.WithMeterProvider(noop.NewMeterProvider()))
	if err != nil {
		return err
	}
	fmt.Println("ready before it runs:", relay.Health().Ready)

	pub, err := trestle.NewPublisher(cluster.ListenAddrs(), trestle.WithOutbox(db.Outbox()))
	if err != nil {
		return err
	}
	defer pub.Close(ctx)
	err = db.InTx(ctx, func(ctx context.Context) error {
		return pub.Publish(ctx, &codegenv1.CodegenStatusEvent{
			SessionId: "7c9e6679-7425-40de-944b-e07fc1f90ae7", Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
			ProgressPercentage: new(0.0), Message: new("begun"),
		})
	})
	if err != nil {
		return err
	}
	status, err := relay.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Println(status.Depth, "waits")

	running, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(running) }()
	for status.Depth > 0 && running.Err() == nil {
		if status, err = relay.Status(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("%d wait, %v behind, ready: %v\n", status.Depth, status.Lag(), relay.Health().Ready)
	stop()
	return <-ended
}

// What stores know an event's key by, and in which lane it is published: those of a key are in one.
func ExamplePlace() {
	place := func(id string, key []byte) (int64, int) {
		return outbox.Place(id, &kafka.Record{Topic: "orders", Key: key})
	}
	first, lane := place("550e8400-e29b-41d4-a716-446655440000", []byte("ord_81"))
	second, same := place("7c9e6679-7425-40de-944b-e07fc1f90ae7", []byte("ord_81"))
	fmt.Println(first == second, lane == same, lane < outbox.Lanes)
	// Output:
	// true true true
}
