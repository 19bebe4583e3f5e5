package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/outbox"
)

// TestKilledAtEveryStep kills a relay at its first step, then one at its second, and so on, until one ends its work before it dies.
// Who takes over dies at its own step of that number, with what the first has left, and the next ends the work.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	first := record("a", 0)
	_, lane := outbox.Place("", &first)
	want, n := map[string]bool{}, 0
	// live has a relay live until that step, and returns what it did then; empty if it ended its work before.
	live := func(last int64) string {
		m := newMortal(db.outbox, last)
		m.only = func(l outbox.Lease) bool { return l.Lane == lane }
		r := relay(t, c.ListenAddrs(), m, outbox.WithLease(100*time.Millisecond), m.kafka())
		eventually(t, "it dies or ends its work", func() bool {
			s, err := db.outbox.Status(t.Context())
			return m.dead.Load() || err == nil && s.Depth == 0
		})
		died := m.dead.Load()
		r.stop()
		if !died {
			return ""
		}
		return m.at(last)
	}
	kinds := map[string]bool{}
	for last := int64(1); ; last++ {
		for range 2 {
			r := record("a", n)
			n++
			want[string(r.Value)] = true
			db.commit(t, r)
		}
		kind := live(last)
		kinds[kind] = true
		live(last)
		live(0)
		if kind == "" {
			break
		}
	}
	wantOnce(t, committed(t, c.ListenAddrs(), topic), want)
	for _, kind := range []string{
		"sent InitProducerID", "answered InitProducerID", "before Begun", "after Begun", "before Next", "after Next", "before Amend", "after Amend",
		"sent Produce", "answered Produce", "sent EndTxn", "answered EndTxn",
	} {
		if !kinds[kind] {
			t.Errorf("no relay died %s: %v", kind, kinds)
		}
	}
}

// TestPausedRelayIsFenced holds a relay up just before it commits to Kafka, until another has taken its lane over.
func TestPausedRelayIsFenced(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	db.commit(t, records("a", 0, 3)...)
	held, release := make(chan struct{}), make(chan struct{})
	var once bool
	c.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		if once {
			return nil, nil, false
		}
		once = true
		close(held)
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	// It does not renew its leases while it is paused.
	m := newMortal(db.outbox, 0)
	relay(t, c.ListenAddrs(), m, m.kafka())
	<-held
	m.dead.Store(true) // the database hears nothing of it, and its connections to the cluster live on
	relay(t, c.ListenAddrs(), db.outbox)
	db.drained(t)
	close(release)
	db.commit(t, record("a", 3))
	db.drained(t)
	wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(records("a", 0, 4)...))
}

// TestBehindAnOpenTransaction kills a relay after it has committed to Kafka behind the beginning of another's transaction, which
// hides what it wrote until that ends.
func TestBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	other, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.TransactionalID("other"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		if err := other.ProduceSync(deadline(t), &kgo.Record{Topic: topic, Partition: p, Key: []byte("other"), Value: fmt.Appendf(nil, "other#%d", p)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	db.commit(t, records("a", 0, 3)...)
	m := newMortal(db.outbox, 0)
	committing := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Observe: true, Count: -1})
	dying := relay(t, c.ListenAddrs(), dyingBeforeNext{m}, m.kafka())
	eventually(t, "it is dead", m.dead.Load)
	dying.stop()
	if committing.Hits() == 0 {
		t.Fatal("it committed nothing")
	}
	relay(t, c.ListenAddrs(), db.outbox)
	time.AfterFunc(300*time.Millisecond, func() {
		if err := other.EndTransaction(deadline(t), kgo.TryAbort); err != nil {
			t.Error(err)
		}
	})
	db.drained(t)
	wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(records("a", 0, 3)...))
}

// dyingBeforeNext dies when a batch with rows is to be finished.
type dyingBeforeNext struct{ *mortal }

func (d dyingBeforeNext) Next(ctx context.Context, l outbox.Lease, finished int64, rows, bytes int, position func(string) outbox.Position) (outbox.Batch, error) {
	if b, err := d.Store.Begun(ctx, l); err == nil && len(b.Rows) > 0 {
		d.kill()
	}
	return d.mortal.Next(ctx, l, finished, rows, bytes, position)
}

// TestTopicsThatCantBeRead kills a relay after it has committed to Kafka, where nobody may read the topic: what it wrote may be
// there twice then, with the same ids, and nothing is lost.
func TestTopicsThatCantBeRead(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	db.commit(t, records("a", 0, 3)...)
	unreadable := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: topic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	m := newMortal(db.outbox, 0)
	dying := relay(t, c.ListenAddrs(), dyingBeforeNext{m}, m.kafka())
	eventually(t, "it is dead", m.dead.Load)
	dying.stop()
	relay(t, c.ListenAddrs(), db.outbox)
	db.drained(t)
	unreadable.Remove()
	ids := map[string]string{}
	var values []string
	for _, r := range committed(t, c.ListenAddrs(), topic) {
		id := r.Header("event-id")
		if before, ok := ids[string(r.Value)]; ok && before != id {
			t.Errorf("%s has the ids %s and %s", r.Value, before, id)
		}
		ids[string(r.Value)] = id
		values = append(values, string(r.Value))
	}
	if got := strings.Join(values, " "); got != "a#0 a#1 a#2 a#0 a#1 a#2" {
		t.Errorf("the topic has %s", got)
	}
}

// TestOutboxWithoutDatabase has the database go while the relay runs.
func TestOutboxWithoutDatabase(t *testing.T) {
	t.Parallel()
	db, c := onSQLite(t), startCluster(t, topic)
	m := newMortal(db.outbox, 0)
	r := relay(t, c.ListenAddrs(), m)
	eventually(t, "it is ready", func() bool { return r.Health().Ready })
	m.dead.Store(true)
	db.commit(t, records("a", 0, 3)...)
	eventually(t, "it says so", func() bool {
		h := r.Health()
		for _, reason := range h.Reasons {
			if reason.Code == outbox.DatabaseAway {
				return h.Live && !h.Ready
			}
		}
		return false
	})
	m.dead.Store(false)
	db.drained(t)
	eventually(t, "it is ready again", func() bool { return r.Health().Ready })
	wantOnce(t, committed(t, c.ListenAddrs(), topic), valuesOf(records("a", 0, 3)...))
}
