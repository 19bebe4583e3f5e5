package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/omninode/trestle/runtime/kafka"
)

// Option configures a relay.
type Option interface{ applyRelay(*config) }

type option func(*config)

func (o option) applyRelay(c *config) { o(c) }

type config struct {
	kafka      kafka.Connection
	logger     *slog.Logger
	meters     metric.MeterProvider
	rows       int
	bytes      int
	batchBytes int
	shortest   time.Duration
	longest    time.Duration
	lease      time.Duration
	retry      Retry
}

// WithBatch sets how much is published in one Kafka transaction: at most so many rows, overriding the default of 1000, and no more
// once their values have so many bytes, overriding the default of 8 MiB. NewRelay fails if either is below 1.
func WithBatch(rows, bytes int) Option {
	return option(func(c *config) { c.rows, c.bytes = rows, bytes })
}

// WithBatchBytes sets how large a partition's batch may grow before compression, overriding the default of 1 MiB. A row that
// exceeds it on its own is refused, so it is to be at least the publisher's (trestle.WithBatchBytes). NewRelay fails when it is
// below 1 KiB or above 64 MiB.
func WithBatchBytes(n int) Option {
	return option(func(c *config) { c.batchBytes = n })
}

// WithPolling sets how long to wait before looking for rows again where there were none: shortest soon after there were some,
// twice as long each time up to longest, overriding the defaults of 20 ms and 500 ms. A database that tells of commits, as
// PostgreSQL does, has a relay look at once. NewRelay fails unless 0 < shortest ≤ longest.
func WithPolling(shortest, longest time.Duration) Option {
	return option(func(c *config) { c.shortest, c.longest = shortest, longest })
}

// WithLease sets after how long other relays take over the lanes of one that died, overriding the default of 15 s. One that is
// told to stop gives them back at once. NewRelay fails when it is below 100 ms.
func WithLease(d time.Duration) Option {
	return option(func(c *config) { c.lease = d })
}

// WithRefusalRetry sets when a row is tried again that Kafka refused: after the shortest time, twice as long each time up to
// the longest, overriding the defaults of 5 s and 10 min. NewRelay fails unless 0 < shortest ≤ longest.
func WithRefusalRetry(shortest, longest time.Duration) Option {
	return option(func(c *config) { c.retry = Retry{Lowest: shortest, Highest: longest} })
}

// WithLogger sets where to log, overriding slog.Default.
func WithLogger(logger *slog.Logger) Option {
	return option(func(c *config) { c.logger = logger })
}

// WithMeterProvider sets where metrics go, overriding OpenTelemetry's global provider; the README lists them.
func WithMeterProvider(p metric.MeterProvider) Option {
	return option(func(c *config) { c.meters = p })
}

// WithKafka adds options of the Kafka client underneath, such as kgo.SASL, kgo.DialTLSConfig and kgo.ProducerBatchCompression,
// which is gzip otherwise. They come after those that the relay sets itself; what makes it exact can't be overridden.
func WithKafka(opts ...kgo.Opt) Option {
	return option(func(c *config) { c.kafka.Options = append(c.kafka.Options, opts...) })
}

// WithConnection has the cluster reached as conn says: its TLS, SASL, client id and options, and its logger if it has one. Its
// brokers have no effect.
func WithConnection(conn kafka.Connection) Option {
	return option(func(c *config) {
		conn.Options = slices.Concat(c.kafka.Options, conn.Options)
		c.kafka = conn
		if conn.Logger != nil {
			c.logger = conn.Logger
		}
	})
}

func newConfig(brokers []string, opts []Option) (*config, error) {
	c := &config{
		kafka:  kafka.Connection{ClientID: "trestle-outbox"},
		logger: slog.Default(), meters: otel.GetMeterProvider(),
		rows: 1000, bytes: 8 << 20, batchBytes: 1 << 20,
		shortest: 20 * time.Millisecond, longest: 500 * time.Millisecond,
		lease: 15 * time.Second,
		retry: Retry{Lowest: 5 * time.Second, Highest: 10 * time.Minute},
	}
	for _, o := range opts {
		o.applyRelay(c)
	}
	c.kafka.Brokers, c.kafka.Logger = brokers, c.logger
	switch {
	case c.logger == nil:
		return nil, errors.New("WithLogger: must not be nil")
	case c.meters == nil:
		return nil, errors.New("WithMeterProvider: must not be nil")
	case c.rows < 1 || c.bytes < 1:
		return nil, fmt.Errorf("WithBatch: must be at least 1 and 1, got %d rows, %d bytes", c.rows, c.bytes)
	case c.batchBytes < 1<<10 || c.batchBytes > 64<<20:
		return nil, fmt.Errorf("WithBatchBytes: must be from 1 KiB to 64 MiB, got %d", c.batchBytes)
	case c.shortest <= 0 || c.longest < c.shortest:
		return nil, fmt.Errorf("WithPolling: want 0 < shortest ≤ longest, got %v and %v", c.shortest, c.longest)
	case c.lease < 100*time.Millisecond:
		return nil, fmt.Errorf("WithLease: must be at least 100 ms, got %v", c.lease)
	case c.retry.Lowest <= 0 || c.retry.Highest < c.retry.Lowest:
		return nil, fmt.Errorf("WithRefusalRetry: want 0 < shortest ≤ longest, got %v and %v", c.retry.Lowest, c.retry.Highest)
	}
	return c, c.producing("trestle-outbox-check").Validate()
}

// transactionTimeout is after how long a broker aborts what a relay left open that nobody has taken over.
const transactionTimeout = time.Minute

// producing is the connection of a lane's producer.
func (c *config) producing(transactionalID string) kafka.Connection {
	conn := c.kafka
	conn.Options = slices.Concat([]kgo.Opt{
		kgo.MetadataMinAge(kafka.MetadataMinAge),
		kgo.MetadataMaxAge(kafka.MetadataMaxAge),
		kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.ProducerLinger(time.Second), // what waits goes out together, when it is flushed
		kgo.ProducerBatchMaxBytes(int32(c.batchBytes) + 4),
		kgo.MaxBufferedRecords(c.rows + 1),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}, c.kafka.Options, []kgo.Opt{
		kgo.TransactionalID(transactionalID), kgo.TransactionTimeout(transactionTimeout), kgo.RequiredAcks(kgo.AllISRAcks()),
	})
	return conn
}

// TransactionalIDPrefix begins the transactional ids of all outboxes. What follows is made once for each, by the migrations.
const TransactionalIDPrefix = "trestle-outbox-"
