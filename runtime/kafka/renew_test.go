package kafka_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
)

// opened counts connections.
type opened struct{ n atomic.Int64 }

// OnBrokerConnect implements [kgo.HookBrokerConnect].
func (o *opened) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil {
		o.n.Add(1)
	}
}

// A login that is written anew has all connections made anew under load, and no request fails.
func TestConnectionsAreRenewed(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a"), kfake.EnableSASL(), kfake.Superuser(kafka.Plain, "a", "one"), kfake.Superuser(kafka.Plain, "b", "two"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	login := filepath.Join(t.TempDir(), "login")
	write := func(text string) {
		t.Helper()
		next := login + ".next"
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, login); err != nil {
			t.Fatal(err)
		}
	}
	write("a:one")
	conn, err := kafka.Connection{Brokers: cluster.ListenAddrs()}.Secured(nil, &kafka.SASL{Mechanism: kafka.Plain, Login: secure.Secret{File: login}})
	if err != nil {
		t.Fatal(err)
	}
	connections := &opened{}
	client, err := conn.Client(kgo.WithHooks(connections), kgo.DefaultProduceTopic("a"), kgo.ProducerLinger(0), kgo.RecordRetries(0), kgo.RequestRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	var sent atomic.Int64
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := client.ProduceSync(context.WithoutCancel(ctx), kgo.StringRecord("x")).FirstErr(); err != nil {
					t.Errorf("a record was not written: %v", err)
					return
				}
				sent.Add(1)
			}
		})
	}
	reach := func(what string, n *atomic.Int64, more int64) {
		t.Helper()
		want := n.Load() + more
		eventually(t, what, func(context.Context) bool { return n.Load() >= want })
	}
	reach("something is written", &sent, 1000)
	before := connections.n.Load()
	write("a:one")
	reach("the connection of produce requests is made anew", &connections.n, 1)
	reach("more is written", &sent, 1000)
	write("b:two")
	reach("another user connects", &connections.n, 1)
	reach("more is written", &sent, 1000)
	stop()
	load.Wait()
	t.Logf("%d written by %d connections, %d of them before", sent.Load(), connections.n.Load(), before)
}
