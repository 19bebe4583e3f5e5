// Package registry brings a Schema Registry's subjects to what is declared, and finds the schema id of an event.
//
//	client, err := registry.New("http://127.0.0.1:8081")
//	if err != nil {
//		return err
//	}
//	plan, err := client.Plan(ctx, subjects)
//	if err != nil {
//		return err
//	}
//	err = client.Apply(ctx, plan)
//
// It speaks Confluent's HTTP API by franz-go's sr package, so that any registry with that API will do.
package registry
