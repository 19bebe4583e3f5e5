package trestle_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// fetched counts the records that clients fetch of the topic of responses.
type fetched struct{ records, bytes atomic.Int64 }

func (f *fetched) OnFetchBatchRead(_ kgo.BrokerMetadata, topic string, _ int32, m kgo.FetchBatchMetrics) {
	if topic == prices.Name {
		f.records.Add(int64(m.NumRecords))
		f.bytes.Add(int64(m.UncompressedBytes))
	}
}

func partitionOf(key string, partitions int) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte(key)}, partitions))
}

// startWidePriceCluster has responses in so many partitions.
func startWidePriceCluster(t testing.TB, partitions int32) *cluster {
	t.Helper()
	return startCluster(t, kfake.SeedTopics(testPartitions, asks.Name, statuses.Name), kfake.SeedTopics(partitions, prices.Name))
}

// TestInstancesReadTheirOwnPartition has 8 instances call, each its part of the partitions and each all of them.
func TestInstancesReadTheirOwnPartition(t *testing.T) {
	t.Parallel()
	const instances, calls, partitions = 8, 25, 8
	reads := func(opts ...trestle.CallerOption) (fetchedRecords, fetchedBytes, decoded int64) {
		c := startWidePriceCluster(t, partitions)
		answer(t, c, newPublisher(t, c.brokers), echo)
		var read fetched
		var decodes atomic.Int64
		counted := priceInfo
		counted.New = func() trestle.Event { decodes.Add(1); return new(price) }
		var callers []*trestle.Caller
		for i := range instances {
			callers = append(callers, newCaller(t, c, append(opts, trestle.WithCallerName(fmt.Sprint("web-", i)), trestle.WithKafka(kgo.WithHooks(&read)))...))
			// All read from the beginning on.
			if _, err := callers[i].CallInfo(deadline(t), &counted, ask("first")); err != nil {
				t.Fatalf("instance %d with %d options: %v", i, len(opts), err)
			}
		}
		var group sync.WaitGroup
		for i, caller := range callers {
			group.Go(func() {
				for n := range calls {
					order := fmt.Sprint(i, "/", n)
					got, err := caller.CallInfo(deadline(t), &counted, ask(order))
					if err != nil || got.(*price).OrderID != order {
						t.Errorf("instance %d, call %d: %+v, %v", i, n, got, err)
					}
				}
			})
		}
		group.Wait()
		if all := int64(instances * (calls + 1)); decodes.Load() != all {
			t.Errorf("%d responses were decoded, want %d", decodes.Load(), all)
		}
		return read.records.Load(), read.bytes.Load(), decodes.Load()
	}
	allRecords, allBytes, allDecoded := reads()
	ownRecords, ownBytes, ownDecoded := reads(trestle.WithReplyPartition())
	t.Logf("of all partitions %d records, %d bytes fetched, %d decoded; of its own %d, %d, %d",
		allRecords, allBytes, allDecoded, ownRecords, ownBytes, ownDecoded)
	if 3*ownRecords > allRecords || 3*ownBytes > allBytes {
		t.Error("an own partition saves little")
	}
}

// foreignAnswers answers requests with a client that knows nothing of Trestle: the key is the correlation id, and its library's
// default says which partition that is.
func (c *cluster) foreignAnswers(t *testing.T) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(ctx context.Context, a *askPrice) error {
		d, _ := trestle.DeliveryFrom(ctx)
		id := d.Envelope.CorrelationID
		return client.ProduceSync(ctx, &kgo.Record{
			Topic: prices.Name, Key: []byte(id), Value: replyJSON(id, "Price", fmt.Sprintf(`{"order_id":%q}`, a.OrderID)),
		}).FirstErr()
	})
	run(t, consumer)
}

// TestCorrelationIDsFromElsewhere calls under ids that fall into any partition, and under the caller's own.
func TestCorrelationIDsFromElsewhere(t *testing.T) {
	t.Parallel()
	const partitions = 12
	c := startWidePriceCluster(t, partitions)
	c.foreignAnswers(t)
	caller := newCaller(t, c, trestle.WithReplyPartition())
	seen := map[int32]bool{}
	for n := 0; len(seen) < partitions; n++ {
		id := uuid.NewString()
		if n%2 == 1 {
			id = strings.ToUpper(id)
		}
		if seen[partitionOf(id, partitions)] {
			continue
		}
		seen[partitionOf(id, partitions)] = true
		if got, err := trestle.Call[*price](deadline(t), caller, ask(id), trestle.WithCorrelationID(id)); err != nil || got.OrderID != id {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
		if got, err := trestle.Call[*price](deadline(t), caller, ask("own")); err != nil || got.OrderID != "own" {
			t.Errorf("an own call: %+v, %v", got, err)
		}
	}
}

// TestPartitionsAddedWhileTheirOwnIsRead answers calls by producers that know of new partitions, and by one that does not, before and
// after they are there.
func TestPartitionsAddedWhileTheirOwnIsRead(t *testing.T) {
	t.Parallel()
	const before, after = 3, 7
	c := startWidePriceCluster(t, before)
	caller := newCaller(t, c, trestle.WithReplyPartition())
	type call struct {
		id   string
		done chan error
	}
	begin := func(id string) call {
		one := call{id, make(chan error, 1)}
		asked := c.end(asks.Name)
		go func() {
			got, err := trestle.Call[*price](deadline(t), caller, ask(id), trestle.WithCorrelationID(id))
			if err == nil && got.OrderID != id {
				err = fmt.Errorf("got %+v", got)
			}
			one.done <- err
		}()
		eventually(t, "the request is sent", func() bool { return c.end(asks.Name) > asked })
		return one
	}
	respond := func(one call, partitions int) {
		t.Helper()
		manual, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer manual.Close()
		if err := manual.ProduceSync(deadline(t), &kgo.Record{
			Topic: prices.Name, Partition: partitionOf(one.id, partitions), Key: []byte(one.id),
			Value: replyJSON(one.id, "Price", fmt.Sprintf(`{"order_id":%q}`, one.id)),
		}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	// An id for each old partition and each new one that it may fall into.
	ids := func() []string {
		var all []string
		for places := map[[2]int32]bool{}; len(places) < before*after; {
			id := uuid.NewString()
			if place := [2]int32{partitionOf(id, before), partitionOf(id, after)}; !places[place] {
				places[place] = true
				all = append(all, id)
			}
		}
		return all
	}
	var underWay []call
	for _, id := range ids() {
		underWay = append(underWay, begin(id))
	}
	c.addPartitions(t, prices.Name, after)
	for i, one := range underWay {
		respond(one, []int{before, after}[i%2])
	}
	for _, one := range underWay {
		if err := <-one.done; err != nil {
			t.Errorf("%s, from partition %d to %d: %v", one.id, partitionOf(one.id, before), partitionOf(one.id, after), err)
		}
	}
	for i, id := range ids() {
		later := begin(id)
		respond(later, []int{before, after}[i%2])
		if err := <-later.done; err != nil {
			t.Errorf("later, %s: %v", id, err)
		}
	}
}

// TestOtherResponsesAreReadWhole has responses of a type with another key, and statuses, come to any partition.
func TestOtherResponsesAreReadWhole(t *testing.T) {
	t.Parallel()
	c := startWidePriceCluster(t, 5)
	caller := newCaller(t, c, trestle.WithReplyPartition())
	if _, err := callAnsweredAt(t, c, caller, &priceInfo, partitionOf(conversationID, 5)); err != nil {
		t.Error(err)
	}
	unkeyed := priceInfo
	unkeyed.KeyedByCorrelation = false
	for partition := range int32(5) {
		if _, err := callAnsweredAt(t, c, caller, &unkeyed, partition); err != nil {
			t.Errorf("in partition %d: %v", partition, err)
		}
	}
}

// callAnsweredAt calls under conversationID, and answers in a partition.
func callAnsweredAt(t *testing.T, c *cluster, caller *trestle.Caller, reply *trestle.EventInfo, partition int32) (trestle.Event, error) {
	t.Helper()
	asked := c.end(asks.Name)
	go func() {
		eventually(t, "the request is sent", func() bool { return c.end(asks.Name) > asked })
		manual, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Error(err)
			return
		}
		defer manual.Close()
		if err := manual.ProduceSync(deadline(t), &kgo.Record{
			Topic: prices.Name, Partition: partition, Value: replyJSON(conversationID, "Price", `{"order_id":"a"}`),
		}).FirstErr(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(deadline(t), 30*time.Second)
	defer cancel()
	return caller.CallInfo(ctx, reply, ask("a"), trestle.WithCorrelationID(conversationID))
}

// TestReplyIsAwaitedInItsPartition has responses come before and after their caller is back.
func TestReplyIsAwaitedInItsPartition(t *testing.T) {
	t.Parallel()
	c := startWidePriceCluster(t, 9)
	since := time.Now()
	early, late := abandon(t, c, "web-1", "early"), abandon(t, c, "web-1", "late")
	release := make(chan struct{})
	answer(t, c, newPublisher(t, c.brokers), func(ctx context.Context, a *askPrice) (*price, error) {
		if a.OrderID == "late" {
			<-release
		}
		return echo(ctx, a)
	})
	eventually(t, "one request is answered", func() bool { return c.end(prices.Name) == 1 })
	again := newCaller(t, c, trestle.WithCallerName("web-1"), trestle.WithReplyPartition())
	if got, err := trestle.AwaitReply[*price](deadline(t), again, early, since); err != nil || got.OrderID != "early" {
		t.Errorf("the response that came meanwhile: %+v, %v", got, err)
	}
	waited := make(chan error, 1)
	go func() {
		got, err := trestle.AwaitReply[*price](deadline(t), again, late, since)
		if err == nil && got.OrderID != "late" {
			err = fmt.Errorf("got %+v", got)
		}
		waited <- err
	}()
	close(release)
	if err := <-waited; err != nil {
		t.Errorf("the response that came later: %v", err)
	}
}
