package services

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// KafkaOption configures the cluster that Kafka starts.
type KafkaOption func(*kafkaConfig)

type kafkaConfig struct {
	nodes      int
	properties map[string]string
	listeners  []listener
	jvm        []string // flags of the nodes' Java
}

// listener is one more address of each node.
type listener struct {
	name, protocol string
	properties     map[string]string
}

// WithNodes sets how many nodes the cluster has, overriding the default of 1.
// Each is broker and controller, so the cluster needs more than half of them.
// Kafka fails if n is below 1.
func WithNodes(n int) KafkaOption {
	return func(c *kafkaConfig) { c.nodes = n }
}

// WithProperty sets a property of server.properties on every node, overriding
// the default that it has here or in Kafka. The cluster does not start if Kafka
// refuses it.
func WithProperty(name, value string) KafkaOption {
	return func(c *kafkaConfig) { c.properties[name] = value }
}

// WithListener has each node listen at one more address, of which
// [KafkaCluster.Listener] tells: name is in capitals, protocol SSL, SASL_SSL or
// SASL_PLAINTEXT, and properties are those of server.properties that begin with
// listener.name.<name>, without that.
func WithListener(name, protocol string, properties map[string]string) KafkaOption {
	return func(c *kafkaConfig) { c.listeners = append(c.listeners, listener{name, protocol, properties}) }
}

// WithJVMFlag gives a flag to the Java of every node, such as -Dname=value.
func WithJVMFlag(flag string) KafkaOption {
	return func(c *kafkaConfig) { c.jvm = append(c.jvm, flag) }
}

// KafkaCluster is a running Apache Kafka cluster (KRaft). Its nodes have the ids
// 1, 2, …; methods that take nodes act on all of them at once.
//
// Methods may be called from any goroutine. What goes wrong in them, such as the
// killing of a node that does not run, fails the test and does not end it.
type KafkaCluster struct {
	tb      testing.TB
	cluster *cluster
	shared  bool
}

// Kafka starts a cluster that is stopped, and its data removed, when the test
// ends. It returns once all nodes answer and know each other.
//
// Topics are not made by themselves. With three nodes or more, topics have
// replication factor 3 and min.insync.replicas 2 by default; with fewer, as many
// replicas as there are nodes, and 1. Groups do not wait for more members.
func Kafka(tb testing.TB, opts ...KafkaOption) *KafkaCluster {
	tb.Helper()
	c := obtain(tb, "Kafka", func() (*cluster, error) { return startKafka(opts...) })
	tb.Cleanup(c.stop)
	return &KafkaCluster{tb: tb, cluster: c}
}

// SharedKafka returns the cluster of one node that all tests of a test binary
// share: choose names of topics and groups that no other test uses. Only its
// addresses can be asked for; it can't be killed, paused or stopped.
func SharedKafka(tb testing.TB) *KafkaCluster {
	tb.Helper()
	c := obtain(tb, "Kafka", func() (*cluster, error) {
		return kept.kafka.use(tb, func() (*cluster, error) { return startKafka() })
	})
	return &KafkaCluster{tb: tb, cluster: c, shared: true}
}

func startKafka(opts ...KafkaOption) (*cluster, error) {
	config := kafkaConfig{nodes: 1, properties: map[string]string{}}
	for _, opt := range opts {
		opt(&config)
	}
	if config.nodes < 1 {
		return nil, fmt.Errorf("WithNodes: must be at least 1, got %d", config.nodes)
	}
	java, err := artefact.Java(17)
	if err != nil {
		return nil, err
	}
	libs, err := artefact.Kafka()
	if err != nil {
		return nil, err
	}
	return startCluster(java, libs, config)
}

// Brokers returns the addresses of all nodes, also of those that don't run.
func (c *KafkaCluster) Brokers() []string {
	brokers := make([]string, len(c.cluster.nodes))
	for i, n := range c.cluster.nodes {
		brokers[i] = address(n.port)
	}
	return brokers
}

// Listener returns the addresses of all nodes at a listener of [WithListener].
func (c *KafkaCluster) Listener(name string) []string {
	c.tb.Helper()
	var addresses []string
	for _, n := range c.cluster.nodes {
		port, ok := n.listeners[name]
		if !ok {
			c.tb.Fatalf("Kafka has no listener %s", name)
		}
		addresses = append(addresses, address(port))
	}
	return addresses
}

// Kill ends nodes as a crash does (SIGKILL). Their data stays.
func (c *KafkaCluster) Kill(nodes ...int) {
	c.tb.Helper()
	c.each("kill", nodes, (*node).kill)
}

// Pause stops nodes where they are (SIGSTOP): their connections stay open, and
// nobody answers. Resume ends that.
func (c *KafkaCluster) Pause(nodes ...int) {
	c.tb.Helper()
	c.each("pause", nodes, (*node).pause)
}

// Resume lets nodes go on that Pause stopped.
func (c *KafkaCluster) Resume(nodes ...int) {
	c.tb.Helper()
	c.each("resume", nodes, (*node).resume)
}

// Stop shuts nodes down in an orderly way (SIGTERM), in which they give up their
// partitions first. It fails the test if a node has to be killed after 10 s,
// which is so where those that remain are too few to be a cluster.
func (c *KafkaCluster) Stop(nodes ...int) {
	c.tb.Helper()
	c.each("stop", nodes, (*node).shutdown)
}

// Start starts nodes that were killed or stopped, on the same ports with the
// same data, and waits until each is a member of the cluster again. For that
// the cluster needs more than half of its nodes, so start them together. A node
// may have yet to catch up with the partitions it follows.
func (c *KafkaCluster) Start(nodes ...int) {
	c.tb.Helper()
	c.each("start", nodes, (*node).restart)
}

// each does something to several nodes at once.
func (c *KafkaCluster) each(what string, ids []int, do func(*node) error) {
	c.tb.Helper()
	if c.shared {
		c.tb.Errorf("%s nodes of Kafka: the cluster is shared, use services.Kafka", what)
		return
	}
	errs := make(chan error, len(ids))
	for _, id := range ids {
		go func() {
			if id < 1 || id > len(c.cluster.nodes) {
				errs <- fmt.Errorf("%s node %d of Kafka: there are nodes 1 to %d", what, id, len(c.cluster.nodes))
				return
			}
			if err := do(c.cluster.nodes[id-1]); err != nil {
				errs <- fmt.Errorf("%s node %d of Kafka: %w", what, id, err)
				return
			}
			errs <- nil
		}()
	}
	for range ids {
		if err := <-errs; err != nil {
			report(c.tb, err)
		}
	}
}

// serverProperties are the properties that all nodes have in common.
func (c kafkaConfig) serverProperties() map[string]string {
	protocols := "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	for _, l := range c.listeners {
		protocols += "," + l.name + ":" + l.protocol
	}
	replicas, inSync := min(c.nodes, 3), 1
	if c.nodes >= 3 {
		inSync = 2
	}
	properties := map[string]string{
		"process.roles":                         "broker,controller",
		"controller.listener.names":             "CONTROLLER",
		"listener.security.protocol.map":        protocols,
		"auto.create.topics.enable":             "false",
		"group.initial.rebalance.delay.ms":      "0",
		"default.replication.factor":            fmt.Sprint(replicas),
		"min.insync.replicas":                   fmt.Sprint(inSync),
		"transaction.state.log.min.isr":         fmt.Sprint(inSync),
		"share.coordinator.state.topic.min.isr": fmt.Sprint(inSync),
		// A node that is killed is noticed, and let in again, sooner than after
		// the 9 s of a cluster that has a network.
		"broker.session.timeout.ms":    "4000",
		"broker.heartbeat.interval.ms": "500",
	}
	// Fewer than the 50 partitions that Kafka's own topics have otherwise: the
	// first member of a group has to wait for them all.
	for _, topic := range []string{"offsets.topic.", "transaction.state.log.", "share.coordinator.state.topic."} {
		properties[topic+"num.partitions"] = "4"
		properties[topic+"replication.factor"] = fmt.Sprint(replicas)
	}
	for _, l := range c.listeners {
		for name, value := range l.properties {
			properties["listener.name."+strings.ToLower(l.name)+"."+name] = value
		}
	}
	maps.Copy(properties, c.properties)
	return properties
}
