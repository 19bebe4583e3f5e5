package chaos

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/internal/testseam"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

// roleVariable has the test binary be an actor.
const roleVariable = "TRESTLE_CHAOS_ROLE"

func TestMain(m *testing.M) {
	text := os.Getenv(roleVariable)
	if text == "" {
		os.Exit(services.Main(m))
	}
	var r role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		err = act(context.Background(), r, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// world is a cluster with publishers and consumers on it, and what is known of them.
type world struct {
	t         *testing.T
	random    *rand.Rand
	patience  time.Duration // for anything that should come to pass
	rewinds   bool          // see evidence
	processes bool          // actors are processes; otherwise they run in the test's own
	role      role          // what all actors have in common
	admin     *kadm.Client
	client    *kgo.Client

	publishers, consumers []*actor
	started               int
	keys, perKey          int

	mu        sync.Mutex // held while positions are looked at
	snapshots []snapshot
	topicNote string // what the group's commits say of the topic: those to one of an era before may still be there for a while

	log  []logged
	peak int64 // memory of any actor, in bytes
}

// actor is a publisher or consumer that runs.
type actor struct {
	w    *world
	role role

	proc     *process.Process
	in       io.WriteCloser
	ended    chan error
	answers  chan string
	finished chan struct{} // closed when a publisher has published all
	once     sync.Once
}

// newWorld makes the topics on a cluster.
func newWorld(t *testing.T, seed uint64, brokers []string, replication int16, partitions int32, keys, perKey int) *world {
	t.Helper()
	t.Logf("seed %d", seed)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &world{
		t: t, random: rand.New(rand.NewPCG(seed, seed)), patience: 2 * time.Minute, admin: kadm.NewClient(client), client: client,
		keys: keys, perKey: perKey,
		role: role{Brokers: brokers, Folder: t.TempDir(), PerKey: perKey},
	}
	w.create(partitions, replication, steps.Name)
	w.create(1, replication, steps.DeadLetter)
	return w
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func(ctx context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience)
	defer cancel()
	for {
		err := holds(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %v: %v", what, w.patience, err)
		}
	}
}

func (w *world) create(partitions int32, replication int16, topic string) {
	w.t.Helper()
	w.eventually("topic "+topic+" is made", func(ctx context.Context) error {
		_, err := w.admin.CreateTopic(ctx, partitions, replication, nil, topic)
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
	if topic != steps.Name {
		return
	}
	w.eventually("the topic has an id", func(ctx context.Context) error {
		listed, err := w.admin.ListTopics(ctx, topic)
		if err := errors.Join(err, listed.Error()); err != nil {
			return err
		}
		id := listed[topic].ID
		w.topicNote = "topic=" + base64.RawURLEncoding.EncodeToString(id[:])
		return nil
	})
}

// start starts an actor.
func (w *world) start(r role) *actor {
	w.t.Helper()
	w.started++
	r.Part = filepath.Join(r.Folder, fmt.Sprintf("%03d.ledger", w.started))
	a := &actor{w: w, role: r, ended: make(chan error, 1), answers: make(chan string, 16), finished: make(chan struct{})}
	if w.processes {
		a.startProcess()
	} else {
		a.startGoroutine()
	}
	return a
}

func (a *actor) startProcess() {
	t := a.w.t
	t.Helper()
	text, err := json.Marshal(a.role)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = write
	a.in = in
	a.proc, err = process.Start(cmd)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	go a.listen(read)
	go func() {
		<-a.proc.Done()
		var err error
		if a.proc.ExitCode() > 0 {
			err = fmt.Errorf("%s: %s", a.proc.ExitState(), said.String())
		}
		a.ended <- err
	}()
	t.Cleanup(a.proc.Kill)
}

func (a *actor) startGoroutine() {
	in, orders := io.Pipe()
	answers, out := io.Pipe()
	a.in = orders
	go a.listen(answers)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.ended <- act(context.Background(), a.role, in, out)
		out.Close()
	}()
	a.w.t.Cleanup(func() {
		orders.Close()
		<-ended
	})
}

func (a *actor) listen(out io.ReadCloser) {
	defer out.Close()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "finished" {
			a.once.Do(func() { close(a.finished) })
			continue
		}
		a.answers <- lines.Text()
	}
}

// end has an actor end by itself, and returns what it has to say of that.
func (a *actor) end() (failed error) {
	a.w.t.Helper()
	a.measure()
	a.in.Close()
	select {
	case failed = <-a.ended:
	case <-time.After(a.w.patience):
		a.w.t.Fatal("an actor does not end")
	}
	return failed
}

// kill ends an actor's process, which learns nothing of it.
func (a *actor) kill() {
	a.measure()
	a.proc.Kill()
	<-a.ended
	a.in.Close()
}

// measure notes how much memory an actor's process has had at most, where the system says so.
func (a *actor) measure() {
	if a.proc == nil {
		return
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.proc.Pid()))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				a.w.peak = max(a.w.peak, kib<<10)
			}
		}
	}
}

// people starts publishers, who share the keys, and consumers.
func (w *world) people(publishers, consumers int) {
	w.t.Helper()
	for i := range publishers {
		r := w.role
		for k := i; k < w.keys; k += publishers {
			r.Keys = append(r.Keys, fmt.Sprintf("key-%d", k))
		}
		w.publishers = append(w.publishers, w.start(r))
	}
	for range consumers {
		w.consumers = append(w.consumers, w.start(w.role))
	}
}

// again starts an actor in the place of one that is gone.
func (w *world) again(actors []*actor, i int) {
	w.t.Helper()
	r := actors[i].role
	r.Era = w.role.Era
	actors[i] = w.start(r)
}

// arePublished says whether publishers have published all; it fails when one has ended.
func (w *world) arePublished() bool {
	w.t.Helper()
	for _, a := range slices.Concat(w.publishers, w.consumers) {
		select {
		case err := <-a.ended:
			w.t.Fatalf("an actor ended by itself: %v", err)
		default:
		}
	}
	for _, a := range w.publishers {
		select {
		case <-a.finished:
		default:
			return false
		}
	}
	return true
}

// quiet does something while publishers hold back and all is handled.
func (w *world) quiet(then func()) {
	w.t.Helper()
	w.hold()
	then()
	for _, a := range w.publishers {
		fmt.Fprintf(a.in, "go %d\n", w.role.Era)
	}
}

// hold has publishers hold back, and waits until all that they have published is handled.
func (w *world) hold() {
	w.t.Helper()
	for _, a := range w.publishers {
		fmt.Fprintln(a.in, "hold")
	}
	for _, a := range w.publishers {
		select {
		case <-a.answers:
		case err := <-a.ended:
			w.t.Fatalf("a publisher ended by itself: %v", err)
		case <-time.After(w.patience):
			w.t.Fatal("a publisher does not hold back")
		}
	}
	w.drain()
}

// drain waits until all that is in the log is committed.
func (w *world) drain() {
	w.t.Helper()
	w.eventually("all is handled and committed", func(ctx context.Context) error {
		ends, err := w.ends(ctx, steps.Name)
		if err != nil {
			return err
		}
		at, err := w.look(ctx)
		if err != nil {
			return err
		}
		for id, end := range ends {
			if at[id] != end && end > 0 {
				return fmt.Errorf("partition %d is committed up to %d of %d", id, at[id], end)
			}
		}
		return nil
	})
}

// ends are where the partitions of a topic end.
func (w *world) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	listed, err := w.admin.ListEndOffsets(ctx, topic)
	if err := errors.Join(err, listed.Error()); err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	if len(ends) == 0 {
		return nil, errors.New("no partitions")
	}
	return ends, nil
}

// look takes in how far the group has committed.
func (w *world) look(ctx context.Context) (map[int32]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	commits, err := w.admin.FetchOffsets(ctx, group)
	if err := errors.Join(err, commits.Error()); err != nil {
		return nil, err
	}
	now, at := time.Now().UnixNano(), map[int32]int64{}
	commits.Each(func(o kadm.OffsetResponse) {
		if o.Topic != steps.Name || o.At < 0 || !slices.Contains(strings.Fields(o.Metadata), w.topicNote) {
			return
		}
		at[o.Partition] = o.At
		w.snapshots = append(w.snapshots, snapshot{w.role.Era, o.Partition, o.At, now, testseam.DoneIn(o.Metadata, o.At)})
	})
	return at, nil
}

// lookEvery takes in from time to time how far the group has committed, until ctx ends.
func (w *world) lookEvery(ctx context.Context, every time.Duration) {
	for {
		select {
		case <-time.After(every):
			_, _ = w.look(ctx) // while the cluster is away there is nothing to see
		case <-ctx.Done():
			return
		}
	}
}

// recreate deletes the topic and makes it again, at a quiet moment.
func (w *world) recreate(partitions int32, replication int16) {
	w.t.Helper()
	w.readLog()
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
	w.create(partitions, replication, steps.Name)
}

// addPartitions gives the topic more partitions. That moves keys to others, so it is an era of its own, with publishers that know
// nothing of the one before.
func (w *world) addPartitions(more int) {
	w.t.Helper()
	w.hold()
	for _, a := range w.publishers {
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
	for i := range w.publishers {
		w.again(w.publishers, i)
	}
}

// read calls each for every record of a topic, those of a partition in order.
func (w *world) read(topic string, each func(*kgo.Record)) {
	w.t.Helper()
	ends, err := w.ends(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	from := map[int32]kgo.Offset{}
	for id, end := range ends {
		if end > 0 {
			from[id] = kgo.NewOffset().AtStart()
		}
	}
	if len(from) == 0 {
		return
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.role.Brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience)
	defer cancel()
	for len(from) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			w.t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			each(r)
			if r.Offset+1 >= ends[r.Partition] {
				delete(from, r.Partition)
			}
		})
	}
}

// readLog takes in the topic's log as it stands.
func (w *world) readLog() {
	w.t.Helper()
	w.read(steps.Name, func(r *kgo.Record) {
		record := kafka.FromClient(r)
		id, err := parseStep(record.Header(headerStep))
		if err != nil {
			w.t.Fatal(err)
		}
		w.log = append(w.log, logged{place{id.era, r.Partition, r.Offset}, id})
	})
}

// letters are the dead letters, each tried as the record that a replay of it would write.
func (w *world) letters() (letters []letter) {
	w.t.Helper()
	types := trestle.NewTypes(&stepInfo)
	w.read(steps.DeadLetter, func(r *kgo.Record) {
		record := kafka.FromClient(r)
		d, err := deadletter.Parse(&record)
		if err != nil {
			letters = append(letters, letter{})
			return
		}
		again := trestle.Record{Topic: d.SourceTopic, Key: d.Original.Key, Value: d.Original.Value, Headers: d.Original.Headers}
		decoded, err := trestle.Decode(&again, types, trestle.DecodeOptions{})
		s, ok := decoded.Event.(*step)
		switch {
		case err == nil && ok && d.SourceTopic == steps.Name && string(again.Key) == s.Key:
			letters = append(letters, letter{&stepID{s.Era, s.Key, s.N}, d.Error.Message})
		case d.Original.Omitted > 0:
			letters = append(letters, letter{reason: d.Error.Message})
		default:
			letters = append(letters, letter{})
		}
	})
	return letters
}

// judge ends all actors and judges what they have left behind.
func (w *world) judge() {
	w.t.Helper()
	w.drain()
	for _, a := range slices.Concat(w.publishers, w.consumers) {
		if err := a.end(); err != nil {
			w.t.Errorf("an actor's end: %v", err)
		}
	}
	w.readLog()
	var lines []line
	if err := readLedger(w.role.Folder, func(l line) { lines = append(lines, l) }); err != nil {
		w.t.Fatal(err)
	}
	e := &evidence{
		lines: lines, rewinds: w.rewinds, log: w.log, letters: w.letters(), snapshots: w.snapshots, perKey: w.perKey, keys: w.keys,
		poison: func(n int) bool { return (&step{N: n}).isPoison() },
	}
	for _, fault := range e.judge() {
		w.t.Error(fault)
	}
	handled := 0
	for _, l := range lines {
		if l.what == done {
			handled++
		}
	}
	w.t.Logf("%d events in %d eras, %d records in the log, %d handled, %d of them again, %d dead letters, %d looks at positions, %d actors, of which none took more than %d MiB",
		w.keys*w.perKey, w.role.Era+1, len(w.log), handled, e.repeated, len(e.letters), len(w.snapshots), w.started, w.peak>>20)
}
