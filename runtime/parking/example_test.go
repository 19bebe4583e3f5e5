package parking_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store"
)

// A consumer parks what its dead-letter topic refuses, and once the topic is there the letters are published.
func Example() {
	if err := parkAndPublish(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// a consumer can be made: true
	// 1 parked for billing_dlq, since no such topic
	// 1 published
}

func parkAndPublish(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "parking")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, "billing_dlq"))
	if err != nil {
		return err
	}
	defer cluster.Close()
	db, err := store.Open(ctx, filepath.Join(dir, "parked.db"))
	if err != nil {
		return err
	}
	defer db.Close()

	c, err := trestle.NewConsumer(cluster.ListenAddrs(), "billing", trestle.WithParking(db.Parking()))
	fmt.Println("a consumer can be made:", c != nil && err == nil)

	// What the consumer does once it runs and a topic refuses a letter for good.
	err = db.Parking().Park(ctx, parking.Letter{
		Place:      parking.Place{Group: "billing", Topic: "orders", TopicID: "550e8400-e29b-41d4-a716-446655440000", Offset: 7},
		DeadLetter: "billing_dlq", Key: []byte("ord_81"), Value: []byte(`{}`), Refusal: "no such topic", ParkedAt: time.Now(),
	})
	if err != nil {
		return err
	}

	for letter, err := range db.Parking().List(ctx, parking.Filter{Group: "billing"}) {
		if err != nil {
			return err
		}
		fmt.Printf("1 parked for %s, since %s\n", letter.DeadLetter, letter.Refusal)
	}
	published, err := parking.Publish(ctx, kafka.Connection{Brokers: cluster.ListenAddrs()}, db.Parking(), parking.Filter{})
	fmt.Println(published, "published")
	return err
}

// What a letter lacks is said before it is parked.
func ExampleLetter_Validate() {
	letter := parking.Letter{
		Place:      parking.Place{Group: "billing", Topic: "orders", TopicID: "550e8400-e29b-41d4-a716-446655440000", Offset: 7},
		DeadLetter: "billing_dlq", ParkedAt: time.Now(),
	}
	fmt.Println(letter.Validate())
	letter.DeadLetter = ""
	fmt.Println(letter.Validate())
	// Output:
	// <nil>
	// dead letter of orders[0]@7 of group billing: its dead-letter topic is ""
}
