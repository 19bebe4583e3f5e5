package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/internal/testwait"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/wire"
)

// orders is the topic of the tests: one event type that they handle, one that they don't.
var orders = &trestle.TopicInfo{
	Name: "orders", DeadLetter: "orders_dlq", EventTypes: []string{"OrderCancelled", "OrderPlaced"}, MaxMessageBytes: 1 << 20,
}

const testPartitions = 3

// orderPlaced is the n-th event about an order.
type orderPlaced struct {
	OrderID string
	N       int64
	Note    string
}

var orderPlacedInfo = trestle.EventInfo{
	Type: "OrderPlaced", FullName: "test.OrderPlaced", Envelope: wire.OnexV1, Topic: orders,
	SchemaDigest: "24208cb5155095dc62a23d855aa15661",
	New:          func() trestle.Event { return new(orderPlaced) },
}

func (*orderPlaced) EventInfo() *trestle.EventInfo                      { return &orderPlacedInfo }
func (*orderPlaced) SetDefaults(time.Time)                              {}
func (*orderPlaced) ShareEnvelope(*trestle.Envelope, *event.Violations) {}
func (e *orderPlaced) PartitionKey(*trestle.Envelope) string            { return e.OrderID }

func (e *orderPlaced) Validate() error {
	var v event.Violations
	if e.N < 0 {
		v.Add("n", "int64.gte", "must be greater than or equal to 0", e.N)
	}
	return v.Err(orderPlacedInfo.FullName)
}

func (e *orderPlaced) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, `{"order_id":`...)
	b, err := jsonio.AppendString(b, e.OrderID)
	if err != nil {
		return b, jsonio.At(err, "order_id")
	}
	b = append(b, `,"n":`...)
	b = strconv.AppendInt(b, e.N, 10)
	b = append(b, `,"note":`...)
	b, err = jsonio.AppendString(b, e.Note)
	return append(b, '}'), jsonio.At(err, "note")
}

func (e *orderPlaced) DecodeJSON(r *jsonio.Reader) {
	if !r.BeginObject() {
		return
	}
	for r.More() {
		switch r.Name() {
		case "order_id":
			e.OrderID = r.String()
		case "n":
			e.N = r.Int64()
		case "note":
			e.Note = r.String()
		default:
			r.Skip()
		}
	}
}

// cluster is a Kafka cluster in the test's process.
type cluster struct {
	*kfake.Cluster
	brokers []string
	client  *kgo.Client          // of the test
	conn    kafka.Connection     // how others reach it
	option  trestle.Option       // what they need beside brokers
	kit     *trestletest.Cluster // nil: it is not in a bubble
}

func startCluster(t testing.TB, opts ...kfake.Opt) *cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(testPartitions, orders.Name), kfake.SeedTopics(1, orders.DeadLetter),
		kfake.GroupMinSessionTimeout(10 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	brokers := c.ListenAddrs()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	started := clusterAt(brokers, client)
	started.Cluster = c
	return started
}

// clusterAt is a cluster that is reached over a network.
func clusterAt(brokers []string, client *kgo.Client) *cluster {
	return &cluster{brokers: brokers, client: client, conn: kafka.Connection{Brokers: brokers}, option: trestle.WithKafka()}
}

// inBubble runs a test in a bubble of package testing/synctest, where time passes at once whenever everybody waits.
func inBubble(t *testing.T, test func(*testing.T, *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var topics []*trestle.TopicInfo
		for _, topic := range []*trestle.TopicInfo{orders, asks, prices, statuses} {
			declared := *topic
			declared.Partitions = testPartitions
			topics = append(topics, &declared)
		}
		kit := trestletest.NewCluster(t, topics, trestletest.InMemory())
		client, err := kit.Connection().Client(kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		test(t, &cluster{Cluster: kit.Fake(), brokers: kit.Brokers(), client: client, conn: kit.Connection(), option: kit.Option(), kit: kit})
	})
}

// orderJSON is what today's producers write for an event.
func orderJSON(order string, n int) string {
	return fmt.Sprintf(`{"envelope_version": "1.0", "correlation_id": "550e8400-e29b-41d4-a716-446655440000", `+
		`"session_id": null, "event_type": "OrderPlaced", "timestamp": "2025-10-16 12:34:56.790123", `+
		`"payload": {"order_id": %q, "n": %d}}`, order, n)
}

func orderRecord(order string, n int) *kgo.Record {
	return &kgo.Record{Topic: orders.Name, Key: []byte(order), Value: []byte(orderJSON(order, n))}
}

// write writes records as they are.
func (c *cluster) write(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	if err := c.client.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// writeOrders writes events 0 to perOrder-1 of each order, in turn.
func (c *cluster) writeOrders(t testing.TB, orderIDs []string, perOrder int) {
	t.Helper()
	var records []*kgo.Record
	for n := range perOrder {
		for _, id := range orderIDs {
			records = append(records, orderRecord(id, n))
		}
	}
	c.write(t, records...)
}

func orderIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("order-%d", i)
	}
	return ids
}

// committed is the sum of the group's committed offsets on orders, -1 while there are none.
func (c *cluster) committed(group string) int64 {
	info := c.GroupInfo(group)
	if info == nil || len(info.Commits[orders.Name]) == 0 {
		return -1
	}
	sum := int64(0)
	for _, commit := range info.Commits[orders.Name] {
		sum += commit.Offset
	}
	return sum
}

// end is the sum of the end offsets of a topic.
func (c *cluster) end(topic string) int64 {
	sum := int64(0)
	for _, p := range c.PartitionInfos(topic) {
		sum += p.HighWatermark
	}
	return sum
}

// deadLetters reads all there are.
func (c *cluster) deadLetters(t testing.TB) []*deadletter.DeadLetter {
	t.Helper()
	var letters []*deadletter.DeadLetter
	for _, r := range c.read(t, orders.DeadLetter) {
		record := kafka.FromClient(r)
		d, err := deadletter.Parse(&record)
		if err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		letters = append(letters, d)
	}
	return letters
}

// read reads a topic from its beginning to its present end.
func (c *cluster) read(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	client, err := c.conn.Client(kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for end := c.end(topic); int64(len(records)) < end; {
		fetches := client.PollFetches(deadline(t))
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

const testPatience = testwait.Patience

var (
	deadline   = testwait.Deadline
	eventually = testwait.Eventually
	quiet      = testwait.Quiet
)

// whenLogged returns a logger, and a channel that is closed once it has been given that message.
func whenLogged(msg string) (*slog.Logger, <-chan struct{}) {
	w := &messageWaiter{Handler: quiet.Handler(), msg: msg, seen: make(chan struct{})}
	return slog.New(w), w.seen
}

type messageWaiter struct {
	slog.Handler
	msg  string
	once sync.Once
	seen chan struct{}
}

func (w *messageWaiter) Enabled(context.Context, slog.Level) bool { return true }

func (w *messageWaiter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == w.msg {
		w.once.Do(func() { close(w.seen) })
	}
	return nil
}

// quick are options that make a group's life fit into a test.
func quick(more ...trestle.ConsumerOption) []trestle.ConsumerOption {
	return append([]trestle.ConsumerOption{
		trestle.WithLogger(quiet),
		trestle.WithHeartbeatInterval(50 * time.Millisecond),
		trestle.WithSessionTimeout(2 * time.Second),
		trestle.WithRebalanceTimeout(10 * time.Second),
		trestle.WithCommitInterval(20 * time.Millisecond),
		trestle.WithBackoff(time.Millisecond, 10*time.Millisecond),
		trestle.WithKafka(kgo.FetchMaxWait(50 * time.Millisecond)),
	}, more...)
}

// running is a consumer that runs until the test stops it.
type running struct {
	*trestle.Consumer
	t      testing.TB
	cancel context.CancelFunc
	result chan error
}

const testGroup = "billing"

func consume(t testing.TB, c *cluster, handle func(context.Context, *orderPlaced) error, opts ...trestle.ConsumerOption) *running {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, append(quick(c.option), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, handle)
	return run(t, consumer)
}

func run(t testing.TB, consumer *trestle.Consumer) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{consumer, t, cancel, make(chan error, 1)}
	go func() { r.result <- consumer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if r.result != nil {
			<-r.result
		}
	})
	return r
}

// end ends the consumer and returns what Run returned.
func (r *running) end() error {
	r.t.Helper()
	r.cancel()
	select {
	case err := <-r.result:
		r.result = nil
		return err
	case <-deadline(r.t).Done():
		r.t.Fatal("Run does not return")
		return nil
	}
}

// stop ends the consumer, which must go well.
func (r *running) stop() {
	r.t.Helper()
	if err := r.end(); err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

// ledger accounts for every call of a handler, by whichever member, and checks the order of each key as it goes: an
// event may start only when the one before it has been handled, and only one of its key at a time.
type ledger struct {
	t  testing.TB
	mu sync.Mutex
	// By order id: how far it has been handled, and what is being handled.
	next map[string]int64
	busy map[string]bool
	// How often an event was handled, by order and number.
	handled map[string]int
	calls   int
}

func newLedger(t testing.TB) *ledger {
	return &ledger{t: t, next: map[string]int64{}, busy: map[string]bool{}, handled: map[string]int{}}
}

func eventName(e *orderPlaced) string { return fmt.Sprintf("%s#%d", e.OrderID, e.N) }

// handle enters a call that succeeds after within has returned nil.
func (l *ledger) handle(within func(context.Context, *orderPlaced) error) func(context.Context, *orderPlaced) error {
	return func(ctx context.Context, e *orderPlaced) error {
		l.mu.Lock()
		if l.busy[e.OrderID] {
			l.t.Errorf("%s started while another event of its key was being handled", eventName(e))
		}
		if e.N > l.next[e.OrderID] {
			l.t.Errorf("%s started when only %d had been handled", eventName(e), l.next[e.OrderID])
		}
		l.busy[e.OrderID] = true
		l.calls++
		l.mu.Unlock()
		err := within(ctx, e)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.busy[e.OrderID] = false
		if err == nil {
			l.handled[eventName(e)]++
			l.next[e.OrderID] = max(l.next[e.OrderID], e.N+1)
		}
		return err
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.handled)
}

// isBusy says whether an event of an order is being handled.
func (l *ledger) isBusy(order string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy[order]
}

// repeats is how often an event was handled that had been already.
func (l *ledger) repeats() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, times := range l.handled {
		n += times - 1
	}
	return n
}

// wantAll checks that every event was handled.
func (l *ledger) wantAll(orderIDs []string, perOrder int) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range orderIDs {
		for n := range perOrder {
			if e := (&orderPlaced{OrderID: id, N: int64(n)}); l.handled[eventName(e)] == 0 {
				l.t.Errorf("%s was not handled", eventName(e))
			}
		}
	}
}

func ok(context.Context, *orderPlaced) error { return nil }

var errTransient = errors.New("warehouse is away")

// committedOn is the sum of a group's committed offsets on a topic, 0 while there are none.
func (c *cluster) committedOn(group, topic string) int64 {
	sum := int64(0)
	if info := c.GroupInfo(group); info != nil {
		for _, commit := range info.Commits[topic] {
			sum += commit.Offset
		}
	}
	return sum
}

// readHeaders reads headers from a file: one a line, name and value.
func readHeaders(t *testing.T, path string) (headers []kgo.RecordHeader) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		headers = append(headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return headers
}
