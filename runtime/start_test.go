package trestle_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// eager are options of a consumer that starts with the latest record and learns of changes at once.
func eager(more ...trestle.ConsumerOption) []trestle.ConsumerOption {
	return append(more, trestle.WithStart(trestle.Latest),
		trestle.WithKafka(kgo.MetadataMinAge(10*time.Millisecond), kgo.MetadataMaxAge(50*time.Millisecond)))
}

func TestPartitionsThatAreAddedAreReadFromTheirBeginning(t *testing.T) {
	t.Parallel()
	for _, while := range []string{"running", "away"} {
		t.Run(while, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.writeOrders(t, orderIDs(10), 1) // before the group
			book := newLedger(t)
			first := consume(t, c, book.handle(ok), eager()...)
			eventually(t, "the start is committed", func() bool { return c.committed(testGroup) == 10 })
			if while == "away" {
				first.stop()
			}
			c.addPartitions(t, orders.Name, 12)
			ids := c.writeEverywhere(t, orders.Name, 12, 5)
			if while == "running" {
				eventually(t, "the new partitions' events handled", func() bool { return book.count() == 60 })
				first.stop()
			}
			second := consume(t, c, book.handle(ok), eager()...)
			eventually(t, "all events handled", func() bool { return book.count() == 60 })
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == c.end(orders.Name) })
			second.stop()
			book.wantAll(ids, 5)
			if n := book.repeats(); n != 0 {
				t.Errorf("%d events were handled again", n)
			}
		})
	}
}

func TestTopicThatIsCreatedLaterIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	if err := c.DeleteTopic(orders.Name); err != nil {
		t.Fatal(err)
	}
	book := newLedger(t)
	logger, awaited := whenLogged("topic does not exist: run trestle topics apply?")
	r := consume(t, c, book.handle(ok), eager(trestle.WithLogger(logger))...)
	<-awaited
	c.createTopic(t, orders.Name, testPartitions)
	c.writeOrders(t, orderIDs(20), 5)
	eventually(t, "all events handled", func() bool { return book.count() == 100 })
	r.stop()
	book.wantAll(orderIDs(20), 5)
}

// TestMembersThatJoinAtOnceAgreeWhereTheGroupStarts has several members be the first to read a topic.
func TestMembersThatJoinAtOnceAgreeWhereTheGroupStarts(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.addPartitions(t, orders.Name, 9)
	c.writeEverywhere(t, orders.Name, 9, 10) // before the group
	book := newLedger(t)
	var members []*running
	for range 3 {
		members = append(members, consume(t, c, book.handle(ok), eager()...))
	}
	if _, err := c.WaitGroupStable(deadline(t), testGroup, 3); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the start is committed", func() bool { return c.committed(testGroup) == 90 })
	if n := book.count(); n != 0 {
		t.Errorf("%d events handled that are older than the group", n)
	}
	for _, m := range members {
		m.stop()
	}
}

func TestDeclaredGroupBringsItsSettings(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, orderIDs(10), 1) // before the group
	declared := trestle.Group{Name: testGroup, Topics: []string{orders.Name}, Start: trestle.Latest}
	for _, want := range []struct {
		handled int
		opts    []trestle.ConsumerOption
	}{
		{0, nil},
		{10, []trestle.ConsumerOption{trestle.WithStart(trestle.Earliest)}},
	} {
		declared.Name += "x"
		consumer, err := trestle.NewConsumer(c.brokers, declared, quick(want.opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		book := newLedger(t)
		trestle.Handle(consumer, book.handle(ok))
		r := run(t, consumer)
		eventually(t, "all committed", func() bool { return c.committed(declared.Name) == 10 })
		r.stop()
		if book.count() != want.handled {
			t.Errorf("%d events handled, want %d", book.count(), want.handled)
		}
	}

	other := trestle.Group{Name: testGroup, Topics: []string{"invoices"}}
	consumer, err := trestle.NewConsumer(c.brokers, other)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, ok)
	if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "group billing does not declare topic orders") {
		t.Errorf("with a handler for a topic that the group does not declare: %v", err)
	}
	other.SessionTimeout, other.HeartbeatInterval = time.Second, 2*time.Second
	if _, err := trestle.NewConsumer(c.brokers, other); err == nil || !strings.Contains(err.Error(), "WithHeartbeatInterval (2s), got 1s") {
		t.Errorf("with a session timeout below the heartbeats' interval: %v", err)
	}
}

// TestRetentionThatOvertakesAGroupIsReported deletes records that the group has not handled, while it is away and while
// it has no room for them.
func TestRetentionThatOvertakesAGroupIsReported(t *testing.T) {
	t.Parallel()
	for _, while := range []string{"away", "full"} {
		t.Run(while, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.createTopic(t, "single", 1)
			topic := *orders
			topic.Name = "single"
			info := orderPlacedInfo
			info.Topic = &topic
			meters := new(meterRecorder)
			book := newLedger(t)
			open := make(chan struct{})
			began := make(chan struct{}, 1000)
			start := func() *running {
				consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(
					trestle.WithMeterProvider(meters), trestle.WithMaxInFlight(1), trestle.WithKafka(kgo.FetchMaxPartitionBytes(1)))...)
				if err != nil {
					t.Fatal(err)
				}
				trestle.HandleInfo(consumer, &info, asEvent(func(ctx context.Context, e *orderPlaced) error {
					began <- struct{}{}
					<-open
					return book.handle(ok)(ctx, e)
				}))
				return run(t, consumer)
			}
			write := func(from, to int) {
				for n := from; n < to; n++ {
					r := orderRecord(fmt.Sprint("order-", n), 0)
					r.Topic = "single"
					c.write(t, r)
				}
			}
			end := func() int64 { return c.GroupInfo(testGroup).Commits["single"][0].Offset }
			write(0, 5)
			r := start()
			<-began
			lost := int64(0)
			switch while {
			case "away":
				close(open)
				eventually(t, "the first events are committed", func() bool { return end() == 5 })
				r.stop()
				write(5, 60)
				c.deleteRecords(t, "single", 60)
				r = start()
				lost = 55
			case "full":
				write(5, 3000)
				c.deleteRecords(t, "single", 2990)
				close(open)
			}
			write(3000, 3001)
			last := c.end("single")
			eventually(t, "all committed", func() bool { return end() == last })
			r.stop()
			handled := int64(book.count())
			if while == "full" {
				lost = last - handled
			}
			if got := meters.counted("trestle.consumer.lost_offsets"); got != lost || lost == 0 || handled != last-lost {
				t.Errorf("of %d records %d were handled, %d said to be lost, want %d", last, handled, got, lost)
			}
		})
	}
}

func (c *cluster) admin() *kadm.Client { return kadm.NewClient(c.client) }

func (c *cluster) createTopic(t testing.TB, topic string, partitions int32) {
	t.Helper()
	if _, err := c.admin().CreateTopic(deadline(t), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) addPartitions(t testing.TB, topic string, total int) {
	t.Helper()
	answers, err := c.admin().UpdatePartitions(deadline(t), total, topic)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) deleteRecords(t testing.TB, topic string, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, before, -1)
	answers, err := c.admin().DeleteRecords(deadline(t), offsets)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// writeEverywhere writes events to each partition, of one order each, and returns the orders.
func (c *cluster) writeEverywhere(t testing.TB, topic string, partitions int32, perPartition int) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var ids []string
	for p := range partitions {
		id := fmt.Sprint("order-of-", p)
		for n := range perPartition {
			r := orderRecord(id, n)
			r.Topic, r.Partition = topic, p
			if err := client.ProduceSync(deadline(t), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		ids = append(ids, id)
	}
	return ids
}

// asEvent is a handler for HandleInfo.
func asEvent(handle func(context.Context, *orderPlaced) error) func(context.Context, trestle.Event) error {
	return func(ctx context.Context, e trestle.Event) error { return handle(ctx, e.(*orderPlaced)) }
}
