package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
)

// What the runtime adds to the Kafka client: the same events go through the client alone, through the client with the codec
// called around it by hand, through a publisher or a consumer, and through Watermill with the same codec. All take their turn in
// every round of one run, against one cluster in another process, so that only what they do themselves is counted. Figures are
// medians over the rounds.

// way is one way of publishing or consuming events. Its name leads its figures.
type way struct {
	name string
	run  func(events int)
}

// cost is what a way took in one round, for each event.
type cost struct{ cpu, wall, allocs float64 } // ns, ns, number

const rounds = 7

// measured has ways take turns. It reports what each costs an event, and returns that by their names.
func measured(b *testing.B, events int, ways ...way) map[string][]cost {
	b.Helper()
	took := map[string][]cost{}
	for b.Loop() {
		for _, w := range ways { // once for nothing: connections, topics, pools
			w.run(events / 4)
		}
		for round := range rounds {
			for i := range ways {
				w := ways[(round+i)%len(ways)]
				runtime.GC() // what one has left is not the next one's to clear
				took[w.name] = append(took[w.name], oneTurn(events, w.run))
			}
		}
	}
	runtime.KeepAlive(heap)
	b.ReportMetric(0, "ns/op")
	for _, w := range ways {
		b.ReportMetric(median(took[w.name], func(c cost) float64 { return c.cpu })/1000, w.name+"-µs-cpu/event")
		b.ReportMetric(1e9/median(took[w.name], func(c cost) float64 { return c.wall }), w.name+"-events/s")
	}
	return took
}

func oneTurn(events int, run func(int)) cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begun := computed(), time.Now()
	run(events)
	wall := time.Since(begun)
	cpu = computed() - cpu
	runtime.ReadMemStats(&after)
	n := float64(events)
	return cost{float64(cpu) / n, float64(wall) / n, float64(after.Mallocs-before.Mallocs) / n}
}

func median(costs []cost, of func(cost) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(costs), func(a, b cost) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[len(sorted)/2])
}

// between is what one way costs more than another, round by round.
func between(more, less []cost) []cost {
	d := make([]cost, len(more))
	for i := range d {
		d[i] = cost{more[i].cpu - less[i].cpu, more[i].wall - less[i].wall, more[i].allocs - less[i].allocs}
	}
	return d
}

// compare reports what the runtime adds and how it stands to the others; x-raw, x-codec and x-watermill are rates beside theirs.
func compare(b *testing.B, took map[string][]cost) {
	cpu := func(c cost) float64 { return c.cpu }
	wall := func(c cost) float64 { return c.wall }
	ours := took["trestle"]
	added := between(ours, took["codec"])
	b.ReportMetric(median(added, cpu)/1000, "added-µs/event")
	b.ReportMetric(median(added, func(c cost) float64 { return c.allocs }), "added-allocs/event")
	b.ReportMetric(median(took["raw"], wall)/median(ours, wall), "x-raw")
	b.ReportMetric(median(took["codec"], wall)/median(ours, wall), "x-codec")
	b.ReportMetric(median(took["watermill"], wall)/median(ours, wall), "x-watermill")
	b.ReportMetric(median(ours, cpu)/median(took["watermill"], cpu), "x-watermill-cpu")
	if raw := took["handleraw"]; raw != nil {
		b.ReportMetric(median(took["raw"], wall)/median(raw, wall), "handleraw-x-raw")
		b.ReportMetric(median(between(raw, took["raw"]), cpu)/1000, "handleraw-added-µs/event")
	}
}

var nobody = slog.New(slog.NewTextHandler(io.Discard, nil))

// manyAnalyses are requests with as many keys, and with text of their own, which compresses as prose does.
func manyAnalyses(n int) []*codegenv1.CodegenAnalysisRequest {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 2000)
	for i := range words {
		word := make([]byte, 2+random.IntN(10))
		for at := range word {
			word[at] = "eeetaoinsrhldcumfpgwybvk"[random.IntN(24)]
		}
		words[i] = string(word)
	}
	events := make([]*codegenv1.CodegenAnalysisRequest, n)
	for i := range events {
		events[i], _ = analysis()
		events[i].CorrelationId = uuid.NewString()
		length := len(events[i].GetPrdContent())
		text := make([]byte, 0, length+16)
		for len(text) < length {
			text = append(append(text, words[int(float64(len(words))*math.Pow(random.Float64(), 3))]...), ' ')
		}
		events[i].PrdContent = new(string(text))
	}
	return events
}

const manyKeys = 1000

var analysisInfo = (*codegenv1.CodegenAnalysisRequest)(nil).EventInfo()

// record is an event's record as the client takes it.
func record(b testing.TB, e trestle.Event) *kgo.Record {
	made, err := trestle.Encode(e, nil, trestle.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return kafka.ToClient(&made)
}

func newClient(b testing.TB, brokers []string, opts ...kgo.Opt) *kgo.Client {
	b.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...))...)
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// BenchmarkRuntimePublish publishes events of 3 KB, many under way at once.
func BenchmarkRuntimePublish(b *testing.B) {
	eachCluster(b, forgets, func(b *testing.B, brokers []string) {
		for _, c := range []struct {
			name  string
			ours  trestle.Compression
			codec kgo.CompressionCodec
		}{{"none", trestle.Uncompressed, kgo.NoCompression()}, {"gzip", trestle.Gzip, kgo.GzipCompression()}} {
			b.Run(c.name, func(b *testing.B) {
				makeTopics(b, brokers, analysisInfo.Topic.Name)
				compare(b, measured(b, 10_000, publishing(b, brokers, c.ours, c.codec)...))
			})
		}
	})
}

func publishing(b testing.TB, brokers []string, compression trestle.Compression, codec kgo.CompressionCodec) []way {
	events := manyAnalyses(manyKeys)
	records := make([]*kgo.Record, len(events))
	for i, e := range events {
		records[i] = record(b, e)
	}
	client := newClient(b, brokers, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedBytes(32<<20), kgo.MaxBufferedRecords(1<<30),
		kgo.ProducerBatchMaxBytes(1<<20))
	b.Cleanup(client.Close)
	failed := func(_ *kgo.Record, err error) {
		if err != nil {
			b.Error(err)
		}
	}
	flush := func() {
		if err := client.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	p, err := trestle.NewPublisher(brokers, trestle.WithLogger(nobody), trestle.WithCompression(compression))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return []way{
		{"raw", func(n int) {
			for i := range n {
				r := *records[i%len(records)]
				client.Produce(b.Context(), &r, failed)
			}
			flush()
		}},
		{"codec", func(n int) {
			for i := range n {
				client.Produce(b.Context(), record(b, events[i%len(events)]), failed)
			}
			flush()
		}},
		{"trestle", func(n int) {
			for i := range n {
				err := p.PublishAsync(b.Context(), events[i%len(events)], func(_ trestle.Receipt, err error) { failed(nil, err) })
				if err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}},
		watermillPublish(b, brokers, compression, events),
	}
}

// BenchmarkRuntimeConsume consumes events of 3 KB that stand on their topic, as a member of a group that commits what is done.
// Joining the group is part of it.
func BenchmarkRuntimeConsume(b *testing.B) {
	eachCluster(b, keeps, func(b *testing.B, brokers []string) {
		const events = 30_000
		fill(b, brokers, events)
		compare(b, measured(b, events, consuming(b, brokers)...))
	})
}

// fill makes the topic with so many events on it.
func fill(b testing.TB, brokers []string, events int) {
	b.Helper()
	makeTopics(b, brokers, analysisInfo.Topic.Name, analysisInfo.Topic.DeadLetter)
	client := newClient(b, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	defer client.Close()
	all := manyAnalyses(manyKeys)
	for i := range events {
		client.Produce(b.Context(), record(b, all[i%len(all)]), func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func consuming(b testing.TB, brokers []string) []way {
	types := trestle.NewTypes(analysisInfo)
	groups := 0
	group := func() string {
		groups++
		return fmt.Sprintf("bench-%d-%s", groups, uuid.NewString())
	}
	var handled atomic.Int64
	handle := func(_ context.Context, e *codegenv1.CodegenAnalysisRequest) error {
		handled.Add(int64(len(e.GetSchemaVersion())))
		return nil
	}
	client := func(n int, each func(*kgo.Record)) {
		client := newClient(b, brokers, kgo.ConsumerGroup(group()), kgo.ConsumeTopics(analysisInfo.Topic.Name),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		defer client.CloseAllowingRebalance()
		for done := 0; done < n; {
			fetches := client.PollRecords(b.Context(), 1000)
			if err := fetches.Err(); err != nil {
				b.Fatal(err)
			}
			fetches.EachRecord(each)
			done += fetches.NumRecords()
			if err := client.CommitUncommittedOffsets(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	// consume runs a consumer whose handler counts until n are handled.
	consume := func(n int, register func(c *trestle.Consumer, count func())) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		consumer, err := trestle.NewConsumer(brokers, group(), trestle.WithLogger(nobody))
		if err != nil {
			b.Fatal(err)
		}
		var done atomic.Int64
		register(consumer, func() {
			if done.Add(1) == int64(n) {
				cancel()
			}
		})
		if err := consumer.Run(ctx); err != nil {
			b.Fatal(err)
		}
	}
	return []way{
		{"raw", func(n int) { client(n, func(r *kgo.Record) { handled.Add(int64(len(r.Key))) }) }},
		{"codec", func(n int) {
			client(n, func(r *kgo.Record) {
				record := kafka.FromClient(r)
				decoded, err := trestle.Decode(&record, types, trestle.DecodeOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if err := handle(b.Context(), decoded.Event.(*codegenv1.CodegenAnalysisRequest)); err != nil {
					b.Fatal(err)
				}
			})
		}},
		{"trestle", func(n int) {
			consume(n, func(c *trestle.Consumer, count func()) {
				trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenAnalysisRequest) error {
					count()
					return handle(ctx, e)
				})
			})
		}},
		{"batches", func(n int) {
			consume(n, func(c *trestle.Consumer, count func()) {
				trestle.HandleBatch(c, func(ctx context.Context, items []trestle.Item[codegenv1.CodegenAnalysisRequest]) error {
					for _, item := range items {
						count()
						if err := handle(ctx, item.Event); err != nil {
							return err
						}
					}
					return nil
				})
			})
		}},
		{"handleraw", func(n int) {
			consume(n, func(c *trestle.Consumer, count func()) {
				trestle.HandleRaw[codegenv1.CodegenAnalysisRequest](c, func(_ context.Context, r *trestle.Record) error {
					count()
					handled.Add(int64(len(r.Key)))
					return nil
				})
			})
		}},
		watermillConsume(b, brokers, types, group, handle),
	}
}

// TestRuntimeAllocations holds how often the runtime allocates for an event beyond what client and codec do.
func TestRuntimeAllocations(t *testing.T) {
	const events = 20_000
	for _, way := range []struct {
		name, cluster string
		most          float64
		ways          func(t *testing.T, brokers []string) []way
	}{
		{"publishing", forgets, 1.5, func(t *testing.T, brokers []string) []way {
			makeTopics(t, brokers, analysisInfo.Topic.Name)
			return publishing(t, brokers, trestle.Uncompressed, kgo.NoCompression())
		}},
		{"consuming", keeps, 0.5, func(t *testing.T, brokers []string) []way {
			fill(t, brokers, events)
			return consuming(t, brokers)
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			allocs := map[string]float64{}
			for _, w := range way.ways(t, onEmbedded(t, way.cluster)) {
				if w.name == "codec" || w.name == "trestle" {
					w.run(events / 4) // connections, pools
					allocs[w.name] = oneTurn(events, w.run).allocs
				}
			}
			if added := allocs["trestle"] - allocs["codec"]; added > way.most {
				t.Errorf("the runtime allocates %.2f times an event more than client and codec (%.2f), want at most %.1f", added, allocs["codec"], way.most)
			}
		})
	}
}
