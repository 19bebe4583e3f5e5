package eventtrace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Sink follows topics into a store, all their partitions, each record exactly once and in order. It belongs to no
// consumer group: how far it has read is in the store.
//
// Several sinks, of one process or of many, share the partitions of topics that they follow into the same store: see [WithLease].
//
// It survives brokers and stores that are away: it waits, tries again with growing pauses, and goes on where it was.
// Partitions and topics that appear later are found. A record that can't be read is stored as it is, with the reason.
// Records of transactions that were aborted are passed over.
type Sink struct {
	store Store
	read  Reader
	cfg   sinkConfig
	stats sinkStats
}

type sinkConfig struct {
	topics    []string
	events    int
	bytes     int
	largest   int
	linger    time.Duration
	discovery time.Duration
	backoff   kafka.Backoff
	lease     time.Duration
	from      kafka.From
	log       *slog.Logger
	kafka     kafka.Connection
}

// SinkOption configures a sink.
type SinkOption interface{ applySink(*sinkConfig) }

type sinkOption func(*sinkConfig)

func (o sinkOption) applySink(c *sinkConfig) { o(c) }

// WithBatch sets how much is stored in one transaction: at most so many events, overriding the default of 1000, and
// no more once their values have so many bytes, overriding the default of 4 MiB. NewSink fails if either is below 1.
func WithBatch(events, bytes int) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.events, c.bytes = events, bytes })
}

// WithLargest sets how many bytes a record's value may have to be kept, overriding the default of 1 MiB. Of a larger one all is kept that it says of
// itself, and its size ([Event.ValueBytes]): the value is in the log, as long as that holds it. NewSink fails if bytes is below 1.
func WithLargest(bytes int) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.largest = bytes })
}

// WithLinger sets how long a batch that is not full waits for more events, overriding the default of 200 ms. With 0,
// what a fetch brought is stored at once. NewSink fails if d is negative.
func WithLinger(d time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.linger = d })
}

// WithDiscovery sets how often the sink looks for new topics and partitions, overriding the default of 10 s. NewSink
// fails if every is not positive.
func WithDiscovery(every time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.discovery = every })
}

// WithRetry sets the first and the longest pause after a failure of the store or the brokers, overriding the defaults
// of 100 ms and 10 s. NewSink fails unless 0 < first ≤ longest.
func WithRetry(first, longest time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.backoff = kafka.Backoff{Lowest: first, Highest: longest} })
}

// WithLease sets for how long a sink counts as being at work after it told the store so, which it does three times as often, overriding the default of
// 15 s: so long do partitions wait for another sink when one dies. NewSink fails if d is below 3 ms.
func WithLease(d time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.lease = d })
}

// WithFrom sets where a partition begins that the store has not read, of those that are there when the sink begins, overriding the default of their
// start. What stands before it [Sink.Backfill] can store later.
func WithFrom(from kafka.From) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.from = from })
}

// WithLogger sets where the sink logs, overriding slog.Default().
func WithLogger(log *slog.Logger) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.log = log })
}

// WithKafka adds options for the client: TLS, SASL, a client id, sizes of fetches. What makes the sink exact, such as
// where it starts and the isolation level, can't be overridden.
func WithKafka(opts ...kgo.Opt) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.kafka.Options = append(c.kafka.Options, opts...) })
}

// WithConnection has the cluster reached as conn says: its TLS, SASL, client id and options. Its brokers and its logger
// have no effect.
func WithConnection(conn kafka.Connection) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		conn.Options = slices.Concat(c.kafka.Options, conn.Options)
		c.kafka = conn
	})
}

// NewSink returns a sink that follows the topics on the brokers into the store, reading records with read. Topics
// need not exist yet. It connects to nothing before Run.
func NewSink(brokers, topics []string, store Store, read Reader, opts ...SinkOption) (*Sink, error) {
	cfg := sinkConfig{
		topics: slices.Compact(slices.Sorted(slices.Values(topics))),
		events: 1000, bytes: 4 << 20, largest: 1 << 20, linger: 200 * time.Millisecond, discovery: 10 * time.Second,
		backoff: kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 10 * time.Second}, lease: 15 * time.Second, from: kafka.FromStart(), log: slog.Default(),
		kafka: kafka.Connection{ClientID: "trestle-trace"},
	}
	for _, opt := range opts {
		opt.applySink(&cfg)
	}
	cfg.kafka.Brokers, cfg.kafka.Logger = brokers, nil // what the client says, the sink says
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("trace sink: %w", err)
	}
	if store == nil || read == nil {
		return nil, errors.New("trace sink: a store and a reader are needed")
	}
	return &Sink{store: store, read: read, cfg: cfg}, nil
}

func (c *sinkConfig) check() error {
	if err := c.kafka.CheckBrokers(); err != nil {
		return err
	}
	switch {
	case len(c.topics) == 0:
		return errors.New("no topics")
	case c.events < 1 || c.bytes < 1:
		return fmt.Errorf("WithBatch: %d events, %d bytes: both must be at least 1", c.events, c.bytes)
	case c.largest < 1:
		return fmt.Errorf("WithLargest: %d bytes: must be at least 1", c.largest)
	case c.linger < 0:
		return fmt.Errorf("WithLinger: %v is negative", c.linger)
	case c.discovery <= 0:
		return fmt.Errorf("WithDiscovery: %v is not positive", c.discovery)
	case c.backoff.Lowest <= 0 || c.backoff.Highest < c.backoff.Lowest:
		return fmt.Errorf("WithRetry: %v and %v: want 0 < first ≤ longest", c.backoff.Lowest, c.backoff.Highest)
	case c.lease < 3*time.Millisecond:
		return fmt.Errorf("WithLease: %v is below 3ms", c.lease)
	case c.log == nil:
		return errors.New("WithLogger: no logger")
	}
	return nil
}

// Run follows the topics until ctx ends, and then returns nil. It returns an error only for what waiting cannot mend:
// the brokers refuse the credentials or access to a topic, or the client's options are wrong. What was read and not yet
// stored when ctx ended is read again by the next Run.
func (s *Sink) Run(ctx context.Context) error {
	f := s.follower(kafka.Endless())
	f.share = newShare(s.cfg.lease)
	err := f.follow(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// RunUntilEnd stores all that the topics hold when it starts, and returns. It waits for brokers and a store that are
// away; the error is that of ctx, or one that Run returns too. Topics that do not exist are empty.
func (s *Sink) RunUntilEnd(ctx context.Context) error {
	return s.follower(kafka.ToEnd()).follow(ctx)
}

// Backfill stores what stands from a place on in the topics, to the end that they have when it starts, and is not stored: what was dropped from the store, or
// was passed over by [WithFrom]. How far sinks have read stays as it is, and others may follow the topics meanwhile. Errors are as RunUntilEnd's.
func (s *Sink) Backfill(ctx context.Context, from kafka.From) error {
	f := s.follower(kafka.ToEnd())
	f.again = &from
	return f.follow(ctx)
}

// SinkStats are counts since the sink was made.
type SinkStats struct {
	Stored   int64 // events that were new to the store
	Repeated int64 // events that the store had
	Invalid  int64 // events, among both of these, with something wrong
	Large    int64 // events, among all of these, whose value was too large to be kept
	Batches  int64 // transactions: a large batch of several partitions takes two
	Retries  int64 // failures of the store or the brokers that were waited out
	// Lost counts offsets that the log had dropped before they were read.
	Lost int64
	// Resets counts how often the log of a partition did not go on where it had been read: it was cut off, or its topic
	// was deleted and made anew. The partition is then read from its start. Of one that was cut off, what the store already
	// has under these offsets stays; a new topic's records are all stored.
	Resets int64
}

type sinkStats struct {
	stored, repeated, invalid, large, batches, retries, lost, resets atomic.Int64
}

// Stats may be called at any time.
func (s *Sink) Stats() SinkStats {
	return SinkStats{
		Stored: s.stats.stored.Load(), Repeated: s.stats.repeated.Load(), Invalid: s.stats.invalid.Load(),
		Large:   s.stats.large.Load(),
		Batches: s.stats.batches.Load(), Retries: s.stats.retries.Load(),
		Lost: s.stats.lost.Load(), Resets: s.stats.resets.Load(),
	}
}
