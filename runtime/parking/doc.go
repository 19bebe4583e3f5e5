// Package parking keeps the dead letters that their topics refuse for good, until they are taken: a topic that does not exist, or
// that the consumer may not write to, holds nothing up then. A consumer parks with trestle.WithParking:
//
//	db, err := store.Open(ctx, "postgres://localhost/trestle")
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	c, err := trestle.NewConsumer(brokers, "billing", trestle.WithParking(db.Parking()))
//
// Once the topic takes them, [Publish] brings the letters there; `trestle dlq parked publish` does the same.
//
// A store is of one cluster: its letters name topics, and not where those are. Stores are in the packages runtime/store/postgres
// and runtime/store/sqlite; runtime/store picks one by its address, and links both.
package parking
