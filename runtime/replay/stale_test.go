package replay_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// noted are the resolutions that stand in their topic: how many each log has, by topic and id.
func (c *cluster) noted(t *testing.T) map[string]int {
	t.Helper()
	last := map[string]bool{}
	for _, r := range c.read(t, replay.ResolutionsTopic) {
		last[string(r.Key)] = r.Value != nil
	}
	counts := map[string]int{}
	for key, stands := range last {
		if parts := strings.Split(key, "/"); stands {
			counts[parts[0]+"/"+parts[1]]++
		}
	}
	return counts
}

func (c *cluster) logOf(t *testing.T, topic string) string {
	t.Helper()
	fresh := connect(t, c.conn.Brokers) // which remembers no topic
	topics, err := kadm.NewClient(fresh.client).ListTopics(deadline(t), topic)
	if err != nil || topics[topic].Err != nil {
		t.Fatal(err, topics[topic].Err)
	}
	return topic + "/" + kafka.TopicIDText(topics[topic].ID)
}

// eager is a replayer that takes back resolutions of letters that are gone, however young.
func (c *cluster) eager(t *testing.T) *replay.Replayer {
	t.Helper()
	r := c.replayer(t, replay.Options{})
	r.KeepNotes(-time.Hour)
	r.PerTransaction(3)
	return r
}

func replayed(t *testing.T, r *replay.Replayer, f replay.Filter) int {
	t.Helper()
	counts, err := selected(t, r, f).Replay(deadline(t), replay.ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return counts.Done
}

var oneKey = func(d *deadletter.DeadLetter) { d.Original.Key = []byte("one key, one partition") }

// TestResolutionsOfLettersThatAreGone has letters deleted by retention, and topics made anew and deleted. The resolutions of those go, some
// at a time, and no other: what is resolved and stands is not sent again.
func TestResolutionsOfLettersThatAreGone(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	const n = 10
	c.writeLetters(t, n, oneKey)
	r := c.eager(t)
	if done := replayed(t, r, replay.Filter{}); done != n {
		t.Fatalf("%d replayed", done)
	}
	first := c.logOf(t, letters)
	wantNoted := func(what string, want map[string]int) {
		t.Helper()
		if diff := cmp.Diff(want, c.noted(t)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	wantNoted("all stand", map[string]int{first: n})

	ends, err := kadm.NewClient(c.client).ListEndOffsets(deadline(t), letters)
	if err != nil {
		t.Fatal(err)
	}
	before := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset == n {
			before.AddOffset(letters, o.Partition, 4, -1)
		}
	})
	if answers, err := kadm.NewClient(c.client).DeleteRecords(deadline(t), before); err != nil || answers.Error() != nil || len(before) == 0 {
		t.Fatal(err, answers)
	}
	if done := replayed(t, c.replayer(t, replay.Options{}), replay.Filter{}); done != 0 {
		t.Errorf("%d replayed", done)
	}
	wantNoted("of the last hour", map[string]int{first: n})
	c.write(t, &kgo.Record{ // of a later version
		Topic: replay.ResolutionsTopic, Key: fmt.Append(nil, first, "/", before[letters][0].Partition+before[letters][1].Partition, "/0"), Value: []byte(`{"version":2}`),
	})
	if done := replayed(t, r, replay.Filter{}); done != 0 {
		t.Errorf("%d replayed", done)
	}
	wantNoted("four letters are gone", map[string]int{first: n - 4 + 1})

	c.recreate(t, letters)
	fresh := connect(t, c.conn.Brokers)
	fresh.writeLetters(t, 2, oneKey)
	if done := replayed(t, r, replay.Filter{}); done != 2 {
		t.Errorf("%d replayed", done)
	}
	second := c.logOf(t, letters)
	wantNoted("the topic was made anew", map[string]int{first: 1, second: 2})

	admin := kadm.NewClient(c.client)
	if _, err := admin.CreateTopic(deadline(t), 1, 1, nil, "other_dlq"); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.DeleteTopic(deadline(t), letters); err != nil {
		t.Fatal(err)
	}
	if done := replayed(t, r, replay.Filter{Topics: []string{"other_dlq"}}); done != 0 {
		t.Errorf("%d replayed", done)
	}
	wantNoted("the topic is gone", map[string]int{first: 1})
}

func (c *cluster) recreate(t *testing.T, topic string) {
	t.Helper()
	admin := kadm.NewClient(c.client)
	if _, err := admin.DeleteTopic(deadline(t), topic); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(deadline(t), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// TestResolutionsOfALaterOperatorStay has a topic be made anew, and the new one's letters resolved by a second operator, while a first one is
// at work on the old one: it takes nothing back that the second has noted.
func TestResolutionsOfALaterOperatorStay(t *testing.T) {
	t.Parallel()
	c := embedded(t)
	c.writeLetters(t, 3, oneKey)
	if done := replayed(t, c.replayer(t, replay.Options{}), replay.Filter{}); done != 3 {
		t.Fatalf("%d replayed", done)
	}
	old := c.logOf(t, letters)
	c.recreate(t, letters)
	fresh := connect(t, c.conn.Brokers)
	fresh.writeLetters(t, 2, oneKey)
	begun := false
	_, err := selected(t, c.eager(t), replay.Filter{}).Replay(deadline(t), replay.ReplayOptions{Progress: func(replay.Counts) {
		if begun {
			return
		}
		begun = true
		c.recreate(t, letters)
		again := connect(t, c.conn.Brokers)
		again.writeLetters(t, 4, oneKey)
		if done := replayed(t, again.replayer(t, replay.Options{}), replay.Filter{}); done != 4 {
			t.Errorf("the second replayed %d", done)
		}
	}})
	if err != nil || !begun {
		t.Errorf("the first ends with %v", err)
	}
	if got := c.noted(t); got[c.logOf(t, letters)] != 4 || got[old] != 3 {
		t.Errorf("noted: %v", got)
	}
	if done := replayed(t, c.eager(t), replay.Filter{}); done != 0 {
		t.Errorf("%d replayed again", done)
	}
	if diff := cmp.Diff(map[string]int{c.logOf(t, letters): 4}, c.noted(t)); diff != "" {
		t.Errorf("in the end: %s", diff)
	}
}
