package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/internal/testseam"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/spool"
)

// PublisherOption configures a publisher.
type PublisherOption interface{ applyPublisher(*publisherConfig) }

// Option configures a publisher, a consumer or a caller.
type Option interface {
	PublisherOption
	ConsumerOption
	CallerOption
}

type publisherOption func(*publisherConfig)

func (o publisherOption) applyPublisher(c *publisherConfig) { o(c) }

type publisherConfig struct {
	clientConfig
	acks            Acks
	compression     Compression
	linger          time.Duration
	batchBytes      int
	bufferedBytes   int
	inFlight        int
	deliveryTimeout time.Duration
	source          Source
	schemaIDs       SchemaIDs
	middleware      []PublishMiddleware
	outbox          Outbox // nil: events are sent
	hasOutbox       bool
	spoolDir        string
	spoolOptions    spool.Options
	hasSpool        bool
	deliver         testseam.Deliver // nil: to brokers
}

// clientConfig is what publishers, consumers and callers have in common.
type clientConfig struct {
	logger  *slog.Logger
	kafka   kafka.Connection // its logger is logger, once options are checked
	meters  metric.MeterProvider
	tracers trace.TracerProvider
	// globalTracers says that tracers was the global provider's placeholder when the options were checked.
	globalTracers bool
	names         *environment // nil: those that the schemas have
	keys          Keys         // of encrypted fields; nil: there are none
	cipher        RecordCipher // nil: there is none
}

// connect sets what is not an option.
func (c *clientConfig) connect(brokers []string) error {
	c.kafka.Brokers, c.kafka.Logger = brokers, c.logger
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	c.globalTracers = isPlaceholder(c.tracers)
	if err := c.names.names().Validate(); err != nil {
		return errors.Join(fmt.Errorf("WithNames: %w", err), c.kafka.CheckBrokers())
	}
	return c.kafka.CheckBrokers()
}

type clientOption func(*clientConfig)

func (o clientOption) applyPublisher(c *publisherConfig) { o(&c.clientConfig) }
func (o clientOption) applyConsumer(c *consumerConfig)   { o(&c.clientConfig) }
func (o clientOption) applyCaller(c *callerConfig)       { o(&c.clientConfig) }

// WithLogger sets where to log, overriding slog.Default.
func WithLogger(logger *slog.Logger) Option {
	return clientOption(func(c *clientConfig) { c.logger = logger })
}

// WithKafka adds options of the Kafka client underneath, such as kgo.SASL and kgo.DialTLSConfig. They come after those
// that the publisher, consumer or caller sets itself, and so override them.
func WithKafka(opts ...kgo.Opt) Option {
	return clientOption(func(c *clientConfig) { c.kafka.Options = append(c.kafka.Options, opts...) })
}

// WithConnection has the cluster reached as conn says: its TLS, SASL, client id and options, and its logger if it has
// one. Its brokers have no effect.
func WithConnection(conn kafka.Connection) Option {
	return clientOption(func(c *clientConfig) {
		conn.Options = slices.Concat(c.kafka.Options, conn.Options)
		c.kafka = conn
		if conn.Logger != nil {
			c.logger = conn.Logger
		}
	})
}

// WithMeterProvider sets where metrics go, overriding OpenTelemetry's global provider; the README lists them. Their names and
// attributes are those of OpenTelemetry's conventions for messaging where these have any. No key of an event is an attribute.
func WithMeterProvider(p metric.MeterProvider) Option {
	return clientOption(func(c *clientConfig) { c.meters = p })
}

// WithTracerProvider sets where spans go, overriding OpenTelemetry's global provider: one for each event that is published,
// until its answer, and one for each call of a handler, which is the child of the event's and linked to it. They find each
// other by the header `traceparent`.
func WithTracerProvider(p trace.TracerProvider) Option {
	return clientOption(func(c *clientConfig) { c.tracers = p })
}

// Acks says who must have written an event before it counts as published.
type Acks uint8

// The acknowledgements.
const (
	AcksAll    Acks = iota // all in-sync replicas; each event once, in order, also when a request is sent again
	AcksLeader             // the partition's leader alone: faster, loses what only it had when it fails
)

// WithAcks sets who must have written an event before it counts as published, overriding AcksAll. NewPublisher fails
// when it is neither AcksAll nor AcksLeader.
func WithAcks(acks Acks) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.acks = acks })
}

// Compression names a codec.
type Compression uint8

// The codecs.
const (
	Gzip Compression = iota
	Snappy
	LZ4
	Zstd
	Uncompressed
)

// WithCompression sets how batches are compressed, overriding Gzip. A broker compresses again what comes in another
// codec than its topic's; the topics of OmniNode are gzip. NewPublisher fails when the codec is unknown.
func WithCompression(codec Compression) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.compression = codec })
}

// WithLinger sets how long a batch waits for more events before it is sent, overriding the default of 5 ms. A lone
// Publish takes that much longer. NewPublisher fails when it is negative or more than a minute.
func WithLinger(d time.Duration) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.linger = d })
}

// WithBatchBytes sets how large a partition's batch may grow before compression, overriding the default of 1 MiB. An
// event that exceeds it on its own is refused with a TooLargeError. NewPublisher fails when it is below 1 KiB or above
// 64 MiB.
func WithBatchBytes(n int) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.batchBytes = n })
}

// WithBufferedBytes sets how much may wait to be acknowledged, overriding the default of 32 MiB. Publishing blocks
// beyond it, until there is room, the event's time is up, or the context ends. An event that was sent takes room until the
// cluster answers, also when its own time is up. NewPublisher fails when it is less than WithBatchBytes.
func WithBufferedBytes(n int) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.bufferedBytes = n })
}

// WithInFlight sets how many requests a broker may be sent before it has answered the first, overriding the default
// of 1. It counts with AcksLeader only, where more than 1 can change the order of events when a request fails; with
// AcksAll it is always 5, in order. NewPublisher fails when it is below 1.
func WithInFlight(n int) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.inFlight = n })
}

// WithDeliveryTimeout sets how long to try to deliver an event before giving up, overriding the default of 30 s. What
// Publish and PublishAsync then report, up to 1 s later, is a retriable PublishError. It says NotSent of an event that no broker
// has seen, nor will. Of one that was sent and not answered, or waits in the client behind such a one, it can't be told: the
// client goes on with these until it knows, so that each is written once, even after the publisher was told. While a topic's
// events go unanswered for a second, new ones are not handed to the client but for one every 100 ms, so that of them it can
// be told. An event can be written twice in one case: it was published behind one that is late, a request with it was made at the moment
// at which the late one was taken back, that request's connection broke before the answer, and the broker refused the request when
// it was sent again. NewPublisher fails when it is below 1 s.
func WithDeliveryTimeout(d time.Duration) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.deliveryTimeout = d })
}

// WithSource says which service instance publishes. It goes into the envelopes that have a place for it; without it,
// hook events are invalid unless they bring their own.
func WithSource(s Source) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.source = s })
}

// SchemaIDs finds the registry's id of the schema an event is written with. It is called for every event and so
// should remember; it must be safe for concurrent use. An error that is a [*RegistryAwayError] has events in JSON go without an id.
type SchemaIDs interface {
	SchemaID(ctx context.Context, info *EventInfo) (int, error)
}

// WithSchemaIDs has the ids of schemas written with the events: in headers beside JSON, in front of protobuf. Without
// it JSON events carry none, and protobuf events cannot be published. An id that is not found fails the publish; but
// where the registry is away, and has not told it yet, events in JSON go without, and the metric
// `trestle.publisher.without_schema_id` counts them.
func WithSchemaIDs(ids SchemaIDs) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.schemaIDs = ids })
}

func newPublisherConfig(brokers []string, opts []PublisherOption) (*publisherConfig, error) {
	c := &publisherConfig{
		clientConfig:    clientConfig{logger: slog.Default()},
		linger:          5 * time.Millisecond,
		batchBytes:      1 << 20,
		bufferedBytes:   32 << 20,
		inFlight:        1,
		deliveryTimeout: 30 * time.Second,
	}
	for _, o := range opts {
		o.applyPublisher(c)
	}
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.logger != nil, "WithLogger: must not be nil")
	check(c.acks <= AcksLeader, "WithAcks: unknown value %d", c.acks)
	check(c.compression <= Uncompressed, "WithCompression: unknown codec %d", c.compression)
	check(c.linger >= 0 && c.linger <= time.Minute, "WithLinger: must be from 0 to 1 m, got %v", c.linger)
	check(c.batchBytes >= 1<<10 && c.batchBytes <= 64<<20, "WithBatchBytes: must be from 1 KiB to 64 MiB, got %d", c.batchBytes)
	check(c.bufferedBytes >= c.batchBytes, "WithBufferedBytes: must be at least WithBatchBytes (%d), got %d", c.batchBytes, c.bufferedBytes)
	check(c.inFlight >= 1, "WithInFlight: must be at least 1, got %d", c.inFlight)
	check(c.deliveryTimeout >= time.Second, "WithDeliveryTimeout: must be at least 1 s, got %v", c.deliveryTimeout)
	check(!c.hasOutbox || c.outbox != nil, "WithOutbox: must not be nil")
	check(!c.hasSpool || c.spoolDir != "", "WithSpool: must name a folder")
	check(!c.hasSpool || !c.hasOutbox, "WithSpool: events of WithOutbox are in its database, whether the cluster is away or not")
	check(!slices.ContainsFunc(c.middleware, func(m PublishMiddleware) bool { return m == nil }), "WithPublishMiddleware: must not be nil")
	errs = append(errs, c.connect(brokers))
	return c, errors.Join(errs...)
}

func (c *publisherConfig) clientOptions() []kgo.Opt {
	codecs := map[Compression]kgo.CompressionCodec{
		Gzip: kgo.GzipCompression(), Snappy: kgo.SnappyCompression(), LZ4: kgo.Lz4Compression(),
		Zstd: kgo.ZstdCompression(), Uncompressed: kgo.NoCompression(),
	}
	opts := []kgo.Opt{
		kgo.MetadataMinAge(kafka.MetadataMinAge),
		kgo.MetadataMaxAge(kafka.MetadataMaxAge),
		kgo.ProducerBatchCompression(codecs[c.compression]),
		kgo.ProducerLinger(c.linger),
		kgo.ProducerBatchMaxBytes(int32(c.batchBytes) + 4), // the client counts a length before the batch
		kgo.MaxBufferedRecords(1 << 30),                    // the publisher bounds bytes itself, and times: see watch
		kgo.ProduceRequestTimeout(min(10*time.Second, c.deliveryTimeout/2)),
		kgo.RequestTimeoutOverhead(min(10*time.Second, c.deliveryTimeout/2)),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}
	if c.acks == AcksLeader {
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(),
			kgo.MaxProduceRequestsInflightPerBroker(c.inFlight))
	}
	return opts
}

// WithPublishTimeout sets how long to try to deliver the event, overriding WithDeliveryTimeout; neither shortens the time of
// other events, nor do they shorten this one's. With 0 the publisher's own counts; publishing fails when it is negative.
func WithPublishTimeout(d time.Duration) PublishOption {
	return func(s *event.PublishSettings) { s.Timeout = d }
}

// WithEnvelope sets all that env has, as if each part had an option of its own; what it lacks is filled in as usual. It
// is for events that already have an envelope, such as those read from a file.
func WithEnvelope(env Envelope) PublishOption {
	return func(s *event.PublishSettings) { s.Envelope = env }
}

// WithEventID sets the event's id, a UUID, overriding a new UUIDv7. Publishing an event again under the same id tells
// consumers that it is the same.
func WithEventID(id string) PublishOption {
	return func(s *event.PublishSettings) { s.Envelope.EventID = id }
}

// WithCorrelationID sets the correlation id, overriding that of the event being handled. The event is invalid when it
// carries another one itself.
func WithCorrelationID(id string) PublishOption {
	return func(s *event.PublishSettings) { s.Envelope.CorrelationID = id }
}

// WithSessionID sets the session id, overriding that of the event being handled. The event is invalid when it carries
// another one itself.
func WithSessionID(id string) PublishOption {
	return func(s *event.PublishSettings) { s.Envelope.SessionID = id }
}

// WithTraceID sets the trace id of a hook event.
func WithTraceID(id string) PublishOption {
	return func(s *event.PublishSettings) { s.Envelope.TraceID = id }
}

// WithMetadata sets the metadata of a hook event: a JSON object.
func WithMetadata(object jsonio.Raw) PublishOption {
	return func(s *event.PublishSettings) { s.Envelope.Metadata = object }
}

// WithHeader adds a record header. The headers that Trestle sets come first and win.
func WithHeader(name string, value []byte) PublishOption {
	return func(s *event.PublishSettings) { s.Headers = append(s.Headers, Header{Key: name, Value: value}) }
}
