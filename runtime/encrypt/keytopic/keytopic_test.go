package keytopic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// world is a topic of keys and the KEK of its keys.
type world struct {
	conn  kafka.Connection
	topic string
	kek   string // the file
}

func newWorld(t testing.TB, conn kafka.Connection, topic string) *world {
	t.Helper()
	w := &world{conn, topic, filepath.Join(t.TempDir(), "pii.kek")}
	w.conn.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	if err := kek.Create(w.kek, "2026"); err != nil {
		t.Fatal(err)
	}
	return w
}

// fake is a cluster inside of the test, with a topic of keys.
func fake(t testing.TB) (*world, *trestletest.Cluster) {
	t.Helper()
	cluster := trestletest.NewCluster(t, []*trestle.TopicInfo{{Name: keytopic.Topic, Config: compacted}})
	return newWorld(t, cluster.Connection(), keytopic.Topic), cluster
}

var compacted = map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "0"}

// keys are those of a program of its own.
func (w *world) keys(t testing.TB) *encrypt.Keys {
	t.Helper()
	store, err := keytopic.New(w.conn, w.topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	k, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile(w.kek)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var place = encrypt.Place{EventType: "Order", EventID: uuid.NewString(), Pointer: "/note", Schema: "/note"}

func seal(t testing.TB, k *encrypt.Keys, person string) []byte {
	t.Helper()
	key, err := k.Current(soon(t), "pii", person)
	if err != nil {
		t.Fatal(err)
	}
	b, err := key.AppendText(nil, &place, encrypt.Text, []byte("secret"), false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, k *encrypt.Keys, sealed []byte) error {
	t.Helper()
	s, err := encrypt.ParseText(sealed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.ByID(soon(t), s.KeyID)
	if err != nil {
		return err
	}
	got, err := key.AppendOpened(nil, &place, &s)
	if err == nil && string(got) != "secret" {
		t.Errorf("opened as %q", got)
	}
	return err
}

func idOf(t testing.TB, sealed []byte) encrypt.KeyID {
	t.Helper()
	s, err := encrypt.ParseText(sealed)
	if err != nil {
		t.Fatal(err)
	}
	return s.KeyID
}

func reasonOf(err error) encrypt.Reason {
	if e, ok := errors.AsType[*encrypt.UnavailableError](err); ok {
		return e.Reason
	}
	return ""
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		w, _ := fake(t)
		testPrograms(t, w)
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		conn := kafka.Connection{Brokers: services.SharedKafka(t).Brokers()}
		topic := "keys-" + uuid.NewString()
		client, err := conn.Client()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		plan, err := topics.NewPlan(soon(t), client, []topics.Spec{keytopic.Spec(topic, 1)})
		if err == nil {
			err = plan.Apply(soon(t), client)
		}
		if err != nil {
			t.Fatal(err)
		}
		testPrograms(t, newWorld(t, conn, topic))
	})
}

// Programs that make keys at once read all of each other's, and those that were destroyed by one are known to be by the others.
func testPrograms(t *testing.T, w *world) {
	programs := []*encrypt.Keys{w.keys(t), w.keys(t)}
	var mu sync.Mutex
	sealed := map[string][][]byte{}
	var wg sync.WaitGroup
	for _, k := range programs {
		for i := range 30 {
			wg.Go(func() {
				person := ""
				if i%3 > 0 {
					person = fmt.Sprint("person ", i%7)
				}
				b := seal(t, k, person)
				mu.Lock()
				defer mu.Unlock()
				sealed[person] = append(sealed[person], b)
			})
		}
	}
	wg.Wait()
	programs = append(programs, w.keys(t))
	all := func(what string, want func(person string, sealed []byte) encrypt.Reason) {
		t.Helper()
		for i, k := range programs {
			for person, values := range sealed {
				for _, b := range values {
					if err := open(t, k, b); reasonOf(err) != want(person, b) || err != nil && reasonOf(err) == "" {
						t.Errorf("%s: program %d, of %q: %v, want %q", what, i, person, err, want(person, b))
					}
				}
			}
		}
	}
	all("at first", func(string, []byte) encrypt.Reason { return "" })
	made := map[string]map[encrypt.KeyID]bool{}
	for person, values := range sealed {
		made[person] = map[encrypt.KeyID]bool{}
		for _, b := range values {
			made[person][idOf(t, b)] = true
		}
	}
	if n := len(made[""]); n > 2 { // each program at most one
		t.Errorf("%d keys of the class were made", n)
	}

	erased, err := programs[0].Erase(soon(t), "person 1")
	if err != nil || len(erased) != len(made["person 1"]) {
		t.Errorf("erased %v, want %v: %v", erased, made["person 1"], err)
	}
	sync := func() { // an unknown key has it be read to the end
		for _, k := range programs {
			if _, err := k.ByID(soon(t), uuid.New()); reasonOf(err) != encrypt.UnknownKey {
				t.Errorf("an unknown key: %v", err)
			}
		}
	}
	sync()
	all("after Erase", func(person string, _ []byte) encrypt.Reason {
		if person == "person 1" {
			return encrypt.Erased
		}
		return ""
	})
	if err := kek.Add(w.kek, "2027"); err != nil {
		t.Fatal(err)
	}
	if n, err := programs[1].Rewrap(soon(t), "pii"); err != nil || n != len(made[""]) {
		t.Errorf("%d keys were wrapped anew, want %d: %v", n, len(made[""]), err)
	}
	newest, err := programs[0].Rotate(soon(t), "pii")
	if err != nil {
		t.Fatal(err)
	}
	programs = append(programs, w.keys(t))
	sync()
	for i, k := range programs {
		if got := idOf(t, seal(t, k, "")); got != newest {
			t.Errorf("program %d seals with key %v, want %v", i, got, newest)
		}
	}
	list, err := programs[2].List(soon(t))
	if err != nil || len(list) != len(made[""])+1 || list[len(list)-1].ID != newest || list[0].KEK != "2027" {
		t.Errorf("%+v, %v", list, err)
	}
	for id := range made[""] {
		if _, err := programs[1].Destroy(soon(t), id, false); err != nil {
			t.Error(err)
		}
	}
	sync()
	all("after Destroy", func(person string, _ []byte) encrypt.Reason {
		if person == "person 1" {
			return encrypt.Erased
		}
		return encrypt.Destroyed
	})
}

// An acknowledgement that is lost, a broker that refuses for a while, and one that is away: a key is returned once it is kept, and is kept once.
func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	w, cluster := fake(t)
	a, b := w.keys(t), w.keys(t)
	cluster.LoseAcknowledgements(2)
	one := seal(t, a, "")
	cluster.RefuseWrites(w.topic, kerr.NotEnoughReplicas, 2)
	two := seal(t, a, "ann")
	cluster.Heal()
	for _, sealed := range [][]byte{one, two} {
		if err := open(t, b, sealed); err != nil {
			t.Error(err)
		}
	}
	if n := len(w.records(t)); n != 2 {
		t.Errorf("%d records, of 2 keys", n)
	}
	cluster.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := a.Current(ctx, "pii", "bob")
	if _, away := errors.AsType[*encrypt.AwayError](err); !away || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a new key without brokers: %v", err)
	}
	if err := open(t, a, two); err != nil {
		t.Errorf("a known key without brokers: %v", err)
	}
	if _, err := b.ByID(ctx, uuid.New()); reasonOf(err) != "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an unknown key without brokers: %v", err)
	}
	cluster.Heal()
	if err := open(t, b, seal(t, a, "bob")); err != nil {
		t.Error(err)
	}
}

func (w *world) records(t testing.TB) (all []*kafka.Record) {
	t.Helper()
	for r, err := range kafka.Scan(soon(t), w.conn, []string{w.topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func (w *world) write(t testing.TB, key, value string) {
	t.Helper()
	client, err := w.conn.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(soon(t), &kgo.Record{Topic: w.topic, Key: []byte(key), Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// A topic that is made anew has no keys: those that are known are used to open alone, and new ones are kept on the new topic.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	w, cluster := fake(t)
	a := w.keys(t)
	before := seal(t, a, "ann")
	if _, err := a.Rotate(soon(t), "pii"); err != nil { // the new topic is to be shorter
		t.Fatal(err)
	}
	cluster.Recreate(w.topic)
	if _, err := a.ByID(soon(t), uuid.New()); reasonOf(err) != encrypt.UnknownKey {
		t.Errorf("an unknown key: %v", err)
	}
	after := seal(t, a, "ann")
	if idOf(t, before) == idOf(t, after) {
		t.Error("a key is used that is kept nowhere")
	}
	if err := open(t, a, before); err != nil {
		t.Errorf("what was known before: %v", err)
	}
	if err := open(t, w.keys(t), after); err != nil {
		t.Error(err)
	}
	if err := open(t, w.keys(t), before); reasonOf(err) != encrypt.UnknownKey {
		t.Errorf("of the topic that is gone: %v", err)
	}
}

// What a release does not know is passed over, and said where it is asked for.
func TestStrangeRecords(t *testing.T) {
	t.Parallel()
	w, _ := fake(t)
	later, empty, other := uuid.NewString(), uuid.NewString(), uuid.NewString()
	w.write(t, later, `{"version":2,"id":"`+later+`","class":{}}`)
	w.write(t, "what", "ever")
	w.write(t, empty, "")
	sealed := seal(t, w.keys(t), "ann")
	w.write(t, other, string(w.records(t)[3].Value))
	k := w.keys(t)
	if err := open(t, k, sealed); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]string{later: "is of version 2, and this reads version 1", empty: "is empty", other: "of another key"} {
		if _, err := k.ByID(soon(t), uuid.MustParse(id)); reasonOf(err) != encrypt.Broken || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	list, err := k.List(soon(t))
	if err != nil || len(list) != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Without its topic, or one that has several partitions, there are no keys, and the error says what to do; once it is there, there are.
func TestTopicMissing(t *testing.T) {
	t.Parallel()
	cluster := trestletest.NewCluster(t, []*trestle.TopicInfo{{Name: "wide", Partitions: 3}})
	w := newWorld(t, cluster.Connection(), keytopic.Topic)
	k := w.keys(t)
	for what, try := range map[string]func() error{
		"to seal":  func() error { _, err := k.Current(soon(t), "pii", ""); return err },
		"to open":  func() error { _, err := k.ByID(soon(t), uuid.New()); return err },
		"to erase": func() error { _, err := k.Erase(soon(t), "ann"); return err },
	} {
		err := try()
		_, away := errors.AsType[*encrypt.AwayError](err)
		if !away || !strings.Contains(err.Error(), keytopic.Topic) || !strings.Contains(err.Error(), "run trestle topics apply?") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := cluster.Fake().CreateTopic(keytopic.Topic, 1, compacted); err != nil {
		t.Fatal(err)
	}
	if err := open(t, k, seal(t, k, "ann")); err != nil {
		t.Error(err)
	}
	_, err := newWorld(t, cluster.Connection(), "wide").keys(t).Current(soon(t), "pii", "")
	if err == nil || !strings.Contains(err.Error(), "topic wide has 3 partitions, and keys need one") {
		t.Error(err)
	}
}

// Whoever may not read the topic is told so, and does not wait for it.
func TestTopicDenied(t *testing.T) {
	t.Parallel()
	w, cluster := fake(t)
	seal(t, w.keys(t), "")
	fetch := cluster.Fake().Fault(denyFetch(w.topic))
	k := w.keys(t)
	_, err := k.Current(soon(t), "pii", "")
	if _, away := errors.AsType[*encrypt.AwayError](err); !away || !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "Read on the topic") {
		t.Errorf("may not read: %v", err)
	}
	fetch.Remove()
	for {
		if _, err := k.Current(soon(t), "pii", ""); err == nil {
			break
		} else if !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Fatal(err)
		}
	}
	cluster.RefuseWrites(w.topic, kerr.TopicAuthorizationFailed, 0)
	if _, err := k.Current(soon(t), "pii", "ann"); !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "Write on the topic") {
		t.Errorf("may not write: %v", err)
	}
}

// While somebody's transaction is open, nobody can read what was written behind its first record: a key that may stand there is not said to be unknown.
func TestBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	w, _ := fake(t)
	a, b := w.keys(t), w.keys(t)
	before := seal(t, a, "")
	if err := open(t, b, before); err != nil {
		t.Fatal(err)
	}
	client, err := w.conn.Client(kgo.TransactionalID(keytopic.TransactionalID(w.topic)))
	if err == nil {
		err = client.BeginTransaction()
	}
	if err == nil {
		t.Cleanup(client.Close)
		err = client.ProduceSync(soon(t), &kgo.Record{Topic: w.topic, Key: []byte("x"), Value: []byte("y")}).FirstErr()
	}
	if err != nil {
		t.Fatal(err)
	}
	store, err := keytopic.New(w.conn, w.topic)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	id := uuid.New()
	if err := store.Append(soon(t), &encrypt.Entry{ID: id, Class: "pii", Created: time.Now(), KEK: "none", Wrapped: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := b.ByID(ctx, id); reasonOf(err) != "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a key behind an open transaction: %v", err)
	}
	if err := open(t, b, before); err != nil {
		t.Errorf("a known key meanwhile: %v", err)
	}
	if err := client.EndTransaction(soon(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ByID(soon(t), id); reasonOf(err) != encrypt.UnknownKEK {
		t.Errorf("once it has ended: %v", err)
	}
}

// Keys are made and found while another broker takes the topic over, time and again.
func TestLeaderMoves(t *testing.T) {
	t.Parallel()
	cluster := trestletest.NewCluster(t, []*trestle.TopicInfo{{Name: keytopic.Topic, Config: compacted}}, trestletest.WithBrokers(3))
	w := newWorld(t, cluster.Connection(), keytopic.Topic)
	a, b := w.keys(t), w.keys(t)
	for i := range 12 {
		cluster.MoveLeader(keytopic.Topic, 0, int32(i%3))
		if err := open(t, b, seal(t, a, fmt.Sprint("person ", i))); err != nil {
			t.Error(err)
		}
	}
}

// A topic that is compacted while it is read is read to its end, whatever stands there no more.
func TestCompacted(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		w, cluster := fake(t)
		testCompacted(t, w, func() { cluster.Fake().Compact() })
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		conn := kafka.Connection{Brokers: services.Kafka(t, services.WithProperty("log.cleaner.backoff.ms", "50")).Brokers()}
		client, err := conn.Client()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		config := map[string]*string{}
		for name, value := range map[string]string{"cleanup.policy": "compact", "segment.ms": "50", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "50"} {
			config[name] = &value
		}
		if _, err := kadm.NewClient(client).CreateTopic(soon(t), 1, 1, config, "keys"); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, conn, "keys")
		testCompacted(t, w, func() { // the segment in use is never compacted: have another be used
			w.write(t, "unused", "unused")
		})
	})
}

func testCompacted(t *testing.T, w *world, compact func()) {
	a := w.keys(t)
	first, ann := seal(t, a, ""), seal(t, a, "ann")
	first0 := idOf(t, first)
	var all [][]byte
	for i := range 20 {
		all = append(all, seal(t, a, fmt.Sprint("person ", i)))
	}
	if err := kek.Add(w.kek, "2027"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Rewrap(soon(t), "pii"); err != nil { // so that the first record goes, and comes behind those that it wraps
		t.Fatal(err)
	}
	if _, err := a.Erase(soon(t), "ann"); err != nil {
		t.Fatal(err)
	}
	readers := []*encrypt.Keys{a, w.keys(t)}
	for {
		compact()
		records := w.records(t)
		if string(records[0].Key) != first0.String() && !bytes.Contains(bytes.Join(values(records[:2]), nil), idText(t, ann)) {
			break
		}
		if soon(t).Err() != nil {
			t.Fatal("the topic is not compacted")
		}
	}
	readers = append(readers, w.keys(t))
	for i, k := range readers {
		for _, sealed := range append(all, first) {
			if err := open(t, k, sealed); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		}
		if err := open(t, k, ann); reasonOf(err) != encrypt.Erased {
			t.Errorf("reader %d, of one who was erased: %v", i, err)
		}
	}
}

func values(records []*kafka.Record) (all [][]byte) {
	for _, r := range records {
		all = append(all, r.Value)
	}
	return all
}

func idText(t testing.TB, sealed []byte) []byte { return []byte(idOf(t, sealed).String()) }
