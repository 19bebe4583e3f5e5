package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	watermillkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	watermillsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/components/forwarder"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// outboxBench is a database with a table of the program's own, and events to be published with its changes.
type outboxBench struct {
	*testing.B
	pool    *pgxpool.Pool
	brokers []string
	events  []*codegenv1.CodegenAnalysisRequest
	next    atomic.Int64
}

// outboxWay is one way of writing an event within a transaction, and of bringing it to Kafka later.
type outboxWay struct {
	name    string
	write   func(ctx context.Context, tx pgx.Tx, e *codegenv1.CodegenAnalysisRequest, id string) error
	relay   func(ctx context.Context) // until ctx ends; nil: there is nothing to bring
	waiting func() bool               // something is committed and not brought
}

// BenchmarkOutbox measures transactions that insert a row, alone and with an event beside it in an outbox; the relays that bring such
// events to Kafka; and the time from a commit to a consumer. Trestle's outbox and Watermill's forwarder take turns in one run.
// The events are of 3 KB, and PostgreSQL does not wait for its disk.
func BenchmarkOutbox(b *testing.B) { eachCluster(b, keeps, outboxes) }

func outboxes(b *testing.B, brokers []string) {
	makeTopics(b, brokers, analysisInfo.Topic.Name)
	pool, err := pgxpool.New(b.Context(), services.Postgres(b)+"&pool_max_conns=16")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	ob := &outboxBench{B: b, pool: pool, brokers: brokers, events: manyAnalyses(manyKeys)}
	if _, err := pool.Exec(b.Context(), "CREATE TABLE orders (id bigint PRIMARY KEY, note text)"); err != nil {
		b.Fatal(err)
	}
	plain := outboxWay{name: "plain", write: func(context.Context, pgx.Tx, *codegenv1.CodegenAnalysisRequest, string) error { return nil }}
	ours, theirs := ob.trestle(), ob.watermill()

	const transactions, waiting, single = 1000, 10_000, 30
	const rounds = 5
	rates, relayed, latencies := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		ways := []outboxWay{plain, ours, theirs}
		for _, w := range ways {
			ob.commit(w, transactions/4) // once for nothing
			ob.drain(w)
		}
		for round := range rounds {
			for i := range ways {
				w := ways[(round+i)%len(ways)]
				begun := time.Now()
				ob.commit(w, transactions)
				rates[w.name] = append(rates[w.name], transactions/time.Since(begun).Seconds())
				ob.drain(w)
			}
			for _, w := range ways[1:] {
				ob.commit(w, waiting)
				begun := time.Now()
				ob.drain(w)
				relayed[w.name] = append(relayed[w.name], waiting/time.Since(begun).Seconds())
			}
		}
		for _, w := range ways[1:] {
			latencies[w.name] = append(latencies[w.name], ob.latencies(w, single)...)
		}
	}
	of := func(all []float64, quantile float64) float64 {
		sorted := slices.Sorted(slices.Values(all))
		return sorted[int(quantile*float64(len(sorted)-1))]
	}
	each := func(a, b []float64) []float64 { // round by round
		ratios := make([]float64, len(a))
		for i := range a {
			ratios[i] = a[i] / b[i]
		}
		return ratios
	}
	b.ReportMetric(0, "ns/op")
	for name, all := range rates {
		b.ReportMetric(of(all, 0.5), name+"-commits/s")
	}
	for name, all := range relayed {
		b.ReportMetric(of(all, 0.5), name+"-relayed/s")
		b.ReportMetric(of(latencies[name], 0.5), name+"-ms-to-consumer")
	}
	b.ReportMetric(of(each(rates["trestle"], rates["plain"]), 0.5), "commits-of-plain")
	b.ReportMetric(of(each(rates["trestle"], rates["watermill"]), 0.5), "commits-of-watermill's")
	b.ReportMetric(of(each(relayed["trestle"], relayed["watermill"]), 0.5), "relayed-of-watermill's")
	b.ReportMetric(1000*(1/of(rates["trestle"], 0.5)-1/of(rates["plain"], 0.5))*outboxWriters, "added-ms/transaction")
}

// outboxWriters is how many transactions are under way at once.
const outboxWriters = 8

// commit does n transactions.
func (ob *outboxBench) commit(w outboxWay, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var writing sync.WaitGroup
	for range outboxWriters {
		writing.Go(func() {
			for left.Add(-1) >= 0 {
				if err := ob.transact(w, uuid.Must(uuid.NewV7()).String()); err != nil {
					ob.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
}

func (ob *outboxBench) transact(w outboxWay, id string) error {
	return pgx.BeginFunc(ob.Context(), ob.pool, func(tx pgx.Tx) error {
		n := ob.next.Add(1)
		if _, err := tx.Exec(ob.Context(), "INSERT INTO orders (id, note) VALUES ($1, $2)", n, "placed"); err != nil {
			return err
		}
		return w.write(ob.Context(), tx, ob.events[int(n)%len(ob.events)], id)
	})
}

// drain relays until nothing waits.
func (ob *outboxBench) drain(w outboxWay) {
	if w.relay == nil {
		return
	}
	ctx, cancel := context.WithCancel(ob.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.relay(ctx) }()
	for begun := time.Now(); w.waiting(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			ob.Fatalf("%s: events still wait", w.name)
		}
	}
	cancel()
	<-ended
}

// latencies are the times, in ms, from the commits of single events to a consumer of what is committed in Kafka, while a relay runs.
func (ob *outboxBench) latencies(w outboxWay, n int) []float64 {
	ctx, cancel := context.WithCancel(ob.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.relay(ctx) }()
	defer func() { cancel(); <-ended }()
	client := newClient(ob, ob.brokers, kgo.ConsumeTopics(analysisInfo.Topic.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer client.Close()
	var took []float64
	for i := range n + 5 { // the first ones are for connections
		id := uuid.Must(uuid.NewV7()).String()
		if err := ob.transact(w, id); err != nil {
			ob.Fatal(err)
		}
		if begun := time.Now(); ob.consumed(client, id) && i >= 5 {
			took = append(took, float64(time.Since(begun))/1e6)
		}
		time.Sleep(time.Duration(7+i%40) * time.Millisecond) // not in step with what polls
	}
	return took
}

// consumed polls until the record of an event comes, and says whether it did.
func (ob *outboxBench) consumed(client *kgo.Client, id string) bool {
	ctx, cancel := context.WithTimeout(ob.Context(), 5*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		for _, r := range client.PollFetches(ctx).Records() {
			record := kafka.FromClient(r)
			if record.Header("event-id") == id {
				return true
			}
		}
	}
	return false
}

func (ob *outboxBench) trestle() outboxWay {
	db := postgres.Use(ob.pool)
	if err := db.Migrate(ob.Context()); err != nil {
		ob.Fatal(err)
	}
	pub, err := trestle.NewPublisher(ob.brokers, trestle.WithLogger(nobody), trestle.WithOutbox(db.Outbox()))
	if err != nil {
		ob.Fatal(err)
	}
	ob.Cleanup(func() {
		if err := pub.Close(context.Background()); err != nil {
			ob.Error(err)
		}
	})
	return outboxWay{
		name: "trestle",
		write: func(ctx context.Context, tx pgx.Tx, e *codegenv1.CodegenAnalysisRequest, id string) error {
			return pub.Publish(postgres.WithTx(ctx, tx), e, trestle.WithEventID(id))
		},
		relay: func(ctx context.Context) {
			relay, err := outbox.NewRelay(ob.brokers, db.Outbox(), outbox.WithLogger(nobody), outbox.WithKafka(kgo.ProducerBatchCompression(kgo.NoCompression())))
			if err == nil {
				err = relay.Run(ctx)
			}
			if err != nil {
				ob.Error(err)
			}
		},
		waiting: func() (some bool) { // counting them all would take a processor
			if err := ob.pool.QueryRow(ob.Context(), "SELECT EXISTS (SELECT FROM trestle_outbox)").Scan(&some); err != nil {
				ob.Fatal(err)
			}
			return some
		},
	}
}

// counting counts the messages that a publisher has published, each once: what was not acknowledged when the forwarder was stopped
// comes again.
type counting struct {
	message.Publisher
	mu  sync.Mutex
	ids map[string]bool
}

func (c *counting) Publish(topic string, messages ...*message.Message) error {
	err := c.Publisher.Publish(topic, messages...)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range messages {
		if err == nil {
			c.ids[m.UUID] = true
		}
	}
	return err
}

func (c *counting) published() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

// watermill has the forwarder with its SQL publisher and subscriber, as its documents have it, and the shortest polling that has it
// wait for nothing else.
func (ob *outboxBench) watermill() outboxWay {
	schema, offsets := watermillsql.DefaultPostgreSQLSchema{GeneratePayloadType: func(string) string { return "JSON" }}, watermillsql.DefaultPostgreSQLOffsetsAdapter{}
	subscriber := func() *watermillsql.Subscriber {
		sub, err := watermillsql.NewSubscriber(watermillsql.BeginnerFromPgx(ob.pool), watermillsql.SubscriberConfig{
			SchemaAdapter: schema, OffsetsAdapter: offsets, InitializeSchema: true, PollInterval: 10 * time.Millisecond,
		}, watermill.NopLogger{})
		if err != nil {
			ob.Fatal(err)
		}
		return sub
	}
	if err := subscriber().SubscribeInitialize("forward"); err != nil {
		ob.Fatal(err)
	}
	config := watermillkafka.DefaultSaramaSyncPublisherConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks, config.Producer.Idempotent, config.Net.MaxOpenRequests = sarama.WaitForAll, true, 1
	out, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{
		Brokers: ob.brokers, OverwriteSaramaConfig: config,
		Marshaler: watermillkafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get(watermillKey), nil
		}),
	}, watermill.NopLogger{})
	if err != nil {
		ob.Fatal(err)
	}
	ob.Cleanup(func() {
		if err := out.Close(); err != nil {
			ob.Error(err)
		}
	})
	sent := &counting{Publisher: out, ids: map[string]bool{}}
	var written atomic.Int64
	return outboxWay{
		name: "watermill",
		write: func(_ context.Context, tx pgx.Tx, e *codegenv1.CodegenAnalysisRequest, id string) error {
			pub, err := watermillsql.NewPublisher(watermillsql.TxFromPgx(tx), watermillsql.PublisherConfig{SchemaAdapter: schema}, watermill.NopLogger{})
			if err != nil {
				return err
			}
			r, err := trestle.Encode(e, &trestle.Envelope{EventID: id}, trestle.EncodeOptions{})
			if err != nil {
				return err
			}
			m := message.NewMessage(id, r.Value)
			m.Metadata.Set(watermillKey, string(r.Key))
			for _, h := range r.Headers {
				m.Metadata.Set(h.Key, string(h.Value))
			}
			written.Add(1)
			return forwarder.NewPublisher(pub, forwarder.PublisherConfig{ForwarderTopic: "forward"}).Publish(r.Topic, m)
		},
		waiting: func() bool { return sent.published() < int(written.Load()) },
		relay: func(ctx context.Context) {
			f, err := forwarder.NewForwarder(subscriber(), sent, watermill.NopLogger{}, forwarder.Config{ForwarderTopic: "forward"})
			if err == nil {
				err = cmp.Or(f.Run(ctx), f.Close())
			}
			if err != nil {
				ob.Error(fmt.Errorf("watermill: %w", err))
			}
		},
	}
}
