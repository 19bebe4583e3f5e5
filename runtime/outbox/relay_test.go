package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
)

func TestRelayPublishesWhatIsCommitted(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, open func(testing.TB) *database) {
		db, c := open(t), startCluster(t, topic, "others")
		reader := sdkmetric.NewManualReader()
		r := relay(t, c.ListenAddrs(), db.outbox, outbox.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
		plain := kafka.Record{
			Topic: "others", Key: []byte("k"), Value: []byte("k#0"), Headers: []kafka.Header{{Key: "x", Value: []byte{0}}, {Key: "x"}},
		}
		deletion := kafka.Record{Topic: "deleted", Key: []byte("k")}
		if _, err := kafkaClient(t, c).Request(t.Context(), createTopic("deleted")); err != nil {
			t.Fatal(err)
		}
		errNo := errors.New("no")
		for n := range 10 {
			db.commit(t, record("a", 2*n), record("b", 2*n), record("a", 2*n+1), record("b", 2*n+1))
			if err := db.inTx(t.Context(), func(ctx context.Context) error {
				return errors.Join(db.add(ctx, record("a", 1000+n)), errNo)
			}); !errors.Is(err, errNo) {
				t.Fatal(err)
			}
		}
		db.commit(t, plain, deletion)
		db.drained(t)
		wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(append(records("a", 0, 20), records("b", 0, 20)...)...))
		got := committed(t, c.ListenAddrs(), "others")
		if len(got) != 1 || time.Since(got[0].Timestamp) > time.Hour {
			t.Fatalf("%d records on others: %v", len(got), got)
		}
		if diff := cmp.Diff(plain.Headers, got[0].Headers[:2]); diff != "" || len(got[0].Headers) != 3 {
			t.Errorf("headers differ (-want +got):\n%s", diff)
		}
		if got := committed(t, c.ListenAddrs(), "deleted"); len(got) != 1 || got[0].Value != nil || string(got[0].Key) != "k" {
			t.Errorf("deletion: %v", got)
		}
		if h := r.Health(); !h.Live || !h.Ready {
			t.Errorf("health %+v", h)
		}
		if _, err := r.Status(t.Context()); err != nil {
			t.Error(err)
		}
		for name, want := range map[string]float64{"relayed": 42, "depth": 0, "lag": 0, "refused_keys": 0} {
			if got := measured(t, reader, "trestle.outbox."+name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		r.stop()
		if h := r.Health(); h.Ready || h.Reasons[0].Code != trestle.NotRunning {
			t.Errorf("health after Run %+v", h)
		}
		if err := r.Run(t.Context()); err == nil {
			t.Error("Run runs again")
		}
	})
}

func kafkaClient(t testing.TB, c *kfake.Cluster) *kgo.Client { return newClient(t, c.ListenAddrs()) }

func newClient(t testing.TB, brokers []string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(name string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = name, partitions, 1
	req.Topics = append(req.Topics, one)
	return req
}

// measured is the sum of a metric's values, of a topic if one is given.
func measured(t testing.TB, reader sdkmetric.Reader, name string, of ...string) float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	sum := -1.0
	add := func(set attribute.Set, v float64) {
		if topic, _ := set.Value("messaging.destination.name"); len(of) == 0 || topic.AsString() == of[0] {
			sum = max(sum, 0) + v
		}
	}
	for _, scope := range all.ScopeMetrics {
		for _, one := range scope.Metrics {
			if one.Name != name {
				continue
			}
			switch data := one.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			}
		}
	}
	return sum
}

// TestRefusedEventsHoldUpTheirKeyAlone writes events that the cluster does not take among others.
func TestRefusedEventsHoldUpTheirKeyAlone(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, open func(testing.TB) *database) {
		db, c := open(t), startCluster(t, topic)
		reader := sdkmetric.NewManualReader()
		missing := func(n int) kafka.Record {
			return kafka.Record{Topic: "missing", Key: []byte("m"), Value: fmt.Appendf(nil, "m#%d", n)}
		}
		var all []kafka.Record
		for n := range 20 {
			all = append(all, record("a", n), record("b", n), missing(n))
		}
		large := record("large", 0)
		large.Value = fmt.Appendf(nil, "large#0 %s", strings.Repeat("x", 3<<10))
		all = append(all[:10], append([]kafka.Record{large, record("large", 1)}, all[10:]...)...)
		db.commit(t, all...)
		r := relay(t, c.ListenAddrs(), db.outbox, outbox.WithBatchBytes(1<<10),
			outbox.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))

		want := valuesOf(append(records("a", 0, 20), records("b", 0, 20)...)...)
		eventually(t, "all that can be is published", func() bool {
			s, err := db.outbox.Status(t.Context())
			return err == nil && s.Depth == 22 && s.RefusedKeys == 2
		})
		wantOnce(t, committed(t, c.ListenAddrs(), topic), want)
		s, err := r.Status(t.Context())
		if err != nil || s.RefusedKeys != 2 || len(s.Refused) != 2 || s.Lag() <= 0 {
			t.Fatalf("status %+v, error %v", s, err)
		}
		byTopic := map[string]outbox.RefusedRow{}
		for _, row := range s.Refused {
			byTopic[row.Topic] = row
		}
		if err := byTopic["missing"].Err; !strings.Contains(err, "UNKNOWN_TOPIC_OR_PARTITION") {
			t.Errorf("missing: %s", err)
		}
		if err := byTopic[topic].Err; !strings.Contains(err, "MESSAGE_TOO_LARGE") {
			t.Errorf("too large: %s", err)
		}
		h := r.Health()
		if h.Ready || !h.Live || len(h.Reasons) != 2 || h.Reasons[0].Code != outbox.RowsRefused || h.Reasons[0].Topic != "missing" {
			t.Errorf("health %+v", h)
		}
		eventually(t, "they are tried again", func() bool {
			return measured(t, reader, "trestle.outbox.refusals", "missing") >= 3 && measured(t, reader, "trestle.outbox.refusals", topic) >= 3
		})

		// The topic is made: what waited for it comes, in order, with what is written meanwhile.
		if _, err := kafkaClient(t, c).Request(t.Context(), createTopic("missing")); err != nil {
			t.Fatal(err)
		}
		db.commit(t, missing(20))
		eventually(t, "what was held up is published", func() bool {
			s, err := db.outbox.Status(t.Context())
			return err == nil && s.Depth == 2 && s.RefusedKeys == 1
		})
		wantMissing := map[string]bool{}
		for n := range 21 {
			wantMissing[fmt.Sprintf("m#%d", n)] = true
		}
		wantOnce(t, committed(t, c.ListenAddrs(), "missing"), wantMissing)
		r.stop()

		// A relay that takes larger ones takes the rest.
		relay(t, c.ListenAddrs(), db.outbox)
		db.drained(t)
		rest := committed(t, c.ListenAddrs(), topic)
		if len(rest) != 42 {
			t.Errorf("%d records, want 42", len(rest))
		}
	})
}

// refuse is a broker's answer that it takes none of the records.
func refuse(produce *kmsg.ProduceRequest, because *kerr.Error) *kmsg.ProduceResponse {
	resp := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range produce.Topics {
		to := kmsg.NewProduceResponseTopic()
		to.Topic, to.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			one := kmsg.NewProduceResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, because.Code
			to.Partitions = append(to.Partitions, one)
		}
		resp.Topics = append(resp.Topics, to)
	}
	return resp
}

// TestOrderOfAKeyThatIsRefusedInPart has the user lose a topic, and get it back, between two events of a key in one transaction.
func TestOrderOfAKeyThatIsRefusedInPart(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	requests := 0
	c.ControlKey(kmsg.Produce.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if requests++; requests != 2 {
			return nil, nil, false
		}
		return refuse(req.(*kmsg.ProduceRequest), kerr.TopicAuthorizationFailed), nil, true
	})
	all := records("a", 0, 2)
	for i := range all { // each is a request of its own
		all[i].Headers = []kafka.Header{{Key: "pad", Value: []byte(strings.Repeat("x", 700))}}
	}
	db.commit(t, all...)
	reader := sdkmetric.NewManualReader()
	relay(t, c.ListenAddrs(), db.outbox, outbox.WithBatchBytes(1<<10), outbox.WithKafka(kgo.ProducerBatchCompression(kgo.NoCompression())),
		outbox.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	db.drained(t)
	wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(all...))
	if n := measured(t, reader, "trestle.outbox.refusals"); n != 1 {
		t.Errorf("%v events were refused, want 1: the test shows nothing", n)
	}
}

// TestBatchesThatAreTooLargeTogether has a topic that takes each event, and not many at once.
func TestBatchesThatAreTooLargeTogether(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	var refused int
	c.ControlKey(kmsg.Produce.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		produce := req.(*kmsg.ProduceRequest)
		size := 0
		for _, topic := range produce.Topics {
			for _, p := range topic.Partitions {
				size = max(size, len(p.Records))
			}
		}
		if size < 3<<10 {
			return nil, nil, false
		}
		refused++
		return refuse(produce, kerr.MessageTooLarge), nil, true
	})
	want := map[string]bool{}
	var all []kafka.Record
	for n := range 64 {
		r := record("a", n)
		r.Headers = []kafka.Header{{Key: "pad", Value: []byte(strings.Repeat("x", 500))}}
		all = append(all, r)
		want[string(r.Value)] = true
	}
	db.commit(t, all...)
	relay(t, c.ListenAddrs(), db.outbox, outbox.WithKafka(kgo.ProducerBatchCompression(kgo.NoCompression())))
	db.drained(t)
	wantOnce(t, committed(t, c.ListenAddrs(), topic), want)
	if refused == 0 {
		t.Error("nothing was refused: the test shows nothing")
	}
}

// TestRelaysShareLanes runs three at once and stops them one after the other.
func TestRelaysShareLanes(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, open func(testing.TB) *database) {
		db, c := open(t), startCluster(t, topic)
		type counted struct {
			*running
			reader sdkmetric.Reader
		}
		start := func() counted {
			reader := sdkmetric.NewManualReader()
			return counted{relay(t, c.ListenAddrs(), db.outbox, outbox.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))), reader}
		}
		relayed := func(r counted) float64 { return measured(t, r.reader, "trestle.outbox.relayed") }
		want, n := map[string]bool{}, 0
		write := func() {
			var all []kafka.Record
			for key := range 16 {
				r := record(fmt.Sprintf("key%d", key), n)
				all = append(all, r)
				want[string(r.Value)] = true
			}
			n++
			db.commit(t, all...)
		}
		one, two := start(), start()
		eventually(t, "both work", func() bool { write(); return relayed(one) > 0 && relayed(two) > 0 })
		one.stop()
		db.drained(t)
		three := start()
		eventually(t, "the third works", func() bool { write(); return relayed(three) > 0 })
		two.stop()
		write()
		db.drained(t)
		wantOnce(t, committed(t, c.ListenAddrs(), topic), want)
	})
}

// TestClusterAway writes while no broker answers.
func TestClusterAway(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	m := newMortal(db.outbox, 0)
	m.dead.Store(true) // for connections
	away := relay(t, c.ListenAddrs(), db.outbox, m.kafka())
	db.commit(t, records("a", 0, 5)...)
	eventually(t, "it says so", func() bool {
		h := away.Health()
		return !h.Ready && h.Live && h.Reasons[0].Code == outbox.LaneFailing
	})
	m.dead.Store(false)
	db.drained(t)
	eventually(t, "it says that all is well", func() bool { return away.Health().Ready })
	wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(records("a", 0, 5)...))
}

// TestTopicMadeAnew deletes and makes a topic while a relay publishes to it.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	r := relay(t, c.ListenAddrs(), db.outbox, outbox.WithRefusalRetry(time.Hour, time.Hour))
	db.commit(t, records("a", 0, 3)...)
	db.drained(t)
	client := newClient(t, c.ListenAddrs())
	if _, err := kadm.NewClient(client).DeleteTopics(deadline(t), topic); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Request(t.Context(), createTopic(topic)); err != nil {
		t.Fatal(err)
	}
	db.commit(t, records("a", 3, 6)...)
	db.drained(t)
	r.stop()
	wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(records("a", 3, 6)...))
}

func TestNewRelaySaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	store := onSQLite(t).outbox
	brokers := []string{"127.0.0.1:1"}
	for want, make := range map[string]func() (*outbox.Relay, error){
		"no brokers given":   func() (*outbox.Relay, error) { return outbox.NewRelay(nil, store) },
		"the store is nil":   func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, nil) },
		"WithBatch:":         func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithBatch(0, 1)) },
		"WithBatchBytes:":    func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithBatchBytes(1)) },
		"WithPolling:":       func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithPolling(2, 1)) },
		"WithLease:":         func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithLease(1)) },
		"WithRefusalRetry:":  func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithRefusalRetry(0, 1)) },
		"WithLogger:":        func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithLogger(nil)) },
		"WithMeterProvider:": func() (*outbox.Relay, error) { return outbox.NewRelay(brokers, store, outbox.WithMeterProvider(nil)) },
	} {
		if _, err := make(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
