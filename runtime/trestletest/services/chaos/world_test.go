package chaos

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/store/postgres"
)

// world is a cluster, and perhaps a database, with actors on them, and what is known of these.
type world struct {
	t        *testing.T
	random   *rand.Rand
	patience time.Duration // for anything that should come to pass
	rewinds  bool          // see evidence
	// settles has members be killed only while nobody joins their group: the embedded cluster keeps those for ever that die as they join.
	settles     bool
	processes   bool // actors are processes; otherwise they run in the test's own
	replication int16
	role        role // what all actors have in common
	admin       *kadm.Client
	client      *kgo.Client
	database    *postgres.Database // nil: there is none

	streams []*stream
	crew    map[string][]*actor // by kind
	started int
	full    atomic.Int64 // times that a spool had no room

	mu        sync.Mutex            // held while positions are looked at
	snapshots map[string][]snapshot // by topic
	topicNote map[string]string     // what a group's commits say of a topic: those to one of an era before may still be there for a while

	log  []logged // of steps, in the eras that are over
	peak int64    // memory of any actor, in bytes
}

func newWorld(t *testing.T, seed uint64, brokers []string, replication int16) *world {
	t.Helper()
	t.Logf("seed %d", seed)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	folder := t.TempDir()
	t.Cleanup(func() {
		if t.Failed() {
			tellLogs(t, folder)
		}
	})
	return &world{
		t: t, random: rand.New(rand.NewPCG(seed, seed)), patience: 2 * time.Minute, replication: replication,
		admin: kadm.NewClient(client), client: client, role: role{Brokers: brokers, Folder: folder},
		crew: map[string][]*actor{}, snapshots: map[string][]snapshot{}, topicNote: map[string]string{},
	}
}

func keys(of string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%d", of, i))
	}
	return all
}

// withSteps adds the topic of steps.
func (w *world) withSteps(partitions int32, n, perKey int) {
	w.t.Helper()
	w.with(partitions, &stream{
		topic: steps, keys: keys("step", n), perKey: perKey,
		readers: []reader{{group: stepGroup, refuses: isPoison, attempts: retries + 1}},
	})
}

// withStores adds the topics of what goes through outboxes and spools, and the database.
func (w *world) withStores(dsn string, partitions int32, n, perKey int) {
	w.t.Helper()
	w.role.Database = dsn
	w.openDatabase()
	haveEffects := reader{group: effectGroup, refuses: isUnwanted, attempts: retries + 1, effects: true}
	retry := reader{
		group: batchGroup, attempts: (retries + 1) * (rounds + 1),
		refuses:  func(s stepID) bool { return isPoison(s) || isStubborn(s) },
		exhausts: func(s stepID) bool { return isStubborn(s) && !isPoison(s) },
	}
	for _, topic := range retryTopics {
		w.create(partitions, topic.Name, nil)
		retry.also = append(retry.also, topic.Name)
	}
	w.with(partitions, &stream{
		topic: orders, keys: keys("order", n), perKey: perKey, never: isRolledBack, once: true, replayed: true,
		readers: []reader{retry, haveEffects},
	})
	w.with(partitions, &stream{topic: notes, keys: keys("note", n), perKey: perKey, readers: []reader{haveEffects}})
	spec := replay.Spec(replay.ResolutionsTopic, w.replication)
	w.create(spec.Partitions, spec.Name, spec.Config)
}

func (w *world) with(partitions int32, s *stream) {
	w.t.Helper()
	w.create(partitions, s.topic.Name, nil)
	w.create(1, s.topic.DeadLetter, nil)
	w.streams = append(w.streams, s)
	w.findID(s.topic.Name)
}

// streamOf returns what is published by actors of a kind; nil: nothing.
func (w *world) streamOf(kind string) *stream {
	topic := map[string]string{publishes: steps.Name, spools: notes.Name, transacts: orders.Name}[kind]
	for _, s := range w.streams {
		if s.topic.Name == topic {
			return s
		}
	}
	return nil
}

// people starts actors of a kind. Publishers share the keys of their stream. Those of steps publish an event of each key every so often.
func (w *world) people(kind string, n int, every time.Duration) {
	w.t.Helper()
	for i := range n {
		r := w.role
		r.Kind, r.Every = kind, every
		if s := w.streamOf(kind); s != nil {
			r.PerKey = s.perKey
			for k := i; k < len(s.keys); k += n {
				r.Keys = append(r.Keys, s.keys[k])
			}
		}
		if kind == spools {
			r.Spool = filepath.Join(r.Folder, fmt.Sprintf("spool-%d", i))
		}
		w.crew[kind] = append(w.crew[kind], w.start(r))
	}
}

// again starts an actor in the place of one that is gone, which dies after so many writes; 0: it does not.
func (w *world) again(kind string, i int, dies int64) {
	w.t.Helper()
	r := w.crew[kind][i].role
	r.Era, r.Dies = w.role.Era, dies
	w.crew[kind][i] = w.start(r)
}

// all are the actors.
func (w *world) all() []*actor {
	var all []*actor
	for _, kind := range slices.Sorted(maps.Keys(w.crew)) {
		all = append(all, w.crew[kind]...)
	}
	return all
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func(ctx context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience)
	defer cancel()
	var last error // that was not for the end of the time
	for {
		err := holds(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %v: %v", what, w.patience, cmp.Or(last, err))
		}
	}
}

func (w *world) create(partitions int32, topic string, config map[string]string) {
	w.t.Helper()
	settings := map[string]*string{}
	for name, value := range config {
		settings[name] = &value
	}
	w.eventually("topic "+topic+" is made", func(ctx context.Context) error {
		_, err := w.admin.CreateTopic(ctx, partitions, w.replication, settings, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return err
		}
		ends, err := w.ends(ctx, topic)
		if err != nil {
			return err
		}
		for _, end := range ends {
			if end > 0 {
				return errors.New("the old one is still there")
			}
		}
		return nil
	})
}

// findID notes the id of a topic.
func (w *world) findID(topic string) {
	w.t.Helper()
	w.eventually("topic "+topic+" has an id", func(ctx context.Context) error {
		listed, err := w.admin.ListTopics(ctx, topic)
		if err := errors.Join(err, listed.Error()); err != nil {
			return err
		}
		id := listed[topic].ID
		w.topicNote[topic] = "topic=" + base64.RawURLEncoding.EncodeToString(id[:])
		return nil
	})
}

// arePublished says whether publishers have published all; it fails when anybody has ended.
func (w *world) arePublished() bool {
	w.t.Helper()
	for _, a := range w.all() {
		select {
		case err := <-a.ended:
			w.t.Fatalf("one that %s ended by itself: %v", a.role.Kind, err)
		default:
		}
	}
	for _, a := range w.all() {
		if a.role.PerKey > 0 && !a.finished.isSaid() {
			return false
		}
	}
	return true
}

// quiet does something while publishers of steps hold back and all of these are handled.
func (w *world) quiet(then func()) {
	w.t.Helper()
	w.hold()
	then()
	for _, a := range w.crew[publishes] {
		fmt.Fprintf(a.in, "go %d\n", w.role.Era)
	}
}

// hold has publishers of steps hold back, and waits until all that they have published is handled.
func (w *world) hold() {
	w.t.Helper()
	for _, a := range w.crew[publishes] {
		fmt.Fprintln(a.in, "hold")
	}
	for _, a := range w.crew[publishes] {
		select {
		case <-a.answers:
		case err := <-a.ended:
			w.t.Fatalf("a publisher ended by itself: %v", err)
		case <-time.After(w.patience):
			w.t.Fatal("a publisher does not hold back")
		}
	}
	w.drain(w.streamOf(publishes))
}

// recreate deletes the topic of steps and makes it again, at a quiet moment.
func (w *world) recreate(partitions int32) {
	w.t.Helper()
	w.log = append(w.log, w.readLog(steps.Name)...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.role.Era++
	w.eventually("the topic is deleted", func(ctx context.Context) error {
		_, err := w.admin.DeleteTopic(ctx, steps.Name)
		if errors.Is(err, kerr.UnknownTopicOrPartition) { // it was, and the answer was lost
			return nil
		}
		return err
	})
	w.create(partitions, steps.Name, nil)
	w.findID(steps.Name)
}

// addPartitions gives the topic of steps more partitions. That moves keys to others, so it is an era of its own, with publishers that
// know nothing of the one before.
func (w *world) addPartitions(more int) {
	w.t.Helper()
	w.hold()
	for _, a := range w.crew[publishes] {
		if err := a.end(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.mu.Lock()
	w.role.Era++
	w.mu.Unlock()
	before, err := w.ends(w.t.Context(), steps.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	w.eventually("there are more partitions", func(ctx context.Context) error {
		_, failed := w.admin.UpdatePartitions(ctx, len(before)+more, steps.Name)
		ends, err := w.ends(ctx, steps.Name)
		if err == nil && len(ends) < len(before)+more {
			err = fmt.Errorf("%d of %d: %w", len(ends), len(before)+more, failed)
		}
		return err
	})
	for i := range w.crew[publishes] {
		w.again(publishes, i, 0)
	}
}

// judge ends all actors and judges what they have left behind.
func (w *world) judge() {
	w.t.Helper()
	for _, a := range w.all() {
		if err := a.end(); err != nil {
			w.t.Errorf("the end of one that %s: %v", a.role.Kind, err)
		}
	}
	lines := map[string][]line{}
	if err := readLedger(w.role.Folder, func(l line) { lines[l.topic] = append(lines[l.topic], l) }); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range w.streams {
		e := w.evidence(s)
		e.lines = lines[s.topic.Name]
		for _, fault := range e.judge() {
			w.t.Errorf("%s: %s", s.topic.Name, fault)
		}
		handled := 0
		for i := range e.lines {
			if e.lines[i].isDone() {
				handled++
			}
		}
		w.t.Logf("%s: %d events, %d records in the log, %d of them of events that it had, %d handled, %d of them again, %d dead letters, %d effects, %d looks at positions",
			s.topic.Name, len(s.keys)*s.perKey, len(e.log), e.twice, handled, e.repeated, len(e.letters), len(e.effects), len(e.snapshots))
	}
	w.t.Logf("%d eras, %d actors, of which none took more than %d MiB; spools were full %d times", w.role.Era+1, w.started, w.peak>>20, w.full.Load())
}
