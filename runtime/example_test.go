package trestle_test

import (
	"context"
	"errors"
	"fmt"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

// Publish an event, and handle it elsewhere. The type is a generated one; brokers are any cluster's.
func Example() {
	t := example()
	defer t.Close()
	brokers := trestletest.NewCluster(t, codegenv1.Topics()).Brokers()
	ctx, stop := context.WithCancel(context.Background())

	pub, err := trestle.NewPublisher(brokers, trestle.WithSource(trestle.Source{ServiceName: "omniclaude"}))
	check(err)
	err = pub.Publish(ctx, &codegenv1.CodegenStatusEvent{
		SessionId:          sessionID,
		Status:             codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
		ProgressPercentage: new(50.0),
		Message:            new("looking for patterns"),
	})
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
		fmt.Println(invalid.Violations) // trying again can't help
	}
	check(err)

	c, err := trestle.NewConsumer(brokers, "dashboard")
	check(err)
	trestle.Handle(c, func(_ context.Context, e *codegenv1.CodegenStatusEvent) error {
		fmt.Println(e.GetMessage(), e.GetProgressPercentage())
		stop()
		return nil
	})
	check(c.Run(ctx))
	check(pub.Close(context.Background()))
	// Output:
	// looking for patterns 50
}
