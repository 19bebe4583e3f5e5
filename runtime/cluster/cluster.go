// Package cluster says of which brokers a Kafka cluster is made, and how its partitions fare.
package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Info is what a cluster is made of.
type Info struct {
	ID         string
	Brokers    []Broker // by id
	Controller int32    // the id of a broker that takes changes; -1: none
	// Version is guessed from what the brokers answer, the oldest of them where they differ: Kafka does not say it.
	Version string
}

// Broker is one of a cluster.
type Broker struct {
	ID   int32
	Host string
	Port int32
	Rack string // empty: none
}

// Read asks what a cluster is made of.
func Read(ctx context.Context, cl *kgo.Client) (Info, error) {
	admin := kadm.NewClient(cl)
	metadata, err := admin.BrokerMetadata(ctx)
	if err != nil {
		return Info{}, fmt.Errorf("ask for brokers: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	info := Info{ID: metadata.Cluster, Controller: metadata.Controller}
	for _, b := range metadata.Brokers {
		one := Broker{ID: b.NodeID, Host: b.Host, Port: b.Port}
		if b.Rack != nil {
			one.Rack = *b.Rack
		}
		info.Brokers = append(info.Brokers, one)
	}
	slices.SortFunc(info.Brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
	versions, err := admin.ApiVersions(ctx)
	if err != nil && len(versions) == 0 && ctx.Err() != nil {
		return info, ctx.Err()
	}
	for _, v := range versions.Sorted() {
		if v.Err != nil { // that broker does not answer
			continue
		}
		if guess := v.VersionGuess(); info.Version == "" || guess < info.Version {
			info.Version = guess
		}
	}
	return info, nil
}

// Health says which partitions are not as they should be.
type Health struct {
	// Partitions is how many there are, of topics that this user may Describe.
	Partitions int
	// UnderReplicated have fewer replicas in sync than replicas; Offline have no leader, and take and give nothing.
	UnderReplicated, Offline []Partition
}

// Healthy says that there are none.
func (h Health) Healthy() bool { return len(h.UnderReplicated) == 0 && len(h.Offline) == 0 }

// Partition is one that is not as it should be.
type Partition struct {
	Topic     string
	Partition int32
	Leader    int32 // -1: none
	Replicas  []int32
	InSync    []int32
}

// Check looks at every partition of the cluster.
func Check(ctx context.Context, cl *kgo.Client) (Health, error) {
	topics, err := kadm.NewClient(cl).ListTopicsWithInternal(ctx)
	if err != nil {
		return Health{}, fmt.Errorf("ask for partitions: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	var h Health
	for _, t := range topics.Sorted() {
		for _, p := range t.Partitions.Sorted() {
			h.Partitions++
			one := Partition{t.Topic, p.Partition, p.Leader, p.Replicas, p.ISR}
			switch {
			case p.Leader < 0:
				h.Offline = append(h.Offline, one)
			case len(p.ISR) < len(p.Replicas):
				h.UnderReplicated = append(h.UnderReplicated, one)
			}
		}
	}
	return h, nil
}
