// Command encodeonly writes an event as it is on the wire and reads it back. It is what a program links that needs events
// and no client.
package main

import (
	"fmt"
	"log"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/event"
)

func main() {
	record, err := event.Encode(&codegenv1.CodegenStatusEvent{
		SessionId:          "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		Status:             codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
		ProgressPercentage: new(45.5),
		Message:            new("Extracting requirements"),
	}, &event.Envelope{}, event.EncodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	decoded, err := event.Decode(&record, event.NewTypes(codegenv1.Events()...), event.DecodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decoded.Event.EventInfo().Type, decoded.Event.Validate())
}
