package trestletest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/topics"
)

// Cluster is a Kafka cluster inside the test process. It speaks Kafka's protocol and keeps its records in memory.
type Cluster struct {
	tb      testing.TB
	kafka   *kfake.Cluster
	network *kfake.VirtualNetwork // nil: the loopback interface
	names   trestle.Names
	specs   map[string]topics.Spec
	links   links
	client  *kgo.Client // the kit's own

	faultsMu sync.Mutex
	faults   []*kfake.FaultHandle
}

// ClusterOption configures a [Cluster].
type ClusterOption interface{ applyCluster(*clusterConfig) }

type clusterOption func(*clusterConfig)

func (o clusterOption) applyCluster(c *clusterConfig) { o(c) }

type clusterConfig struct {
	brokers  int
	inMemory bool
	names    trestle.Names
}

// WithBrokers sets how many brokers the cluster has, overriding 1. They are called 0, 1, 2 and so on.
func WithBrokers(n int) ClusterOption {
	return clusterOption(func(c *clusterConfig) { c.brokers = n })
}

// InMemory has clients reach the cluster in memory instead of over the loopback interface, as is needed inside of synctest.Test
// of package testing/synctest. Each client is given the cluster's [Cluster.Option].
func InMemory() ClusterOption {
	return clusterOption(func(c *clusterConfig) { c.inMemory = true })
}

// InEnvironment has topics go by the names of an environment; what is passed to the kit are the schemas' names. Clients are given
// them by trestle.WithNames, too.
func InEnvironment(names trestle.Names) ClusterOption {
	return clusterOption(func(c *clusterConfig) { c.names = names })
}

// NewCluster starts a cluster with exactly these topics, such as a generated package's Topics, and their dead-letter topics, with
// the partitions and settings that they declare; a topic that declares no partitions has one. It is stopped when the test ends.
func NewCluster(tb testing.TB, declared []*trestle.TopicInfo, opts ...ClusterOption) *Cluster {
	tb.Helper()
	cfg := clusterConfig{brokers: 1}
	for _, o := range opts {
		o.applyCluster(&cfg)
	}
	specs, err := specsOf(declared, cfg.names)
	if err == nil && cfg.brokers < 1 {
		err = fmt.Errorf("WithBrokers: must be at least 1, got %d", cfg.brokers)
	}
	if err != nil {
		tb.Fatal(err)
	}
	c := &Cluster{tb: tb, names: cfg.names, specs: specs}
	listen := net.Listen
	options := []kfake.Opt{kfake.NumBrokers(cfg.brokers), kfake.GroupMinSessionTimeout(10 * time.Millisecond)}
	if cfg.inMemory {
		c.network = new(kfake.VirtualNetwork)
		listen = c.network.Listen
		var ports []int
		for i := range cfg.brokers {
			ports = append(ports, 9092+i)
		}
		options = append(options, kfake.Ports(ports...))
	}
	options = append(options, kfake.ListenFn(c.links.listener(listen)))
	if c.kafka, err = kfake.NewCluster(options...); err != nil {
		tb.Fatalf("start a Kafka cluster in the test: %v", err)
	}
	tb.Cleanup(func() {
		c.links.heal()
		c.kafka.Close()
	})
	for _, s := range specs {
		if err := c.kafka.CreateTopic(s.Name, s.Partitions, s.Config); err != nil {
			tb.Fatalf("create topic %s: %v", s.Name, err)
		}
	}
	if c.client, err = c.Connection().Client(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.client.Close)
	return c
}

// specsOf are the topics to create, by their names in the environment.
func specsOf(declared []*trestle.TopicInfo, names trestle.Names) (map[string]topics.Spec, error) {
	specs := map[string]topics.Spec{}
	var errs []error
	add := func(name string, partitions int32, config map[string]string) {
		physical, err := names.Topic(name)
		errs = append(errs, err)
		specs[physical] = topics.Spec{Name: physical, Partitions: max(partitions, 1), Config: config}
	}
	for _, t := range declared {
		if t.DeadLetter != "" {
			add(t.DeadLetter, 1, nil)
		}
	}
	for _, t := range declared { // dead letters among them as they are declared
		add(t.Name, t.Partitions, t.Config)
	}
	return specs, errors.Join(errs...)
}

// Brokers are the addresses of the brokers.
func (c *Cluster) Brokers() []string { return c.kafka.ListenAddrs() }

// Fake is what the cluster is made of, for faults that have no name here. Package kfake promises nothing about its own names.
func (c *Cluster) Fake() *kfake.Cluster { return c.kafka }

// Option is what clients need to reach the cluster beside its brokers; nothing, unless it is [InMemory].
func (c *Cluster) Option() trestle.Option { return trestle.WithKafka(c.Connection().Options...) }

// Connection is how the cluster is reached, for what takes that.
func (c *Cluster) Connection() kafka.Connection {
	conn := kafka.Connection{Brokers: c.Brokers()}
	if c.network != nil {
		conn.Options = []kgo.Opt{kgo.Dialer(asNetwork(c.network.DialContext))}
	}
	return conn
}

// Publisher returns a publisher to the cluster, which is closed when the test ends. It numbers schemas as [SchemaIDs] does.
func (c *Cluster) Publisher(opts ...trestle.PublisherOption) *trestle.Publisher {
	c.tb.Helper()
	all := []trestle.PublisherOption{
		trestle.WithLogger(testLogger(c.tb)), trestle.WithNames(c.names), trestle.WithSchemaIDs(SchemaIDs()), trestle.WithKeys(Keys()), c.Option(),
	}
	p, err := trestle.NewPublisher(c.Brokers(), append(all, opts...)...)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // what a test leaves behind in an outage is not acknowledged
	})
	return p
}

// Caller returns a caller on the cluster, which is closed when the test ends.
func (c *Cluster) Caller(opts ...trestle.CallerOption) *trestle.Caller {
	c.tb.Helper()
	all := []trestle.CallerOption{trestle.WithLogger(testLogger(c.tb)), trestle.WithNames(c.names), trestle.WithKeys(Keys()), c.Option()}
	caller, err := trestle.NewCaller(c.Brokers(), append(all, opts...)...)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = caller.Close(ctx) // calls that a test leaves behind are given up
	})
	return caller
}

// Run runs a consumer until stop is called, or the test ends, and waits for its end then. The test fails when Run of the
// consumer does.
func Run(tb testing.TB, c *trestle.Consumer) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	}
	tb.Cleanup(stop)
	return stop
}
