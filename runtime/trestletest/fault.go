package trestletest

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cut breaks the connections of clients to some brokers, or to all, and lets no new ones through, until [Cluster.Heal].
func (c *Cluster) Cut(brokers ...int32) { c.links.setCut(brokers...) }

// HoldAcknowledgements has brokers write what is published and not say so until [Cluster.Heal].
func (c *Cluster) HoldAcknowledgements() { c.links.hold() }

// LoseAcknowledgements has the next n acknowledgements be lost: brokers write what is published, and the connection breaks before
// they say so. Clients that publish again then have it written once all the same.
func (c *Cluster) LoseAcknowledgements(n int) { c.links.loseNext(n) }

// Heal ends what Cut, HoldAcknowledgements, LoseAcknowledgements and RefuseWrites began.
func (c *Cluster) Heal() {
	c.links.heal()
	c.faultsMu.Lock()
	defer c.faultsMu.Unlock()
	for _, f := range c.faults {
		f.Remove()
	}
	c.faults = nil
}

// RefuseWrites has brokers answer what is published to a topic with an error of Kafka's, such as kerr.NotEnoughReplicas, which
// clients try again, or kerr.TopicAuthorizationFailed, which they don't: so many requests, all until [Cluster.Heal] where times
// is 0.
func (c *Cluster) RefuseWrites(topic string, with *kerr.Error, times int) {
	c.tb.Helper()
	if times == 0 {
		times = -1
	}
	fault := c.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: c.topic(topic), Err: with, Count: times})
	c.faultsMu.Lock()
	defer c.faultsMu.Unlock()
	c.faults = append(c.faults, fault)
}

// AddPartitions gives a topic so many partitions more. Keys move to other partitions then.
func (c *Cluster) AddPartitions(topic string, n int) {
	c.tb.Helper()
	name := c.topic(topic)
	ctx, cancel := context.WithTimeout(c.tb.Context(), Patience)
	defer cancel()
	answers, err := kadm.NewClient(c.client).CreatePartitions(ctx, n, name)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		c.tb.Fatalf("add partitions to topic %s: %v", name, err)
	}
}

// Recreate deletes a topic and makes it anew, empty, with the partitions and settings that it declares.
func (c *Cluster) Recreate(topic string) {
	c.tb.Helper()
	spec := c.specs[c.topic(topic)]
	if err := c.kafka.DeleteTopic(spec.Name); err != nil {
		c.tb.Fatalf("delete topic %s: %v", spec.Name, err)
	}
	if err := c.kafka.CreateTopic(spec.Name, spec.Partitions, spec.Config); err != nil {
		c.tb.Fatalf("create topic %s: %v", spec.Name, err)
	}
}

// MoveLeader has another broker lead a partition.
func (c *Cluster) MoveLeader(topic string, partition, broker int32) {
	c.tb.Helper()
	if err := c.kafka.MoveTopicPartition(c.topic(topic), partition, broker); err != nil {
		c.tb.Fatalf("move the leader of %s/%d to broker %d: %v", c.topic(topic), partition, broker, err)
	}
}

// Rebalance has another member join a group for topics, which takes some of its partitions and handles nothing, and leave it
// again. It returns once the group is as it was. A group's members learn of each step at their next heartbeat: see
// trestle.WithHeartbeatInterval.
func (c *Cluster) Rebalance(group string, topics ...string) {
	c.tb.Helper()
	name, err := c.names.Group(group)
	if err != nil {
		c.tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.tb.Context(), Patience)
	defer cancel()
	before, err := c.kafka.WaitGroupStable(ctx, name, -1)
	if err != nil {
		c.tb.Fatalf("rebalance group %s: it is not stable: %v", name, err)
	}
	named := make([]string, len(topics))
	for i, topic := range topics {
		named[i] = c.topic(topic)
	}
	other, err := c.Connection().Client(kgo.ConsumerGroup(name), kgo.ConsumeTopics(named...), kgo.DisableAutoCommit())
	if err != nil {
		c.tb.Fatal(err)
	}
	_, err = c.kafka.WaitGroupStable(ctx, name, len(before.Members)+1)
	other.Close() // it leaves the group
	if err == nil {
		_, err = c.kafka.WaitGroupStable(ctx, name, len(before.Members))
	}
	if err != nil {
		c.tb.Fatalf("rebalance group %s: %v", name, err)
	}
}

// topic is a topic's name on the cluster. The test ends when it is not there.
func (c *Cluster) topic(logical string) string {
	c.tb.Helper()
	name, err := c.names.Topic(logical)
	if err != nil {
		c.tb.Fatal(err)
	}
	if _, ok := c.specs[name]; !ok {
		c.tb.Fatalf("the cluster has no topic %s: there are %v", name, slices.Sorted(maps.Keys(c.specs)))
	}
	return name
}
