package trestle

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
)

// ConsumerOption configures a consumer.
type ConsumerOption interface{ applyConsumer(*consumerConfig) }

type consumerOption func(*consumerConfig)

func (o consumerOption) applyConsumer(c *consumerConfig) { o(c) }

type consumerConfig struct {
	clientConfig
	encryptedOnly     bool
	decoding          DecodeOptions // of records, but for the context; set once options are checked
	keyWorkers        int
	maxInFlight       int
	maxInFlightBytes  int64
	maxUncommitted    int
	commitInterval    time.Duration
	commitsEvery      bool // WithCommitInterval was given
	retries           int
	backoff           kafka.Backoff
	breaker           *Breaker // nil: none
	handlerTimeout    time.Duration
	start             Start
	drainTimeout      time.Duration
	sessionTimeout    time.Duration
	heartbeatInterval time.Duration
	rebalanceTimeout  time.Duration
	instanceID        string
	brokersAssign     bool
	remembered        int
	observe           func(Outcome) // nil: nobody does
	observed          bool          // WithObserver was given
	strictTime        bool
	middleware        []HandlerMiddleware
	parking           parking.Store // nil: dead letters are not parked
	parks             bool          // WithParking was given
	retryTopics       []retryTopics
	heldKeys          []string   // topics, as schemas name them
	waitingKeys       []string   // the same
	transactions      *Publisher // whose events, published in handlers, go with the commits; nil: none do
	transacts         bool       // WithTransactions was given
}

// WithKeyWorkers sets how many keys of a topic are handled at once, overriding the default of 16. Records sharing a key
// still run one at a time, in offset order; so do a partition's records without a key. Each topic has workers of its own,
// and of these a quarter is kept from any one partition while there are several: what hangs stops neither the other topics
// nor the other partitions. NewConsumer fails if n is below 1.
func WithKeyWorkers(n int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.keyWorkers = n })
}

// WithMaxInFlight sets how many records are in hand at once, running, queued or waiting for another attempt,
// overriding the default of 10000. Half of it is set aside for the partitions, in equal parts for the topics and within each
// for its partitions; of the rest each takes as much as it leaves free. A partition that has its share isn't fetched until
// half of it is done; the others are, and the consumer stays in its group. There is one record for each partition at
// least. NewConsumer fails if n is below 1.
func WithMaxInFlight(n int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.maxInFlight = n })
}

// WithMaxInFlightBytes sets how many bytes of memory the records in hand may keep, decompressed, overriding the default of
// 64 MiB. They are shared like WithMaxInFlight's records. A record keeps the batch that it came in for a second or two; if it
// has to wait longer it is copied, and the batch freed. The limit is exceeded by what one fetch brings, and the client holds
// fetches of its own beside it. NewConsumer fails if n is below 1.
func WithMaxInFlightBytes(n int64) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.maxInFlightBytes = n })
}

// WithMaxUncommitted sets how far one partition may run ahead of its oldest unfinished record, in records, overriding
// the default of 100000: what is ahead is finished and its offset can't be committed yet. Commits name it nevertheless, as far as there
// is room for it, so that it is not handled again should the process die. At the limit the partition alone isn't fetched. NewConsumer fails if n is below 1.
func WithMaxUncommitted(n int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.maxUncommitted = n })
}

// WithCommitInterval sets how often positions are committed, overriding the default of 1 s, and with [WithTransactions] of 100 ms. They
// are also committed when a partition goes to another member, and at the end. NewConsumer fails if it isn't positive.
func WithCommitInterval(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.commitInterval, c.commitsEvery = d, true })
}

// WithRetries sets how often an event is tried again when its handler fails, overriding the default of 3. Then it goes
// to its dead letter, or to a retry topic: see WithRetryTopics. Events that can't be decoded or are invalid, and permanent errors, are not tried again.
// NewConsumer fails if n is negative.
func WithRetries(n int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.retries = n })
}

// WithBackoff sets the time between attempts, overriding 100 ms to 10 s: lowest before the first repetition, twice
// that before the next, up to highest, less a random part of up to a half. The event's key waits, others go on.
// NewConsumer fails if lowest isn't positive or highest is less.
func WithBackoff(lowest, highest time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.backoff = kafka.Backoff{Lowest: lowest, Highest: highest} })
}

// WithStart sets where the group begins with a topic that it has not read yet, overriding what the group declares,
// Earliest for one that is not declared. Partitions that are added later are read from their beginning: see [Start]. The
// position is committed at once, so that a restart goes on from there. NewConsumer fails when it is neither Latest nor
// Earliest.
func WithStart(s Start) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.start = s })
}

// WithHandlerTimeout gives handlers a deadline: their context ends after d, and an error that they return then is like any
// other. Without it they have none. A handler that goes on past it for a second more is counted, logged with its stack,
// and another worker takes its place, for as many as there are workers; its event's key waits for it. NewConsumer fails if
// it is negative.
func WithHandlerTimeout(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.handlerTimeout = d })
}

// WithDrainTimeout sets how long Run, when its context ends, waits for handlers to finish, overriding the default of
// 20 s. Then their contexts end, and what they have not finished stays for the next member. To commit and to leave the group
// takes at most 5 s more, whatever is away: by default Run returns within 25 s. The same holds for a partition that goes to
// another member, at most half of WithRebalanceTimeout. NewConsumer fails if it is negative.
func WithDrainTimeout(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.drainTimeout = d })
}

// WithSessionTimeout sets how long the group waits for a sign of life before it gives this member's partitions to
// others, overriding what the group declares, 30 s for one that is not declared. NewConsumer fails if it isn't more than
// WithHeartbeatInterval; brokers have limits of their own.
func WithSessionTimeout(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.sessionTimeout = d })
}

// WithHeartbeatInterval sets how often to give a sign of life, overriding what the group declares, 10 s for one that is not
// declared. It is also how long it can take to learn of a rebalance. NewConsumer fails if it isn't positive.
func WithHeartbeatInterval(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.heartbeatInterval = d })
}

// WithRebalanceTimeout sets how long a rebalance waits for this member, overriding the default of 1 min. NewConsumer
// fails if it isn't more than WithHeartbeatInterval.
func WithRebalanceTimeout(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.rebalanceTimeout = d })
}

// WithInstanceID makes the member a static one: restarted under the same id within the session timeout it gets its
// partitions back without a rebalance. Without it the member leaves its group when Run ends.
func WithInstanceID(id string) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.instanceID = id })
}

// WithStrictTime makes a time that names no zone a violation. Without it such a time is taken as UTC, counted, and
// logged once a producer.
func WithStrictTime() ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.strictTime = true })
}

// Outcome says what became of an event.
type Outcome struct {
	Delivery  Delivery
	EventType string // on the wire; empty when it could not be read
	Result    Result
	Err       error         // why it has a dead letter, written or parked, or waits in a retry topic or behind a letter; nil otherwise
	Duration  time.Duration // from its first attempt
}

// LogValue is what slog writes of it: its delivery, its result and its error.
func (o Outcome) LogValue() slog.Value {
	attrs := o.Delivery.logAttrs(slog.String("result", o.Result.String()), slog.Duration("duration", o.Duration))
	if o.Err != nil {
		attrs = append(attrs, slog.Any("error", o.Err))
	}
	return slog.GroupValue(attrs...)
}

// Result is what became of an event.
type Result uint8

// The results.
const (
	Handled      Result = iota // by its handler, without an error
	DeadLettered               // its dead letter has been written
	Skipped                    // its type is declared for the topic, or it deletes a key, and that has no handler here; or it is replayed for another group
	Expired                    // it was a request that nobody waits for any more
	Duplicate                  // an event with its id was handled before: see WithDeduplication and ErrDuplicate
	Parked                     // its dead letter was refused by its topic, and is in a store: see WithParking
	Retried                    // it waits in a retry topic, to be handled again: see WithRetryTopics
	Held                       // it waits behind another event of its key: see WithHeldKeys and WithWaitingKeys
)

// String returns the result in lower case: `handled`, `dead-lettered`, `skipped`, `expired`, `duplicate`, `parked`, `retried`, `held`.
func (r Result) String() string {
	switch r {
	case Handled:
		return "handled"
	case DeadLettered:
		return "dead-lettered"
	case Expired:
		return "expired"
	case Skipped:
		return "skipped"
	case Duplicate:
		return "duplicate"
	case Parked:
		return "parked"
	case Retried:
		return "retried"
	case Held:
		return "held"
	}
	return fmt.Sprintf("Result(%d)", uint8(r))
}

// WithObserver has a function called with what became of each event, before it can be committed. It is called from
// several goroutines and must be quick: the event's key waits for it.
func WithObserver(observe func(Outcome)) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.observe, c.observed = observe, true })
}

// WithDeduplication has a consumer pass over an event whose id is that of one which it has handled: of each partition it
// remembers the ids of so many events, the last that were handled without an error; overriding 0, by which it handles all. So
// an event that a producer sent twice is handled once, as long as no more than that came between. An event that was
// dead-lettered is not remembered, so that its replay is handled.
//
// The ids are in memory, about 100 bytes each, and belong to the assignment of the partition: a member that gets it later has
// seen none. Two events with one id and different keys may be handled at once. Ids are the producers', see [Delivery]; records
// without one are all different. NewConsumer fails when events is negative.
func WithDeduplication(events int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.remembered = events })
}

// WithConsumerProtocol has the brokers assign partitions to the group's members, by Kafka's newer protocol for groups
// (`group.protocol=consumer`, KIP-848), instead of the members among themselves: no rebalance stops them all. Brokers that
// don't know it, those before Kafka 4.0, have the group go by the older one. The members of a running group can be changed over
// one by one.
//
// WithSessionTimeout and WithHeartbeatInterval have no effect then, nor what a group declares of them; brokers set both for the
// group: `consumer.session.timeout.ms` (45 s by default) and `consumer.heartbeat.interval.ms` (5 s).
func WithConsumerProtocol() ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.brokersAssign = true })
}

func newConsumerConfig(brokers []string, group Group, opts []ConsumerOption) (*consumerConfig, error) {
	c := &consumerConfig{
		clientConfig:      clientConfig{logger: slog.Default()},
		keyWorkers:        16,
		maxInFlight:       10_000,
		maxInFlightBytes:  64 << 20,
		maxUncommitted:    100_000,
		retries:           3,
		backoff:           kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 10 * time.Second},
		breaker:           &Breaker{},
		drainTimeout:      20 * time.Second,
		start:             group.Start,
		sessionTimeout:    cmp.Or(group.SessionTimeout, 30*time.Second),
		heartbeatInterval: cmp.Or(group.HeartbeatInterval, 10*time.Second),
		rebalanceTimeout:  time.Minute,
	}
	for _, o := range opts {
		o.applyConsumer(c)
	}
	if !c.commitsEvery {
		if c.commitInterval = time.Second; c.transacts {
			c.commitInterval = transactionInterval
		}
	}
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.logger != nil, "WithLogger: must not be nil")
	check(c.keyWorkers >= 1, "WithKeyWorkers: must be at least 1, got %d", c.keyWorkers)
	check(c.maxInFlight >= 1, "WithMaxInFlight: must be at least 1, got %d", c.maxInFlight)
	check(c.maxInFlightBytes >= 1, "WithMaxInFlightBytes: must be at least 1, got %d", c.maxInFlightBytes)
	check(c.handlerTimeout >= 0, "WithHandlerTimeout: must not be negative, got %v", c.handlerTimeout)
	if c.breaker != nil {
		errs = append(errs, c.breaker.withDefaults().check())
	}
	check(c.maxUncommitted >= 1, "WithMaxUncommitted: must be at least 1, got %d", c.maxUncommitted)
	check(c.commitInterval > 0, "WithCommitInterval: must be positive, got %v", c.commitInterval)
	check(c.remembered >= 0, "WithDeduplication: must not be negative, got %d", c.remembered)
	check(c.retries >= 0, "WithRetries: must not be negative, got %d", c.retries)
	check(c.backoff.Lowest > 0 && c.backoff.Highest >= c.backoff.Lowest,
		"WithBackoff: must be positive and ascending, got %v and %v", c.backoff.Lowest, c.backoff.Highest)
	check(c.start <= Latest, "WithStart: unknown value %d", c.start)
	check(c.drainTimeout >= 0, "WithDrainTimeout: must not be negative, got %v", c.drainTimeout)
	check(c.heartbeatInterval > 0, "WithHeartbeatInterval: must be positive, got %v", c.heartbeatInterval)
	check(c.sessionTimeout > c.heartbeatInterval,
		"WithSessionTimeout: must be more than WithHeartbeatInterval (%v), got %v", c.heartbeatInterval, c.sessionTimeout)
	check(c.rebalanceTimeout > c.heartbeatInterval,
		"WithRebalanceTimeout: must be more than WithHeartbeatInterval (%v), got %v", c.heartbeatInterval, c.rebalanceTimeout)
	check(!c.parks || c.parking != nil, "WithParking: must not be nil")
	check(!c.observed || c.observe != nil, "WithObserver: must not be nil")
	check(!slices.ContainsFunc(c.middleware, func(m HandlerMiddleware) bool { return m == nil }), "WithHandlerMiddleware: must not be nil")
	errs = append(errs, c.checkTransactions(), c.connect(brokers))
	for i := range c.retryTopics {
		errs = append(errs, c.retryTopics[i].check(c.names))
	}
	c.decoding = DecodeOptions{StrictTime: c.strictTime, SealedOnly: c.encryptedOnly, Keys: c.patiently(0), Cipher: c.patientCipher(0)}
	return c, errors.Join(errs...)
}

func (c *consumerConfig) queueLimits() queueLimits {
	return queueLimits{records: c.maxInFlight, bytes: c.maxInFlightBytes, window: c.maxUncommitted, workers: c.keyWorkers, recent: c.remembered}
}

func (c *consumerConfig) clientOptions(group string) []kgo.Opt {
	start := kgo.NewOffset().AtStart()
	if c.start == Latest {
		start = kgo.NewOffset().AtEnd()
	}
	opts := []kgo.Opt{
		kgo.MetadataMinAge(kafka.MetadataMinAge),
		kgo.MetadataMaxAge(kafka.MetadataMaxAge),
		kgo.ConsumerGroup(group),
		kgo.ConsumeStartOffset(start),
		kgo.DisableAutoCommit(),
		kgo.KeepControlRecords(), // the position has to move past the markers of transactions
		// Between a poll and the queue no partition may come or go: its records would enter the wrong assignment.
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(c.sessionTimeout),
		kgo.HeartbeatInterval(c.heartbeatInterval),
		kgo.RebalanceTimeout(c.rebalanceTimeout),
		kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.ProducerBatchMaxBytes(deadletter.MaxBytes),
		kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}
	if c.brokersAssign {
		// The first says how brokers are to assign; the second has members of the older protocol go on beside these.
		opts = append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer(), kgo.CooperativeStickyBalancer()))
	}
	if c.instanceID != "" {
		opts = append(opts, kgo.InstanceID(c.instanceID))
	}
	return opts
}
