package python_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// keyService is a Python program that seals and opens values with the keys of a topic, and Go's keys of the same topic.
type keyService struct {
	t      *testing.T
	keys   *encrypt.Keys
	in     io.WriteCloser
	out    *bufio.Scanner
	errors bytes.Buffer
}

// startKeyService starts Python's side and Go's.
func startKeyService(t *testing.T, conn kafka.Connection, topic string, timeout string) *keyService {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pii.kek")
	if err := kek.Create(path, "2026"); err != nil {
		t.Fatal(err)
	}
	store, err := keytopic.New(conn, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	s := &keyService{t: t}
	if s.keys, err = encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile(path)}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.keys.Close)
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, services.Python(t), "tests/key_service.py", strings.Join(conn.Brokers, ","), topic, path, timeout)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=.", "PYTHONWARNINGS=ignore::DeprecationWarning")
	cmd.Stderr = &s.errors
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.in.Close()
		stop := time.AfterFunc(time.Minute, kill)
		if err := cmd.Wait(); err != nil && !t.Failed() {
			t.Errorf("Python ended with %v", err)
		}
		if stop.Stop(); t.Failed() {
			t.Logf("Python wrote:\n%s", s.errors.String())
		}
		kill()
	})
	s.out = bufio.NewScanner(out)
	return s
}

type keyAnswer struct{ Sealed, Value, Reason, Away string }

func (s *keyService) ask(request map[string]string) (a keyAnswer) {
	s.t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.t.Fatal(err)
	}
	if !s.out.Scan() {
		s.t.Fatalf("Python did not answer %s", line)
	}
	if err := json.Unmarshal(s.out.Bytes(), &a); err != nil {
		s.t.Fatalf("Python answered %s: %v", s.out.Bytes(), err)
	}
	return a
}

// seal has Python seal a value, and returns it and its key.
func (s *keyService) seal(person, value string) (sealed string, id encrypt.KeyID) {
	s.t.Helper()
	a := s.ask(map[string]string{"op": "seal", "person": person, "value": value})
	parsed, err := encrypt.ParseText([]byte(a.Sealed))
	if err != nil {
		s.t.Fatalf("Python answered %+v: %v", a, err)
	}
	return a.Sealed, parsed.KeyID
}

// sealByGo seals a value.
func (s *keyService) sealByGo(person, value string) (sealed string, id encrypt.KeyID) {
	s.t.Helper()
	key, err := s.keys.Current(s.t.Context(), "pii", person)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := key.AppendText(nil, &ringPlace, encrypt.Text, []byte(value), false)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text), key.ID()
}

func (s *keyService) opens(sealed, value string, reason encrypt.Reason) {
	s.t.Helper()
	if a := s.ask(map[string]string{"op": "open", "sealed": sealed}); a.Value != value || a.Reason != string(reason) {
		s.t.Errorf("Python opens %+v, want %q, %q", a, value, reason)
	}
	if got, why := open(s.t, s.keys, sealed); got != value || why != reason {
		s.t.Errorf("Go opens %q, %q, want %q, %q", got, why, value, reason)
	}
}

// share has Go and Python make keys for each other while some are rotated, destroyed and erased.
func share(t *testing.T, conn kafka.Connection, topic string) {
	s := startKeyService(t, conn, topic, "30")
	byGo, class := s.sealByGo("", "of all")
	ada, adasKey := s.sealByGo("ada", "of ada")
	s.opens(byGo, "of all", "")
	s.opens(ada, "of ada", "")
	if _, id := s.seal("ada", "x"); id != adasKey {
		t.Errorf("Python seals for ada with key %s, and Go with %s", id, adasKey)
	}
	bob, bobsKey := s.seal("bob", "of bob")
	if _, id := s.sealByGo("bob", "x"); id != bobsKey {
		t.Errorf("Go seals for bob with key %s, and Python with %s", id, bobsKey)
	}
	s.opens(bob, "of bob", "")
	next, err := s.keys.Rotate(t.Context(), "pii")
	if err != nil {
		t.Fatal(err)
	}
	unmet, err := encrypt.NewKey(uuid.New(), make([]byte, encrypt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	text, err := unmet.AppendText(nil, &ringPlace, encrypt.Text, []byte("x"), false)
	if err != nil {
		t.Fatal(err)
	}
	s.opens(string(text), "", encrypt.UnknownKey) // for which the topic is read to its end
	if _, id := s.seal("", "x"); id != next {
		t.Errorf("Python seals with key %s after a rotation, want %s", id, next)
	}
	if _, err := s.keys.Erase(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	s.opens(string(text), "", encrypt.UnknownKey) // behind a transaction
	s.opens(ada, "", encrypt.Erased)
	s.opens(bob, "of bob", "")
	if _, err := s.keys.Destroy(t.Context(), class, false); err != nil {
		t.Fatal(err)
	}
	s.opens(string(text), "", encrypt.UnknownKey)
	s.opens(byGo, "", encrypt.Destroyed)
	s.opens(bob, "", encrypt.Destroyed)
	again, id := s.seal("bob", "of bob again")
	if id == bobsKey {
		t.Error("Python seals with a key that was destroyed")
	}
	s.opens(again, "of bob again", "")
}

var keyTopic = &trestle.TopicInfo{Name: keytopic.Topic, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}}

// TestKeyTopic has Go and Python share the keys of a topic.
func TestKeyTopic(t *testing.T) {
	t.Parallel()
	share(t, trestletest.NewCluster(t, []*trestle.TopicInfo{keyTopic}).Connection(), keytopic.Topic)
}

// TestKeyTopicOnKafka is TestKeyTopic with brokers that write the marks of transactions.
func TestKeyTopicOnKafka(t *testing.T) {
	t.Parallel()
	cluster := services.SharedKafka(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	name := "keys-" + uuid.NewString()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, name); err != nil {
		t.Fatal(err)
	}
	share(t, kafka.Connection{Brokers: cluster.Brokers()}, name)
}

// TestKeyTopicAway has the cluster be away, and Python say so, and go on thereafter.
func TestKeyTopicAway(t *testing.T) {
	t.Parallel()
	cluster := trestletest.NewCluster(t, []*trestle.TopicInfo{keyTopic})
	s := startKeyService(t, cluster.Connection(), keytopic.Topic, "3")
	known, _ := s.seal("ada", "of ada")
	elsewhere, _ := s.sealByGo("eve", "of eve")
	cluster.Cut()
	s.opens(known, "of ada", "")
	if a := s.ask(map[string]string{"op": "seal", "person": "bob", "value": "x"}); a.Away == "" {
		t.Errorf("Python answered %+v, while the cluster is away", a)
	}
	if a := s.ask(map[string]string{"op": "seal", "person": "ada", "value": "x"}); a.Sealed == "" {
		t.Errorf("Python answered %+v of a key that it has, while the cluster is away", a)
	}
	cluster.Heal()
	for { // as soon as aiokafka has connected again
		a := s.ask(map[string]string{"op": "seal", "person": "bob", "value": "of bob"})
		if a.Away == "" {
			s.opens(a.Sealed, "of bob", "")
			break
		}
	}
	s.opens(elsewhere, "of eve", "")
}

// TestKeyTopicMadeAnew has the topic be made anew: Python opens what it opened before, and seals with a key that is kept.
func TestKeyTopicMadeAnew(t *testing.T) {
	t.Parallel()
	cluster := trestletest.NewCluster(t, []*trestle.TopicInfo{keyTopic})
	s := startKeyService(t, cluster.Connection(), keytopic.Topic, "5")
	sealed, id := s.seal("ada", "of ada")
	cluster.Recreate(keytopic.Topic)
	for {
		a := s.ask(map[string]string{"op": "seal", "person": "ada", "value": "of ada again"})
		if a.Away != "" {
			continue
		}
		parsed, err := encrypt.ParseText([]byte(a.Sealed))
		if err != nil {
			t.Fatalf("Python answered %+v: %v", a, err)
		}
		if parsed.KeyID == id {
			a = s.ask(map[string]string{"op": "seal", "person": uuid.NewString(), "value": "x"}) // for which the topic is looked at
			continue
		}
		s.opens(a.Sealed, "of ada again", "")
		break
	}
	if a := s.ask(map[string]string{"op": "open", "sealed": sealed}); a.Value != "of ada" {
		t.Errorf("Python answered %+v of a key that it had", a)
	}
}
