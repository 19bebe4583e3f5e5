package replay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// TestReplaySendsWhatWasThere compares what is sent with the originals, byte for byte, and where it goes with what publishers write.
func TestReplaySendsWhatWasThere(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	originals := []*kafka.Record{
		{Key: []byte("a"), Value: []byte(`{"n": 9007199254740993, "f": 1.0}`)},
		{Key: []byte{0xff, 0}, Value: []byte("not JSON \xff")},
		{Value: []byte(`{"no":"key"}`)},
		{Key: []byte("deleted")},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("headers"), Value: []byte{0, 0, 0, 0, 7, 0, 10, 1}, Headers: []kafka.Header{
			{Key: "twice", Value: []byte("1")}, {Key: "twice", Value: []byte("2")}, {Key: "null"}, {Key: "empty", Value: []byte{}}, {Key: "binary", Value: []byte{0xfe}},
			{Key: wire.HeaderAttempt, Value: []byte("2")}, {Key: wire.HeaderReplayGroup, Value: []byte("older")}, {Key: wire.HeaderReplaySource, Value: []byte("older/0/1")},
			{Key: wire.HeaderReplayOrigin, Value: []byte("/2/5")},
		}},
	}
	for i, o := range originals {
		c.write(t, letterRecord(letter(i, func(d *deadletter.DeadLetter) {
			d.Original.Key, d.Original.Value, d.Original.Headers = o.Key, o.Value, append([]kafka.Header{{Key: "event-id", Value: fmt.Appendf(nil, "id-%d", i)}}, o.Headers...)
			if o.Headers != nil {
				d.Attempt = 2
			}
		})))
	}
	if counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); counts.Done != len(originals) || counts.Skipped != 0 {
		t.Fatalf("%+v", counts)
	}
	sent := c.read(t, source)
	for i, o := range originals {
		at := slices.IndexFunc(sent, func(r *kafka.Record) bool { return r.Header("event-id") == fmt.Sprintf("id-%d", i) })
		if at < 0 {
			t.Errorf("%d was not sent", i)
			continue
		}
		got := sent[at]
		if diff := cmp.Diff(o.Key, got.Key); diff != "" {
			t.Errorf("key of %d: %s", i, diff)
		}
		if diff := cmp.Diff(o.Value, got.Value); diff != "" {
			t.Errorf("value of %d: %s", i, diff)
		}
		attempt := "1"
		kept := o.Headers
		if kept != nil {
			attempt, kept = "3", kept[:5]
		}
		headers := append([]kafka.Header{{Key: "event-id", Value: fmt.Appendf(nil, "id-%d", i)}}, kept...)
		headers = append(headers, kafka.Header{Key: wire.HeaderAttempt, Value: []byte(attempt)}, kafka.Header{Key: wire.HeaderReplayGroup, Value: []byte(group)},
			kafka.Header{Key: wire.HeaderReplayOrigin, Value: fmt.Appendf(nil, "/%d/%d", i%3, i)})
		last := got.Headers[len(got.Headers)-1]
		if diff := cmp.Diff(headers, got.Headers[:len(got.Headers)-1]); diff != "" {
			t.Errorf("headers of %d: %s", i, diff)
		}
		if p, err := replay.ParsePosition(string(last.Value)); last.Key != wire.HeaderReplaySource || err != nil || p.Topic != letters {
			t.Errorf("last header of %d: %s: %s", i, last.Key, last.Value)
		}
		if o.Key != nil {
			if published := c.write(t, &kgo.Record{Topic: source, Key: o.Key}); published[0].Partition != got.Partition {
				t.Errorf("%d went to partition %d, its key goes to %d", i, got.Partition, published[0].Partition)
			}
		}
	}
	if again := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); again.Selected != 0 {
		t.Errorf("there are letters still: %+v", again)
	}
	if s := c.stats(t); s.Unresolved != 0 || s.Topics[0].Replayed != len(originals) || s.Topics[0].Total != len(originals) {
		t.Errorf("%+v", s)
	}
}

// lossy dies after it has written so many requests: nothing it sends arrives, and nothing arrives at it.
type lossy struct {
	left atomic.Int64
	died context.CancelFunc
	mu   sync.Mutex
	all  []net.Conn
}

type lossyConn struct {
	net.Conn
	l *lossy
}

var errDead = errors.New("the process is dead")

func (l *lossy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.left.Load() <= 0 {
		return nil, errDead
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, conn)
	return &lossyConn{conn, l}, nil
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.l.left.Load() <= 0 {
		return 0, errDead
	}
	return n, err
}

func (c *lossyConn) Write(b []byte) (int, error) {
	left := c.l.left.Add(-1)
	if left < 0 {
		return 0, errDead
	}
	n, err := c.Conn.Write(b) // the last one arrives, its answer does not
	if left == 0 {
		c.l.died()
	}
	return n, err
}

// TestKilledAtEveryStep has an operator die after each of its requests, and another replay the rest.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	const n, most = 6, 400
	finished := false
	died := 0
	for after := int64(1); !finished && after < most; after++ {
		c := embedded(t)
		c.writeLetters(t, n)
		ctx, cancel := context.WithCancel(deadline(t))
		l := &lossy{died: cancel}
		l.left.Store(after)
		conn := c.conn
		conn.Options = []kgo.Opt{kgo.Dialer(l.dial)}
		first, err := replay.New(conn, replay.Options{Timeout: 300 * time.Millisecond, By: "the first"})
		if err != nil {
			t.Fatal(err)
		}
		first.PerTransaction(2)
		result := make(chan error, 1)
		go func() {
			s, err := first.Select(ctx, replay.Filter{Topics: []string{letters}})
			if err == nil {
				_, err = s.Replay(ctx, replay.ReplayOptions{})
			}
			result <- err
		}()
		select {
		case err := <-result:
			finished = err == nil && ctx.Err() == nil
			result <- err
		case <-ctx.Done():
			died++
		}
		second := c.replayer(t, replay.Options{By: "the second"})
		for {
			_, err := selected(t, second, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{})
			if _, late := errors.AsType[*replay.FencedError](err); late {
				continue // the last request of the dead one came after the second had begun
			}
			if err != nil {
				t.Fatalf("after %d requests of the first: %v", after, err)
			}
			break
		}
		c.wantOnce(t, n)
		if s := c.stats(t); s.Topics[0].Replayed != n || s.Unresolved != 0 {
			t.Errorf("after %d requests of the first: %+v", after, s.Topics[0])
		}
		<-result
		cancel()
		if t.Failed() {
			t.Fatalf("the first died after %d requests", after)
		}
	}
	t.Logf("it died %d times", died)
	if !finished || died < 20 {
		t.Errorf("an operator that dies after %d requests has not finished; it died %d times before", most, died)
	}
}

// TestTwoOperators has both replay all letters at once, again and again until there are none.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	const n = 400
	c := embedded(t)
	c.writeLetters(t, n)
	var fenced atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		r := c.replayer(t, replay.Options{})
		r.PerTransaction(10)
		wg.Go(func() {
			for {
				s, err := r.Select(deadline(t), replay.Filter{Topics: []string{letters}})
				if err != nil {
					t.Error(err)
					return
				}
				_, err = s.Replay(deadline(t), replay.ReplayOptions{})
				if err == nil {
					return
				}
				if _, ok := errors.AsType[*replay.FencedError](err); !ok {
					t.Errorf("%T: %v", errors.Unwrap(err), err)
					return
				}
				fenced.Add(1)
			}
		})
	}
	wg.Wait()
	c.wantOnce(t, n)
	t.Logf("fenced %d times", fenced.Load())
}

// TestFencedOperator has a second operator begin between two transactions of the first, which ends with an error that says so.
func TestFencedOperator(t *testing.T) {
	t.Parallel()
	const n = 6
	c := embedded(t)
	c.writeLetters(t, n)
	first := c.replayer(t, replay.Options{})
	first.PerTransaction(2)
	begun := false
	counts, err := selected(t, first, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{Progress: func(replay.Counts) {
		if !begun {
			begun = true
			if second := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); second.Selected != n-2 || second.Done != n-2 {
				t.Errorf("the second: %+v", second)
			}
		}
	}})
	f, ok := errors.AsType[*replay.FencedError](err)
	if !ok || f.Topic != letters || counts.Done != 2 || !strings.Contains(err.Error(), "another replay or purge") {
		t.Errorf("%+v, %v", counts, err)
	}
	c.wantOnce(t, n)
}

// TestOperatorsThatMeet has a second operator do all while the first reads: the first finds nothing left to do, and the second is done.
func TestOperatorsThatMeet(t *testing.T) {
	t.Parallel()
	const n = 6
	c := embedded(t)
	c.writeLetters(t, n)
	var second replay.Counts
	met := false
	counts, err := selected(t, c.replayer(t, replay.Options{}), replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{Valid: func(string, *kafka.Record) error {
		if !met {
			met = true
			second = c.replayAll(t, replay.Filter{}, replay.ReplayOptions{})
		}
		return nil
	}})
	if err != nil || counts.Done != 0 || counts.Reasons[replay.Elsewhere] != n || counts.Skipped != n || second.Done != n {
		t.Errorf("the first: %+v, %v; the second: %+v", counts, err, second)
	}
	c.wantOnce(t, n)
}

// TestNothingToReplayEndsNobody has others look for letters between two transactions of an operator, and find none of theirs.
func TestNothingToReplayEndsNobody(t *testing.T) {
	t.Parallel()
	const n = 6
	c := embedded(t)
	c.writeLetters(t, n)
	first := c.replayer(t, replay.Options{})
	first.PerTransaction(2)
	counts, err := selected(t, first, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{Progress: func(replay.Counts) {
		if other := c.replayAll(t, replay.Filter{Keys: []string{"nobody's"}}, replay.ReplayOptions{}); other.Selected != 0 {
			t.Errorf("another: %+v", other)
		}
	}})
	if err != nil || counts.Done != n {
		t.Errorf("%+v, %v", counts, err)
	}
	c.wantOnce(t, n)
}

// TestTransactionThatIsNotTaken has a broker refuse a write once in the middle of a transaction, which is aborted and tried again.
func TestTransactionThatIsNotTaken(t *testing.T) {
	t.Parallel()
	const n = 12
	for _, topic := range []string{source, replay.ResolutionsTopic} {
		for _, answer := range []*kerr.Error{kerr.OutOfOrderSequenceNumber, kerr.InvalidRecord} {
			c, embedded := embeddedCluster(t)
			c.writeLetters(t, n)
			embedded.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: answer, Count: 1})
			r := c.replayer(t, replay.Options{})
			r.PerTransaction(5)
			if counts, err := selected(t, r, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{}); err != nil || counts.Done != n {
				t.Errorf("%s, %v: %+v, %v", topic, answer, counts, err)
			}
			c.wantOnce(t, n)
		}
	}
}

// TestSelectionThatGrows has every event that is replayed fail again at once.
func TestSelectionThatGrows(t *testing.T) {
	t.Parallel()
	const n = 40
	c := embedded(t)
	c.writeLetters(t, n)
	again := 0
	r := c.replayer(t, replay.Options{})
	r.PerTransaction(5)
	counts, err := selected(t, r, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{Progress: func(done replay.Counts) {
		for ; again < done.Done; again++ {
			c.write(t, letterRecord(letter(again, func(d *deadletter.DeadLetter) { d.Attempt = 1 })))
		}
	}})
	if err != nil || counts.Done != n || counts.Selected != n {
		t.Errorf("%+v, %v", counts, err)
	}
	c.wantOnce(t, n)
	if s := c.stats(t); s.Unresolved != n || s.Topics[0].Replayed != n || s.Topics[0].Total != 2*n {
		t.Errorf("%+v", s)
	}
}

// TestOthersTransactionsHideNothing has somebody else's transaction on the topic of resolutions stand before a resolution that was
// committed behind it: a replay waits, and does not take the letter for unresolved.
func TestOthersTransactionsHideNothing(t *testing.T) {
	t.Parallel()
	c, k := embeddedCluster(t)
	other, err := c.conn.Client(kgo.TransactionalID("somebody else"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(deadline(t), &kgo.Record{Topic: replay.ResolutionsTopic, Key: []byte("another topic's")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	record := c.write(t, letterRecord(letter(0)))[0]
	topics, err := kadm.NewClient(c.client).ListTopics(deadline(t), letters)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, &kgo.Record{
		Topic: replay.ResolutionsTopic, Value: []byte(`{"version":1,"resolution":"replayed"}`),
		Key: fmt.Appendf(nil, "%s/%s/%d/%d", letters, kafka.TopicIDText(topics[letters].ID), record.Partition, record.Offset),
	})
	asked := make(chan struct{}, 1000)
	k.ControlKey(2, func(kmsg.Request) (kmsg.Response, error, bool) { // ListOffsets
		k.KeepControl()
		select {
		case asked <- struct{}{}:
		default:
		}
		return nil, nil, false
	})
	done := make(chan replay.Counts, 1)
	go func() {
		s, err := c.replayer(t, replay.Options{}).Select(deadline(t), replay.Filter{Topics: []string{letters}})
		var counts replay.Counts
		if err == nil {
			counts, err = s.Replay(deadline(t), replay.ReplayOptions{})
		}
		if err != nil {
			t.Error(err)
		}
		done <- counts
	}()
	for range 12 { // two to select, one for the end, and then again and again
		select {
		case <-asked:
		case counts := <-done:
			t.Fatalf("it did not wait: %+v", counts)
		}
	}
	if err := other.EndTransaction(deadline(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if counts := <-done; counts.Done != 0 || counts.Reasons[replay.Elsewhere] != counts.Selected {
		t.Errorf("%+v", counts)
	}
	if sent := c.read(t, source); len(sent) != 0 {
		t.Errorf("%d records were sent", len(sent))
	}
}

// TestLeftAlone has a letter of every kind that is not replayed, and one that is.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	flat := func(text string) *kgo.Record {
		return &kgo.Record{Topic: letters, Key: []byte("k"), Value: []byte(text)}
	}
	c.write(t,
		letterRecord(letter(0)),
		flat("not JSON"),
		flat(`{"event_type":"A","payload":{},"error":"boom","retry_count":1}`),
		letterRecord(letter(1, func(d *deadletter.DeadLetter) { d.ConsumerGroup = "" })),
		letterRecord(letter(2, func(d *deadletter.DeadLetter) { d.Attempt = replay.MaxAttempts })),
		letterRecord(letter(3, func(d *deadletter.DeadLetter) { d.SourceTopic = "gone" })),
		letterRecord(letter(4, func(d *deadletter.DeadLetter) { d.Original.Value, d.Original.Omitted = nil, 7 })),
		letterRecord(letter(5, func(d *deadletter.DeadLetter) { d.Original.Value = []byte(strings.Repeat("x", 700_000)) })),
	)
	want := map[replay.Reason]int{
		replay.Unreadable: 1, replay.NoSource: 1, replay.NoGroup: 1, replay.AtLimit: 1, replay.SourceGone: 1, replay.OriginalGone: 1,
	}
	s := selected(t, c.replayer(t, replay.Options{}), replay.Filter{})
	plan, err := s.Plan(deadline(t), replay.ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, plan.Reasons); diff != "" || plan.Selected != 8 || plan.Skipped != 6 || plan.Done != 0 {
		t.Errorf("planned: %+v\n%s", plan.Counts, diff)
	}
	if diff := cmp.Diff(map[string]int{group: 2}, plan.Groups); diff != "" {
		t.Error(diff)
	}
	told := map[replay.Reason]int{}
	counts, err := s.Replay(deadline(t), replay.ReplayOptions{LeftAlone: func(l *replay.Letter, why replay.Reason, detail string) {
		told[why]++
		if detail == "" || l.Topic != letters {
			t.Errorf("%+v: %s: nothing is said", l, why)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan.Counts, counts, cmpopts.IgnoreFields(replay.Counts{}, "Done")); diff != "" || counts.Done != 2 {
		t.Errorf("%+v\n%s", counts, diff)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	// A group for those that name none, and a source for those that name none.
	r := c.replayer(t, replay.Options{Sources: map[string]string{letters: source}})
	if counts, err := selected(t, r, replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{Group: "shipping"}); err != nil || counts.Done != 2 {
		t.Errorf("%+v, %v", counts, err)
	}
	for _, record := range c.read(t, source) {
		if got, id := record.Header(wire.HeaderReplayGroup), record.Header("event-id"); (id == "id-0" || id == "id-5") != (got == group) || got == "" {
			t.Errorf("%s is replayed for %q", id, got)
		}
	}
}

// TestForAllGroups sends no group along.
func TestForAllGroups(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	c.writeLetters(t, 2, func(d *deadletter.DeadLetter) { d.ConsumerGroup = "" })
	if counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{AllGroups: true}); counts.Done != 2 {
		t.Errorf("%+v", counts)
	}
	for _, record := range c.read(t, source) {
		if slices.ContainsFunc(record.Headers, func(h kafka.Header) bool { return h.Key == wire.HeaderReplayGroup }) {
			t.Errorf("headers: %v", record.Headers)
		}
	}
	if _, err := selected(t, c.replayer(t, replay.Options{}), replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{AllGroups: true, Group: "a"}); err == nil {
		t.Error("for one group and for all is taken")
	}
}

// TestFilters has each of them leave one letter.
func TestFilters(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	var records []*kgo.Record
	for n, change := range []func(*deadletter.DeadLetter){
		func(*deadletter.DeadLetter) {},
		func(d *deadletter.DeadLetter) { d.Error.Message = "warehouse is away" },
		func(d *deadletter.DeadLetter) { d.ConsumerGroup = "shipping" },
		func(d *deadletter.DeadLetter) { d.Original.Key = []byte("a key") },
		func(d *deadletter.DeadLetter) { d.Attempt = 3 },
		func(d *deadletter.DeadLetter) { d.Original.Headers[1].Value = []byte("OrderCancelled") },
	} {
		r := letterRecord(letter(n, change))
		r.Timestamp = start.Add(time.Duration(n) * time.Minute)
		records = append(records, r)
	}
	c.write(t, records...)
	r := c.replayer(t, replay.Options{})
	var causes []string
	for l, err := range selected(t, r, replay.Filter{}).Letters(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Cause.Message == "warehouse is away" {
			causes = append(causes, l.Cause.ID)
		}
	}
	at := records[0]
	for name, f := range map[string]struct {
		filter replay.Filter
		want   string
	}{
		"position":   {replay.Filter{Positions: []replay.Position{{Topic: letters, Partition: at.Partition, Offset: at.Offset}}}, "id-0"},
		"cause":      {replay.Filter{Causes: causes}, "id-1"},
		"group":      {replay.Filter{Groups: []string{"shipping"}}, "id-2"},
		"key":        {replay.Filter{Keys: []string{"a key"}}, "id-3"},
		"attempt":    {replay.Filter{Attempts: []int{3}}, "id-4"},
		"event type": {replay.Filter{EventTypes: []string{"OrderCancelled"}}, "id-5"},
		"since":      {replay.Filter{Since: start.Add(5 * time.Minute)}, "id-5"},
		"until":      {replay.Filter{Until: start.Add(time.Minute)}, "id-0"},
	} {
		var got []string
		for l, err := range selected(t, r, f.filter).Letters(deadline(t)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l.Dead.EventID())
		}
		if diff := cmp.Diff([]string{f.want}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := r.Select(deadline(t), replay.Filter{}); err == nil {
		t.Error("no topic is taken")
	}
}

// What is replayed is compressed as publishers do it: other readers of the topic may know no other codec.
func TestReplayCompression(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	c.writeLetters(t, 30, oneKey)
	c.replayAll(t, replay.Filter{}, replay.ReplayOptions{})
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.conn.Brokers...), kgo.ConsumeTopics(source, replay.ResolutionsTopic))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for n := 0; n < 60; {
		fetches := reader.PollFetches(deadline(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if n++; r.Attrs.CompressionType() > 1 {
				t.Errorf("%s/%d/%d: codec %d", r.Topic, r.Partition, r.Offset, r.Attrs.CompressionType())
			}
		})
	}
}
