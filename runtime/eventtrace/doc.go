// Package eventtrace keeps every record of the followed topics, exactly once, where people can ask for it: by correlation
// id, by session, by type.
//
// A [Sink] follows topics into a [Store]. The store keeps, in the same transaction, the events and how far each
// partition has been read. A sink that is killed anywhere goes on exactly where the store says, a new store gets
// everything the log still has, and a record that is read again adds nothing, because its key is its place in the log:
// topic, partition, offset; and the topic's id, as one that is deleted and made anew is another log.
//
//	store, err := store.OpenTraces(ctx, "postgres://localhost/traces")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	sink, err := eventtrace.NewSink(brokers, topics, store, eventtrace.Envelopes(kindOf))
//	if err != nil {
//		return err
//	}
//	return sink.Run(ctx)
//
// Stores are in the packages runtime/store/postgres and runtime/store/sqlite; runtime/store picks one by its address, and
// links both.
package eventtrace
