package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// Of those who write alone at once each finds what the others have written, on whichever partition: what is to be there once is there once.
func TestWriteAlone(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		testWriteAlone(t, cluster.ListenAddrs())
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		testWriteAlone(t, services.SharedKafka(t).Brokers())
	})
}

func testWriteAlone(t *testing.T, brokers []string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	conn := kafka.Connection{Brokers: brokers}
	topic := "alone-" + uuid.NewString()
	if _, err := kadm.NewClient(client(t, conn)).CreateTopic(ctx, 3, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	there := func() (map[string]int, error) {
		found := map[string]int{}
		for r, err := range kafka.Scan(ctx, conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
			if err != nil {
				return nil, err
			}
			found[string(r.Key)]++
		}
		return found, nil
	}
	const writers, rounds = 3, 4
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for round := range rounds {
				key := fmt.Sprint(round)
				value := bytes.Repeat([]byte("a"), 1000) // worth to be compressed
				err := kafka.WriteAlone(ctx, conn, topic, "alone-"+topic, func() ([]*kafka.Record, error) {
					found, err := there()
					if err != nil || found[key] > 0 {
						return nil, err
					}
					return []*kafka.Record{{Topic: topic, Key: []byte(key), Value: value}}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	found, err := there()
	if err != nil {
		t.Fatal(err)
	}
	reader := client(t, conn, kgo.ConsumeTopics(topic))
	for n := 0; n < rounds; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if n++; r.Attrs.CompressionType() != 1 { // gzip, as publishers have it
				t.Errorf("record %s has codec %d", r.Key, r.Attrs.CompressionType())
			}
		})
	}
	for round := range rounds {
		if n := found[fmt.Sprint(round)]; n != 1 {
			t.Errorf("%d was written %d times", round, n)
		}
	}
}

// Of a commit that brokers answer with an error of no name is found out whether it was one, and if not it is made again; but not for ever.
func TestWriteAloneEndsUnknown(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "alone"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var refused, refusals atomic.Int32
	cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if refused.Add(1) > refusals.Load() {
			return nil, nil, false
		}
		answer := req.ResponseKind().(*kmsg.EndTxnResponse)
		answer.ErrorCode = kerr.UnknownServerError.Code
		return answer, nil, true
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn := kafka.Connection{Brokers: cluster.ListenAddrs()}
	write := func(refuse int32) error {
		refused.Store(0)
		refusals.Store(refuse)
		return kafka.WriteAlone(ctx, conn, "alone", "alone", func() ([]*kafka.Record, error) {
			return []*kafka.Record{{Topic: "alone", Value: []byte("once")}}, nil
		})
	}
	if err := write(2); err != nil {
		t.Error(err)
	}
	found := 0
	for _, err := range kafka.Scan(ctx, conn, []string{"alone"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("%d records are committed", found)
	}
	if err := write(1000); !errors.Is(err, kerr.UnknownServerError) {
		t.Errorf("brokers that never say what is wrong: %v", err)
	}
}
