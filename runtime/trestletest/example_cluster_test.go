package trestletest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

// A group of a test environment gives a request up: its dead letter comes, under the environment's names.
func ExampleAwaitDeadLetter() {
	t := trestletest.NewT() // in a test: t *testing.T
	defer t.Close()
	names := trestle.Names{Prefix: "test."}
	cluster := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InEnvironment(names))
	consumer, err := trestle.NewConsumer(cluster.Brokers(), "archon", cluster.Option(), trestle.WithNames(names), trestle.WithKeys(trestletest.Keys()), trestle.WithLogger(quiet))
	if err != nil {
		t.Fatalf("make a consumer: %v", err)
	}
	trestle.Handle(consumer, func(context.Context, *codegenv1.CodegenPatternRequest) error {
		return trestle.Permanent(errors.New("this tenant has been closed"))
	})
	trestletest.Run(t, consumer)
	if err := cluster.Publisher().Publish(t.Context(), asked(3)); err != nil {
		t.Fatalf("publish: %v", err)
	}

	letter := trestletest.AwaitDeadLetter(t, cluster, trestletest.Where("it asks for few", func(r *codegenv1.CodegenPatternRequest) bool {
		return r.GetLimit() < 10
	}))
	fmt.Println(letter.SourceTopic, letter.ConsumerGroup)
	fmt.Println(letter.Error.Message)
	// Output:
	// test.omninode_codegen_request_pattern_v1 test.archon
	// this tenant has been closed
}

// A publisher is told that it may not write.
func ExampleCluster_RefuseWrites() {
	t := trestletest.NewT()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	pub := cluster.Publisher(trestle.WithLogger(quiet))
	cluster.RefuseWrites("omninode_codegen_status_session_v1", kerr.TopicAuthorizationFailed, 0)
	err := pub.Publish(t.Context(), progress(10))
	if failed, ok := errors.AsType[*trestle.PublishError](err); ok {
		fmt.Printf("%v, to be tried again: %v\n", failed.Fate, failed.Retriable)
	}
	cluster.Heal()
	fmt.Println(pub.Publish(t.Context(), progress(10)))
	// Output:
	// refused, to be tried again: false
	// <nil>
}

// A session is forgotten on its compacted topic, and nothing else is said of it.
func ExampleRequireDeleted() {
	t := trestletest.NewT()
	defer t.Close()
	t.Cleanup(func() { fmt.Println("the test has ended") })
	rec := trestletest.NewRecorder(t, trestle.WithSchemaIDs(trestletest.SchemaIDs()))
	ctx := t.Context()
	if err := rec.Publisher().Publish(ctx, &kept{progress(100)}); err != nil {
		t.Fatalf("publish: %v", err)
	}
	rec.Forget() // that was before
	if err := rec.Publisher().Delete(ctx, &kept{progress(100)}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	trestletest.RequireDeleted[*kept](t, rec, session)
	trestletest.RequireNotPublished[*kept](t, rec)
	fmt.Println(len(rec.Sent()), "record was written")
	// Output:
	// 1 record was written
	// the test has ended
}
