// Package outbox publishes events that a program wrote into its own database, in the transaction of what they are about: the
// events of transactions that committed, and no others. A publisher with an outbox writes them, a [Relay] publishes them.
//
//	db := postgres.Use(pool)
//	pub, err := trestle.NewPublisher(brokers, trestle.WithOutbox(db.Outbox()))
//	...
//	relay, err := outbox.NewRelay(brokers, db.Outbox()) // here or in another process
//	go relay.Run(ctx)
//	...
//	err = db.InTx(ctx, func(ctx context.Context) error { // or postgres.WithTx(ctx, tx), with a transaction of one's own
//		tx, _ := postgres.TxFrom(ctx)
//		if _, err := tx.Exec(ctx, "UPDATE orders SET paid = true WHERE id = $1", id); err != nil {
//			return err
//		}
//		return pub.Publish(ctx, &ordersv1.OrderPaid{OrderId: id})
//	})
//
// # What is promised
//
// A row is published once its transaction has committed, and never otherwise. Records of one topic and key are published in
// this order: where one was written after the transaction of the other had committed, it comes after it; so it is wherever
// transactions of a key take turns, by a lock on the row that the key names, say. Of transactions that overlap, the one that a
// relay sees committed first comes first, and of those that it sees together, the one whose row was written first. No transaction
// that is open, here or elsewhere in the database, holds up any other row. Records without a key have no order.
//
// Each row is in the log once for whoever reads what is committed (isolation level read-committed; Trestle's own readers do), whatever
// dies when: a relay publishes a batch in one Kafka transaction, under a transactional id that the outbox has for each of its
// lanes. Whoever takes over a lane first fences the relay before it with that id, and then reads back from the log whether the batch
// that was under way was written. This needs, beside WRITE on the topics, WRITE and DESCRIBE on transactional ids that begin with
// "trestle-outbox-", and READ on the topics; without READ, and where retention or compaction have removed the records before
// they were looked for, a batch that was under way at a crash may be written a second time, with the same event ids.
//
// In PostgreSQL who publishes needs INSERT on trestle_outbox; a relay's user SELECT, UPDATE and DELETE on that, SELECT and UPDATE on
// trestle_outbox_lanes, and all four on trestle_outbox_relays and trestle_outbox_refused.
//
// The records' times are those of publishing; when the event happened its envelope says.
//
// # Lanes
//
// An outbox has [Lanes] lanes, and each key is in one. Relays of one outbox share its lanes, so that as many can work at once;
// what dies or stops hands its lanes over, after the end of its lease at the latest ([WithLease]). Correctness does not rest on
// the lease, nor on clocks.
//
// # What Kafka refuses
//
// A record that is refused for good, because it is too large, its topic does not exist, or the user may not write to it, is set aside
// with what is behind it in its key, and tried again from time to time ([WithRefusalRetry]); other keys go on. [Relay.Status],
// [Relay.Health], metrics and a line in the log say so.
package outbox
