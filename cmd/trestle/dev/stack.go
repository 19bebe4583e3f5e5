// Package dev is the development stack: a Kafka-protocol broker, a Schema Registry that enforces compatibility and the
// address of a trace store, in one process on the loopback interface.
//
//	stack, err := dev.Start(dev.Options{Dir: ".trestle"})
//	if err != nil {
//		return err
//	}
//	defer stack.Close()
//	fmt.Println(stack.Brokers, stack.Registry, stack.Store)
//
// With a folder, topics, records, offsets, subjects and traces are found again at the next start; without one
// everything is in memory or in a folder that goes with the stack.
package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Addresses say where a stack listens.
type Addresses struct {
	Brokers  string `json:"brokers"`  // host:port
	Registry string `json:"registry"` // http://host:port
	Store    string `json:"store"`    // a trace store's DSN
	PID      int    `json:"pid"`      // the stack's process
	// Environment is the one of trestle.yaml that topics have their names from; empty: none.
	Environment string `json:"environment,omitempty"`
}

// Options configure a stack.
type Options struct {
	// Dir keeps the state; it is made if need be. Empty: nothing is kept.
	Dir string
	// KafkaPort and RegistryPort are the ports to listen on; 0 takes any free one.
	KafkaPort, RegistryPort int
	// Environment is noted with the addresses.
	Environment string
	// Checker judges schemas at registration.
	Checker registry.Checker
}

// Stack is a running stack.
type Stack struct {
	Addresses
	dir      string
	remove   bool // dir goes with the stack
	unlock   func()
	kafka    *kfake.Cluster
	registry *registry.Server
	http     *http.Server
	httpErr  chan error
}

// Start starts the stack and waits until it answers. It fails when a port is taken, or when another stack runs in the
// same folder.
func Start(o Options) (*Stack, error) {
	s := &Stack{dir: o.Dir, unlock: func() {}}
	if err := s.start(o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(o Options) error {
	kafkaOpts := []kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("trestle-dev")}
	statePath := ""
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "trestle-stack-")
		if err != nil {
			return err
		}
		s.dir, s.remove = dir, true
	} else {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return err
		}
		unlock, err := lock(filepath.Join(s.dir, "lock"))
		if err != nil {
			return err
		}
		s.unlock = unlock
		statePath = filepath.Join(s.dir, "registry.json")
		kafkaOpts = append(kafkaOpts, kfake.DataDir(filepath.Join(s.dir, "kafka")))
	}
	if o.KafkaPort != 0 {
		kafkaOpts = append(kafkaOpts, kfake.Ports(o.KafkaPort))
	}
	cluster, err := kfake.NewCluster(kafkaOpts...)
	if err != nil {
		return fmt.Errorf("start the broker on port %d: %w", o.KafkaPort, err)
	}
	s.kafka = cluster
	server, err := registry.NewServer(statePath, o.Checker, registry.Limits{})
	if err != nil {
		return err
	}
	s.registry = server
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.RegistryPort)))
	if err != nil {
		return fmt.Errorf("start the registry: %w", err)
	}
	s.http = server.HTTP()
	s.httpErr = make(chan error, 1)
	go func() { s.httpErr <- s.http.Serve(listener) }()
	s.Addresses = Addresses{
		Brokers:     strings.Join(cluster.ListenAddrs(), ","),
		Registry:    "http://" + listener.Addr().String(),
		Store:       "sqlite:" + filepath.Join(s.dir, "trace.db"),
		PID:         os.Getpid(),
		Environment: o.Environment,
	}
	if s.remove {
		return nil
	}
	return writeAddresses(s.dir, s.Addresses)
}

// Close stops the stack and waits until it has stopped; what it keeps is on disk then.
func (s *Stack) Close() error {
	var errs []error
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		if s.http.Shutdown(ctx) != nil { // somebody is slow, and is not waited for
			errs = append(errs, s.http.Close())
		}
		if err := <-s.httpErr; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	if s.registry != nil {
		errs = append(errs, s.registry.Close())
	}
	if s.kafka != nil {
		s.kafka.Close()
	}
	switch {
	case s.remove:
		errs = append(errs, os.RemoveAll(s.dir))
	case s.PID != 0:
		errs = append(errs, markStopped(s.dir, s.Addresses))
	}
	s.unlock()
	return errors.Join(errs...)
}

const addressesFile = "stack.json"

// ReadAddresses returns the addresses of the stack that runs in dir; fs.ErrNotExist when none does.
func ReadAddresses(dir string) (Addresses, error) {
	a, err := readAddresses(dir)
	if err == nil && a.PID == 0 {
		return Addresses{}, fmt.Errorf("no stack runs in %s: %w", dir, os.ErrNotExist)
	}
	return a, err
}

// LastPorts returns the ports of the stack that ran in dir last, so that it can be found under the same addresses
// again; 0 where unknown.
func LastPorts(dir string) (kafka, registryPort int) {
	a, err := readAddresses(dir)
	if err != nil {
		return 0, 0
	}
	return port(a.Brokers), port(strings.TrimPrefix(a.Registry, "http://"))
}

func port(address string) int {
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		return 0
	}
	return n
}

func readAddresses(dir string) (Addresses, error) {
	path := filepath.Join(dir, addressesFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return Addresses{}, err
	}
	var a Addresses
	if err := json.Unmarshal(data, &a); err != nil {
		return Addresses{}, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

func writeAddresses(dir string, a Addresses) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, addressesFile)
	if err := os.WriteFile(path+".tmp", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func markStopped(dir string, a Addresses) error {
	a.PID = 0
	return writeAddresses(dir, a)
}

// FreePort returns port when nothing listens on it, else 0: any free one.
func FreePort(port int) int {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0
	}
	l.Close()
	return port
}
