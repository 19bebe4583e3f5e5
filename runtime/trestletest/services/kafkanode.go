package services

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

// cluster is the processes and files of a Kafka cluster.
type cluster struct {
	scratch *scratch
	nodes   []*node
}

// node is one broker and controller. The mutex orders what is done to it.
type node struct {
	java, classPath string
	clusterID       string
	id, port        int
	listeners       map[string]int // ports of other listeners, by name
	jvm             []string
	config, log     string

	mu     sync.Mutex
	server *server // nil while it is down
}

func startCluster(java, libs string, config kafkaConfig) (*cluster, error) {
	return onFreePorts((2+len(config.listeners))*config.nodes, func(ports []int) (*cluster, error) {
		scratch, err := newScratch()
		if err != nil {
			return nil, err
		}
		c := &cluster{scratch: scratch}
		if err := c.start(java, libs, config, ports); err != nil {
			c.kill()
			return nil, err
		}
		return c, nil
	})
}

func (c *cluster) start(java, libs string, config kafkaConfig, ports []int) error {
	brokers, controllers, others := ports[:config.nodes], ports[config.nodes:2*config.nodes], ports[2*config.nodes:]
	voters := make([]string, config.nodes)
	for i, port := range controllers {
		voters[i] = fmt.Sprintf("%d@%s", i+1, address(port))
	}
	clusterID := newClusterID()
	for i := range config.nodes {
		n := &node{
			java:      java,
			classPath: filepath.Join(libs, "*"),
			clusterID: clusterID,
			id:        i + 1,
			port:      brokers[i],
			listeners: map[string]int{},
			jvm:       config.jvm,
			config:    c.scratch.path(fmt.Sprintf("server-%d.properties", i+1)),
			log:       c.scratch.path(fmt.Sprintf("server-%d.log", i+1)),
		}
		c.nodes = append(c.nodes, n)
		advertised := "PLAINTEXT://" + address(n.port)
		for _, l := range config.listeners {
			n.listeners[l.name], others = others[0], others[1:]
			advertised += "," + l.name + "://" + address(n.listeners[l.name])
		}
		properties := map[string]string{
			"node.id":                  fmt.Sprint(n.id),
			"controller.quorum.voters": strings.Join(voters, ","),
			"listeners":                fmt.Sprintf("%s,CONTROLLER://%s", advertised, address(controllers[i])),
			"advertised.listeners":     advertised,
			"log.dirs":                 c.scratch.path(fmt.Sprintf("data-%d", n.id)),
		}
		maps.Copy(properties, config.serverProperties())
		if err := writeProperties(n.config, properties); err != nil {
			return err
		}
	}
	err := c.each(func(n *node) error {
		if err := n.format(); err != nil {
			return err
		}
		return n.launch()
	})
	if err != nil {
		return err
	}
	return c.each(func(n *node) error { return n.await(config.nodes) })
}

// each does something to all nodes at once.
func (c *cluster) each(do func(*node) error) error {
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() { errs[i] = do(n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// stop ends all nodes and removes their data.
func (c *cluster) stop() {
	c.each(func(n *node) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.server != nil {
			n.server.terminate()
			n.server = nil
		}
		return nil
	})
	c.scratch.remove()
}

// kill is stop for a cluster that did not come up.
func (c *cluster) kill() {
	c.each((*node).kill) // fails for those that were not started
	c.scratch.remove()
}

// format prepares the node's data folder, as Kafka requires before its start.
func (n *node) format() error {
	tool, err := n.run("format", "kafka.tools.StorageTool", "format", "-t", n.clusterID, "-c", n.config)
	if err != nil {
		return err
	}
	return tool.finish()
}

// jvmFlags make a Java process start sooner on a machine with few processors.
var jvmFlags = []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}

// launch starts the process. The caller holds n.mu, or is the only one yet.
func (n *node) launch() (err error) {
	n.server, err = n.run("broker", slices.Concat([]string{"-Xmx512m", "-Dlog4j2.level=INFO"}, n.jvm, []string{"kafka.Kafka", n.config})...)
	return err
}

// run starts one of Kafka's programs.
func (n *node) run(what string, args ...string) (*server, error) {
	cmd := exec.Command(n.java, slices.Concat(jvmFlags, []string{"-cp", n.classPath}, args)...)
	cmd.Dir = filepath.Dir(n.config)
	return launch(fmt.Sprintf("Kafka node %d (%s)", n.id, what), cmd, n.log)
}

// await waits until the node answers, is not fenced, and knows of as many
// brokers as it should.
func (n *node) await(brokers int) error {
	return n.server.await(func(ctx context.Context) error {
		client, err := kafka.Connection{Brokers: []string{address(n.port)}}.Client(kgo.DialTimeout(time.Second))
		if err != nil {
			return err
		}
		defer client.Close()
		request := kmsg.NewPtrMetadataRequest()
		request.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
		// Ask this node, and no other that it names.
		response, err := client.SeedBrokers()[0].Request(ctx, request)
		if err != nil {
			return err
		}
		metadata := response.(*kmsg.MetadataResponse)
		if metadata.ClusterID == nil || *metadata.ClusterID != n.clusterID {
			return errors.New("another cluster answers")
		}
		known := slices.ContainsFunc(metadata.Brokers, func(b kmsg.MetadataResponseBroker) bool { return int(b.NodeID) == n.id })
		if !known || len(metadata.Brokers) < brokers {
			return fmt.Errorf("the cluster has %d brokers so far", len(metadata.Brokers))
		}
		return nil
	})
}

func (n *node) kill() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == nil {
		return errNotRunning
	}
	n.server.Kill()
	n.server = nil
	return nil
}

func (n *node) pause() error { return n.signal(process.Pause) }

func (n *node) resume() error { return n.signal(process.Resume) }

func (n *node) signal(sig os.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == nil {
		return errNotRunning
	}
	return n.server.Signal(sig)
}

func (n *node) shutdown() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == nil {
		return errNotRunning
	}
	server := n.server
	n.server = nil
	if !server.terminate() {
		return server.failed(fmt.Errorf("killed, as it did not end within %s", stopTimeout))
	}
	return nil
}

func (n *node) restart() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server != nil && n.server.Running() {
		return errRunning
	}
	if err := n.launch(); err != nil {
		return err
	}
	return n.await(1)
}

var (
	errNotRunning = errors.New("it does not run")
	errRunning    = errors.New("it runs already")
)

func writeProperties(path string, properties map[string]string) error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		// A backslash begins an escape in this format.
		fmt.Fprintf(&text, "%s=%s\n", name, strings.ReplaceAll(properties[name], `\`, `\\`))
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

// newClusterID returns 16 random bytes as Kafka writes them. They don't begin
// with a dash, which would look like an option.
func newClusterID() string {
	id := make([]byte, 16)
	rand.Read(id)
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id)
}
