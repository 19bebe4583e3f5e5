package kafka_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
)

func Example() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders.placed.v1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	if err := readOrders(context.Background(), cluster.ListenAddrs()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0 0 ord_81
	// 0 1 ord_82
}

func readOrders(ctx context.Context, brokers []string) error {
	conn := kafka.Connection{Brokers: brokers}
	client, err := conn.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	for _, id := range []string{"ord_81", "ord_82"} {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "orders.placed.v1", Value: []byte(id)}).FirstErr(); err != nil {
			return err
		}
	}
	for record, err := range kafka.Scan(ctx, conn, []string{"orders.placed.v1"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			return err
		}
		fmt.Println(record.Partition, record.Offset, string(record.Value))
	}
	return nil
}

// A cluster that asks for TLS and a password. Both files may change while the program runs.
func ExampleConnection_Secured() {
	conn, err := kafka.Connection{Brokers: []string{"b1.kafka.internal:9093"}}.Secured(
		&secure.TLS{}, // the system's authorities
		&kafka.SASL{Mechanism: kafka.ScramSHA512, User: "orders", Password: secure.Secret{File: "/run/secrets/kafka"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(conn.Brokers[0], conn.SASL[0].Name())
	// Output:
	// b1.kafka.internal:9093 SCRAM-SHA-512
}

func ExampleConnection_Check() {
	conn := kafka.Connection{Brokers: []string{"127.0.0.1:1"}}
	fmt.Println(conn.Check(context.Background()))
	// Output:
	// brokers 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused: is `trestle dev` running, or the cluster at another address?
}
