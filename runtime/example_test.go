package trestle_test

import (
	"context"
	"errors"
	"log"

	trestle "github.com/omninode/trestle/runtime"
)

// Publish an event, and handle it elsewhere. The type is a generated one.
func Example() {
	ctx := context.Background()
	brokers := []string{"localhost:9092"}

	pub, err := trestle.NewPublisher(brokers, trestle.WithSource(trestle.Source{ServiceName: "shop"}))
	if err != nil {
		log.Fatal(err)
	}
	err = pub.Publish(ctx, &orderPlaced{OrderID: "ord_81"})
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
		log.Fatal(invalid.Violations) // retrying cannot help
	}

	c, err := trestle.NewConsumer(brokers, "billing")
	if err != nil {
		log.Fatal(err)
	}
	trestle.Handle(c, func(_ context.Context, e *orderPlaced) error {
		log.Println("placed", e.OrderID)
		return nil
	})
	log.Fatal(c.Run(ctx))
}
