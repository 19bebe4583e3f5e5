package schema_test

import (
	"context"
	"fmt"
	"log"

	"github.com/omninode/trestle/tools/load"
)

func Example() {
	set, err := load.Schemas(context.Background(), load.Dir("../../schemas"))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"CodegenPatternRequest", "service.lifecycle.started"} {
		event := set.Event(name)
		fmt.Println(event.Type, "in", event.Message.Language(), "has a binary form:", event.Message.HasBinary())
		for _, f := range event.Message.Fields[:2] {
			fmt.Println(" ", f.JSONName, f.Type.Kind, "needs its key:", f.NeedsKey())
		}
	}
	// Output:
	// CodegenPatternRequest in protobuf has a binary form: true
	//   correlation_id string needs its key: false
	//   session_id string needs its key: false
	// service.lifecycle.started in jsonschema has a binary form: false
	//   service_info message needs its key: true
	//   startup_info message needs its key: true
}
