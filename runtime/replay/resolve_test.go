package replay_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// TestPurge purges some letters in the middle, which are marked and stay, and then those before, with which the beginning goes.
func TestPurge(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	const n = 20
	var records []*kgo.Record
	for i := range n {
		r := letterRecord(letter(i, func(d *deadletter.DeadLetter) {
			d.Original.Key = []byte("one key, one partition")
			if i >= 5 && i < 10 {
				d.Error.Type = "ValidationError"
			}
		}))
		records = append(records, r)
	}
	c.write(t, records...)
	partition := records[0].Partition
	r := c.replayer(t, replay.Options{By: "alice"})
	purge := func(f replay.Filter) replay.Counts {
		t.Helper()
		counts, err := selected(t, r, f).Purge(deadline(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		return counts
	}
	start := func() int64 {
		t.Helper()
		starts, err := kadm.NewClient(c.client).ListStartOffsets(deadline(t), letters)
		if err != nil {
			t.Fatal(err)
		}
		o, _ := starts.Lookup(letters, partition)
		return o.Offset
	}
	var invalid string
	for l, err := range selected(t, r, replay.Filter{}).Letters(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Cause.ErrorType == "ValidationError" {
			invalid = l.Cause.ID
		}
	}
	if counts := purge(replay.Filter{Causes: []string{invalid}}); counts.Done != 5 || start() != 0 {
		t.Errorf("%+v, the topic begins at %d", counts, start())
	}
	stats := c.stats(t)
	want := replay.TopicStats{Topic: letters, Source: source, Total: n, Unresolved: n - 5, Purged: 5}
	if diff := cmp.Diff(want, stats.Topics[0]); diff != "" || len(stats.Causes) != 1 || stats.Causes[0].Count != n-5 || stats.Unresolved != n-5 {
		t.Errorf("%+v\n%s", stats, diff)
	}
	var first []replay.Position
	for _, record := range records[:5] {
		first = append(first, replay.Position{Topic: letters, Partition: partition, Offset: record.Offset})
	}
	if counts := purge(replay.Filter{Positions: first}); counts.Done != 5 || start() != records[10].Offset {
		t.Errorf("%+v, the topic begins at %d", counts, start())
	}
	want = replay.TopicStats{Topic: letters, Source: source, Total: n - 10, Unresolved: n - 10}
	if diff := cmp.Diff(want, c.stats(t).Topics[0]); diff != "" {
		t.Error(diff)
	}
	for l, err := range selected(t, r, replay.Filter{}).All(deadline(t)) {
		if err != nil || l.Resolution != nil {
			t.Errorf("%+v, %v", l, err)
		}
	}
	if len(c.read(t, source)) != 0 {
		t.Error("a purge sends something")
	}
	// What can't be read can be purged, too.
	c.write(t, &kgo.Record{Topic: letters, Value: []byte("not JSON")})
	if counts := purge(replay.Filter{}); counts.Done != 11 {
		t.Errorf("%+v", counts)
	}
	if s := c.stats(t); s.Topics[0].Total != 0 {
		t.Errorf("%+v", s)
	}
}

// TestMarkersAreNoLetters counts letters between transactions' markers, and what a transaction aborted not at all.
func TestMarkersAreNoLetters(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	tx, err := c.conn.Client(kgo.TransactionalID("a producer"))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := tx.ProduceSync(deadline(t), letterRecord(letter(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := tx.EndTransaction(deadline(t), end); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.stats(t); s.Topics[0].Total != 2 || s.Unresolved != 2 {
		t.Errorf("%+v", s)
	}
	if counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); counts.Done != 2 {
		t.Errorf("%+v", counts)
	}
}

// TestTopicsThatAreNotThere says which, before anything is sent.
func TestTopicsThatAreNotThere(t *testing.T) {
	t.Parallel()
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, source, letters))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c := connect(t, k.ListenAddrs())
	c.writeLetters(t, 1)
	unresolvable := selected(t, c.replayer(t, replay.Options{}), replay.Filter{})
	if stats, err := unresolvable.Stats(deadline(t)); err != nil || stats.Unresolved != 1 {
		t.Errorf("without the topic of resolutions there is %+v, %v", stats, err)
	}
	_, planned := unresolvable.Plan(deadline(t), replay.ReplayOptions{})
	_, plannedPurge := unresolvable.PlanPurge(deadline(t))
	_, replayed := unresolvable.Replay(deadline(t), replay.ReplayOptions{})
	_, purged := unresolvable.Purge(deadline(t), nil)
	for what, err := range map[string]error{"plan": planned, "plan of a purge": plannedPurge, "replay": replayed, "purge": purged} {
		if missing, ok := errors.AsType[*replay.MissingTopicError](err); !ok || !missing.Resolutions || !strings.Contains(err.Error(), "trestle topics apply") {
			t.Errorf("%s without the topic of resolutions: %v", what, err)
		}
	}
	c.createResolutions(t)
	r := c.replayer(t, replay.Options{})
	_, err = r.Select(deadline(t), replay.Filter{Topics: []string{letters, "no_such_dlq"}})
	if missing, ok := errors.AsType[*replay.MissingTopicError](err); !ok || missing.Topic != "no_such_dlq" {
		t.Errorf("without a dead-letter topic: %v", err)
	}
	// One that is made anew is another log: nothing of the old one's counts for it.
	admin := kadm.NewClient(c.client)
	c.replayAll(t, replay.Filter{}, replay.ReplayOptions{})
	pinned := selected(t, r, replay.Filter{})
	if _, err := admin.DeleteTopic(deadline(t), letters); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(deadline(t), 1, 1, nil, letters); err != nil {
		t.Fatal(err)
	}
	again := connect(t, k.ListenAddrs())
	again.writeLetters(t, 1)
	_, err = pinned.Replay(deadline(t), replay.ReplayOptions{})
	if anew, ok := errors.AsType[*replay.RecreatedTopicError](err); !ok || anew.Topic != letters {
		t.Errorf("of a topic that was made anew: %v", err)
	}
	if counts := again.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); counts.Done != 1 {
		t.Errorf("the new topic's letter: %+v", counts)
	}
}

// TestOmittedValues reads what letters could not carry where it stands, if it still does.
func TestOmittedValues(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	value := []byte(`{"event_type":"OrderPlaced","payload":{"note":"` + strings.Repeat("x", 5000) + `"}}`)
	large := kgo.RecordHeader{Key: "large", Value: bytes.Repeat([]byte("y"), 3000)}
	original := c.write(t, &kgo.Record{
		Topic: source, Key: []byte("k"), Value: value, Headers: []kgo.RecordHeader{{Key: "event-id", Value: []byte("id-0")}, large},
	})[0]
	topics, err := kadm.NewClient(c.client).ListTopics(deadline(t), source)
	if err != nil {
		t.Fatal(err)
	}
	here := func(d *deadletter.DeadLetter) {
		d.Original = deadletter.Original{
			Key: original.Key, Value: value, Headers: kafka.FromClient(original).Headers, Partition: original.Partition, Offset: original.Offset,
			TopicID: kafka.TopicIDText(topics[source].ID),
		}
		for d.Shrink() {
		}
	}
	partial := func(d *deadletter.DeadLetter) {
		here(d)
		d.Original.Value, d.Original.Omitted = value, 0
	}
	c.write(t,
		letterRecord(letter(0, here)),
		letterRecord(letter(0, partial)),
		letterRecord(letter(0, here, func(d *deadletter.DeadLetter) { d.Original.TopicID = "0199a5c4-0000-4000-8000-000000000001" })),
		letterRecord(letter(0, here, func(d *deadletter.DeadLetter) { d.Original.Omitted++ })),
		letterRecord(letter(0, here, func(d *deadletter.DeadLetter) {
			d.Original.Headers = []wire.Header{{Key: "event-id", Value: []byte("another")}}
		})),
		letterRecord(letter(0, here, func(d *deadletter.DeadLetter) { d.Original.Offset++ })),
	)
	counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{})
	if counts.Done != 2 || counts.Reasons[replay.OriginalGone] != 4 {
		t.Errorf("%+v", counts)
	}
	sent := c.read(t, source)
	if len(sent) != 3 {
		t.Fatalf("%d records", len(sent))
	}
	for _, r := range sent {
		if !bytes.Equal(r.Value, value) || string(r.Key) != "k" || r.Header("large") != string(large.Value) {
			t.Errorf("%d: %d bytes with the key %q, %d header bytes", r.Offset, len(r.Value), r.Key, len(r.Header("large")))
		}
	}
}

// TestBatchesThatWereTooLarge replays the records of a batch that nobody could open, once it may be opened.
func TestBatchesThatWereTooLarge(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	producer, err := c.conn.Client(kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ManualFlushing(), kgo.ProducerBatchMaxBytes(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	var batch []*kgo.Record
	for i := range 40 {
		batch = append(batch, &kgo.Record{Topic: source, Key: fmt.Append(nil, i), Value: bytes.Repeat([]byte{byte('a' + i%26)}, 600_000)})
	}
	for _, r := range batch { // into one batch: none is sent before all are there
		producer.Produce(deadline(t), r, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := producer.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	found, err := kafka.FindBatch(deadline(t), producer, source, 0, batch[0].Offset)
	if err != nil || found.Last-found.First != 39 {
		t.Fatalf("%+v, %v", found, err)
	}
	of := func(d *deadletter.DeadLetter) {
		d.Original = deadletter.Original{
			Partition: 0, Offset: found.Last, Omitted: found.Bytes, Batch: &deadletter.Batch{FirstOffset: found.First, SHA256: found.SHA256},
		}
	}
	digest := sha256.Sum256(nil)
	c.write(t, letterRecord(letter(0, of)), letterRecord(letter(1, of, func(d *deadletter.DeadLetter) { d.Original.Batch.SHA256 = hex.EncodeToString(digest[:]) })))
	small, err := selected(t, c.replayer(t, replay.Options{MaxBatchBytes: 1 << 20}), replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{})
	if err != nil || small.Reasons[replay.TooLarge] != 1 || small.Reasons[replay.OriginalGone] != 1 {
		t.Errorf("%+v, %v", small, err)
	}
	if counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); counts.Done != 1 || counts.Skipped != 1 {
		t.Errorf("%+v", counts)
	}
	again := map[string]int{}
	conn := c.conn
	conn.Options = []kgo.Opt{kgo.MaxDecompressBatchBytes(64 << 20)}
	for r, err := range kafka.Scan(deadline(t), conn, []string{source}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Header(wire.HeaderReplayGroup) == group && len(r.Value) == 600_000 {
			again[string(r.Key)]++
		}
	}
	for i := found.First; i <= found.Last; i++ {
		if key := string(batch[i].Key); again[key] != 1 {
			t.Errorf("the record of key %s was sent %d times", key, again[key])
		}
	}
}

// TestRateCountsEvents replays two letters of a batch: the second waits for as many events as the first had.
func TestRateCountsEvents(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	producer, err := c.conn.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	const events, rate = 20, 20
	var batch []*kgo.Record
	for i := range events {
		batch = append(batch, &kgo.Record{Topic: source, Key: fmt.Append(nil, i), Value: []byte("{}")})
	}
	if err := producer.ProduceSync(deadline(t), batch...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	found, err := kafka.FindBatch(deadline(t), producer, source, 0, batch[0].Offset)
	if err != nil || found.Last-found.First != events-1 {
		t.Fatalf("%+v, %v", found, err)
	}
	of := func(d *deadletter.DeadLetter) {
		d.Original = deadletter.Original{
			Partition: 0, Offset: found.Last, Omitted: found.Bytes, Batch: &deadletter.Batch{FirstOffset: found.First, SHA256: found.SHA256},
		}
	}
	c.writeLetters(t, 2, of)
	var sent []time.Time
	begun := time.Now()
	counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{Rate: rate, Progress: func(replay.Counts) { sent = append(sent, time.Now()) }})
	if counts.Done != 2 || len(sent) != 2 {
		t.Fatalf("%+v, in %d transactions", counts, len(sent))
	}
	if took := sent[1].Sub(begun); took < time.Second*events/rate {
		t.Errorf("%d events took %v, at a rate of %d a second", 2*events, took, rate)
	}
}

// TestRepair mends some letters, leaves others alone, and counts valid events before and after.
func TestRepair(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	c.writeLetters(t, 10)
	valid := func(topic string, r *kafka.Record) error {
		if topic != source || !bytes.Contains(r.Value, []byte(`"n":1`)) {
			return fmt.Errorf("n must be 1")
		}
		return nil
	}
	o := replay.ReplayOptions{Valid: valid, Repair: func(l *replay.Letter, r *kafka.Record) error {
		switch string(l.Dead.Original.Value) {
		case `{"event_type":"OrderPlaced","payload":{"n":7}}`:
			return errors.New("nobody knows what was meant")
		case `{"event_type":"OrderPlaced","payload":{"n":8}}`:
			r.Value = []byte("{}")
			return nil
		case `{"event_type":"OrderPlaced","payload":{"n":1}}`: // is as it should be
			return nil
		}
		r.Value = []byte(`{"event_type":"OrderPlaced","payload":{"n":1}}`)
		r.Headers = append(r.Headers, kafka.Header{Key: "repaired-by", Value: []byte("test")})
		return nil
	}}
	s := selected(t, c.replayer(t, replay.Options{By: "bob"}), replay.Filter{})
	examined := map[string]int{}
	planned := o
	planned.Examined = func(l *replay.Letter, e replay.Examination) {
		if !bytes.Equal(e.Before.Value, l.Dead.Original.Value) {
			t.Errorf("before its repair it is %s, not %s", e.Before.Value, l.Dead.Original.Value)
		}
		switch {
		case e.Failed != nil && e.After == nil:
			examined["failed"]++
		case e.After == e.Before:
			examined["left as it was"]++
		case e.InvalidAfter != nil && string(e.After.Value) == "{}":
			examined["invalid"]++
		case e.InvalidBefore != nil && e.InvalidAfter == nil && valid(source, e.After) == nil:
			examined["mended"]++
		}
	}
	plan, err := s.Plan(deadline(t), planned)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"failed": 1, "left as it was": 1, "invalid": 1, "mended": 7}, examined); diff != "" {
		t.Error(diff)
	}
	counts, err := s.Replay(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]replay.Counts{"planned": plan.Counts, "done": counts} {
		if got.ValidBefore != 1 || got.ValidAfter != 8 || got.Reasons[replay.Unrepaired] != 1 || got.Reasons[replay.StillInvalid] != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, r := range c.read(t, source) {
		if mended := r.Header("event-id") != "id-1"; valid(r.Topic, r) != nil || mended && r.Header("repaired-by") != "test" || r.Header(wire.HeaderReplayGroup) != group {
			t.Errorf("%s with %v", r.Value, r.Headers)
		}
	}
	if s := c.stats(t); s.Topics[0].Repaired != 7 || s.Topics[0].Replayed != 1 || s.Unresolved != 2 {
		t.Errorf("%+v", s)
	}
	for l, err := range s.All(deadline(t)) {
		if err != nil || l.Resolution != nil && (l.Resolution.By != "bob" || l.Resolution.Groups[0] != group || l.Resolution.At.IsZero()) {
			t.Errorf("%+v, %v", l.Resolution, err)
		}
	}
}

// TestPlanNamesReaders has groups of ours and others read the source topic: with commits, and as members alone.
func TestPlanNamesReaders(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	c.writeLetters(t, 3)
	admin := kadm.NewClient(c.client)
	for name, metadata := range map[string]string{group: "trestle/1 topic=x first=3", "shipping": "trestle/1 topic=x first=3", "python": ""} {
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: source, Partition: 0, At: 0, Metadata: metadata})
		if err := admin.CommitAllOffsets(deadline(t), name, offsets); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := kadm.Offsets{}
	elsewhere.Add(kadm.Offset{Topic: letters, Partition: 0, At: 0})
	if err := admin.CommitAllOffsets(deadline(t), "elsewhere", elsewhere); err != nil {
		t.Fatal(err)
	}
	member, err := c.conn.Client(kgo.ConsumerGroup("member"), kgo.ConsumeTopics(source), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	c.write(t, &kgo.Record{Topic: source, Value: []byte("{}")})
	if fetches := member.PollFetches(deadline(t)); fetches.Err() != nil {
		t.Fatal(fetches.Err())
	}
	plan, err := selected(t, c.replayer(t, replay.Options{}), replay.Filter{}).Plan(deadline(t), replay.ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []replay.Reader{
		{Topic: source, Group: group, Target: true, Skips: true},
		{Topic: source, Group: "member"},
		{Topic: source, Group: "python"},
		{Topic: source, Group: "shipping", Skips: true},
	}
	if diff := cmp.Diff(want, plan.Readers); diff != "" {
		t.Error(diff)
	}
	if len(plan.Causes) != 1 || plan.Causes[0].Count != 3 || plan.Causes[0].String() != "HandlerError: order # not found" || plan.Sources[source] != 3 {
		t.Errorf("%+v", plan)
	}
	if n := len(c.read(t, source)); n != 1 {
		t.Errorf("a plan sends %d records", n-1)
	}
}

// TestCancelled ends between two transactions: what was done stays done.
func TestCancelled(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	const n = 9
	c.writeLetters(t, n)
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	r := c.replayer(t, replay.Options{})
	r.PerTransaction(2)
	counts, err := selected(t, r, replay.Filter{}).Replay(ctx, replay.ReplayOptions{Progress: func(c replay.Counts) {
		if c.Done >= 4 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || counts.Done != 4 || len(c.read(t, source)) != 4 {
		t.Errorf("%+v, %v", counts, err)
	}
	c.replayAll(t, replay.Filter{}, replay.ReplayOptions{})
	c.wantOnce(t, n)
}

// TestForeignLettersAreReplayed has Spring's letter, which carries the original's headers, and one of a share group, which does not: what
// it lacks is read where it stands.
func TestForeignLettersAreReplayed(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	id := kgo.RecordHeader{Key: "event-id", Value: []byte("id-0")}
	original := c.write(t, &kgo.Record{Topic: source, Key: []byte("k"), Value: []byte("{}"), Headers: []kgo.RecordHeader{id, {Key: "more", Value: []byte("1")}}})[0]
	header := func(name, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: name, Value: []byte(value)} }
	c.write(t,
		&kgo.Record{Topic: letters, Key: []byte("spring"), Value: []byte("not JSON"), Headers: []kgo.RecordHeader{
			header("event-id", "id-1"), header("kafka_dlt-original-topic", source), header("kafka_dlt-original-consumer-group", "theirs"),
		}},
		&kgo.Record{Topic: letters, Headers: []kgo.RecordHeader{
			header("__dlq.errors.topic", source), header("__dlq.errors.partition", fmt.Sprint(original.Partition)),
			header("__dlq.errors.offset", fmt.Sprint(original.Offset)), header("__dlq.errors.group", "shared"),
		}},
	)
	if counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); counts.Done != 2 {
		t.Errorf("%+v", counts)
	}
	got := map[string]string{}
	for _, r := range c.read(t, source) {
		if target := r.Header(wire.HeaderReplayGroup); target != "" {
			headers := slices.DeleteFunc(r.Headers, func(h kafka.Header) bool { return h.Key == wire.HeaderAttempt || strings.HasPrefix(h.Key, "replay-") })
			got[target] = fmt.Sprintf("%s %s %s", r.Key, r.Value, headers)
		}
	}
	want := map[string]string{
		"theirs": fmt.Sprintf("spring not JSON %s", []kafka.Header{{Key: "event-id", Value: []byte("id-1")}}),
		"shared": fmt.Sprintf("k {} %s", []kafka.Header{{Key: "event-id", Value: []byte("id-0")}, {Key: "more", Value: []byte("1")}}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A replay of many topics reads what is resolved once, not once for each.
func TestResolutionsAreReadOnce(t *testing.T) {
	t.Parallel()
	c, k := embeddedCluster(t)
	admin := kadm.NewClient(c.client)
	topics := []string{letters}
	for i := range 6 {
		topics = append(topics, fmt.Sprintf("other_%d_dlq", i))
	}
	if _, err := admin.CreateTopics(deadline(t), 1, 1, nil, topics[1:]...); err != nil {
		t.Fatal(err)
	}
	for i, topic := range topics {
		r := letterRecord(letter(i))
		r.Topic = topic
		c.write(t, r)
	}
	filter := replay.Filter{Topics: topics}
	if counts := c.replayAll(t, filter, replay.ReplayOptions{}); counts.Done != len(topics) {
		t.Fatalf("%+v", counts)
	}
	there, err := admin.ListTopics(deadline(t), replay.ResolutionsTopic)
	if err != nil {
		t.Fatal(err)
	}
	var fromStart atomic.Int64
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		for _, topic := range req.(*kmsg.FetchRequest).Topics {
			if (topic.Topic == replay.ResolutionsTopic || topic.TopicID == there[replay.ResolutionsTopic].ID) && topic.Partitions[0].FetchOffset == 0 {
				fromStart.Add(1)
			}
		}
		return nil, nil, false
	})
	if counts := c.replayAll(t, filter, replay.ReplayOptions{}); counts.Selected != 0 {
		t.Errorf("replayed again: %+v", counts)
	}
	if n := fromStart.Load(); n == 0 || n >= int64(len(topics)) {
		t.Errorf("resolutions were read from their start %d times", n)
	}
}
