package trestle_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

func TestGaugesSayWhatIsInHand(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	m := newMeters(t)
	hourAgo := time.Now().Add(-time.Hour)
	for n := range 4 {
		r := orderRecord("a", n)
		r.Timestamp = hourAgo.Add(time.Duration(n) * time.Minute)
		c.write(t, r)
	}
	cancelled := recordOfType("a", "OrderCancelled")
	cancelled.Timestamp = hourAgo.Add(30 * time.Minute)
	cancelled.Headers = []kgo.RecordHeader{{Key: "event-type", Value: []byte("OrderCancelled")}}
	c.write(t, cancelled)
	goOn := make(chan struct{})
	r := consume(t, c, func(context.Context, *orderPlaced) error { <-goOn; return nil }, m)
	eventually(t, "a handler runs", func() bool { return m.sum("trestle.consumer.running", topicKey, orders.Name) == 1 })
	eventually(t, "all ends are known", func() bool { return len(m.points("trestle.consumer.lag")) == testPartitions })
	r.Pause(orders.Name, 0)

	m.wantSums(
		sumOf(5, "trestle.consumer.lag", topicKey, orders.Name, groupKey, testGroup),
		sumOf(5, "trestle.consumer.in_flight", topicKey, orders.Name),
		sumOf(testPartitions, "trestle.consumer.partitions", topicKey, orders.Name),
		sumOf(1, "trestle.consumer.paused", topicKey, orders.Name),
		sumOf(0, "trestle.consumer.breaker.open"),
		sumOf(0, "trestle.consumer.refused_dead_letters"),
	)
	for name, min := range map[string]time.Duration{
		"trestle.consumer.lag.time":       time.Hour,
		"trestle.consumer.event.lag.time": time.Hour,
		"trestle.consumer.in_flight.time": time.Nanosecond,
	} {
		if got := m.sum(name, topicKey, orders.Name); got < min.Seconds() {
			t.Errorf("%s: got %v s, want at least %v", name, got, min)
		}
	}
	if n := m.sum("trestle.consumer.retained", topicKey, orders.Name); n < 5*100 {
		t.Errorf("five records retain %v bytes", n)
	}
	placed, cancelledAge := m.sum("trestle.consumer.event.lag.time", typeKey, "OrderPlaced"), m.sum("trestle.consumer.event.lag.time", typeKey, "OrderCancelled")
	if cancelledAge < (30*time.Minute).Seconds() || placed-cancelledAge < (29*time.Minute).Seconds() {
		t.Errorf("the oldest events are %v s and %v s old, want an hour and half an hour", placed, cancelledAge)
	}

	close(goOn)
	r.Resume(orders.Name, 0)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 5 })
	m.wantSums(
		sumOf(0, "trestle.consumer.lag"), sumOf(0, "trestle.consumer.lag.time"), sumOf(0, "trestle.consumer.event.lag.time"),
		sumOf(0, "trestle.consumer.in_flight"), sumOf(0, "trestle.consumer.in_flight.time"), sumOf(0, "trestle.consumer.retained"),
		sumOf(0, "trestle.consumer.running"),
	)
	r.stop()
	if n := len(m.points("trestle.consumer.lag")); n != 0 {
		t.Errorf("a consumer that has ended has %d lags", n)
	}
}

func TestLagGrowsWithWhatIsNotFetched(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	m := newMeters(t)
	c.write(t, orderRecord("a", 0))
	goOn := make(chan struct{})
	r := consume(t, c, func(context.Context, *orderPlaced) error { <-goOn; return nil }, m,
		trestle.WithMaxInFlight(1), trestle.WithKafka(kgo.FetchMaxPartitionBytes(1)))
	eventually(t, "a handler runs", func() bool { return m.sum("trestle.consumer.running") == 1 })
	for n := 1; n < 20; n++ {
		c.write(t, orderRecord("a", n))
	}
	eventually(t, "the lag is all that is there", func() bool { return m.sum("trestle.consumer.lag") == 20 })
	close(goOn)
	eventually(t, "there is no lag", func() bool { return m.sum("trestle.consumer.lag") == 0 })
	r.stop()
}

// TestLagEndsBehindHoles has a log that ends, for who reads what is committed, with what is no record.
func TestLagEndsBehindHoles(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(*testing.T, *cluster)
		end     int64
	}{
		"aborted transaction": {func(t *testing.T, c *cluster) {
			c.abort(t, c.begin(t, orderRecord("a", 1), orderRecord("a", 2)))
		}, 4},
		"compacted away, before an open transaction": {func(t *testing.T, c *cluster) {
			c.setConfig(t, orders.Name, "cleanup.policy", "compact")
			c.abort(t, c.begin(t, orderRecord("a", 1), orderRecord("a", 2)))
			c.begin(t, orderRecord("a", 3))
			c.Compact()
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.write(t, orderRecord("a", 0))
			tc.prepare(t, c)
			m := newMeters(t)
			r := consume(t, c, ok, m)
			eventually(t, "all is committed up to the end", func() bool { return c.committed(testGroup) == tc.end })
			eventually(t, "there is no lag", func() bool {
				return len(m.points("trestle.consumer.lag")) == testPartitions && m.sum("trestle.consumer.lag")+m.sum("trestle.consumer.lag.time") == 0
			})
			r.stop()
		})
	}
}

func TestLagEndsWhereAllThatWasLeftIsDeleted(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	m := newMeters(t)
	c.write(t, orderRecord("a", 0))
	r := consume(t, c, ok, m)
	eventually(t, "the first is committed", func() bool { return c.committed(testGroup) == 1 })
	away := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: orders.Name, Err: kerr.NotLeaderForPartition, Count: -1})
	c.write(t, orderRecord("a", 1), orderRecord("a", 2))
	eventually(t, "there is a lag", func() bool { return m.sum("trestle.consumer.lag") == 2 && m.sum("trestle.consumer.lag.time") > 0 })
	c.deleteAll(t, orders.Name)
	away.Remove()
	eventually(t, "there is no lag", func() bool { return m.sum("trestle.consumer.lag") == 0 })
	m.wantSums(sumOf(2, "trestle.consumer.lost_offsets", topicKey, orders.Name))
	eventually(t, "it is committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
}

// deleteAll deletes the records of a topic.
func (c *cluster) deleteAll(t *testing.T, topic string) {
	t.Helper()
	offsets := kadm.Offsets{}
	for id, p := range c.PartitionInfos(topic) {
		offsets.AddOffset(topic, int32(id), p.HighWatermark, -1)
	}
	if _, err := kadm.NewClient(c.client).DeleteRecords(deadline(t), offsets); err != nil {
		t.Fatal(err)
	}
}

// setConfig sets a topic's configuration.
func (c *cluster) setConfig(t *testing.T, topic, name, value string) {
	t.Helper()
	if _, err := kadm.NewClient(c.client).AlterTopicConfigs(deadline(t), []kadm.AlterConfig{{Name: name, Value: &value}}, topic); err != nil {
		t.Fatal(err)
	}
}

// begin writes records in a transaction that stays open.
func (c *cluster) begin(t *testing.T, records ...*kgo.Record) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.TransactionalID(uuid.NewString()), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return client
}

func (c *cluster) abort(t *testing.T, client *kgo.Client) {
	t.Helper()
	if err := client.EndTransaction(deadline(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestGaugesSayWhatStandsStill(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	m := newMeters(t)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.DeadLetter, Err: kerr.TopicAuthorizationFailed, Count: -1})
	c.write(t, orderRecord("a", 0), orderRecord("b", 0))
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if e.OrderID == "a" {
			return trestle.Permanent(errTransient)
		}
		return trestle.Unavailable(errTransient)
	}, m, trestle.WithBreaker(trestle.Breaker{Lowest: time.Hour, Highest: time.Hour}), trestle.WithDrainTimeout(0))
	eventually(t, "both stand still", func() bool {
		return m.sum("trestle.consumer.refused_dead_letters") == 1 && m.sum("trestle.consumer.breaker.open", topicKey, orders.Name) == 1
	})
	m.wantSums(sumOf(1, "trestle.consumer.outages"))
	if n := m.sum("trestle.consumer.unwritten_dead_letters", "error.type", "TOPIC_AUTHORIZATION_FAILED"); n < 1 {
		t.Error("no unwritten dead letter was counted")
	}
	_ = r.end()
}
