// Package kafka is how everything here reaches a Kafka cluster: one [Connection] for publishers, consumers, callers, the
// trace sink and tools, one form of a [Record], one table of errors ([Classify]), one [Backoff], and one way to read
// topics outside of a consumer group, [Scan]:
//
//	conn := kafka.Connection{Brokers: []string{"localhost:9092"}}
//	for record, err := range kafka.Scan(ctx, conn, []string{"orders.placed.v1"}, kafka.FromStart(), kafka.ToEnd()) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(record.Partition, record.Offset, string(record.Value))
//	}
package kafka
