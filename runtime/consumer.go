package trestle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/omninode/trestle/runtime/internal/loglimit"
	"github.com/omninode/trestle/runtime/kafka"
)

// Consumer handles the events of some topics as a member of a consumer group.
//
// Events with the same key are handled one at a time and in order, those of different keys side by side. A position is
// committed when everything before it is done: handled, skipped, or written to its dead letter; a commit says of what is done
// beyond it, too, and who gets the partition next passes over that. So no event is lost; one that was in hand when the process died
// is handled again.
type Consumer struct {
	group    string
	declared []string // the group's topics; none: any
	cfg      *consumerConfig
	meter    *consumerMeter
	alike    *loglimit.Limiter // of events that fail
	parking  chan struct{}     // has an entry for each letter that is being parked

	mu       sync.Mutex
	topics   map[string]*topicHandlers
	types    *Types // of all handlers; set when Run begins
	problems []error
	run      bool
	ended    bool                    // Run has returned
	failed   error                   // what it returned
	late     chan error              // a registration after Run began
	member   *member                 // while it runs
	paused   map[topicPartition]bool // by Pause; the whole topic where the partition is -1
}

// NewConsumer returns a consumer of a group: one that a generated package declares, such as codegenv1.GroupBilling,
// with its settings, or the name of any other. Options override what a group declares. It fails when an option or a
// setting is wrong, and names it; nothing is contacted before Run.
func NewConsumer[G string | Group](brokers []string, group G, opts ...ConsumerOption) (*Consumer, error) {
	declared, ok := any(group).(Group)
	if !ok {
		declared.Name = any(group).(string)
	}
	return newConsumer(brokers, declared, opts)
}

func newConsumer(brokers []string, group Group, opts []ConsumerOption) (*Consumer, error) {
	cfg, err := newConsumerConfig(brokers, group, opts)
	group, nameErr := cfg.names.group(group)
	err = errors.Join(err, nameErr)
	if group.Name == "" {
		err = errors.Join(err, errors.New("no group given"))
	}
	if err == nil {
		err = cfg.kafka.Validate(cfg.clientOptions(group.Name)...)
	}
	if err != nil {
		return nil, fmt.Errorf("new consumer: %w", err)
	}
	meter, err := newConsumerMeter(cfg.meters, group.Name)
	if err != nil {
		return nil, fmt.Errorf("new consumer: WithMeterProvider: %w", err)
	}
	return &Consumer{
		group: group.Name, declared: group.Topics, cfg: cfg, meter: meter, alike: loglimit.New(maxLinesAlike),
		topics: map[string]*topicHandlers{}, late: make(chan error, 1), paused: map[topicPartition]bool{},
		parking: make(chan struct{}, parkAtOnce),
	}, nil
}

// Run joins the group and handles events until ctx ends. Then it finishes the handlers that are running, commits and
// leaves the group; handlers' contexts carry ctx's values and outlive it until they have finished or the drain timeout
// has passed.
//
// It returns nil after such an end, and an error when something was left unfinished, when the registered handlers do
// not fit together, or when the cluster refuses the consumer for good. It can be called once.
func (c *Consumer) Run(ctx context.Context) (failed error) {
	topics, err := c.begin()
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", c.group, err)
	}
	defer func() { c.end(failed) }()
	m, err := newMember(context.WithoutCancel(ctx), c.cfg, c.group, c.meter, c.limits())
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", c.group, err)
	}

	m.queue.sources = c.sources()
	pending := c.newPendingReader(m)

	over := make(chan struct{}, 1)
	c.newBreakers(m.queue)
	for _, topic := range topics {
		c.topics[topic].breaker.replays(over)
	}
	gauges, err := c.gauge(m)
	if err != nil {
		m.disconnect()
		m.client.CloseAllowingRebalance()
		return fmt.Errorf("consumer group %s: WithMeterProvider: %w", c.group, err)
	}
	defer func() { _ = gauges.Unregister() }()
	c.attach(m)
	defer c.attach(nil)
	var others sync.WaitGroup
	for _, topic := range topics {
		if limits := c.topics[topic].batches(); limits != nil {
			m.queue.batch(topic, *limits)
		}
		for range c.cfg.keyWorkers {
			m.workers.Go(func() { c.work(m, c.topics[topic], m.queue.topic(topic)) })
		}
	}
	pollCtx, stop := context.WithCancel(ctx)
	polled := make(chan error, 1)
	others.Go(func() { polled <- m.poll(pollCtx, topics, c.writtenTopics()) })
	others.Go(func() { m.commitEvery(pollCtx) })
	others.Go(func() { m.sweepEvery(pollCtx) })
	others.Go(func() { m.lookAheadEvery(pollCtx) })
	others.Go(func() { c.replayAfterOutages(pollCtx, topics, over) })
	if pending != nil {
		others.Go(func() { pending.run(pollCtx) })
	}

	select {
	case failed = <-polled: // nil when ctx has ended
	case failed = <-c.late:
	case <-ctx.Done():
	}
	stop()
	for _, topic := range topics {
		c.topics[topic].breaker.end()
	}
	failed = errors.Join(failed, m.leave())
	others.Wait()
	failed = errors.Join(failed, m.stopWorkers())
	if failed != nil {
		return fmt.Errorf("consumer group %s: %w", c.group, failed)
	}
	return nil
}

// end notes how Run has ended, for Health.
func (c *Consumer) end(failed error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.failed = true, failed
}

// Pause has nothing more of a topic handled, or of some of its partitions, until Resume. Handlers that are running finish;
// what has been fetched waits. It holds whoever gets the partitions while this consumer lasts, through rebalances, and may be
// called before Run. The topic is named as its schema names it. A consumer that stands still keeps its place in the group, and its
// lag grows.
func (c *Consumer) Pause(topic string, partitions ...int32) { c.pause(topic, partitions, true) }

// Resume ends what Pause began: for the whole topic, or for some of its partitions. A partition goes on when neither it nor
// its topic is paused.
func (c *Consumer) Resume(topic string, partitions ...int32) { c.pause(topic, partitions, false) }

// wholeTopic stands for all partitions of a topic.
const wholeTopic = -1

func (c *Consumer) pause(topic string, partitions []int32, on bool) {
	topic = c.cfg.names.topic(topic)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(partitions) == 0 {
		partitions = []int32{wholeTopic}
	}
	for _, id := range partitions {
		c.paused[topicPartition{topic, id}] = on
		if c.member != nil {
			c.member.queue.pause(topicPartition{topic, id}, on)
		}
	}
}

// attach has Pause and Resume reach the member that runs.
func (c *Consumer) attach(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.member = m
	for tp, on := range c.paused {
		if m != nil {
			m.queue.pause(tp, on)
		}
	}
}

// begin closes registration and returns the topics to read.
func (c *Consumer) begin() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run {
		return nil, errors.New("run a second time: a consumer runs once")
	}
	c.run = true
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	if len(c.topics) == 0 {
		return nil, errors.New("no handlers: call trestle.Handle before Run")
	}
	if err := errors.Join(c.addRetryTopics(), c.holdKeys()); err != nil {
		return nil, err
	}
	var infos []*EventInfo
	for _, t := range c.topics {
		if t.retryOf != nil {
			continue
		}
		for _, h := range t.byType {
			infos = append(infos, h.info)
		}
	}
	c.types = NewTypes(infos...)
	return slices.Sorted(maps.Keys(c.topics)), nil
}

// limits are those of the topics, as the schemas say.
func (c *Consumer) limits() *kafka.Limits {
	declared := map[string]int{}
	for topic, t := range c.topics {
		declared[topic] = t.info.MaxMessageBytes
	}
	return kafka.NewLimits(declared)
}

func (c *Consumer) deadLetterTopics() []string {
	var all []string
	for _, t := range c.topics {
		all = append(all, t.info.DeadLetter)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
