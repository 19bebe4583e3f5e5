package deadletter_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// Read the dead letter of a connector, which has the original's record and headers of its own.
func ExampleParse() {
	record := &event.Record{
		Topic: "connect_dlq", Key: []byte("ord_81"), Value: []byte(`{"order_id":"ord_81"}`),
		Headers: []wire.Header{
			{Key: "event-id", Value: []byte("550e8400-e29b-41d4-a716-446655440000")},
			{Key: "__connect.errors.topic", Value: []byte("orders")},
			{Key: "__connect.errors.partition", Value: []byte("2")},
			{Key: "__connect.errors.offset", Value: []byte("7")},
			{Key: "__connect.errors.connector.name", Value: []byte("ledger")},
			{Key: "__connect.errors.exception.message", Value: []byte("no such account")},
		},
	}
	letter, err := deadletter.Parse(record)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(deadletter.System(record)+":", letter.Error.Message)
	place, known := letter.Original.Place()
	fmt.Println(letter.SourceTopic, place.Partition, place.Offset, known)
	fmt.Println(letter.ConsumerGroup, letter.EventID())
	fmt.Println(letter.Original.JSON())
	// Output:
	// Kafka Connect: no such account
	// orders 2 7 true
	// connect-ledger 550e8400-e29b-41d4-a716-446655440000
	// {"order_id":"ord_81"}
}

// Systems are those whose dead letters can be read beside Trestle's own.
func ExampleSystems() {
	for _, name := range slices.Sorted(maps.Keys(deadletter.Systems())) {
		fmt.Println(name)
	}
	// Output:
	// Kafka Connect
	// Kafka share groups
	// SmallRye Reactive Messaging
	// Spring for Apache Kafka
	// Watermill
}

// What may quote the event stands in headers, too; who hides what is sensitive hides those.
func ExampleTellsContent() {
	fmt.Println(deadletter.TellsContent("kafka_dlt-exception-message"), deadletter.TellsContent("kafka_dlt-original-topic"))
	// Output: true false
}

// The order of a key goes by where its events stood first: a replayed one carries that.
func ExampleOriginal_Origin() {
	first := wire.Place{TopicID: "7c9e6679-7425-40de-944b-e07fc1f90ae7", Partition: 0, Offset: 7}
	replayed := deadletter.Original{
		Headers: []wire.Header{
			{Key: wire.HeaderReplaySource, Value: []byte("orders_dlq/0/0")},
			{Key: wire.HeaderReplayOrigin, Value: []byte(first.String())},
		},
		Partition: 0, Offset: 1200,
	}
	origin, known := replayed.Origin()
	fmt.Println(origin.Offset, known, replayed.Header(wire.HeaderReplayOrigin))
	// Output:
	// 7 true 7c9e6679-7425-40de-944b-e07fc1f90ae7/0/7
}

// A letter that its topic is too small for leaves out what informs first, and says so.
func ExampleDeadLetter_Shrink() {
	letter := deadletter.DeadLetter{
		Original:    deadletter.Original{Key: []byte("ord_81"), Value: []byte(`{"order_id":"ord_81"}`)},
		Error:       deadletter.Error{Type: "HandlerError", Message: "no such account", StackTrace: strings.Repeat("at post\n", 50)},
		SourceTopic: "orders", ConsumerGroup: "ledger",
	}
	const most = 500
	for len(letter.AppendJSON(nil)) > most && letter.Shrink() {
		fmt.Println("left out:", letter.LeftOut)
	}
	fmt.Println("it fits:", len(letter.AppendJSON(nil)) <= most)
	for _, h := range letter.Headers() {
		if h.Key == deadletter.HeaderLeftOut {
			fmt.Printf("%s: %s\n", h.Key, h.Value)
		}
	}
	// Output:
	// left out: stack trace (400 bytes)
	// it fits: true
	// dead-letter-omitted: stack trace (400 bytes)
}

// What is too large to be read goes to a dead letter that says where it stands.
func ExampleDeadLetter_RefuseOversized() {
	letter := deadletter.DeadLetter{SourceTopic: "orders", Original: deadletter.Original{Partition: 0, Offset: 9}}
	letter.RefuseOversized(&event.OversizedError{Bytes: 5 << 20, Limit: 1 << 20, Batch: true, FirstOffset: 5, LastOffset: 9})
	fmt.Println(letter.LeftOut, "since offset", letter.Original.Batch.FirstOffset)
	// Output:
	// batch of records 5 to 9 (5242880 bytes) since offset 5
}
