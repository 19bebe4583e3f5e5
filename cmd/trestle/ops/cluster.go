package ops

import (
	"context"

	"github.com/omninode/trestle/runtime/cluster"
)

// ClusterInfo is what a cluster is made of.
type ClusterInfo struct {
	ID         string          `json:"id"`
	Brokers    []ClusterBroker `json:"brokers"`
	Controller int32           `json:"controller"`
	// Version is guessed from what the brokers answer.
	Version string `json:"version"`
}

// ClusterBroker is a broker of a cluster.
type ClusterBroker struct {
	ID   int32  `json:"id"`
	Host string `json:"host"`
	Port int32  `json:"port"`
	Rack string `json:"rack"`
}

// DescribeCluster says what the environment's cluster is made of.
func DescribeCluster(ctx context.Context, env Environment) (*ClusterInfo, error) {
	cl, err := env.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	info, err := cluster.Read(ctx, cl)
	if err != nil {
		return nil, err
	}
	out := &ClusterInfo{ID: info.ID, Controller: info.Controller, Version: info.Version, Brokers: []ClusterBroker{}}
	for _, b := range info.Brokers {
		out.Brokers = append(out.Brokers, ClusterBroker(b))
	}
	return out, nil
}

// ClusterHealth says which partitions are not as they should be.
type ClusterHealth struct {
	Healthy bool `json:"healthy"`
	// Partitions is how many were looked at: those of topics that this user may Describe.
	Partitions      int                `json:"partitions"`
	UnderReplicated []ClusterPartition `json:"under_replicated"`
	Offline         []ClusterPartition `json:"offline"`
}

// ClusterPartition is a partition that is not as it should be.
type ClusterPartition struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"` // -1: none
	Replicas  []int32 `json:"replicas"`
	InSync    []int32 `json:"in_sync"`
}

// CheckCluster looks at every partition of the environment's cluster.
func CheckCluster(ctx context.Context, env Environment) (*ClusterHealth, error) {
	cl, err := env.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	health, err := cluster.Check(ctx, cl)
	if err != nil {
		return nil, err
	}
	out := &ClusterHealth{Healthy: health.Healthy(), Partitions: health.Partitions, UnderReplicated: []ClusterPartition{}, Offline: []ClusterPartition{}}
	for _, p := range health.UnderReplicated {
		out.UnderReplicated = append(out.UnderReplicated, ClusterPartition(p))
	}
	for _, p := range health.Offline {
		out.Offline = append(out.Offline, ClusterPartition(p))
	}
	return out, nil
}
