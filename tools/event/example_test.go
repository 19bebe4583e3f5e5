package event_test

import (
	"context"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
)

func Example() {
	set, err := load.Schemas(context.Background(), load.Files(map[string][]byte{"shop/v1/door.json": []byte(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "DoorOpened",
		"x-trestle": {"event": {"type": "door.opened", "topic": "doors"}},
		"type": "object", "properties": {"width": {"type": "number", "minimum": 1}, "kind": {"type": "string", "default": "main"}}
	}`)}))
	if err != nil {
		fmt.Println(err)
		return
	}
	opened := event.Events(set)[0].New()
	opened.DecodeJSON(jsonio.NewReader([]byte(`{"width": 0.5}`)))
	opened.SetDefaults(time.Now())
	fmt.Println(opened.Validate())
	text, err := opened.AppendJSON(nil)
	fmt.Println(string(text), err)
	// Output:
	// shop.v1.DoorOpened: width: must be greater than or equal to 1, got 0.5 [minimum]
	// {"width":0.5,"kind":"main"} <nil>
}
