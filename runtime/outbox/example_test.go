package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// Publish events in the transactions of the changes that they report.
func Example() {
	if err := reportJobs(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// CodegenStatusEvent of 7c9e6679-7425-40de-944b-e07fc1f90ae7
}

func reportJobs(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "jobs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	const topic = "omninode_codegen_status_session_v1"
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, topic))
	if err != nil {
		return err
	}
	defer cluster.Close()
	brokers := cluster.ListenAddrs()

	db, err := sqlite.Open(ctx, filepath.Join(dir, "jobs.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	pub, err := trestle.NewPublisher(brokers, trestle.WithOutbox(db.Outbox()))
	if err != nil {
		return err
	}
	defer pub.Close(ctx)
	// begin enters a job and reports it, both or neither.
	begin := func(session string, fails error) error {
		return db.InTx(ctx, func(ctx context.Context) error {
			tx, _ := sqlite.TxFrom(ctx)
			if _, err := tx.ExecContext(ctx, "INSERT INTO jobs VALUES (?)", session); err != nil {
				return err
			}
			return errors.Join(fails, pub.Publish(ctx, &codegenv1.CodegenStatusEvent{
				SessionId: session, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, ProgressPercentage: new(0.0), Message: new("begun"),
			}))
		})
	}
	err = db.InTx(ctx, func(ctx context.Context) error {
		tx, _ := sqlite.TxFrom(ctx)
		_, err := tx.ExecContext(ctx, "CREATE TABLE jobs (session text)")
		return err
	})
	if err != nil {
		return err
	}
	if err := begin("550e8400-e29b-41d4-a716-446655440000", errors.New("no")); err == nil {
		return errors.New("it was committed")
	}
	if err := begin("7c9e6679-7425-40de-944b-e07fc1f90ae7", nil); err != nil {
		return err
	}

	relay, err := outbox.NewRelay(brokers, db.Outbox()) // here, or in any other process
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	for record, err := range kafka.Scan(ctx, kafka.Connection{Brokers: brokers}, []string{topic}, kafka.FromStart(), kafka.Endless()) {
		if err != nil {
			return err
		}
		fmt.Println(record.Header("event-type"), "of", string(record.Key))
		break
	}
	stop()
	return <-ended
}
