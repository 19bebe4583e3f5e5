package load_test

import (
	"context"
	"fmt"
	"log"

	"github.com/omninode/trestle/tools/load"
)

func Example() {
	set, err := load.Schemas(context.Background(), load.Dir("../../schemas"))
	if err != nil {
		log.Fatal(err) // file:line:col of each fault, one a line
	}
	event := set.Event("CodegenPatternRequest")
	limit := event.Message.Field("limit")
	fmt.Println("topic:", event.Topic.Name)
	fmt.Println("dead letters:", event.Topic.DeadLetter.Name)
	fmt.Println("reply:", event.Reply.Type)
	fmt.Println("limit:", limit.Type.Kind, limit.Type.Constraints.Min.Value, "to", limit.Type.Constraints.Max.Value, "default", limit.Default)
	// Output:
	// topic: omninode_codegen_request_pattern_v1
	// dead letters: omninode_codegen_dlq_pattern_v1
	// reply: CodegenPatternResponse
	// limit: int64 1 to 20 default 5
}
