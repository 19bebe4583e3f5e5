package trestle_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestConsumerProtocol has members come and go in a group whose partitions brokers assign.
func TestConsumerProtocol(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 6) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			book := newLedger(t)
			const rounds, perRound = 3, 40
			ids := orderIDs(20)
			write := func(round int) {
				for n := range perRound {
					for _, id := range ids {
						r := orderRecord(id, round*perRound+n)
						r.Topic = c.topic.Name
						c.write(t, r)
					}
				}
			}
			protocol := trestle.WithConsumerProtocol()
			first := c.consume(t, book, protocol)
			write(0)
			eventually(t, "the first round handled", func() bool { return book.count() == perRound*len(ids) })
			described, err := kadm.NewClient(c.client).DescribeConsumerGroups(deadline(t), c.group)
			if err != nil || len(described[c.group].Members) != 1 {
				t.Errorf("%+v, %v; want a group of the protocol with one member", described, err)
			}
			second := c.consume(t, book, protocol)
			write(1)
			eventually(t, "both have partitions", func() bool {
				described, err := kadm.NewClient(c.client).DescribeConsumerGroups(deadline(t), c.group)
				members := described[c.group].Members
				return err == nil && len(members) == 2 && len(members[0].Assignment) > 0 && len(members[1].Assignment) > 0
			})
			eventually(t, "the second round handled", func() bool { return book.count() == 2*perRound*len(ids) })
			first.stop()
			write(2)
			eventually(t, "the third round handled", func() bool { return book.count() == rounds*perRound*len(ids) })
			eventually(t, "nothing is left", func() bool { return c.lag(t) == 0 })
			second.stop()
			book.wantAll(ids, rounds*perRound)
			if n := book.repeats(); n != 0 {
				t.Errorf("%d events were handled again", n)
			}
		})
	}
}

// TestConsumerProtocolWithoutItsCoordinator ends the broker that coordinates a group just as a third member has joined. A group
// of franz-go's clients goes the same way beside it, and the log of the test says what became of it.
func TestConsumerProtocolWithoutItsCoordinator(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) (c *oneTopic, end func(broker int32)){
		"embedded": func(t *testing.T) (*oneTopic, func(int32)) {
			c := startCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(manyPartitions, "many"))
			return c.manyPartitions("many"), func(broker int32) {
				if err := c.RemoveNode(broker); err != nil {
					t.Error(err)
				}
			}
		},
		"OnKafka": func(t *testing.T) (*oneTopic, func(int32)) {
			kafka := services.Kafka(t, services.WithNodes(3))
			client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Brokers()...))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			c := clusterAt(kafka.Brokers(), client).manyPartitions("many")
			for topic, partitions := range map[string]int32{"many": manyPartitions, orders.DeadLetter: 1} {
				if _, err := c.admin().CreateTopic(deadline(t), partitions, 3, nil, topic); err != nil {
					t.Fatal(err)
				}
			}
			return c, func(broker int32) { kafka.Kill(int(broker)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, end := start(t)
			var heartbeats heartbeatCounter
			logged := new(lineCounter)
			book := newLedger(t)
			allHave := func(n int) func() bool {
				return func() bool { _, with := c.members(t, c.group); return with == n }
			}
			join := func() *running {
				return c.consume(t, book, trestle.WithConsumerProtocol(), trestle.WithLogger(slog.New(logged)), trestle.WithKafka(kgo.WithHooks(&heartbeats)))
			}
			written := 0
			ids := orderIDs(60)
			write := func() {
				for _, id := range ids {
					r := orderRecord(id, written)
					r.Topic = c.topic.Name
					c.write(t, r)
				}
				written++
			}
			all := []*running{join(), join()}
			write()
			eventually(t, "two have partitions", allHave(2))
			coordinator := c.admin().FindGroupCoordinators(deadline(t), c.group)[c.group].NodeID
			beside := c.groupOf(t, coordinator)
			for n := 1; n <= 2; n++ {
				c.joinByItself(t, beside)
				eventually(t, "clients beside have partitions", func() bool { _, with := c.members(t, beside); return with == n })
			}
			all = append(all, join())
			c.joinByItself(t, beside)
			eventually(t, "the third has joined, here and there", func() bool {
				ours, _ := c.members(t, c.group)
				theirs, _ := c.members(t, beside)
				return ours == 3 && theirs == 3
			})
			write()
			end(coordinator)
			write()
			eventually(t, "all three have partitions", allHave(3))
			write()
			eventually(t, "all events handled", func() bool { return book.count() == written*len(ids) })
			_, with := c.members(t, beside)
			t.Logf("of three of franz-go's clients by themselves, %d have partitions now", with)
			for _, r := range all {
				r.stop()
			}
			book.wantAll(ids, written)
			// In a minute and a half, three members have about a hundred heartbeats. One that runs wild has hundreds a second.
			if n := heartbeats.n.Load(); n > 500 {
				t.Errorf("%d heartbeats", n)
			}
			if n := logged.n.Load(); n > 100 {
				t.Errorf("%d lines logged", n)
			}
		})
	}
}

// members counts the members of a group of the protocol, and those of them with partitions.
func (c *oneTopic) members(t *testing.T, group string) (all, with int) {
	described, err := c.admin().DescribeConsumerGroups(deadline(t), group)
	if err != nil {
		return 0, 0
	}
	for _, m := range described[group].Members {
		if all++; len(m.Assignment) > 0 {
			with++
		}
	}
	return all, with
}

// groupOf is the name of another group that a broker coordinates.
func (c *oneTopic) groupOf(t *testing.T, broker int32) string {
	t.Helper()
	names := make([]string, 50)
	for i := range names {
		names[i] = fmt.Sprintf("%s-beside-%d", c.group, i)
	}
	for name, found := range c.admin().FindGroupCoordinators(deadline(t), names...) {
		if found.Err == nil && found.NodeID == broker {
			return name
		}
	}
	t.Fatalf("broker %d coordinates none of %d groups", broker, len(names))
	return ""
}

// joinByItself has a client of franz-go, by itself, read the topic in a group of the protocol.
func (c *oneTopic) joinByItself(t *testing.T, group string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(c.topic.Name), kgo.ServerSideBalancer())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var polling sync.WaitGroup
	polling.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx)
		}
	})
	t.Cleanup(func() {
		cancel()
		polling.Wait()
		client.Close()
	})
}

const manyPartitions = 12

// manyPartitions is a topic of the cluster with the events of the tests.
func (c *cluster) manyPartitions(topic string) *oneTopic {
	info, event := *orders, orderPlacedInfo
	info.Name, event.Topic = topic, &info
	return &oneTopic{cluster: c, topic: &info, info: &event, group: testGroup}
}

// heartbeatCounter counts the heartbeats that clients send by the protocol.
type heartbeatCounter struct{ n atomic.Int64 }

func (h *heartbeatCounter) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == kmsg.ConsumerGroupHeartbeat.Int16() {
		h.n.Add(1)
	}
}
