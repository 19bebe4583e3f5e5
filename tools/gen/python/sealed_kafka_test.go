package python_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
	ledgerv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/ledger/v1"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
	"github.com/omninode/trestle/tools/gen/python"
)

// TestSealedOnCluster has a Go publisher and a Python service exchange events with encrypted fields on a cluster, whose keys they share: each reads what the other has
// published. Keys are rotated, destroyed and erased meanwhile, and both read all events again. What is encrypted is in no record of any topic.
func TestSealedOnCluster(t *testing.T) {
	t.Parallel()
	const each = 60
	infos := slices.DeleteFunc(append(sealedv1.Events(), ledgerv1.Events()...), func(i *trestle.EventInfo) bool { return i.Encoding != event.JSON })
	var declared []*trestle.TopicInfo
	var names []string
	for _, info := range infos {
		declared, names = append(declared, info.Topic), append(names, info.Topic.Name)
	}
	declared = append(declared, &trestle.TopicInfo{Name: keytopic.Topic, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}})
	cluster := trestletest.NewCluster(t, declared)
	x, words := newClusterExchange(t, cluster)
	publisher := cluster.Publisher(trestle.WithKeys(x.keys), trestle.WithSource(trestle.Source{ServiceName: "g", ServiceVersion: "1", InstanceID: "i"}))
	program := append([]string{"acme_events", strings.Join(cluster.Brokers(), ","), strings.Join(names, ",")}, words...)
	x.peer = startProgram(t, "sealed_service.py", x.path, program...)

	var published []string // payloads of what Go published
	oldest := map[string]encrypt.KeyID{}
	for round := range 3 {
		for range each {
			e := x.random(t)
			text, err := e.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			published = append(published, string(text))
			if err := publisher.Publish(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		var read []serviceEvent
		x.peer.ask(t, map[string]any{"op": "echo", "n": each}, &read)
		x.compareAll(t, cluster, names, read, 2*len(published))
		for _, class := range []string{"pii", "medical", "finance"} {
			if round == 0 {
				oldest[class] = x.current(t, class)
			}
			if _, err := x.keys.Rotate(t.Context(), class); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []serviceEvent
	x.peer.ask(t, map[string]any{"op": "again", "n": 2 * len(published)}, &all)
	if n := x.compareAll(t, cluster, names, all, 2*len(published)); n != 0 {
		t.Errorf("%d fields are unavailable before a key is destroyed", n)
	}
	if _, err := x.keys.Erase(t.Context(), person(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.keys.Destroy(t.Context(), oldest["medical"], false); err != nil {
		t.Fatal(err)
	}
	if _, err := x.keys.Destroy(t.Context(), oldest["finance"], false); err != nil {
		t.Fatal(err)
	}
	// A key that Python does not have yet has it read the topic to its end, behind what was destroyed.
	if _, err := x.keys.Rotate(t.Context(), "pii"); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Publish(t.Context(), &ledgerv1.AccountCharged{Id: "last", Iban: "MARKER", Holder: ledgerv1.Holder{Name: "MARKER", Age: 77077077}}); err != nil {
		t.Fatal(err)
	}
	var last []serviceEvent
	x.peer.ask(t, map[string]any{"op": "echo", "n": 1}, &last)
	x.peer.ask(t, map[string]any{"op": "again", "n": 2 * (len(published) + 1)}, &all)
	n := x.compareAll(t, cluster, names, append(all, last...), 2*(len(published)+1))
	if n < 20 {
		t.Errorf("%d fields are unavailable", n)
	}
	t.Logf("%d events, %d fields are unavailable in the end", 2*(len(published)+1), n)
	if err := x.peer.errors.take(); containsMarker(err) {
		t.Errorf("Python wrote to its standard error: %.2000s", err)
	}
}

// serviceEvent is an event as Python read it, and under which id it published it again.
type serviceEvent struct {
	Topic, ID, Plain, Shown, New string
	Unavailable                  [][3]string
}

// clusterExchange is what Go has of a cluster that it shares with Python.
type clusterExchange struct {
	exchange
	path string // where Python finds packages
}

func newClusterExchange(t *testing.T, cluster *trestletest.Cluster) (x *clusterExchange, keks []string) {
	t.Helper()
	set := loadSet(t, filepath.Join("..", "golang", "testdata", "sealed", "in"))
	files, err := python.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, files)
	runtime, err := filepath.Abs(filepath.Join("..", "..", "..", "runtime", "python"))
	if err != nil {
		t.Fatal(err)
	}
	x = &clusterExchange{newRandom(t, set, sealedTypes()), filepath.Join(dir, "python") + string(os.PathListSeparator) + runtime}
	classes := map[string]encrypt.Class{}
	for _, class := range []string{"pii", "medical", "finance"} {
		path := filepath.Join(dir, class+".kek")
		if err := kek.Create(path, "k1"); err != nil {
			t.Fatal(err)
		}
		classes[class], keks = encrypt.Class{KEK: kek.NewFile(path)}, append(keks, class+"="+path)
	}
	store, err := keytopic.New(cluster.Connection(), keytopic.Topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	if x.keys, err = encrypt.NewKeys(store, classes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.keys.Close)
	return x, keks
}

func (x *clusterExchange) current(t *testing.T, class string) encrypt.KeyID {
	t.Helper()
	key, err := x.keys.Current(t.Context(), class, "")
	if err != nil {
		t.Fatal(err)
	}
	return key.ID()
}

// compareAll reads all records of the cluster and holds what Python said against them; it returns how many fields are unavailable.
func (x *clusterExchange) compareAll(t *testing.T, cluster *trestletest.Cluster, topics []string, said []serviceEvent, count int) (unavailableFields int) {
	t.Helper()
	records := readAll(t, cluster, topics, count)
	for _, rec := range readAll(t, cluster, []string{keytopic.Topic}, 1) {
		if containsMarker(string(rec.Value)) {
			t.Fatalf("what is encrypted is among the keys: %s", rec.Value)
		}
	}
	plain, missing := map[string][]byte{}, map[string][][3]string{}
	for _, rec := range records {
		if containsMarker(string(rec.Value)) || containsMarker(string(rec.Key)) || !bytes.Contains(rec.Value, []byte(`"trs:`)) {
			t.Fatalf("what is encrypted is in %s", rec.Value)
		}
		one := event.Record{Topic: rec.Topic, Key: rec.Key, Value: rec.Value, Partition: rec.Partition, Offset: rec.Offset}
		for _, h := range rec.Headers {
			one.Headers = append(one.Headers, event.Header{Key: h.Key, Value: h.Value})
		}
		d, err := event.Decode(&one, x.types, event.DecodeOptions{Keys: x.keys, Context: t.Context()})
		if err != nil {
			t.Fatalf("of %s Go says %v", rec.Value, err)
		}
		if plain[d.Envelope.EventID], err = d.Event.AppendJSON(nil); err != nil {
			t.Fatal(err)
		}
		missing[d.Envelope.EventID] = unavailable(d.Unavailable)
	}
	if len(plain) != count {
		t.Fatalf("%d events on the cluster, want %d", len(plain), count)
	}
	for _, e := range said {
		if containsMarker(e.Shown) {
			t.Fatalf("Python shows %s", e.Shown)
		}
		for _, id := range []string{e.ID, e.New} {
			if id == "" {
				continue
			}
			if !slices.Equal(missing[id], e.Unavailable) {
				t.Fatalf("of event %s Go says %v, Python says %v", id, missing[id], e.Unavailable)
			}
			if unavailableFields += len(e.Unavailable); len(e.Unavailable) == 0 {
				sameJSON(t, "event "+id, plain[id], []byte(e.Plain))
			}
		}
	}
	return unavailableFields
}

// readAll reads so many records of topics at least, from the start.
func readAll(t *testing.T, cluster *trestletest.Cluster, topics []string, count int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// TestReadmeOfRuntime runs the program that the readme of trestle-runtime shows.
func TestReadmeOfRuntime(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "runtime", "python", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(readme), "~~~python\n")
	program, _, closed := strings.Cut(program, "~~~\n")
	if !found || !closed {
		t.Fatal("the readme shows no program")
	}
	cluster := trestletest.NewCluster(t, []*trestle.TopicInfo{
		new(ledgerv1.AccountCharged).EventInfo().Topic,
		{Name: keytopic.Topic, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}},
	})
	x, keks := newClusterExchange(t, cluster)
	_, path, _ := strings.Cut(keks[0], "=")
	program = strings.NewReplacer("localhost:9092", cluster.Brokers()[0], "pii.kek", path).Replace(program)
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), services.Python(t), args...)
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+x.path, "MYPYPATH="+x.path)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("-c", program); err != nil || out != "a-1 Ada\n" {
		t.Errorf("the program of the readme: %v\n%s", err, out)
	}
	// The keys of the one package are what the other wants.
	program += "\nAccountCharged(id='a', iban='B', holder=Holder(name='n', age=1)).to_record(keys=Keys({}, KeyTopic(BROKERS)))\n"
	if out, err := run("-m", "mypy", "--strict", "--cache-dir", t.TempDir(), "--disable-error-code", "import-untyped", "-c", program); err != nil {
		t.Errorf("mypy: %v\n%s", err, out)
	}
}
