package trestle_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// runShipper ships orders, and prints a line for each event that it handles, until it is killed.
func runShipper(brokers []string) {
	err := func() error {
		names := trestle.WithNames(trestle.Names{Prefix: os.Getenv("TRESTLE_TEST_PREFIX")})
		pub, err := trestle.NewPublisher(brokers, names, trestle.WithLogger(quiet), trestle.WithKafka(kgo.TransactionTimeout(3*time.Second)))
		if err != nil {
			return err
		}
		opts := []trestle.ConsumerOption{
			names, trestle.WithTransactions(pub), trestle.WithSessionTimeout(6 * time.Second), trestle.WithHeartbeatInterval(500 * time.Millisecond),
			trestle.WithCommitInterval(20 * time.Millisecond), trestle.WithBackoff(time.Millisecond, 10*time.Millisecond), trestle.WithMaxInFlight(500),
		}
		if id := os.Getenv("TRESTLE_TEST_INSTANCE"); id != "" {
			opts = append(opts, trestle.WithInstanceID(id))
		}
		consumer, err := trestle.NewConsumer(brokers, testGroup, opts...)
		if err != nil {
			return err
		}
		trestle.Handle(consumer, func(ctx context.Context, e *orderPlaced) error {
			if err := ship(ctx, pub, e); err != nil {
				return err
			}
			d, _ := trestle.DeliveryFrom(ctx)
			if d.Attempt == 1 && draw("retries", e, 10) == 0 {
				return errTransient
			}
			if e.OrderID == "order-0" {
				time.Sleep(20 * time.Millisecond) // what is done behind it is beyond what is committed
			}
			_, err := fmt.Println("handled", eventName(e))
			return err
		})
		return consumer.Run(context.Background())
	}()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledTransactionsOnKafka has processes ship orders on Kafka, and kills them (SIGKILL) several times.
func TestKilledTransactionsOnKafka(t *testing.T) {
	t.Parallel()
	for name, instance := range map[string]string{"dynamic": "", "static": "shipper"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brokers := services.SharedKafka(t).Brokers()
			client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			c := clusterAt(brokers, client)
			prefix := "killed-" + name + "."
			for _, topic := range []string{orders.Name, orders.DeadLetter, shipments.Name} {
				c.createTopic(t, prefix+topic, testPartitions)
			}
			const perOrder, kills = 50, 3
			ids := orderIDs(40)
			var records []*kgo.Record
			for n := range perOrder {
				for _, id := range ids {
					r := orderRecord(id, n)
					r.Topic = prefix + r.Topic
					records = append(records, r)
				}
			}
			c.write(t, records...)
			handled := 0
			for life := range kills + 1 {
				ctx, cancel := context.WithTimeout(t.Context(), 2*testPatience)
				victim := exec.CommandContext(ctx, os.Args[0])
				victim.Env = append(os.Environ(), "TRESTLE_TEST_SHIPPER="+strings.Join(brokers, ","), "TRESTLE_TEST_PREFIX="+prefix,
					"TRESTLE_TEST_INSTANCE="+instance)
				var said bytes.Buffer
				victim.Stderr = &said
				out, err := victim.StdoutPipe()
				if err == nil {
					err = victim.Start()
				}
				if err != nil {
					t.Fatal(err)
				}
				if life == kills { // which ends the work
					ended := make(chan error, 1)
					go func() {
						for lines := bufio.NewScanner(out); lines.Scan(); {
						}
						ended <- victim.Wait()
					}()
					want := shippedOf(ids, perOrder, nil)
					eventually(t, "all shipped", func() bool { return c.committedAll(t, prefix+testGroup, prefix+orders.Name) || ctx.Err() != nil })
					cancel()
					<-ended
					wantOutputs(t, c.conn, prefix+shipments.Name, want)
					t.Logf("%d events handled in %d lives, %d of them again at least", handled, kills, max(0, handled-perOrder*len(ids)))
					return
				}
				for n, lines := 0, bufio.NewScanner(out); n < perOrder*len(ids)/(kills+1) && lines.Scan(); n++ {
					handled++
				}
				if err := victim.Process.Kill(); err != nil {
					t.Errorf("the victim ended by itself: %v\n%s", err, said.String())
				}
				_ = victim.Wait() // it says that it was killed
				cancel()
			}
		})
	}
}

// committedAll says whether a group has committed all of a topic.
func (c *cluster) committedAll(t *testing.T, group, topic string) bool {
	t.Helper()
	admin := adminOf(c.client)
	ends, err := admin.ListEndOffsets(deadline(t), topic)
	if err != nil || ends.Error() != nil {
		return false
	}
	commits, err := admin.FetchOffsets(deadline(t), group)
	if err != nil {
		return false
	}
	for id, end := range ends[topic] {
		if commit, ok := commits.Lookup(topic, id); !ok || commit.At < end.Offset {
			return false
		}
	}
	return true
}
