package cluster_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/cluster"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// A broker that dies shows as replicas that are missing, and as partitions that nobody leads where it had the only one.
func TestHealthWhenABrokerDies(t *testing.T) {
	t.Parallel()
	nodes := services.Kafka(t, services.WithNodes(3))
	client, err := kafka.Connection{Brokers: nodes.Brokers()}.Client(kgo.MetadataMinAge(100 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	for topic, replicas := range map[string]int16{"three": 3, "one": 1} {
		if made, err := admin.CreateTopic(t.Context(), 3, replicas, nil, topic); err != nil || made.Err != nil {
			t.Fatal(err, made.Err)
		}
	}
	await := func(what string, holds func(cluster.Health) bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			health, err := cluster.Check(ctx, client)
			if err == nil && holds(health) {
				return
			}
			if kafka.Sleep(ctx, 200*time.Millisecond) != nil {
				t.Fatalf("%s: %+v, %v", what, health, err)
			}
		}
	}
	await("at first", cluster.Health.Healthy)
	info, err := cluster.Read(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Brokers) != 3 || info.Brokers[0].ID != 1 || info.Brokers[0].Host != "127.0.0.1" || info.Controller < 1 || info.ID == "" || !strings.HasPrefix(info.Version, "v4") {
		t.Errorf("got %+v", info)
	}
	nodes.Kill(3)
	await("once a broker is dead", func(h cluster.Health) bool {
		missing := slices.ContainsFunc(h.UnderReplicated, func(p cluster.Partition) bool {
			return p.Topic == "three" && len(p.InSync) == 2 && len(p.Replicas) == 3
		})
		offline := slices.ContainsFunc(h.Offline, func(p cluster.Partition) bool { return p.Topic == "one" && p.Leader == -1 })
		return missing && offline && !h.Healthy()
	})
	nodes.Start(3)
	await("once it is back", cluster.Health.Healthy)
}
