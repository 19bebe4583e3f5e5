package replay_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// heldLetter is the letter of the n-th event of a key. It waits behind others when it is a follower.
func heldLetter(key string, n int, follower bool, change ...func(*deadletter.DeadLetter)) *kgo.Record {
	return letterRecord(letter(n, append(change, func(d *deadletter.DeadLetter) {
		d.Original.Key, d.Original.Partition, d.Original.TopicID = []byte(key), 0, "0199a5c4-0000-4000-8000-000000000001"
		if follower {
			d.HeldBehind, d.Error = letters+"/0/0", deadletter.Error{Type: deadletter.HeldKey, Message: "its key is held"}
		}
	})...))
}

// sentOf are the ids of what a replay has sent of a key, in order.
func (c *cluster) sentOf(t *testing.T, key string) (ids []string) {
	t.Helper()
	for _, r := range c.read(t, source) {
		if string(r.Key) == key {
			ids = append(ids, strings.TrimPrefix(r.Header("event-id"), "id-"))
		}
	}
	return ids
}

func positionOf(r *kgo.Record) replay.Position {
	return replay.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// TestFollowersAreReplayedInOrder has a letter that failed again stand behind its followers, others between, in transactions of two letters.
func TestFollowersAreReplayedInOrder(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	failedAgain := func(d *deadletter.DeadLetter) {
		d.Attempt = 1
		d.Original.Headers = append(d.Original.Headers, kafka.Header{Key: wire.HeaderReplayOrigin, Value: []byte("0199a5c4-0000-4000-8000-000000000001/0/3")},
			kafka.Header{Key: wire.HeaderReplaySource, Value: []byte("orders_dlq/0/0")})
		d.Original.Headers[0].Value = []byte("id-3")
	}
	written := c.write(t,
		heldLetter("a", 4, true), heldLetter("a", 5, true), heldLetter("b", 6, false), heldLetter("b", 9, true),
		heldLetter("a", 30, false, failedAgain), heldLetter("a", 7, true), heldLetter("c", 8, false), heldLetter("b", 11, true),
	)
	r := c.replayer(t, replay.Options{})
	r.PerTransaction(2)
	failed := selected(t, r, replay.Filter{Positions: []replay.Position{positionOf(written[4])}})
	plan, err := failed.Plan(deadline(t), replay.ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := replay.Counts{Selected: 4, Followers: replay.Followers{Selected: 3}}
	if diff := cmp.Diff(want, plan.Counts); diff != "" {
		t.Errorf("plan: %s", diff)
	}
	repaired := 0
	counts, err := failed.Replay(deadline(t), replay.ReplayOptions{Repair: func(_ *replay.Letter, record *kafka.Record) error {
		repaired++
		record.Headers = append(record.Headers, kafka.Header{Key: "repaired-by", Value: []byte("test")})
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	want.Done, want.Followers.Done = 4, 3
	if diff := cmp.Diff(want, counts); diff != "" || repaired != 1 {
		t.Errorf("replay, with %d repaired: %s", repaired, diff)
	}
	if got := c.sentOf(t, "a"); !slices.Equal(got, []string{"3", "4", "5", "7"}) {
		t.Errorf("sent %q", got)
	}
	for _, record := range c.read(t, source) {
		id, attempt, origin := record.Header("event-id"), record.Header(wire.HeaderAttempt), record.Header(wire.HeaderReplayOrigin)
		wantAttempt := map[bool]string{true: "2", false: ""}[id == "id-3"]
		if wantOrigin := "0199a5c4-0000-4000-8000-000000000001/0/" + strings.TrimPrefix(id, "id-"); attempt != wantAttempt || origin != wantOrigin {
			t.Errorf("%s: attempt %q, origin %q", id, attempt, origin)
		}
	}
	stats := c.stats(t)
	if stats.Unresolved != 4 || stats.Followers != 2 || stats.Topics[0].Followers != 2 || stats.Topics[0].Unresolved != 4 || stats.Topics[0].Replayed != 3 || stats.Topics[0].Repaired != 1 {
		t.Errorf("%+v", stats)
	}
	// Where their events stand since says what the resolution of each is.
	for l, err := range selected(t, r, replay.Filter{}).All(deadline(t)) {
		switch {
		case err != nil:
			t.Fatal(err)
		case l.Resolution == nil:
		case l.Resolution.To.Topic != source:
			t.Errorf("%s was replayed to %v", l.Position, l.Resolution.To)
		default:
			at := slices.IndexFunc(c.read(t, source), func(r *kafka.Record) bool {
				return r.Partition == l.Resolution.To.Partition && r.Offset == l.Resolution.To.Offset && r.Header(wire.HeaderReplaySource) == l.Position.String()
			})
			if at < 0 {
				t.Errorf("%s is not at %v", l.Position, l.Resolution.To)
			}
		}
	}
	// The others, all that the filter means.
	if counts := c.replayAll(t, replay.Filter{}, replay.ReplayOptions{}); counts.Done != 4 || counts.Followers.Done != 2 {
		t.Errorf("%+v", counts)
	}
	if got := c.sentOf(t, "b"); !slices.Equal(got, []string{"6", "9", "11"}) {
		t.Errorf("sent %q", got)
	}
}

// TestFollowersGoNowhereAlone selects followers without what they wait behind, and has that be left alone.
func TestFollowersGoNowhereAlone(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	often := func(d *deadletter.DeadLetter) { d.Attempt = replay.MaxAttempts }
	written := c.write(t, heldLetter("a", 1, false), heldLetter("a", 2, true), heldLetter("a", 3, true),
		heldLetter("b", 4, false, often), heldLetter("b", 5, true), heldLetter("c", 6, true, often), heldLetter("d", 7, false), heldLetter("d", 8, false))
	r := c.replayer(t, replay.Options{})
	var reasons []string
	o := replay.ReplayOptions{LeftAlone: func(l *replay.Letter, why replay.Reason, detail string) {
		reasons = append(reasons, fmt.Sprintf("%s %s", l.Dead.EventID(), why))
	}}
	counts, err := selected(t, r, replay.Filter{Positions: []replay.Position{positionOf(written[1])}}).Replay(deadline(t), o)
	want := replay.Counts{Selected: 1, Skipped: 1, Reasons: map[replay.Reason]int{replay.Held: 1}, Followers: replay.Followers{Selected: 1, Skipped: 1}}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" || !slices.Equal(reasons, []string{"id-2 held"}) {
		t.Errorf("a follower alone: %v, %q, %s", err, reasons, diff)
	}
	reasons = nil
	counts, err = selected(t, r, replay.Filter{Keys: []string{"b"}}).Replay(deadline(t), o)
	want = replay.Counts{Selected: 2, Skipped: 2, Reasons: map[replay.Reason]int{replay.AtLimit: 1, replay.Held: 1}, Followers: replay.Followers{Selected: 1, Skipped: 1}}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" || !slices.Equal(reasons, []string{"id-4 at-limit", "id-5 held"}) {
		t.Errorf("behind one that is left alone: %v, %q, %s", err, reasons, diff)
	}
	// Without followers there is no order, and a follower whose like have gone before is the first of its key.
	if counts := c.replayAll(t, replay.Filter{Positions: []replay.Position{positionOf(written[7])}}, o); counts.Done != 1 {
		t.Errorf("a key that is not held: %+v", counts)
	}
	if got := c.sentOf(t, "a"); len(got) != 0 {
		t.Errorf("sent %q", got)
	}
	if counts := c.replayAll(t, replay.Filter{Positions: []replay.Position{positionOf(written[0])}}, o); counts.Done != 3 || counts.Followers.Done != 2 {
		t.Errorf("%+v", counts)
	}
	if got := c.sentOf(t, "a"); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("sent %q", got)
	}
}

// TestPurgeSaysWhoRunsWithout purges a letter in front of followers, and one of these.
func TestPurgeSaysWhoRunsWithout(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	written := c.write(t, heldLetter("a", 1, false), heldLetter("a", 2, true), heldLetter("a", 3, true), heldLetter("a", 4, true),
		heldLetter("b", 5, false), heldLetter("b", 6, true), heldLetter("c", 7, false))
	r := c.replayer(t, replay.Options{})
	s := selected(t, r, replay.Filter{Positions: []replay.Position{positionOf(written[0]), positionOf(written[2]), positionOf(written[6])}})
	want := replay.Counts{Selected: 3, Followers: replay.Followers{Selected: 1, WithoutPurged: 2}}
	plan, err := s.PlanPurge(deadline(t))
	if diff := cmp.Diff(want, plan); err != nil || diff != "" {
		t.Errorf("plan: %v, %s", err, diff)
	}
	want.Done, want.Followers.Done = 3, 1
	counts, err := s.Purge(deadline(t), nil)
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("purge: %v, %s", err, diff)
	}
	if counts := c.replayAll(t, replay.Filter{Keys: []string{"a"}}, replay.ReplayOptions{}); counts.Done != 2 || counts.Followers.Done != 2 {
		t.Errorf("%+v", counts)
	}
	if got := c.sentOf(t, "a"); !slices.Equal(got, []string{"2", "4"}) {
		t.Errorf("sent %q", got)
	}
	if stats := c.stats(t); stats.Unresolved != 2 || stats.Followers != 1 {
		t.Errorf("%+v", stats)
	}
}

// TestPurgeOfWhatOthersReplay has somebody replay a letter, and so its followers, while a purge of it reads: nothing is purged, and nothing runs
// without it.
func TestPurgeOfWhatOthersReplay(t *testing.T) {
	t.Parallel()
	c, k := embeddedCluster(t)
	written := c.write(t, heldLetter("a", 1, false), heldLetter("a", 2, true), heldLetter("b", 3, false))
	s := selected(t, c.replayer(t, replay.Options{}), replay.Filter{Positions: []replay.Position{positionOf(written[2]), positionOf(written[0])}})
	var begun atomic.Bool
	k.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		if begun.Swap(true) {
			return nil, nil, false
		}
		k.SleepControl(func() { // the purge has read all
			if other := c.replayAll(t, replay.Filter{Keys: []string{"a"}}, replay.ReplayOptions{}); other.Done != 2 {
				t.Errorf("the other: %+v", other)
			}
		})
		return nil, nil, false
	})
	counts, err := s.Purge(deadline(t), nil)
	want := replay.Counts{Selected: 2, Done: 1, Skipped: 1, Reasons: map[replay.Reason]int{replay.Elsewhere: 1}}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if got := c.sentOf(t, "a"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("sent %q", got)
	}
}

// TestGroupsAreHeldApart has two groups fail on events of one key, at times that nobody may go by.
func TestGroupsAreHeldApart(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	other := func(d *deadletter.DeadLetter) {
		d.ConsumerGroup = "shipping"
		d.Timestamp = time.Unix(0, 0)
	}
	c.write(t, heldLetter("a", 2, false, other), heldLetter("a", 1, false), heldLetter("a", 3, true), heldLetter("a", 4, true, other))
	if counts := c.replayAll(t, replay.Filter{Groups: []string{"shipping"}}, replay.ReplayOptions{}); counts.Done != 2 || counts.Followers.Done != 1 {
		t.Errorf("%+v", counts)
	}
	if got := c.sentOf(t, "a"); !slices.Equal(got, []string{"2", "4"}) {
		t.Errorf("sent %q", got)
	}
}

// TestStatsCountHeldKeys counts the events behind each letter that holds a key, whatever causes are asked for, and letters by the hour.
func TestStatsCountHeldKeys(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	now := time.Date(2026, 11, 29, 3, 20, 0, 0, time.UTC)
	records := []*kgo.Record{
		heldLetter("a", 1, false), heldLetter("b", 2, false), heldLetter("a", 3, true), heldLetter("b", 4, true), heldLetter("b", 5, true), heldLetter("c", 6, false),
	}
	for i, r := range records {
		r.Timestamp = now.Add(time.Duration(i) * 25 * time.Minute)
	}
	c.write(t, records...)
	r := c.replayer(t, replay.Options{})
	stats := c.stats(t)
	want := []replay.HeldKey{
		{Topic: letters, Source: source, Group: group, Key: "b", Behind: letters + "/0/0", Followers: 2, Since: records[3].Timestamp},
		{Topic: letters, Source: source, Group: group, Key: "a", Behind: letters + "/0/0", Followers: 1, Since: records[2].Timestamp},
	}
	if diff := cmp.Diff(want, stats.Held, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	hour := now.Truncate(time.Hour)
	if diff := cmp.Diff([]replay.HourStats{{hour, 2, 2}, {hour.Add(time.Hour), 2, 2}, {hour.Add(2 * time.Hour), 2, 2}}, stats.Hours); diff != "" {
		t.Error(diff)
	}
	of := func(f replay.Filter) *replay.Stats {
		t.Helper()
		stats, err := selected(t, r, f).Stats(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		return stats
	}
	if s := of(replay.Filter{Causes: []string{"none"}}); len(s.Held) != 2 || len(s.Hours) != 0 || s.Unresolved != 0 {
		t.Errorf("of another cause: %+v", s)
	}
	if s := of(replay.Filter{Keys: []string{"a"}}); len(s.Held) != 1 || s.Held[0].Key != "a" {
		t.Errorf("of one key: %+v", s)
	}
	if _, err := selected(t, r, replay.Filter{Keys: []string{"b"}}).Replay(deadline(t), replay.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := c.stats(t); len(s.Held) != 1 || s.Held[0].Key != "a" || s.Hours[0] != (replay.HourStats{Start: hour, Written: 2, Unresolved: 1}) {
		t.Errorf("once one is replayed: %+v", s)
	}
}
