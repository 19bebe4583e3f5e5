package python_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
)

// ring is what a topic of keys has, the keys of the KEKs that its data keys are wrapped with, and values that were sealed with them.
type ring struct {
	KEKs    map[string]string // the text of a file for each class of keys
	Records []record
	Persons map[string]string // the id of the key with which a person's fields of the class "pii" are encrypted
	Values  []ringValue
}

type record struct{ Key, Value string }

type ringValue struct {
	Sealed string
	Value  string
	Reason encrypt.Reason // why it can't be opened; empty: it can be
}

// keys are those of the ring, as Go has them.
func (r *ring) keys(t *testing.T) (*encrypt.Keys, *encrypt.Memory) {
	t.Helper()
	store := &encrypt.Memory{}
	classes := map[string]encrypt.Class{}
	for class, text := range r.KEKs {
		path := filepath.Join(t.TempDir(), class)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		classes[class] = encrypt.Class{KEK: kek.NewFile(path)}
	}
	keys, err := encrypt.NewKeys(both{store, r.Records}, classes, encrypt.WithClock(func() time.Time { return ringTime }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return keys, store
}

// both is a store in memory that begins with some records.
type both struct {
	*encrypt.Memory
	begin []record // as they are, broken ones too
}

func (b both) Follow(f encrypt.Follower) encrypt.Reader {
	var records []encrypt.Record
	for _, r := range b.begin {
		records = append(records, encrypt.Record{Key: []byte(r.Key), Value: []byte(r.Value)})
	}
	f.Take(records)
	return b.Memory.Follow(f)
}

var (
	ringTime  = time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)
	ringPlace = encrypt.Place{EventType: "Order", EventID: "01990000-0000-7000-8000-000000000001", Pointer: "/email", Schema: "/email"}
)

// open opens a value as readers do, and says why that can't be done.
func open(t *testing.T, keys *encrypt.Keys, sealed string) (string, encrypt.Reason) {
	t.Helper()
	s, err := encrypt.ParseText([]byte(sealed))
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.ByID(t.Context(), s.KeyID)
	if unavailable, ok := errors.AsType[*encrypt.UnavailableError](err); ok {
		return "", unavailable.Reason
	}
	if err != nil {
		t.Fatal(err)
	}
	value, err := key.AppendOpened(nil, &ringPlace, &s)
	if err != nil {
		t.Fatal(err)
	}
	return string(value), ""
}

// check opens all values of the ring.
func (r *ring) check(t *testing.T) {
	t.Helper()
	keys, store := r.keys(t)
	for _, v := range r.Values {
		if value, reason := open(t, keys, v.Sealed); value != v.Value || reason != v.Reason {
			t.Errorf("%s: %q, %q, want %q, %q", v.Sealed, value, reason, v.Value, v.Reason)
		}
	}
	for person, id := range r.Persons {
		key, err := keys.Current(t.Context(), "pii", person)
		if err != nil || key.ID().String() != id {
			t.Errorf("fields of person %q are encrypted with %v, %v, want key %s", person, key, err, id)
		}
	}
	reader := store.Follow(refuse{t})
	reader.Close()
}

// refuse reports keys that were made, of which there are enough.
type refuse struct{ t *testing.T }

func (r refuse) Take(records []encrypt.Record) {
	for _, one := range records {
		r.t.Errorf("a key was made: %s", one.Value)
	}
}

func (refuse) Restarted() {}

// TestKeys holds Go and Python to the entries, KEKs and values that testdata/keys.json keeps. tests/test_keys.py is Python's side of it.
func TestKeys(t *testing.T) {
	t.Parallel()
	file := filepath.Join("testdata", "keys.json")
	if *update {
		text, err := json.MarshalIndent(newRing(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r ring
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	r.check(t)
	seen := map[encrypt.Reason]bool{}
	for _, v := range r.Values {
		seen[v.Reason] = true
	}
	if len(seen) != 7 {
		t.Errorf("reasons: %v, want all that keys in a file may have", seen)
	}
}

// TestKeysOfPython has Go read a ring that Python made.
func TestKeysOfPython(t *testing.T) {
	t.Parallel()
	var r ring
	if err := json.Unmarshal(run(t, "tests/make_keys.py"), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Records) < 10 || len(r.Values) < 10 || len(r.Persons) < 5 {
		t.Fatalf("%d records, %d values, %d persons", len(r.Records), len(r.Values), len(r.Persons))
	}
	r.check(t)
}

// newRing makes keys of every kind, and destroys some.
func newRing(t *testing.T) *ring {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	r := &ring{KEKs: map[string]string{}, Persons: map[string]string{}}
	store, now := &encrypt.Memory{}, ringTime.Add(-200*24*time.Hour)
	classes := map[string]encrypt.Class{}
	for _, class := range []string{"pii", "finance", "closed", "gone"} {
		path := filepath.Join(dir, class)
		if err := kek.Create(path, "2025"); err != nil {
			t.Fatal(err)
		}
		classes[class] = encrypt.Class{KEK: kek.NewFile(path)}
	}
	keys, err := encrypt.NewKeys(store, classes, encrypt.WithClock(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	sealed := func(class, person string) (encrypt.KeyID, *ringValue) {
		key, err := keys.Current(ctx, class, person)
		if err != nil {
			t.Fatal(err)
		}
		v := ringValue{Value: class + " of " + person}
		text, err := key.AppendText(nil, &ringPlace, encrypt.Text, []byte(v.Value), false)
		if err != nil {
			t.Fatal(err)
		}
		v.Sealed = string(text)
		r.Values = append(r.Values, v)
		return key.ID(), &r.Values[len(r.Values)-1]
	}
	lost := func(v *ringValue, reason encrypt.Reason) { v.Value, v.Reason = "", reason }
	persons := []string{"ada", "b0b", "Zoë 🔒", "c"}

	oldest, v := sealed("pii", "")
	lost(v, encrypt.Destroyed)
	for _, person := range persons {
		_, v := sealed("pii", person)
		lost(v, encrypt.Destroyed)
		if person == "ada" {
			lost(v, encrypt.Erased)
		}
	}
	now = ringTime.Add(-100 * 24 * time.Hour) // later than the period
	sealed("pii", "")
	for _, person := range persons {
		_, v := sealed("pii", person)
		if person == "ada" {
			lost(v, encrypt.Erased)
		}
	}
	if err := kek.Add(filepath.Join(dir, "pii"), "2026"); err != nil {
		t.Fatal(err)
	}
	now = ringTime.Add(-24 * time.Hour)
	sealed("pii", "")
	for _, person := range persons {
		id, v := sealed("pii", person)
		r.Persons[person] = id.String()
		if person == "ada" {
			lost(v, encrypt.Erased)
		}
	}
	if _, err := keys.Erase(ctx, "ada"); err != nil {
		t.Fatal(err)
	}
	now = ringTime
	id, _ := sealed("pii", "ada") // who came back
	r.Persons["ada"] = id.String()
	if _, err := keys.Destroy(ctx, oldest, false); err != nil {
		t.Fatal(err)
	}
	sealed("finance", "")
	unreadable, v := sealed("finance", "x")
	lost(v, encrypt.Broken)
	_, v = sealed("closed", "") // whose KEK this program does not have
	lost(v, encrypt.NoKEK)
	_, v = sealed("gone", "") // whose KEK has lost the key
	lost(v, encrypt.UnknownKEK)
	stranger, err := encrypt.NewKey(uuid.New(), make([]byte, encrypt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	text, err := stranger.AppendText(nil, &ringPlace, encrypt.Text, []byte("x"), false)
	if err != nil {
		t.Fatal(err)
	}
	r.Values = append(r.Values, ringValue{Sealed: string(text), Reason: encrypt.UnknownKey})

	var take taker
	store.Follow(&take).Close()
	for _, one := range take.records {
		value := string(one.Value)
		if string(one.Key) == unreadable.String() {
			value = strings.Replace(value, `"version":1`, `"version":2`, 1)
		}
		r.Records = append(r.Records, record{string(one.Key), value})
	}
	r.Records = append(r.Records, record{uuid.NewString(), ""}, record{"no id", "no entry"}, record{uuid.NewString(), r.Records[0].Value})
	for _, class := range []string{"pii", "finance", "gone"} {
		text, err := os.ReadFile(filepath.Join(dir, class))
		if err != nil {
			t.Fatal(err)
		}
		r.KEKs[class] = string(text)
	}
	r.KEKs["gone"] = "# anew\n" + strings.Replace(r.KEKs["gone"], "2025", "2027", 1)
	return r
}

type taker struct{ records []encrypt.Record }

func (t *taker) Take(records []encrypt.Record) { t.records = append(t.records, records...) }

func (*taker) Restarted() {}

// TestCommandOfGo has Python ask a KEK's program that is written with kek.Serve.
func TestCommandOfGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pii.kek")
	if err := kek.Create(path, "2026"); err != nil {
		t.Fatal(err)
	}
	t.Setenv(servedKEK, path)
	const program = `
import os, sys
from trestle_runtime.encryption import CommandKEK, FileKEK
from trestle_runtime.errors import NotWrappedError, UnknownKEKError
served, file, secret = CommandKEK(sys.argv[1]), FileKEK(sys.argv[2]), os.urandom(32)
name, wrapped = served.wrap(secret, b"context")
assert (name, file.unwrap(name, wrapped, b"context")) == ("2026", secret)
assert served.unwrap(*file.wrap(secret, b"context"), b"context") == secret
for kind, arguments in ((NotWrappedError, (name, wrapped, b"other")), (UnknownKEKError, ("2025", wrapped, b"context"))):
    try:
        served.unwrap(*arguments)
    except kind as e:
        print(e)
os.remove(sys.argv[2])
try:
    served.unwrap(name, wrapped, b"context")
except RuntimeError as e:
    print(e)
`
	said := string(run(t, "-c", program, os.Args[0], path))
	for i, want := range []string{"it was changed", "knows no key of that name", "no such file"} {
		if lines := strings.Split(said, "\n"); len(lines) != 4 || !strings.Contains(lines[i], want) {
			t.Errorf("Python says %q, want %q in line %d", said, want, i+1)
		}
	}
}
