// Package trestletest helps to test code that publishes and handles events: a Kafka cluster inside the test process.
package trestletest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Partitions is how many partitions the topics of Cluster have.
const Partitions = 3

// Cluster starts a Kafka cluster of one broker in this process, with topics of three partitions each, and returns its
// addresses. Topics that were not named do not exist. It is stopped when the test ends.
//
// The cluster speaks Kafka's protocol over the loopback interface and keeps its records in memory.
func Cluster(tb testing.TB, topics ...string) []string {
	tb.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(Partitions, topics...))
	if err != nil {
		tb.Fatalf("start a Kafka cluster in the test: %v", err)
	}
	tb.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}
