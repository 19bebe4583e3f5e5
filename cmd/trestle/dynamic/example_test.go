package dynamic_test

import (
	"context"
	"fmt"
	"time"

	"github.com/omninode/trestle/cmd/trestle/dynamic"
	"github.com/omninode/trestle/runtime/jsontext"
	"github.com/omninode/trestle/tools/schema"
)

func Example() {
	set, err := schema.Load(context.Background(), schema.Files(map[string][]byte{"shop/v1/door.json": []byte(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "DoorOpened",
		"x-trestle": {"event": {"type": "door.opened", "topic": "doors"}},
		"type": "object", "properties": {"width": {"type": "number", "minimum": 1}, "kind": {"type": "string", "default": "main"}}
	}`)}))
	if err != nil {
		fmt.Println(err)
		return
	}
	event := dynamic.Events(set)[0].New()
	event.DecodeJSON(jsontext.NewReader([]byte(`{"width": 0.5}`)))
	event.SetDefaults(time.Now())
	fmt.Println(event.Validate())
	text, err := event.AppendJSON(nil)
	fmt.Println(string(text), err)
	// Output:
	// shop.v1.DoorOpened: width: must be greater than or equal to 1, got 0.5 [minimum]
	// {"width":0.5,"kind":"main"} <nil>
}
