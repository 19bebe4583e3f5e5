package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// TestHeldKeysWaitBehindTheirDeadLetters has an event fail, and its key be held through a restart, until a replay that goes well.
// Other keys and other groups go on.
func TestHeldKeysWaitBehindTheirDeadLetters(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	const perOrder = 10
	ids := orderIDs(6)
	book, theirs, outcomes := newKeyBook(t), newKeyBook(t), newOutcomes()
	book.fail("order-1#2", always)
	opts := []trestle.ConsumerOption{heldKeys, trestle.WithObserver(outcomes.add)}
	c.write(t, &kgo.Record{Topic: orders.Name, Value: []byte("not JSON, and has no key")})
	c.writeOrders(t, ids, perOrder)
	first := consume(t, c, book.handle, opts...)
	other, err := trestle.NewConsumer(c.brokers, "shipping", quick(heldKeys)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(other, theirs.handle)
	run(t, other)
	c.awaitCommitted(t, testGroup)
	c.awaitCommitted(t, "shipping")
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 52, trestle.DeadLettered: 2, trestle.Held: 7})
	first.stop()
	second := consume(t, c, book.handle, opts...)
	c.writeOrder(t, "order-1", 10, 11)
	c.writeOrder(t, "order-2", 10, 11)
	c.awaitCommitted(t, testGroup)
	c.awaitCommitted(t, "shipping")
	book.want("order-1", 0, 1)
	c.wantLetters(t, 12, 9) // of the two letters without a key one is of the other group
	for _, letter := range c.deadLetters(t) {
		if letter.HeldBehind != "" && (letter.Error.Type != "HeldKey" || !strings.HasPrefix(letter.HeldBehind, orders.DeadLetter+"/0/") || letter.RetryCount != 0) {
			t.Errorf("%+v", letter)
		}
	}

	book.fail("order-1#2", 0)
	plan, err := c.letters(t, replay.Filter{Keys: []string{"order-1"}}).Plan(deadline(t), replay.ReplayOptions{})
	if err != nil || plan.Selected != 10 || plan.Followers.Selected != 9 || plan.Skipped != 0 {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if counts := c.replayFailed(t); counts.Done != 12 || counts.Followers.Done != 9 {
		t.Errorf("replayed %+v", counts)
	}
	eventually(t, "the key goes on", func() bool { return book.count("order-1") == 12 })
	c.writeOrder(t, "order-1", 12)
	eventually(t, "new events are handled", func() bool { return book.count("order-1") == 13 })
	second.stop()
	book.want("order-1", upTo(13)...)
	book.want("order-2", upTo(12)...)
	for _, id := range ids {
		theirs.want(id, upTo(map[string]int{"order-1": 13, "order-2": 12}[id]+map[bool]int{true: perOrder}[id != "order-1" && id != "order-2"])...)
	}
	if n := book.called("order-1#2"); n != 2 {
		t.Errorf("the event that failed was handled %d times", n)
	}
}

// TestHeldKeysFailAgain has a replay fail, which holds its followers again, while new events come.
func TestHeldKeysFailAgain(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	book := newKeyBook(t)
	book.fail("a#1", 3)
	book.fail("a#3", 2)
	c.writeOrder(t, "a", upTo(5)...)
	r := consume(t, c, book.handle, heldKeys)
	c.awaitCommitted(t, testGroup)
	c.wantLetters(t, 4, 3)
	next := int64(5)
	for round, want := range []struct{ unresolved, followers int }{{5, 4}, {6, 5}, {5, 4}, {6, 5}, {0, 0}} {
		if counts := c.replayFailed(t); counts.Skipped != 0 {
			t.Errorf("replayed %+v", counts)
		}
		c.writeOrder(t, "a", next)
		next++
		c.awaitCommitted(t, testGroup)
		c.wantLetters(t, want.unresolved, want.followers)
		if round == 1 { // a new member knows as much
			r.stop()
			r = consume(t, c, book.handle, heldKeys)
		}
	}
	r.stop()
	book.want("a", upTo(int(next))...)
	if book.called("a#1") != 4 || book.called("a#3") != 3 || book.called("a#4") != 1 {
		t.Errorf("calls %v", book.calls)
	}
}

// TestPurgedLettersLetTheirKeysGoOn purges the letter that holds a key: its followers come first, and then the key goes on
// without it.
func TestPurgedLettersLetTheirKeysGoOn(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	book := newKeyBook(t)
	book.fail("a#1", always)
	book.fail("b#0", always)
	c.writeOrder(t, "a", upTo(5)...)
	c.writeOrder(t, "b", 0)
	r := consume(t, c, book.handle, heldKeys)
	c.awaitCommitted(t, testGroup)
	purged := c.letters(t, replay.Filter{Positions: c.failed(t, replay.Filter{})})
	want := replay.Counts{Selected: 2, Followers: replay.Followers{WithoutPurged: 3}}
	plan, err := purged.PlanPurge(deadline(t))
	if diff := cmp.Diff(want, plan); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	want.Done = 2
	counts, err := purged.Purge(deadline(t), nil)
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	eventually(t, "the key without followers goes on", func() bool {
		c.writeOrder(t, "b", 1)
		c.awaitCommitted(t, testGroup)
		return book.count("b") > 0
	})
	c.writeOrder(t, "a", 5)
	c.awaitCommitted(t, testGroup)
	book.want("a", 0)
	if _, err := c.letters(t, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "followers are handled", func() bool { return book.count("a") == 5 })
	c.writeOrder(t, "a", 6)
	eventually(t, "the key goes on", func() bool { return book.count("a") == 6 })
	r.stop()
	book.want("a", 0, 2, 3, 4, 5, 6)
	c.wantLetters(t, 0, 0)
}

// TestHeldKeysThroughRebalances has members come and go, and letters be replayed again and again, while new events come of keys
// of which some events fail several times: in the end all are handled, each once, and in order by key.
func TestHeldKeysThroughRebalances(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	const keys, perKey = 12, 24
	ids := orderIDs(keys)
	book := newKeyBook(t)
	for i, id := range ids {
		for n := range perKey {
			if (n*7+i)%13 == 0 {
				book.failures[fmt.Sprintf("%s#%d", id, n)] = 1 + n%2
			}
		}
	}
	outcomes := newOutcomes()
	opts := []trestle.ConsumerOption{
		heldKeys, trestle.WithoutBreaker(), trestle.WithObserver(outcomes.add),
		trestle.WithSessionTimeout(30 * time.Second), // none is lost, whose events would be handled again
	}
	var others sync.WaitGroup
	var written atomic.Bool // then nothing more need come to be held
	others.Go(func() {
		for n := range perKey {
			for _, id := range ids {
				c.writeOrder(t, id, int64(n))
			}
			time.Sleep(time.Millisecond)
		}
		written.Store(true)
	})
	members := []*running{consume(t, c, book.handle, opts...), consume(t, c, book.handle, opts...)}
	for range 3 {
		before := outcomes.count(trestle.Held)
		eventually(t, "keys are held", func() bool { return outcomes.count(trestle.Held) > before || written.Load() })
		c.replayFailed(t)
		members = append(members, consume(t, c, book.handle, opts...))
		members[0].stop()
		members = members[1:]
	}
	others.Wait()
	eventually(t, "all is handled", func() bool {
		c.awaitCommitted(t, testGroup)
		if _, err := c.letters(t, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{}); err != nil {
			t.Fatal(err)
		}
		all := 0
		for _, id := range ids {
			all += book.count(id)
		}
		return all >= keys*perKey
	})
	for _, m := range members {
		m.stop()
	}
	for _, id := range ids {
		book.want(id, upTo(perKey)...)
	}
	c.wantLetters(t, 0, 0)
	t.Logf("outcomes %v", outcomes.n)
}

// TestLettersThatWereWrittenAreNotWrittenAgain has a process die after it has written a letter and followers, and before it
// commits.
func TestLettersThatWereWrittenAreNotWrittenAgain(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	book := newKeyBook(t)
	book.fail("a#1", 1)
	c.writeOrder(t, "a", upTo(5)...)
	var dies atomic.Bool
	dies.Store(true)
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, errors.New("the process has died"), dies.Load()
	})
	first := consume(t, c, book.handle, heldKeys, trestle.WithDrainTimeout(100*time.Millisecond))
	eventually(t, "letters", func() bool { return c.end(orders.DeadLetter) == 4 })
	if err := first.end(); err == nil {
		t.Error("it has committed")
	}
	dies.Store(false)
	outcomes := newOutcomes()
	second := consume(t, c, book.handle, heldKeys, trestle.WithObserver(outcomes.add))
	c.awaitCommitted(t, testGroup)
	c.wantLetters(t, 4, 3)
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 1, trestle.DeadLettered: 1, trestle.Held: 3})
	c.replayFailed(t)
	eventually(t, "all is handled", func() bool { return book.count("a") == 6 })
	second.stop()
	book.want("a", 0, 0, 1, 2, 3, 4)
}

// TestHeldKeysThatCannotBeRead has the dead-letter topic not exist, and not be readable: partitions wait, and say so.
func TestHeldKeysThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	if _, err := c.admin().DeleteTopic(deadline(t), orders.DeadLetter); err != nil {
		t.Fatal(err)
	}
	book := newKeyBook(t)
	c.writeOrder(t, "a", 0)
	r := consume(t, c, book.handle, heldKeys)
	says := func(code trestle.HealthCode, text string) bool {
		return slices.ContainsFunc(r.Health().Reasons, func(reason trestle.HealthReason) bool {
			return reason.Code == code && strings.Contains(reason.Text, text)
		})
	}
	eventually(t, "it says what is missing", func() bool { return says(trestle.HeldKeysUnknown, "run trestle topics apply?") })
	if book.count("a") != 0 {
		t.Error("an event was handled")
	}
	c.createTopic(t, orders.DeadLetter, 2)
	eventually(t, "it starts", func() bool { return book.count("a") == 1 })
	if !r.Health().Ready {
		t.Errorf("%+v", r.Health())
	}
	r.stop()

	c.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := req.(*kmsg.ListOffsetsRequest)
		if len(asked.Topics) != 1 || asked.Topics[0].Topic != orders.DeadLetter {
			return nil, nil, false
		}
		answer := asked.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = orders.DeadLetter
		for _, p := range asked.Topics[0].Partitions {
			one := kmsg.NewListOffsetsResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
			topic.Partitions = append(topic.Partitions, one)
		}
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	c.writeOrder(t, "a", 1)
	r = consume(t, c, book.handle, heldKeys)
	eventually(t, "it says what it may not do", func() bool { return says(trestle.HeldKeysUnknown, "ACL") })
	r.stop()
	book.want("a", 0)
}

// TestHeldKeysWithoutResolutions has nothing be resolved yet, since that topic does not exist.
func TestHeldKeysWithoutResolutions(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	book := newKeyBook(t)
	book.fail("a#0", always)
	c.writeOrder(t, "a", 0, 1)
	r := consume(t, c, book.handle, heldKeys)
	c.awaitCommitted(t, testGroup)
	r.stop()
	if c.end(orders.DeadLetter) != 2 {
		t.Errorf("%d letters", c.end(orders.DeadLetter))
	}
}

// TestBatchesOfHeldKeys has single events of batches fail, of which the handler had what follows in hand.
func TestBatchesOfHeldKeys(t *testing.T) {
	t.Parallel()
	c := startHeld(t)
	const perOrder = 12
	ids := orderIDs(5)
	c.writeOrders(t, ids, perOrder)
	var mu sync.Mutex
	mended, outcomes := false, newOutcomes()
	last := map[string]int64{} // offset that was done, by key
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(heldKeys, trestle.WithRetries(1), trestle.WithoutBreaker(), trestle.WithObserver(func(o trestle.Outcome) {
		outcomes.add(o)
		if o.Result == trestle.Handled {
			mu.Lock()
			defer mu.Unlock()
			if before, some := last[string(o.Delivery.Key)]; some && o.Delivery.Offset <= before {
				t.Errorf("%s: offset %d was done after %d", o.Delivery.Key, o.Delivery.Offset, before)
			}
			last[string(o.Delivery.Key)] = o.Delivery.Offset
		}
	}))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleBatch(consumer, func(_ context.Context, items []trestle.Item[orderPlaced]) error {
		mu.Lock()
		defer mu.Unlock()
		var failed trestle.BatchError
		for i, item := range items {
			if item.Event.N == 4 && !mended {
				failed.Add(i, errTransient)
			}
		}
		return failed.Err()
	}, trestle.WithMaxBatchSize(20))
	r := run(t, consumer)
	c.awaitCommitted(t, testGroup)
	c.wantLetters(t, len(ids)*(perOrder-4), len(ids)*(perOrder-5))
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 4 * len(ids), trestle.DeadLettered: len(ids), trestle.Held: len(ids) * (perOrder - 5)})
	mu.Lock()
	mended = true
	mu.Unlock()
	c.replayFailed(t)
	eventually(t, "all is handled", func() bool { return outcomes.count(trestle.Handled) == len(ids)*perOrder })
	r.stop()
	c.wantLetters(t, 0, 0)
}

// TestHeldKeysThatNobodyReads are an error.
func TestHeldKeysThatNobodyReads(t *testing.T) {
	t.Parallel()
	consumer, err := trestle.NewConsumer([]string{"127.0.0.1:1"}, testGroup, trestle.WithHeldKeys("refunds"))
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, ok)
	if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "WithHeldKeys: no handler reads topic refunds") {
		t.Errorf("Run: %v", err)
	}
}

// TestHeldKeysOnEitherCluster has a key be held, replayed in vain and in the end replayed well, while events come, through a
// restart.
func TestHeldKeysOnEitherCluster(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			resolutions := c.topic.Name + "_resolutions"
			c.createTopic(t, resolutions, 1)
			names := trestle.WithNames(trestle.Names{Topics: map[string]string{replay.ResolutionsTopic: resolutions}})
			r, err := replay.New(kafka.Connection{Brokers: c.brokers}, replay.Options{Resolutions: resolutions})
			if err != nil {
				t.Fatal(err)
			}
			replayAll := func(failed, followers int) {
				t.Helper()
				s, err := r.Select(deadline(t), replay.Filter{Topics: []string{c.topic.DeadLetter}})
				if err != nil {
					t.Fatal(err)
				}
				counts, err := s.Replay(deadline(t), replay.ReplayOptions{})
				if err != nil || counts.Done != failed+followers || counts.Followers.Done != followers {
					t.Errorf("%+v, %v", counts, err)
				}
			}
			book := newKeyBook(t)
			book.fail("order-1#3", 2)
			member := func() *running {
				consumer, err := trestle.NewConsumer(c.brokers, c.group, trestle.WithLogger(quiet), heldKeysOf(c.topic), names, trestle.WithHeartbeatInterval(100*time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				trestle.HandleInfo(consumer, c.info, asEvent(book.handle))
				return run(t, consumer)
			}
			ids := orderIDs(5)
			written := &rounds{topic: c, ids: ids}
			written.more(t, 10)
			first, second := member(), member()
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 })
			first.stop()
			written.more(t, 5)
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 })
			replayAll(1, 11)
			eventually(t, "the replays are done", func() bool { return c.lag(t) == 0 })
			book.want("order-1", 0, 1, 2)
			second.stop()
			third := member()
			written.more(t, 2)
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 })
			replayAll(1, 13)
			eventually(t, "the key goes on", func() bool { return book.count("order-1") == written.perOrder })
			written.more(t, 1)
			eventually(t, "all are done", func() bool { return c.lag(t) == 0 })
			third.stop()
			for _, id := range ids {
				book.want(id, upTo(written.perOrder)...)
			}
		})
	}
}
