package replay_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/internal/testwait"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

const (
	source  = "orders"
	letters = "orders_dlq"
	group   = "billing"
)

var deadline = testwait.Deadline

// cluster is one of either kind, with a source topic, its dead letters, and the topic of resolutions.
type cluster struct {
	conn   kafka.Connection
	client *kgo.Client
}

func embedded(t testing.TB) *cluster {
	c, _ := embeddedCluster(t)
	return c
}

func embeddedCluster(t testing.TB) (*cluster, *kfake.Cluster) {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, source), kfake.SeedTopics(2, letters))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c := connect(t, k.ListenAddrs())
	c.createResolutions(t)
	return c, k
}

func connect(t testing.TB, brokers []string) *cluster {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &cluster{kafka.Connection{Brokers: brokers}, client}
}

func (c *cluster) createResolutions(t testing.TB) {
	t.Helper()
	spec := replay.Spec(replay.ResolutionsTopic, 1)
	config := map[string]*string{}
	for name, value := range spec.Config {
		config[name] = &value
	}
	answer, err := kadm.NewClient(c.client).CreateTopic(deadline(t), spec.Partitions, spec.ReplicationFactor, config, spec.Name)
	if err != nil || answer.Err != nil {
		t.Fatal(err, answer.Err)
	}
}

func (c *cluster) write(t testing.TB, records ...*kgo.Record) []*kgo.Record {
	t.Helper()
	if err := c.client.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return records
}

// letter is one of the n-th original.
func letter(n int, change ...func(*deadletter.DeadLetter)) *deadletter.DeadLetter {
	key := "order-" + strconv.Itoa(n%7)
	d := &deadletter.DeadLetter{
		Original: deadletter.Original{
			Key: []byte(key), Value: fmt.Appendf(nil, `{"event_type":"OrderPlaced","payload":{"n":%d}}`, n), Partition: int32(n % 3), Offset: int64(n),
			Headers: []wire.Header{{Key: "event-id", Value: fmt.Appendf(nil, "id-%d", n)}, {Key: "event-type", Value: []byte("OrderPlaced")}},
		},
		Error:       deadletter.Error{Type: "HandlerError", Message: fmt.Sprintf("order %d not found", n)},
		SourceTopic: source, ConsumerGroup: group, Timestamp: time.Now(),
	}
	for _, c := range change {
		c(d)
	}
	return d
}

func letterRecord(d *deadletter.DeadLetter) *kgo.Record {
	return kafka.ToClient(&kafka.Record{Topic: letters, Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers()})
}

func (c *cluster) writeLetters(t testing.TB, n int, change ...func(*deadletter.DeadLetter)) {
	t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, letterRecord(letter(i, change...)))
	}
	c.write(t, records...)
}

func (c *cluster) replayer(t testing.TB, o replay.Options) *replay.Replayer {
	t.Helper()
	r, err := replay.New(c.conn, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func selected(t testing.TB, r *replay.Replayer, f replay.Filter) *replay.Selection {
	t.Helper()
	if f.Topics == nil && f.Positions == nil {
		f.Topics = []string{letters}
	}
	s, err := r.Select(deadline(t), f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// replayAll replays what a filter means.
func (c *cluster) replayAll(t testing.TB, f replay.Filter, o replay.ReplayOptions) replay.Counts {
	t.Helper()
	counts, err := selected(t, c.replayer(t, replay.Options{}), f).Replay(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// read reads what is committed of a topic.
func (c *cluster) read(t testing.TB, topic string) []*kafka.Record {
	t.Helper()
	var records []*kafka.Record
	for r, err := range kafka.Scan(deadline(t), c.conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// byID counts a topic's events by their id.
func (c *cluster) byID(t testing.TB, topic string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, r := range c.read(t, topic) {
		found[r.Header("event-id")]++
	}
	return found
}

// wantOnce checks that each of n events came to the source topic once.
func (c *cluster) wantOnce(t testing.TB, n int) {
	t.Helper()
	found := c.byID(t, source)
	for i := range n {
		if id := fmt.Sprintf("id-%d", i); found[id] != 1 {
			t.Errorf("%s was sent %d times", id, found[id])
		}
	}
	if len(found) != n {
		t.Errorf("%d different events were sent, want %d", len(found), n)
	}
}

func (c *cluster) stats(t testing.TB) *replay.Stats {
	t.Helper()
	stats, err := selected(t, c.replayer(t, replay.Options{}), replay.Filter{}).Stats(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	return stats
}
