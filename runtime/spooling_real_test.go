package trestle_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// spoolerKeys are published by a spooler, side by side, each in order.
const spoolerKeys = 4

// runSpooler publishes events with a spool, and prints a line for each that was accepted or acknowledged, until it is killed.
func runSpooler(brokers []string) {
	go func() { // whoever started it has gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	p, err := trestle.NewPublisher(brokers, trestle.WithLogger(quiet), trestle.WithSpool(os.Getenv("TRESTLE_TEST_SPOOL"), spool.Options{}),
		trestle.WithDeliveryTimeout(3*time.Second))
	if err != nil {
		panic(err)
	}
	first, err := strconv.ParseInt(os.Getenv("TRESTLE_TEST_FIRST"), 10, 64)
	if err != nil {
		panic(err)
	}
	var keys sync.WaitGroup
	for k := range spoolerKeys {
		keys.Go(func() {
			for n := first; ; n++ {
				e := &orderPlaced{OrderID: fmt.Sprint("order-", k), N: n}
				done := make(chan struct{})
				err := p.PublishAsync(context.Background(), e, func(r trestle.Receipt, err error) {
					defer close(done)
					if err != nil { // handed over before the cluster was known to be away
						return
					}
					fmt.Printf("%s %d %s %d %d %t\n", e.OrderID, e.N, r.EventID, r.Partition, r.Offset, r.Spooled)
				})
				if err != nil {
					panic(err)
				}
				<-done
				time.Sleep(2 * time.Millisecond) // so that it does not come far before somebody kills it
			}
		})
	}
	keys.Wait()
}

// spooled is an event that a spooler published.
type spooled struct {
	order, id string
	n         int64
	partition int32
	offset    int64
	spooled   bool
}

// spooler is a process that publishes.
type spooler struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	said   *strings.Builder
	events *[]spooled
}

func startSpooler(t *testing.T, brokers []string, dir string, first int64, events *[]spooled) *spooler {
	t.Helper()
	s := &spooler{t: t, cmd: exec.CommandContext(deadline(t), os.Args[0]), said: new(strings.Builder), events: events}
	s.cmd.Env = append(os.Environ(), "TRESTLE_TEST_SPOOLER="+strings.Join(brokers, ","), "TRESTLE_TEST_SPOOL="+dir, fmt.Sprint("TRESTLE_TEST_FIRST=", first))
	s.cmd.Stderr = s.said
	if _, err := s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.lines = bufio.NewScanner(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// await reads what it says until so many more events were accepted, or acknowledged.
func (s *spooler) await(n int, accepted bool) {
	s.t.Helper()
	for n > 0 && s.lines.Scan() {
		if s.enter().spooled == accepted {
			n--
		}
	}
	if n > 0 {
		s.t.Fatalf("the publisher ended: %v\n%s", s.cmd.Wait(), s.said)
	}
}

func (s *spooler) enter() spooled {
	var e spooled
	if got, _ := fmt.Sscan(s.lines.Text(), &e.order, &e.n, &e.id, &e.partition, &e.offset, &e.spooled); got == 6 { // not cut short
		*s.events = append(*s.events, e)
	}
	return e
}

func (s *spooler) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	for s.lines.Scan() {
		s.enter()
	}
	_ = s.cmd.Wait() // it says that it was killed
}

// TestSpoolOnKafka kills the broker under a publisher with a spool, then the publisher, which is started again while the broker is away, and
// is killed once more as it sends what is in the spool. In the end all that was accepted or acknowledged is in the log: what was
// acknowledged where its receipt says, each key in order.
func TestSpoolOnKafka(t *testing.T) {
	t.Parallel()
	broker := services.Kafka(t)
	conn := kafka.Connection{Brokers: broker.Brokers()}
	client, err := conn.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := clusterAt(broker.Brokers(), client)
	c.createTopic(t, orders.Name, testPartitions)
	dir := t.TempDir()
	var events []spooled
	s := startSpooler(t, c.brokers, dir, 0, &events)
	s.await(40, false)
	broker.Kill(1)
	s.await(200, true)
	s.kill()
	s = startSpooler(t, c.brokers, dir, 1_000_000, &events)
	s.await(200, true)
	broker.Start(1)
	s.await(1, false)
	s.kill()
	p := newPublisher(t, c.brokers, trestle.WithSpool(dir, spool.Options{}))
	eventually(t, "the spool is empty", func() bool { return p.Health().Ready })
	for k := range spoolerKeys {
		e := &orderPlaced{OrderID: fmt.Sprint("order-", k), N: 2_000_000}
		r, err := publishNow(t, p, e)
		if err != nil || r.Spooled {
			t.Fatalf("behind the spool: %+v, %v", r, err)
		}
		events = append(events, spooled{e.OrderID, r.EventID, e.N, r.Partition, r.Offset, false})
	}
	wantSpooled(t, (&oneTopic{cluster: c}).scan(t, orders.Name), events)
}

// wantSpooled checks that the log has all events that were accepted or acknowledged, those of a key in order. After a crash some come twice.
func wantSpooled(t *testing.T, log []kafka.Record, events []spooled) {
	t.Helper()
	ids, places := map[string]bool{}, map[string]string{}
	last := map[string]int64{}
	again := 0
	for i := range log {
		r := &log[i]
		id := r.Header("event-id")
		places[fmt.Sprint(r.Partition, "/", r.Offset)] = id
		if ids[id] {
			again++
			continue
		}
		ids[id] = true
		_, number, _ := strings.Cut(string(r.Value), `"n":`)
		var n int64
		if _, err := fmt.Sscan(strings.Split(number, ",")[0], &n); err != nil {
			t.Fatal(err)
		}
		key := string(r.Key)
		if before, ok := last[key]; ok && n <= before {
			t.Errorf("%s: %d stands behind %d", key, n, before)
		}
		last[key] = n
	}
	accepted := 0
	for _, e := range events {
		switch {
		case e.spooled:
			accepted++
			if e.offset != -1 || e.partition != -1 || !ids[e.id] {
				t.Errorf("%+v was accepted; in the log: %t", e, ids[e.id])
			}
		case places[fmt.Sprint(e.partition, "/", e.offset)] != e.id:
			t.Errorf("%+v was acknowledged, and does not stand there", e)
		}
	}
	t.Logf("%d events accepted, %d acknowledged, %d in the log, %d of them again", accepted, len(events)-accepted, len(log), again)
}
