package trestle_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

const (
	retrySoon  = "orders_retry_soon"
	retryLater = "orders_retry_later"
)

// retryOpts has orders be tried again twice soon, and once later.
func retryOpts(soon, later time.Duration) trestle.ConsumerOption {
	return trestle.WithRetryTopics(orders.Name,
		trestle.RetryTopic{Name: retrySoon, Delay: soon, Attempts: 2}, trestle.RetryTopic{Name: retryLater, Delay: later})
}

func startWithRetries(t *testing.T) *cluster {
	t.Helper()
	c := startCluster(t)
	c.createTopic(t, retrySoon, testPartitions)
	c.createTopic(t, retryLater, 1)
	return c
}

// retryCalls are the calls of a handler for one event.
type retryCalls struct {
	at       []time.Time
	attempts []int
}

// TestEventsWaitInRetryTopics has an event fail for good and another for some time, and kills the consumer's work by a new consumer in
// between: attempts are counted on, each waits for as long as its topic says, and what handlers get is the original.
func TestEventsWaitInRetryTopics(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	const soon, later = 300 * time.Millisecond, 900 * time.Millisecond
	at := time.UnixMilli(time.Now().UnixMilli()).Add(-time.Hour)
	for n, id := range []string{"doomed", "slow", "fine", "fine", "slow"} {
		r := orderRecord(id, n)
		r.Timestamp = at
		r.Headers = []kgo.RecordHeader{{Key: "tenant", Value: []byte("t1")}, {Key: wire.HeaderRetryGroup, Value: []byte("forged")}}
		c.write(t, r)
	}
	places := map[string]bool{}
	for _, r := range c.read(t, orders.Name) {
		places[fmt.Sprintf("%s %d/%d", r.Key, r.Partition, r.Offset)] = true
	}
	var mu sync.Mutex
	calls := map[string]*retryCalls{}
	results := map[trestle.Result]int{}
	handle := func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		name := eventName(e)
		if calls[name] == nil {
			calls[name] = &retryCalls{}
		}
		calls[name].at = append(calls[name].at, time.Now())
		calls[name].attempts = append(calls[name].attempts, d.Attempt)
		place := fmt.Sprintf("%s %d/%d", d.Key, d.Partition, d.Offset)
		if !places[place] || d.Topic != orders.Name || !d.Timestamp.Equal(at) || len(d.Headers) == 0 || d.Headers[0].Key != "tenant" {
			t.Errorf("%s: %+v", name, d)
		}
		if d.Attempt > 2 && len(d.Headers) != 1 {
			t.Errorf("%s: headers %v", name, d.Headers)
		}
		if e.OrderID == "doomed" || name == "slow#1" && len(calls[name].at) < 4 {
			return errTransient
		}
		return nil
	}
	opts := []trestle.ConsumerOption{
		trestle.WithRetries(1), trestle.WithoutBreaker(), retryOpts(soon, later),
		trestle.WithObserver(func(o trestle.Outcome) {
			mu.Lock()
			defer mu.Unlock()
			results[o.Result]++
		}),
	}
	first := consume(t, c, handle, opts...)
	eventually(t, "two events wait", func() bool { return c.end(retrySoon) == 2 && c.committed(testGroup) == 5 })
	first.stop()
	second := consume(t, c, handle, opts...)
	eventually(t, "the dead letter", func() bool { return c.end(orders.DeadLetter) == 1 })
	eventually(t, "all retries committed", func() bool {
		return c.committedOn(testGroup, retrySoon) == c.end(retrySoon) && c.committedOn(testGroup, retryLater) == c.end(retryLater)
	})
	second.stop()
	if soons, laters := c.end(retrySoon), c.end(retryLater); soons != 3 || laters != 1 {
		t.Errorf("%d records and %d in the retry topics, want 3 and 1", soons, laters)
	}
	mu.Lock()
	defer mu.Unlock()
	doomed := calls["doomed#0"]
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(doomed.attempts, want) {
		t.Errorf("attempts %v, want %v", doomed.attempts, want)
	}
	for i, least := range map[int]time.Duration{2: soon, 4: soon, 6: later} {
		if took := doomed.at[i].Sub(doomed.at[i-1]); took < least-time.Millisecond {
			t.Errorf("attempt %d came after %v, want %v at least", i+1, took, least)
		}
	}
	if got := calls["slow#1"].attempts; !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("attempts %v of the one that ends well", got)
	}
	if results[trestle.Retried] != 4 || results[trestle.DeadLettered] != 1 || results[trestle.Handled] != 4 {
		t.Errorf("results %v", results)
	}
	letter := c.deadLetters(t)[0]
	if letter.SourceTopic != orders.Name || letter.RetryCount != 7 || letter.MaxRetries != 7 || string(letter.Original.Key) != "doomed" ||
		letter.Original.Header("tenant") != "t1" || letter.Original.TopicID == "" || len(letter.Original.Headers) != 1 {
		t.Errorf("letter %+v", letter)
	}
	if place := fmt.Sprintf("doomed %d/%d", letter.Original.Partition, letter.Original.Offset); !places[place] {
		t.Errorf("letter of %s", place)
	}
}

// TestRetriesAreOfOneGroup has two groups read a topic: what one fails on the other does not see again, nor records that nobody of ours
// wrote.
func TestRetriesAreOfOneGroup(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	c.write(t, &kgo.Record{Topic: retrySoon, Value: []byte("by hand")})
	c.writeOrders(t, orderIDs(6), 2)
	books := map[string]*ledger{}
	var mu sync.Mutex
	failed := map[string]bool{}
	skipped := map[string]int{}
	for _, group := range []string{"billing", "shipping"} {
		book := newLedger(t)
		books[group] = book
		consumer, err := trestle.NewConsumer(c.brokers, group, quick(trestle.WithRetries(0), trestle.WithoutBreaker(),
			retryOpts(10*time.Millisecond, 10*time.Millisecond), trestle.WithObserver(func(o trestle.Outcome) {
				mu.Lock()
				defer mu.Unlock()
				if o.Result == trestle.Skipped {
					skipped[group]++
				}
			}))...)
		if err != nil {
			t.Fatal(err)
		}
		trestle.Handle(consumer, func(ctx context.Context, e *orderPlaced) error {
			mu.Lock()
			defer mu.Unlock()
			if group == "billing" && e.N == 1 && !failed[e.OrderID] {
				failed[e.OrderID] = true
				return errTransient
			}
			book.mu.Lock()
			defer book.mu.Unlock()
			book.handled[eventName(e)]++
			return nil
		})
		run(t, consumer)
	}
	for group, book := range books {
		eventually(t, group+" handles all", func() bool { return book.count() == 12 })
		eventually(t, group+" commits its retries", func() bool { return c.committedOn(group, retrySoon) == 7 })
		if n := book.repeats(); n != 0 {
			t.Errorf("%s handled %d again", group, n)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if skipped["billing"] != 1 || skipped["shipping"] != 7 {
		t.Errorf("passed over: %v", skipped)
	}
	if n := c.end(orders.DeadLetter); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// TestEventsOfLostRetryTopicsGoToTheirDeadLetters has the retry topic not exist.
func TestEventsOfLostRetryTopicsGoToTheirDeadLetters(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, orderIDs(3), 1)
	r := consume(t, c, func(context.Context, *orderPlaced) error { return errTransient },
		trestle.WithRetries(0), trestle.WithoutBreaker(), retryOpts(time.Millisecond, time.Millisecond), trestle.WithKafka(kgo.UnknownTopicRetries(1)))
	eventually(t, "dead letters", func() bool { return c.end(orders.DeadLetter) == 3 })
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
}

// TestNothingIsLostInRetryTopics has events fail often while members come and go.
func TestNothingIsLostInRetryTopics(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	const perOrder = 20
	ids := orderIDs(30)
	c.writeOrders(t, ids, perOrder)
	total := perOrder * len(ids)
	var mu sync.Mutex
	handled, most := map[string]int{}, 0
	handle := func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		most = max(most, d.Attempt)
		if e.N%4 == 1 && d.Attempt < 5 || e.N%4 == 2 {
			return errTransient
		}
		handled[eventName(e)]++
		return nil
	}
	opts := []trestle.ConsumerOption{trestle.WithRetries(1), trestle.WithoutBreaker(), retryOpts(50*time.Millisecond, 100*time.Millisecond)}
	members := []*running{consume(t, c, handle, opts...)}
	for range 4 {
		members = append(members, consume(t, c, handle, opts...))
		before := c.end(retrySoon)
		eventually(t, "some fail", func() bool { return c.end(retrySoon) > before || c.end(orders.DeadLetter) >= int64(total/4) })
		members[0].stop()
		members = members[1:]
	}
	done := func(topic string) bool { return c.committedOn(testGroup, topic) == c.end(topic) }
	eventually(t, "all done", func() bool {
		return c.end(orders.DeadLetter) >= int64(total/4) && done(orders.Name) && done(retrySoon) && done(retryLater)
	})
	for _, m := range members {
		m.stop()
	}
	letters := map[string]bool{}
	for _, letter := range c.deadLetters(t) {
		letters[fmt.Sprintf("%d/%d", letter.Original.Partition, letter.Original.Offset)] = true
	}
	mu.Lock()
	defer mu.Unlock()
	if len(handled) != total*3/4 || len(letters) != total/4 {
		t.Errorf("%d events handled and %d dead-lettered, want %d and %d", len(handled), len(letters), total*3/4, total/4)
	}
	if most != 8 {
		t.Errorf("an event was tried %d times, want 8 at most", most)
	}
	again := 0
	for _, times := range handled {
		again += times - 1
	}
	t.Logf("%d of %d events handled again", again, total)
	if again > total/10 {
		t.Errorf("%d of %d events were handled again", again, total)
	}
}

func TestRetryTopicsThatDoNotFit(t *testing.T) {
	t.Parallel()
	fine := trestle.RetryTopic{Name: retrySoon, Delay: time.Second}
	for _, opt := range []trestle.ConsumerOption{
		trestle.WithRetryTopics("", fine),
		trestle.WithRetryTopics(orders.Name),
		trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Delay: time.Second}),
		trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: retrySoon}),
		trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: retrySoon, Delay: time.Second, Attempts: -1}),
	} {
		if _, err := trestle.NewConsumer([]string{"127.0.0.1:1"}, testGroup, opt); err == nil || !strings.Contains(err.Error(), "WithRetryTopics") {
			t.Errorf("NewConsumer: %v", err)
		}
	}
	for name, opts := range map[string][]trestle.ConsumerOption{
		"no handler":      {trestle.WithRetryTopics("refunds", fine)},
		"given twice":     {trestle.WithRetryTopics(orders.Name, fine), trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: "x", Delay: 1})},
		"the topic":       {trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: orders.Name, Delay: 1})},
		"one twice":       {trestle.WithRetryTopics(orders.Name, fine, fine)},
		"its dead letter": {trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: orders.DeadLetter, Delay: 1})},
	} {
		consumer, err := trestle.NewConsumer([]string{"127.0.0.1:1"}, testGroup, quick(opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		trestle.Handle(consumer, ok)
		if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "WithRetryTopics") {
			t.Errorf("%s: Run: %v", name, err)
		}
	}
}

// TestRetryRecordsOfVersion1 has a consumer take up records as version 1 wrote them, and some that nobody did.
func TestRetryRecordsOfVersion1(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	headers := readHeaders(t, "testdata/retry-headers-v1.txt")
	record := func(order, without, with string) *kgo.Record {
		r := orderRecord(order, 0)
		r.Topic = retrySoon
		for _, h := range headers {
			switch h.Key {
			case without:
				if with != "" {
					r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(with)})
				}
			default:
				r.Headers = append(r.Headers, h)
			}
		}
		return r
	}
	c.write(t, record("whole", "", ""), record("no-id", wire.HeaderRetryTopicID, ""))
	for name, value := range map[string]string{
		wire.HeaderRetryDue: "soon", wire.HeaderRetryRounds: "0", wire.HeaderRetryAttempts: "-1", wire.HeaderRetrySource: "orders/0",
		wire.HeaderRetryTime: "", wire.HeaderRetryGroup: "shipping",
	} {
		c.write(t, record("broken", name, value))
	}
	c.write(t, record("elsewhere", wire.HeaderRetrySource, "refunds/0/17"))
	var mu sync.Mutex
	var got []string
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(e.OrderID, " ", d.Topic, "/", d.Partition, "/", d.Offset, " attempt ", d.Attempt, " at ", d.Timestamp.UnixMilli()))
		return nil
	}, retryOpts(time.Hour, time.Hour), trestle.WithStart(trestle.Latest)) // retry topics are read from their beginning nevertheless
	eventually(t, "all committed", func() bool { return c.committedOn(testGroup, retrySoon) == c.end(retrySoon) })
	r.stop()
	slices.Sort(got)
	want := []string{"no-id orders/2/17 attempt 5 at 1764300000123", "whole orders/2/17 attempt 5 at 1764300000123"}
	if !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}

	// What is written has the same headers.
	c.write(t, orderRecord("fails", 0))
	r = consume(t, c, func(context.Context, *orderPlaced) error { return errTransient },
		trestle.WithRetries(0), trestle.WithoutBreaker(), retryOpts(time.Hour, time.Hour))
	before := c.end(retrySoon)
	eventually(t, "it waits", func() bool { return c.end(retrySoon) > before })
	r.stop()
	all := c.read(t, retrySoon)
	i := slices.IndexFunc(all, func(r *kgo.Record) bool { return string(r.Key) == "fails" })
	written := kafka.FromClient(all[i])
	for _, h := range headers {
		if wire.HeaderBytes(written.Headers, h.Key) == nil {
			t.Errorf("no header %s in %v", h.Key, written.Headers)
		}
	}
	due, err := strconv.ParseInt(wire.HeaderValue(written.Headers, wire.HeaderRetryDue), 10, 64)
	if left := time.Until(time.UnixMilli(due)); err != nil || left < 50*time.Minute || left > time.Hour {
		t.Errorf("due in %v, %v", left, err)
	}
}

// TestBatchesLeaveFailedEventsToRetryTopics has single events of batches fail: each is handled again, alone, when it is due.
func TestBatchesLeaveFailedEventsToRetryTopics(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	const soon, perOrder = 300 * time.Millisecond, 5
	ids := orderIDs(8)
	c.writeOrders(t, ids, perOrder)
	var mu sync.Mutex
	failed, handled := map[string]time.Time{}, map[string]int{}
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithRetries(0), trestle.WithoutBreaker(), retryOpts(soon, soon))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleBatch(consumer, func(_ context.Context, items []trestle.Item[orderPlaced]) error {
		mu.Lock()
		defer mu.Unlock()
		var errs trestle.BatchError
		for i, item := range items {
			name := eventName(item.Event)
			switch at, before := failed[name]; {
			case item.Event.N == 2 && !before:
				failed[name] = time.Now()
				errs.Add(i, errTransient)
				continue
			case before && time.Since(at) < soon-time.Millisecond:
				t.Errorf("%s came again after %v", name, time.Since(at))
			case before && (len(items) > 1 || item.Delivery.Topic != orders.Name || item.Delivery.Attempt != 2):
				t.Errorf("%s came again with %d others, %+v", name, len(items)-1, item.Delivery)
			}
			handled[name]++
		}
		return errs.Err()
	})
	r := run(t, consumer)
	eventually(t, "all committed", func() bool {
		return c.committed(testGroup) == int64(perOrder*len(ids)) && c.committedOn(testGroup, retrySoon) == int64(len(ids))
	})
	r.stop()
	if len(handled) != perOrder*len(ids) {
		t.Errorf("%d events handled", len(handled))
	}
}

// TestRetryTopicsThatSchemasDeclare has events wait in the topic that their own topic's description names, under an environment's names;
// an option overrides it.
func TestRetryTopicsThatSchemasDeclare(t *testing.T) {
	t.Parallel()
	names := trestle.Names{Prefix: "staging."}
	topic, info := *orders, orderPlacedInfo
	topic.Retries = []trestle.RetryTopic{{Name: retrySoon, Delay: 20 * time.Millisecond}}
	info.Topic = &topic
	for name, tt := range map[string]struct {
		opts       []trestle.ConsumerOption
		soon, late int64
	}{
		"declared":   {nil, 1, 0},
		"overridden": {[]trestle.ConsumerOption{trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: retryLater, Delay: time.Millisecond, Attempts: 2})}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			for _, topic := range []string{orders.Name, orders.DeadLetter, retrySoon, retryLater} {
				c.createTopic(t, names.Prefix+topic, 1)
			}
			r := orderRecord("doomed", 0)
			r.Topic = names.Prefix + orders.Name
			c.write(t, r)
			consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(append(tt.opts, trestle.WithNames(names), trestle.WithRetries(0))...)...)
			if err != nil {
				t.Fatal(err)
			}
			trestle.HandleInfo(consumer, &info, func(context.Context, trestle.Event) error { return errTransient })
			running := run(t, consumer)
			eventually(t, "the dead letter", func() bool { return c.end(names.Prefix+orders.DeadLetter) == 1 })
			running.stop()
			if soon, late := c.end(names.Prefix+retrySoon), c.end(names.Prefix+retryLater); soon != tt.soon || late != tt.late {
				t.Errorf("%d records and %d in the retry topics, want %d and %d", soon, late, tt.soon, tt.late)
			}
		})
	}
}
