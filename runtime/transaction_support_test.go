package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
)

// shipments is the topic of what handlers publish.
var shipments = &trestle.TopicInfo{
	Name: "shipments", DeadLetter: "shipments_dlq", EventTypes: []string{"OrderShipped"}, MaxMessageBytes: 1 << 20,
}

// orderShipped is an output of the event with its number: the note says which of how many.
type orderShipped struct{ orderPlaced }

var orderShippedInfo = func() *trestle.EventInfo {
	info := orderPlacedInfo
	info.Type, info.FullName, info.Topic = "OrderShipped", "test.OrderShipped", shipments
	info.New = func() trestle.Event { return new(orderShipped) }
	return &info
}()

func (*orderShipped) EventInfo() *trestle.EventInfo { return orderShippedInfo }

func shipped(e *orderPlaced, i, of int) *orderShipped {
	return &orderShipped{orderPlaced{OrderID: e.OrderID, N: e.N, Note: fmt.Sprintf("%d/%d", i, of)}}
}

// draw draws a number below n for an event, always the same.
func draw(what string, e *orderPlaced, n uint32) int {
	h := fnv.New32a()
	fmt.Fprint(h, what, eventName(e))
	return int(h.Sum32() % n)
}

// outputsOf is how many outputs an event has.
func outputsOf(e *orderPlaced) int { return draw("outputs", e, 4) }

// ship publishes all of an event's outputs.
func ship(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
	of := outputsOf(e)
	for i := range of {
		if err := pub.Publish(ctx, shipped(e, i, of)); err != nil {
			return err
		}
	}
	return nil
}

// shippedOf are the outputs of events in the order of each order's, as they are to be in the log, for those of which fails says false.
func shippedOf(orderIDs []string, perOrder int, fails func(*orderPlaced) bool) map[string][]string {
	want := map[string][]string{}
	for _, id := range orderIDs {
		for n := range perOrder {
			e := &orderPlaced{OrderID: id, N: int64(n)}
			if fails != nil && fails(e) {
				continue
			}
			for i := range outputsOf(e) {
				want[id] = append(want[id], fmt.Sprintf("%d:%d/%d", n, i, outputsOf(e)))
			}
		}
	}
	return want
}

// committedOutputs reads what is committed of the outputs, by order. It waits for the end of open transactions.
func committedOutputs(t testing.TB, conn kafka.Connection, topic string) map[string][]string {
	t.Helper()
	types := trestle.NewTypes(orderShippedInfo)
	found := map[string][]string{}
	last := map[int32]int64{}
	eventually(t, "no transaction is open", func() bool { return openTransactions(t, conn, topic) == 0 })
	for r, err := range kafka.Scan(deadline(t), conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := last[r.Partition]; ok && r.Offset <= before {
			t.Errorf("read offset %d of partition %d behind %d", r.Offset, r.Partition, before)
		}
		last[r.Partition] = r.Offset
		decoded, err := trestle.Decode(r, types, trestle.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e := decoded.Event.(*orderShipped)
		found[e.OrderID] = append(found[e.OrderID], fmt.Sprintf("%d:%s", e.N, e.Note))
	}
	return found
}

// wantOutputs checks what readers of a topic that is committed see: each output once, in the order of its key.
func wantOutputs(t testing.TB, conn kafka.Connection, topic string, want map[string][]string) {
	t.Helper()
	if diff := cmp.Diff(want, committedOutputs(t, conn, topic)); diff != "" {
		t.Errorf("outputs, want-got:\n%s", diff)
	}
}

var errDead = errors.New("the process is dead")

// lifeline has the connections of a member of a group, which die with it.
type lifeline struct {
	dead atomic.Bool
	step atomic.Int64
	// At the last of so many steps it dies; or, where it is only to be cut off, its connections break. 0: never.
	last int64
	cuts bool

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	at    string // the last step
}

func newLifeline(last int64, cuts bool) *lifeline {
	return &lifeline{last: last, cuts: cuts, conns: map[net.Conn]struct{}{}}
}

func (l *lifeline) kill() {
	l.dead.Store(true)
	l.cut()
}

func (l *lifeline) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}

func (l *lifeline) options() trestle.Option {
	return trestle.WithKafka(kgo.WithHooks(l), kgo.TransactionTimeout(3*time.Second), kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		if l.dead.Load() {
			return nil, errDead
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, host)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.dead.Load() {
			conn.Close()
			return nil, errDead
		}
		l.conns[conn] = struct{}{}
		return conn, nil
	}))
}

// isTransactionStep says whether a request is one of those that a transaction consists of.
func isTransactionStep(key int16) bool {
	switch kmsg.Key(key) {
	case kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn:
		return true
	}
	return false
}

func (l *lifeline) passes(what string) {
	n := l.step.Add(1)
	l.mu.Lock()
	if l.last == 0 || n <= l.last {
		l.at = what
	}
	l.mu.Unlock()
	switch {
	case n != l.last:
	case l.cuts:
		l.cut()
	default:
		l.kill()
	}
}

// lastStep is the step at which it died, or the last that there was.
func (l *lifeline) lastStep() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

func (l *lifeline) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if isTransactionStep(key) && err == nil {
		l.passes("sent " + kmsg.NameForKey(key))
	}
}

func (l *lifeline) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if isTransactionStep(key) && err == nil {
		l.passes("answered " + kmsg.NameForKey(key))
	}
}

// transactional is a member of the group whose outputs go with its commits.
type transactional struct {
	*running
	*lifeline
	pub *trestle.Publisher
}

// transact runs a consumer whose handler gets the publisher of its outputs.
func transact(t testing.TB, c *cluster, life *lifeline, handle func(context.Context, *trestle.Publisher, *orderPlaced) error, opts ...trestle.ConsumerOption) *transactional {
	t.Helper()
	pub := newPublisher(t, c.brokers, life.options())
	all := append([]trestle.ConsumerOption{life.options(), trestle.WithTransactions(pub), trestle.WithSessionTimeout(500 * time.Millisecond)}, opts...)
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error { return handle(ctx, pub, e) }, all...)
	return &transactional{r, life, pub}
}

// die ends a member as a crash does.
func (m *transactional) die() {
	m.kill()
	m.cancel()
	<-m.result
	m.result = nil
}

func failsForGood(e *orderPlaced) bool { return draw("fails", e, 40) == 0 }

func startShipping(t testing.TB) *cluster {
	t.Helper()
	c := startCluster(t)
	c.createTopic(t, shipments.Name, testPartitions)
	return c
}

func openTransactions(t testing.TB, conn kafka.Connection, topic string) int {
	t.Helper()
	client, err := conn.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err1 := adminOf(client).ListEndOffsets(deadline(t), topic)
	stable, err2 := adminOf(client).ListCommittedOffsets(deadline(t), topic)
	if err := errors.Join(err1, err2, ends.Error(), stable.Error()); err != nil {
		t.Fatal(err)
	}
	open := 0
	for id, end := range ends[topic] {
		if at, _ := stable.Lookup(topic, id); at.Offset < end.Offset {
			open++
		}
	}
	return open
}

func names(all map[string]bool) string {
	var list []string
	for one := range all {
		list = append(list, one)
	}
	return strings.Join(list, ", ")
}
