package lint_test

import (
	"context"
	"fmt"
	"os"

	"github.com/omninode/trestle/tools/lint"
	"github.com/omninode/trestle/tools/load"
)

func Example() {
	set, err := load.Schemas(context.Background(), load.Dir("testdata/TOPIC_VERSION/in"))
	if err != nil {
		fmt.Println(err)
		return
	}
	findings := lint.Run(set, lint.Options{Ignore: map[string][]string{"COMMENT_MISSING": {"*"}}})
	if err := lint.WriteText(os.Stdout, "schemas", findings); err != nil {
		fmt.Println(err)
	}
	// Output:
	// schemas/orders/v1/orders.proto:18:5: TOPIC_VERSION: topic orders_event_placed_v2 is of version 2, and its events are of package orders.v1
	//   fix: name a topic of version 1, or move the events to a package of version 2
}
