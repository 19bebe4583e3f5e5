package trestle_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/internal/testseam"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// feed writes events of orders to a topic without end until stop is called, which returns how many of each there are.
func feed(t *testing.T, c *cluster, topic string, ids []string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan int, 1)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			for _, id := range ids {
				r := orderRecord(id, n)
				r.Topic = topic
				c.write(t, r)
			}
		}
		written <- n
	}()
	return func() int {
		cancel()
		return <-written
	}
}

func TestMembersComeAndGoUnderLoad(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "unused"))
	ids := orderIDs(40)
	stop := feed(t, c, orders.Name, ids)
	book := newLedger(t)
	handle := book.handle(ok)
	first := consume(t, c, handle)
	grow := func() {
		before := book.count()
		eventually(t, "events are handled", func() bool { return book.count() > before+100 })
	}
	stable := func(members int) {
		if _, err := c.WaitGroupStable(deadline(t), testGroup, members); err != nil {
			t.Fatalf("group of %d: %v", members, err)
		}
	}
	grow()
	second := consume(t, c, handle)
	stable(2)
	grow()
	third := consume(t, c, handle)
	stable(3)
	grow()
	first.stop()
	stable(2)
	grow()
	third.stop()
	stable(1)
	grow()
	perOrder := stop()
	total := perOrder * len(ids)
	eventually(t, "all events handled", func() bool { return book.count() == total })
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(total) })
	second.stop()
	book.wantAll(ids, perOrder)
	// Whoever lets go of a partition finishes and commits what it has started.
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
}

func TestRevokedPartitionStartsNothingMoreAndLateEndsDoNotCount(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(12)
	c.writeOrders(t, ids, 10)
	var (
		mu      sync.Mutex
		started = map[string]int{} // by first member, per partition
		revoked = map[string]bool{}
		late    int
	)
	full := make(chan struct{})
	open := make(chan struct{})
	var began atomic.Int32
	firstHandler := func(ctx context.Context, _ *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		tp := fmt.Sprint(d.Topic, d.Partition)
		mu.Lock()
		started[tp]++
		if revoked[tp] {
			late++
		}
		mu.Unlock()
		if began.Add(1) == 3 {
			close(full)
		}
		<-ctx.Done() // hangs until its partition is taken away
		mu.Lock()
		revoked[tp] = true
		mu.Unlock()
		<-open // and goes on even then
		return nil
	}
	first := consume(t, c, firstHandler, trestle.WithKeyWorkers(3), trestle.WithDrainTimeout(50*time.Millisecond))
	<-full
	book := newLedger(t)
	second := consume(t, c, book.handle(ok))
	eventually(t, "the second member handles all of a partition", func() bool { return book.count() > 0 })
	close(open)
	eventually(t, "commits", func() bool { return c.committed(testGroup) > 0 })
	if err := first.end(); err != nil {
		t.Logf("first member: %v", err)
	}
	eventually(t, "the second member handles everything", func() bool { return book.count() == 120 })
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 120 })
	second.stop()
	book.wantAll(ids, 10) // also what the first one ended late: it did not count
	mu.Lock()
	defer mu.Unlock()
	if late > 0 {
		t.Errorf("%d events of a revoked partition started", late)
	}
}

func TestLostMembershipIsForgottenAndRegained(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(10)
	c.writeOrders(t, ids, 5)
	book := newLedger(t)
	var began, cut atomic.Int32
	hung := make(chan struct{})
	r := consume(t, c, book.handle(func(ctx context.Context, _ *orderPlaced) error {
		if began.Add(1) <= 4 {
			if cut.Add(1) == 4 {
				close(hung)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}), trestle.WithKeyWorkers(4))
	<-hung
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: testGroup, TopLevel: true, Err: kerr.UnknownMemberID})
	eventually(t, "all events handled after the member has joined anew", func() bool { return book.count() == 50 })
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 50 })
	r.stop()
	book.wantAll(ids, 5)
	if n := c.end(orders.DeadLetter); n != 0 {
		t.Errorf("%d dead letters of events that were interrupted", n)
	}
}

func TestNothingIsLostWhenConnectionsBreak(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(20)
	var n atomic.Int32
	c.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		switch req.Key() {
		case kmsg.Fetch.Int16(), kmsg.OffsetCommit.Int16(), kmsg.Heartbeat.Int16():
			if n.Add(1)%7 == 0 {
				return nil, errTransient, true // closes the connection
			}
		}
		return nil, nil, false
	})
	book := newLedger(t)
	r := consume(t, c, book.handle(ok))
	for range 10 {
		before := book.count() / len(ids)
		for i := range 5 {
			for _, id := range ids {
				c.write(t, orderRecord(id, before+i))
			}
		}
		want := (before + 5) * len(ids)
		eventually(t, "the batch is handled", func() bool { return book.count() == want })
	}
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1000 })
	r.stop()
	book.wantAll(ids, 50)
}

// TestMain runs what tests kill, when it is started for that: the consumer of TestKilledConsumer, the publisher of TestSpoolOnKafka.
func TestMain(m *testing.M) {
	if brokers := os.Getenv("TRESTLE_TEST_SPOOLER"); brokers != "" {
		runSpooler(strings.Split(brokers, ","))
		return
	}
	if brokers := os.Getenv("TRESTLE_TEST_VICTIM"); brokers != "" {
		runVictim(strings.Split(brokers, ","))
		return
	}
	if brokers := os.Getenv("TRESTLE_TEST_SHIPPER"); brokers != "" {
		runShipper(strings.Split(brokers, ","))
		return
	}
	os.Exit(services.Main(m))
}

// runVictim handles events and prints a line when it begins with one and a line when it has finished, until it is
// killed.
func runVictim(brokers []string) {
	opts := []trestle.ConsumerOption{trestle.WithCommitInterval(time.Millisecond), trestle.WithMaxInFlight(1000)}
	if os.Getenv("TRESTLE_TEST_PROTOCOL") == "consumer" {
		opts = append(opts, trestle.WithConsumerProtocol())
	}
	consumer, err := trestle.NewConsumer(brokers, testGroup, quick(opts...)...)
	if err != nil {
		panic(err)
	}
	trestle.Handle(consumer, func(ctx context.Context, e *orderPlaced) error {
		time.Sleep(5 * time.Millisecond) // so that it does not come to the end before somebody kills it
		if e.OrderID == "order-0" {
			time.Sleep(100 * time.Millisecond) // what is done behind it can't be committed
		}
		d, _ := trestle.DeliveryFrom(ctx)
		for _, word := range []string{"begin", "end"} {
			if _, err := fmt.Printf("%s %d %d %s %d\n", word, d.Partition, d.Offset, e.OrderID, e.N); err != nil {
				return err
			}
		}
		return nil
	})
	if err := consumer.Run(context.Background()); err != nil {
		panic(err)
	}
}

// TestKilledConsumer has a process handle events and kills it several times. Every event must be handled, those of a
// key in order, and none again that a commit had as done when the process died: one key is slow, so that most is done behind it.
func TestKilledConsumer(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			killConsumers(t, protocol)
		})
	}
}

func killConsumers(t *testing.T, protocol string) {
	c := startCluster(t, kfake.BrokerConfigs(map[string]string{
		"group.consumer.heartbeat.interval.ms": "100", "group.consumer.session.timeout.ms": "2000",
	}))
	const perOrder, kills = 100, 3
	ids := orderIDs(50)
	c.writeOrders(t, ids, perOrder)
	total := perOrder * len(ids)
	book := victimLedger{t: t, ended: map[position]int{}, next: map[string]int{}}
	for range kills {
		ctx, cancel := context.WithTimeout(t.Context(), testPatience)
		victim := exec.CommandContext(ctx, os.Args[0])
		victim.Env = append(os.Environ(), "TRESTLE_TEST_VICTIM="+strings.Join(c.brokers, ","), "TRESTLE_TEST_PROTOCOL="+protocol)
		var said bytes.Buffer
		victim.Stderr = &said
		out, err := victim.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		before := c.committed(testGroup)
		killed := make(chan bool, 1)
		go func() {
			for ctx.Err() == nil && c.committed(testGroup) <= max(before, 0)+int64(total/(2*kills)) {
				time.Sleep(time.Millisecond)
			}
			killed <- ctx.Err() == nil && victim.Process.Kill() == nil
		}()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			book.enter(lines.Text())
		}
		ended := victim.Wait() // it says that it was killed
		cancel()
		if !<-killed {
			t.Fatalf("the victim ended by itself after %d events: %v\n%s", len(book.ended), ended, said.String())
		}
		book.settle(c)
	}

	var mu sync.Mutex
	var opts []trestle.ConsumerOption
	if protocol == "consumer" {
		opts = append(opts, trestle.WithConsumerProtocol())
	}
	survivor := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		for _, word := range []string{"begin", "end"} {
			book.enter(fmt.Sprintf("%s %d %d %s %d", word, d.Partition, d.Offset, e.OrderID, e.N))
		}
		return nil
	}, opts...)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(total) })
	survivor.stop()
	if len(book.ended) != total {
		t.Errorf("%d of %d events were handled", len(book.ended), total)
	}
	if book.beyond == 0 {
		t.Error("nothing was done beyond an offset that was committed")
	}
	again := -total
	for _, times := range book.ended {
		again += times
	}
	t.Logf("%d of %d events handled again; %d were done beyond what was committed when a process died", again, total, book.beyond)
}

type position struct {
	partition int32
	offset    int64
}

// victimLedger accounts for what victims print.
type victimLedger struct {
	t     *testing.T
	ended map[position]int
	next  map[string]int  // how far each order has been handled
	floor map[int32]int64 // committed when the last victim died
	// done says what the commits of then have as done beyond that; beyond counts it, of all victims.
	done   map[int32]func(offset int64) bool
	beyond int
}

func (l *victimLedger) enter(line string) {
	var word, order string
	var at position
	var n int
	if got, _ := fmt.Sscan(line, &word, &at.partition, &at.offset, &order, &n); got != 5 {
		return // cut short
	}
	switch word {
	case "begin":
		if at.offset < l.floor[at.partition] {
			l.t.Errorf("%+v was handled again although %d had been committed", at, l.floor[at.partition])
		}
		if done := l.done[at.partition]; done != nil && done(at.offset) {
			l.t.Errorf("%+v was handled again although the commit had it as done", at)
		}
		if n > l.next[order] {
			l.t.Errorf("%s#%d began when only %d had been handled", order, n, l.next[order])
		}
	case "end":
		l.ended[at]++
		l.next[order] = max(l.next[order], n+1)
	}
}

// settle checks what was committed when a victim died: everything before it must have ended.
func (l *victimLedger) settle(c *cluster) {
	l.floor, l.done = map[int32]int64{}, map[int32]func(int64) bool{}
	info := c.GroupInfo(testGroup)
	if info == nil {
		return
	}
	for partition, commit := range info.Commits[orders.Name] {
		l.floor[partition] = commit.Offset
		done := testseam.DoneIn(commit.Metadata, commit.Offset)
		l.done[partition] = done
		for offset := commit.Offset; offset < c.PartitionInfo(orders.Name, partition).HighWatermark; offset++ {
			switch ended := l.ended[position{partition, offset}] > 0; {
			case done(offset) && !ended:
				l.t.Errorf("%d/%d was committed as done and not handled", partition, offset)
			case done(offset):
				l.beyond++
			}
		}
		for offset := range commit.Offset {
			if l.ended[position{partition, offset}] == 0 {
				l.t.Errorf("%d/%d was committed and not handled", partition, offset)
			}
		}
	}
}

// TestRestartGoesOnBehindGaps has a key hang while all others are done, and ends the consumer in the ways that there are. The next
// one handles what that key left, and nothing else, also where it ends in turn before it has read as far.
func TestRestartGoesOnBehindGaps(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]trestle.ConsumerOption{
		"classic":  nil,
		"consumer": {trestle.WithConsumerProtocol()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			const perOrder = 60
			ids := orderIDs(30)
			c.writeOrders(t, ids, perOrder)
			total := perOrder * len(ids)
			book := newLedger(t)
			opts := append(opts, trestle.WithDrainTimeout(10*time.Millisecond))
			hang := func(ctx context.Context, e *orderPlaced) error {
				if e.OrderID == "order-0" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}
			first := consume(t, c, book.handle(hang), opts...)
			eventually(t, "all others are handled", func() bool { return book.count() == total-perOrder })
			_ = first.end() // it says that it left something
			second := consume(t, c, book.handle(hang), append(opts, trestle.WithMaxInFlight(100))...)
			eventually(t, "the head hangs again", func() bool { return book.isBusy("order-0") })
			_ = second.end()
			third := consume(t, c, book.handle(ok), opts...)
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(total) })
			third.stop()
			book.wantAll(ids, perOrder)
			if n := book.repeats(); n != 0 {
				t.Errorf("%d of %d events were handled again", n, total)
			}
		})
	}
}

// TestBrokerThatTakesLessMetadata has a broker refuse commits that say much: the offsets are committed nevertheless, and of what is
// done behind them what it takes.
func TestBrokerThatTakesLessMetadata(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	const limit = 100
	c.ControlKey(kmsg.OffsetCommit.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := req.(*kmsg.OffsetCommitRequest)
		refused := false
		resp := asked.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range asked.Topics {
			answer := kmsg.NewOffsetCommitResponseTopic()
			answer.Topic, answer.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				one := kmsg.NewOffsetCommitResponseTopicPartition()
				one.Partition = p.Partition
				if p.Metadata != nil && len(*p.Metadata) > limit {
					one.ErrorCode, refused = kerr.OffsetMetadataTooLarge.Code, true
				}
				answer.Partitions = append(answer.Partitions, one)
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, refused // otherwise the cluster answers
	})
	const perOrder = 40
	ids := orderIDs(30)
	c.writeOrders(t, ids, perOrder)
	total := perOrder * len(ids)
	book := newLedger(t)
	first := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		if e.OrderID == "order-0" || e.OrderID == "order-1" && e.N > 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}), trestle.WithDrainTimeout(10*time.Millisecond))
	eventually(t, "all others are handled", func() bool { return book.count() == total-2*perOrder+1 })
	_ = first.end()
	said := 0
	for _, commit := range c.GroupInfo(testGroup).Commits[orders.Name] {
		if len(commit.Metadata) > limit {
			t.Errorf("committed %q", commit.Metadata)
		}
		if strings.Contains(commit.Metadata, " done=") {
			said++
		}
	}
	if said == 0 {
		t.Error("no commit says what is done beyond it")
	}
	second := consume(t, c, book.handle(ok))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(total) })
	second.stop()
	book.wantAll(ids, perOrder)
	t.Logf("%d of %d events handled again", book.repeats(), total)
	if n := book.repeats(); n == 0 || n >= total/3 {
		t.Errorf("%d of %d events were handled again: of one partition what is farthest should be", n, total)
	}
}
