package trestletest_test

import (
	"context"
	"errors"
	"fmt"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/trestletest"
)

// A handler reports that it begins, and fails.
func Example() {
	t := trestletest.NewT() // in a test: t *testing.T
	defer t.Close()

	rec := trestletest.NewRecorder(t)
	handle := func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) error {
		if err := rec.Publisher().Publish(ctx, progress(10)); err != nil {
			return err
		}
		return errors.New("the model is away")
	}

	done := trestletest.Handle(t, handle, asked(3))

	letter := trestletest.RequireDeadLettered(t, done)
	fmt.Println(letter.Error.Message, "after", done.Attempts, "attempts")
	reported := trestletest.RequirePublished(t, rec, trestletest.Like(&codegenv1.CodegenStatusEvent{SessionId: session}))
	fmt.Println(reported.GetProgressPercentage(), "per cent")
	// Output:
	// the model is away after 4 attempts
	// 10 per cent
}
