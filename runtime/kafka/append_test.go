package kafka_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// Of those who append at once each goes on where the last one ended: nothing is written twice, left out, or between another's records; what was only tried is not there.
func TestAppendAfter(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		testAppendAfter(t, cluster.ListenAddrs())
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		testAppendAfter(t, services.SharedKafka(t).Brokers())
	})
}

func testAppendAfter(t *testing.T, brokers []string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	conn := kafka.Connection{Brokers: brokers}
	client, err := conn.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic, two := "chain-"+uuid.NewString(), "chain-"+uuid.NewString()
	for name, partitions := range map[string]int32{topic: 1, two: 2} {
		if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, name); err != nil {
			t.Fatal(err)
		}
	}
	const writers, rounds = 3, 2
	add := func(how kgo.TransactionEndTry, who string) error {
		return kafka.AppendAfter(ctx, conn, topic, "append-"+topic, how, func(last *kafka.Record) ([]*kafka.Record, error) {
			n := 0
			if last != nil {
				number, _, _ := strings.Cut(string(last.Value), " ")
				var err error
				if n, err = strconv.Atoi(number); err != nil {
					return nil, err
				}
			}
			return []*kafka.Record{{Value: fmt.Appendf(nil, "%d %s", n+1, who)}, {Value: fmt.Appendf(nil, "%d %s", n+2, who)}}, nil
		})
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for round := range rounds {
				who := fmt.Sprintf("%d/%d", w, round)
				if err := add(kgo.TryAbort, "tried"); err != nil {
					t.Error(err)
				}
				if err := add(kgo.TryCommit, who); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	times, n := map[string]int{}, 0
	for r, err := range kafka.Scan(ctx, conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		number, who, _ := strings.Cut(string(r.Value), " ")
		if number != strconv.Itoa(n) {
			t.Fatalf("record %d is %q", n, r.Value)
		}
		times[who]++
	}
	if n != 2*writers*rounds || len(times) != writers*rounds {
		t.Errorf("%d records of %v", n, times)
	}
	err = kafka.AppendAfter(ctx, conn, two, "append-"+two, kgo.TryCommit, func(*kafka.Record) ([]*kafka.Record, error) { return nil, nil })
	if err == nil || !strings.Contains(err.Error(), "has 2 partitions") {
		t.Errorf("of a topic with two partitions: %v", err)
	}
}
