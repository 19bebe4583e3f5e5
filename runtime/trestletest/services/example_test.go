package services_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

func Example() {
	_ = func(m *testing.M) { // func TestMain
		os.Exit(services.Main(m))
	}
	_ = func(t *testing.T) { // func TestOrdersReachTheStore
		client, err := kgo.NewClient(kgo.SeedBrokers(services.SharedKafka(t).Brokers()...))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		store, err := pgx.Connect(t.Context(), services.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close(t.Context())
	}
}

func ExampleKafka() {
	_ = func(t *testing.T) { // func TestPublishSurvivesACrash
		cluster := services.Kafka(t, services.WithNodes(3))
		cluster.Kill(2)
		// Publish.
		cluster.Start(2)
		// Count.
	}
}
