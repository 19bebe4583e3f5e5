package confluent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/confluent"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// recordedVectors are those of testdata, and a server with their registry.
func recordedVectors(t testing.TB) (*server, vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.set(func() { s.state = v.State })
	return s, v
}

func (r *recordedEvent) record() *event.Record {
	rec := &event.Record{Topic: r.Example, Value: r.Value}
	for name, value := range r.Headers {
		rec.Headers = append(rec.Headers, event.Header{Key: name, Value: value})
	}
	return rec
}

// TestVectors decrypts what Confluent's client has encrypted once: see TestConfluentClient.
func TestVectors(t *testing.T) {
	t.Parallel()
	s, v := recordedVectors(t)
	c := newCipher(t, s)
	seen := map[string]bool{}
	for _, r := range v.Records {
		seen[r.Example] = true
		e := exampleOf(t, r.Example)
		rec := r.record()
		e.checkSealed(t, rec)
		got, err := c.Decrypt(t.Context(), rec)
		if err != nil {
			t.Fatalf("%s: %v", r.Example, err)
		}
		if diff := cmp.Diff(parsed(t, e.event), e.json(t, &got)); diff != "" {
			t.Errorf("%s (-wrote +read):\n%s", r.Example, diff)
		}
		if len(e.sealed) > 0 && bytes.Equal(got.Value, r.Value) || !bytes.Equal(rec.Value, r.Value) {
			t.Errorf("%s: the record that was decrypted was changed, or is the one that was given", r.Example)
		}
	}
	for _, e := range examples() {
		if !seen[e.name] {
			t.Errorf("%s is not among the vectors: record them anew, with -record", e.name)
		}
	}
	asked := len(s.asked)
	for _, r := range v.Records {
		if _, err := c.Decrypt(t.Context(), r.record()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.asked) != asked {
		t.Errorf("what was read is asked for again: %v", s.asked[asked:])
	}
}

// TestRoundTrip encrypts each example and decrypts it with another cipher, which leaves every byte of JSON as it was.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, e := range examples() {
		id := e.declare(t, s)
		for _, inHeader := range []bool{false, true} {
			rec := e.record(t, id, inHeader)
			sealed, err := newCipher(t, s).Encrypt(t.Context(), rec)
			if err != nil {
				t.Fatalf("%s: %v", e.name, err)
			}
			e.checkSealed(t, &sealed)
			got, err := newCipher(t, s).Decrypt(t.Context(), &sealed)
			if err != nil {
				t.Fatalf("%s: %v", e.name, err)
			}
			if diff := cmp.Diff(e.json(t, rec), e.json(t, &got)); diff != "" {
				t.Errorf("%s (-wrote +read):\n%s", e.name, diff)
			}
			if !e.protobuf && e.name != "default" && !strings.Contains(e.event, `\u00e9`) && !bytes.Equal(got.Value, rec.Value) {
				t.Errorf("%s: read\n%q, wrote\n%q", e.name, got.Value, rec.Value)
			}
		}
	}
}

// TestTampered refuses each value in which one bit was changed, and says nothing of what stands there.
func TestTampered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newCipher(t, s)
	for _, name := range []string{"aes128gcm", "aes256gcm", "aes256siv", "expiry", "note", "payload"} {
		e := exampleOf(t, name)
		sealed, err := c.Encrypt(t.Context(), e.record(t, e.declare(t, s), false))
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, part := range sealedParts(e, sealed.Value) {
			for bit := range 8 * len(part.raw) {
				changed := slices.Clone(part.raw)
				changed[bit/8] ^= 1 << (bit % 8)
				rec := event.Record{Topic: sealed.Topic, Value: bytes.Replace(sealed.Value, part.stands, part.written(changed), 1)}
				got, err := c.Decrypt(t.Context(), &rec)
				if invalid, ok := errors.AsType[*event.ValidationError](err); ok {
					refused++
					if v := invalid.Violations[0]; v.Rule != event.SealRule || v.Found != "" || v.Path != part.path {
						t.Errorf("%s: %+v", name, v)
					}
					continue
				}
				if _, ok := errors.AsType[*encrypt.UnavailableError](err); ok && name == "expiry" { // another version of the key
					refused++
					continue
				}
				t.Errorf("%s: bit %d was changed, and it was read as %q: %v", name, bit, got.Value, err)
			}
		}
		if refused < 8*28 {
			t.Errorf("%s: %d changes were tried", name, refused)
		}
	}
}

// sealedPart is what is encrypted in a value.
type sealedPart struct {
	path        string
	raw, stands []byte
	written     func(raw []byte) []byte
}

func sealedParts(e *example, value []byte) []sealedPart {
	text := func(path string, stands []byte) sealedPart {
		raw, _ := base64.StdEncoding.DecodeString(string(stands))
		return sealedPart{path, raw, stands, func(raw []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(raw)) }}
	}
	switch {
	case e.name == "payload":
		return []sealedPart{{"", value[5:], value[5:], func(raw []byte) []byte { return raw }}}
	case e.protobuf:
		const frame = 7                                      // the id, and the indexes of the second message
		body := value[frame+2+len("n_1"):]                   // behind the id of the note
		return []sealedPart{text("text", body[2:2+body[1]])} // shorter than 128 bytes
	}
	_, rest, _ := bytes.Cut(value, []byte(`"email":"`))
	stands, _, _ := bytes.Cut(rest, []byte(`"`))
	return []sealedPart{text("email", stands)}
}

// TestInClear refuses a value that is not encrypted though rules have it so: nobody is to think that it was.
func TestInClear(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"default", "expiry", "note", "nested"} {
		e := exampleOf(t, name)
		_, err := newCipher(t, s).Decrypt(t.Context(), e.record(t, e.declare(t, s), false))
		invalid, ok := errors.AsType[*event.ValidationError](err)
		if !ok && name != "expiry" { // where there is no key yet
			if _, ok = errors.AsType[*encrypt.UnavailableError](err); !ok {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if ok && invalid.Violations[0].Rule != event.SealRule || err != nil && strings.Contains(err.Error(), "ada@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// deniedKMS is a KMS that answers with an error.
type deniedKMS struct{ err error }

func (k deniedKMS) Name() string { return "" }

func (k deniedKMS) Wrap(context.Context, []byte, []byte) (string, []byte, error) {
	return "", nil, k.err
}

func (k deniedKMS) Unwrap(context.Context, string, []byte, []byte) ([]byte, error) { return nil, k.err }

// TestUnavailable says why a key can't be had, and whether it is of use to ask again.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	other, err := confluent.LocalKMS("another secret")
	if err != nil {
		t.Fatal(err)
	}
	away := errors.New("connection refused")
	tests := []struct {
		name   string
		kms    map[string]encrypt.KEK
		change func(s *server)
		want   encrypt.Reason // empty: it may pass
		says   string
	}{
		{name: "denied", kms: map[string]encrypt.KEK{"local-kms": deniedKMS{encrypt.ErrDenied}}, want: encrypt.Denied, says: "local-kms://pii-1"},
		{name: "destroyed", kms: map[string]encrypt.KEK{"local-kms": deniedKMS{encrypt.ErrKEKDestroyed}}, want: encrypt.Destroyed, says: "destroyed"},
		{name: "away", kms: map[string]encrypt.KEK{"local-kms": deniedKMS{away}}, says: "connection refused"},
		{name: "another secret", kms: map[string]encrypt.KEK{"local-kms": other}, want: encrypt.Broken, says: "wrapped with another key"},
		{name: "no KMS", kms: map[string]encrypt.KEK{"aws-kms": other}, want: encrypt.NoKEK, says: "no KMS of type local-kms"},
		{name: "by its key", kms: map[string]encrypt.KEK{"local-kms": localKMS(t), "local-kms://pii-1": deniedKMS{encrypt.ErrDenied}}, want: encrypt.Denied, says: "denies"},
		{name: "unknown KEK", change: func(s *server) { delete(s.state.KEKs, "pii") }, want: encrypt.UnknownKEK, says: "not in the registry"},
		{name: "unknown key", change: func(s *server) { s.state.DEKs = nil }, want: encrypt.UnknownKey, says: "version 1"},
		{name: "another KMS key", change: func(s *server) { s.state.KEKs["pii"].KMSKeyID = "pii-2" }, want: encrypt.Broken, says: "pii-2"},
		{name: "registry away", change: func(s *server) { s.fail = 503 }, says: "503"},
		{name: "registry denies", change: func(s *server) { s.fail = 403 }, says: "403"},
		{name: "not a key", change: func(s *server) { s.state.DEKs[0].Wrapped = "AAAA" }, want: encrypt.Broken, says: "wrapped with another key"},
		{name: "nothing", change: func(s *server) { s.state.DEKs[0].Wrapped = "" }, want: encrypt.Broken, says: "base64"},
		{name: "alternate", change: func(s *server) {
			s.state.KEKs["pii"].KMSProps = map[string]string{"encrypt.alternate.kms.key.ids": " , other"}
		}, kms: map[string]encrypt.KEK{"local-kms://pii-1": deniedKMS{encrypt.ErrDenied}, "local-kms://other": localKMS(t)}, want: "none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			e := exampleOf(t, "default")
			sealed, err := newCipher(t, s).Encrypt(t.Context(), e.record(t, e.declare(t, s), false))
			if err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				s.set(func() { test.change(s) })
			}
			if test.kms == nil {
				test.kms = map[string]encrypt.KEK{"local-kms": localKMS(t)}
			}
			client, err := registry.New(s.url)
			if err != nil {
				t.Fatal(err)
			}
			c, err := confluent.New(client, test.kms)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // of the attempts at a registry that is away
			defer cancel()
			_, err = c.Decrypt(ctx, &sealed)
			if test.want == "none" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			unavailable, ok := errors.AsType[*encrypt.UnavailableError](err)
			_, mayPass := errors.AsType[*encrypt.AwayError](err)
			if ok != (test.want != "") || mayPass == ok || ok && unavailable.Reason != test.want || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestExpiry makes a new key once the newest has expired, reads what older ones have encrypted, and makes it once though several need it.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "expiry")
	id := e.declare(t, s)
	ciphers := []*confluent.Cipher{newCipher(t, s), newCipher(t, s), newCipher(t, s)}
	write := func(version byte) (sealed []event.Record) {
		t.Helper()
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, c := range ciphers {
			all.Go(func() {
				rec, err := c.Encrypt(t.Context(), e.record(t, id, false))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				sealed = append(sealed, rec)
				if raw := sealedParts(e, rec.Value)[0].raw; !bytes.Equal(raw[:5], []byte{0, 0, 0, 0, version}) {
					t.Errorf("begins with % x, version %d is expected", raw[:5], version)
				}
			})
		}
		all.Wait()
		return sealed
	}
	sealed := write(1)
	s.set(func() {
		for _, dek := range s.state.DEKs {
			dek.Made -= (23 * time.Hour).Milliseconds()
		}
	})
	ciphers = append(ciphers, newCipher(t, s))
	sealed = append(sealed, write(1)...)
	s.set(func() {
		for _, dek := range s.state.DEKs {
			dek.Made -= (2 * time.Hour).Milliseconds()
		}
	})
	ciphers = []*confluent.Cipher{newCipher(t, s), newCipher(t, s)}
	sealed = append(sealed, write(2)...)
	if n := len(s.state.DEKs); n != 2 {
		t.Errorf("there are %d keys", n)
	}
	for _, rec := range sealed {
		got, err := newCipher(t, s).Decrypt(t.Context(), &rec)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed(t, e.event), e.json(t, &got)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestOlderRegistry makes keys in a registry that has the subject in the body of a request alone.
func TestOlderRegistry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.set(func() { s.old = true })
	e := exampleOf(t, "default")
	sealed, err := newCipher(t, s).Encrypt(t.Context(), e.record(t, e.declare(t, s), false))
	if err != nil {
		t.Fatal(err)
	}
	e.checkSealed(t, &sealed)
}

// TestDeletedKey reads what a deleted key has encrypted, while the registry still has it, and encrypts nothing with it.
func TestDeletedKey(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "default")
	id := e.declare(t, s)
	sealed, err := newCipher(t, s).Encrypt(t.Context(), e.record(t, id, false))
	if err != nil {
		t.Fatal(err)
	}
	s.set(func() { s.state.DEKs[0].Deleted = true })
	if got, err := newCipher(t, s).Decrypt(t.Context(), &sealed); err != nil || !cmp.Equal(parsed(t, e.event), e.json(t, &got)) {
		t.Errorf("%q: %v", got.Value, err)
	}
	_, err = newCipher(t, s).Encrypt(t.Context(), e.record(t, id, false))
	if unavailable, ok := errors.AsType[*encrypt.UnavailableError](err); !ok || unavailable.Reason != encrypt.Destroyed {
		t.Error(err)
	}
}

// TestMoved shows what this encryption does not protect from: a value is read in whichever field and record of the subject it stands.
func TestMoved(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "nested")
	c := newCipher(t, s)
	sealed, err := c.Encrypt(t.Context(), e.record(t, e.declare(t, s), false))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(sealed.Value, []byte(`"name":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	moved := event.Record{Topic: e.name, Value: append(bytes.Clone(sealed.Value[:5]), `{"emails":["`+string(name)+`"]}`...)}
	if got, err := c.Decrypt(t.Context(), &moved); err != nil || string(got.Value[5:]) != `{"emails":["Ada Lovelace"]}` {
		t.Errorf("%q: %v", got.Value, err)
	}
}

// TestWithdrawnKey shows for how long a key that was used is: until the program ends.
func TestWithdrawnKey(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "default")
	c := newCipher(t, s)
	sealed, err := c.Encrypt(t.Context(), e.record(t, e.declare(t, s), false))
	if err != nil {
		t.Fatal(err)
	}
	s.set(func() { s.state.DEKs = nil })
	if _, err := c.Decrypt(t.Context(), &sealed); err != nil {
		t.Error(err)
	}
	if _, err := newCipher(t, s).Decrypt(t.Context(), &sealed); err == nil {
		t.Error("another program has the key")
	}
}

// TestNewestVersion takes up rules that are registered while a program publishes values that name no schema.
func TestNewestVersion(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "default")
	rules := e.rules
	e.rules = nil
	e.declare(t, s)
	c, now := newCipher(t, s), time.Now()
	c.SetNow(func() time.Time { return now })
	plain := &event.Record{Topic: e.name, Value: []byte(e.event)}
	for _, step := range []struct {
		after time.Duration
		clear bool
	}{{0, true}, {4 * time.Minute, true}, {time.Minute, false}} {
		now = now.Add(step.after)
		got, err := c.Encrypt(t.Context(), plain)
		if err != nil || bytes.Equal(got.Value, plain.Value) != step.clear {
			t.Errorf("%v later: %q: %v", step.after, got.Value, err)
		}
		if e.rules == nil {
			e.rules = rules
			e.declare(t, s)
		}
	}
}

// TestAvro refuses values of a language that it does not read, where rules encrypt them.
func TestAvro(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.register(t, storedSchema{Subject: "avro-value", Type: "", Schema: `"string"`, RuleSet: marshal(t, map[string]any{"domainRules": []any{rule(nil, "PII")}})})
	rec := &event.Record{Topic: "avro", Value: append(wire.AppendConfluentID(nil, id), 2, 'a')}
	c := newCipher(t, s)
	for name, do := range map[string]func(context.Context, *event.Record) (event.Record, error){"decrypt": c.Decrypt, "encrypt": c.Encrypt} {
		if _, err := do(t.Context(), rec); err == nil || !strings.Contains(err.Error(), "only JSON and PROTOBUF") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// namedKMS wraps with a key of a name.
type namedKMS struct {
	encrypt.KEK
	name string
}

func (k namedKMS) Wrap(ctx context.Context, secret, context []byte) (string, []byte, error) {
	_, wrapped, err := k.KEK.Wrap(ctx, secret, context)
	return k.name, wrapped, err
}

// TestWrappedWithAnother makes no data key that the KMS has wrapped with another key than the KEK names: nobody could unwrap it.
func TestWrappedWithAnother(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]encrypt.Reason{"pii-1": "", "pii-2": encrypt.UnknownKEK} {
		s := newServer(t)
		e := exampleOf(t, "default")
		id := e.declare(t, s)
		client, err := registry.New(s.url)
		if err != nil {
			t.Fatal(err)
		}
		c, err := confluent.New(client, map[string]encrypt.KEK{"local-kms": namedKMS{localKMS(t), name}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Encrypt(t.Context(), e.record(t, id, false))
		unavailable, ok := errors.AsType[*encrypt.UnavailableError](err)
		if ok != (reason != "") || ok && unavailable.Reason != reason || (err == nil) != (len(s.state.DEKs) == 1) {
			t.Errorf("%s: %v, and there are %d keys", name, err, len(s.state.DEKs))
		}
	}
}

// TestRules tries what rules say, in both modes.
func TestRules(t *testing.T) {
	t.Parallel()
	with := func(change func(r map[string]any)) []map[string]any {
		r := rule(nil, "PII")
		change(r)
		return []map[string]any{r}
	}
	param := func(name, value string) []map[string]any {
		return []map[string]any{rule(map[string]any{name: value}, "PII")}
	}
	other := map[string]any{"name": "upper", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "CEL_FIELD"}
	condition := map[string]any{"name": "adult", "kind": "CONDITION", "mode": "WRITE", "type": "CEL"}
	tests := []struct {
		name   string
		rules  []map[string]any
		schema string
		write  string // what is said of writing; empty: it is encrypted; "clear": it stays as it is
		read   string // the same of reading what a usual rule has encrypted; empty: it is decrypted
	}{
		{name: "usual", rules: []map[string]any{rule(nil, "PII")}},
		{name: "another tag", rules: []map[string]any{rule(nil, "SECRET")}, write: "clear", read: "clear"},
		{name: "only written", rules: with(func(r map[string]any) { r["mode"] = "WRITE" }), read: "clear"},
		{name: "only read", rules: with(func(r map[string]any) { r["mode"] = "READ" }), write: "clear"},
		{name: "migration", rules: with(func(r map[string]any) { r["mode"] = "UPDOWN" }), write: "clear", read: "clear"},
		{name: "lower case", rules: with(func(r map[string]any) { r["type"] = "encrypt" })},
		{name: "twice", rules: []map[string]any{rule(nil, "PII"), rule(map[string]any{"encrypt.dek.algorithm": "AES256_SIV"}, "PII")}},
		{name: "no KEK", rules: param("encrypt.kek.name", ""), write: "no parameter encrypt.kek.name", read: "no parameter encrypt.kek.name"},
		{name: "algorithm", rules: param("encrypt.dek.algorithm", "ROT13"), write: `algorithm "ROT13"`, read: `algorithm "ROT13"`},
		{name: "expiry", rules: param("encrypt.dek.expiry.days", "soon"), write: "number of days", read: "number of days"},
		{name: "condition", rules: []map[string]any{condition, rule(nil, "PII")}},
		{name: "transform", rules: []map[string]any{other, rule(nil, "PII")}, write: "rule upper: it is of the type CEL_FIELD", read: "rule upper: it is of the type CEL_FIELD"},
		{name: "transform alone", rules: []map[string]any{other}, write: "clear", read: "clear"},
		{name: "a condition that encrypts", rules: with(func(r map[string]any) { r["kind"] = "CONDITION" }), write: "kind CONDITION", read: "kind CONDITION"},
		{name: "numbers", rules: []map[string]any{rule(nil, "PII")}, schema: strings.Replace(personSchema, `"type": "integer"`, `"type": "integer", "confluent:tags": ["PII"]`, 1), write: "age: its schema has it encrypted"},
		{name: "all fields", rules: with(func(r map[string]any) { r["tags"] = []string{} }), write: "age: its schema has it encrypted", read: "id: can't be decrypted"},
		{name: "one of a list", rules: []map[string]any{rule(nil, "PII")}, schema: strings.Replace(personSchema, `"type": "string", "confluent:tags"`, `"enum": ["a"], "confluent:tags"`, 1), write: "email: its schema", read: "clear"},
		{name: "a loop", rules: []map[string]any{rule(nil, "PII")}, schema: `{"allOf": [{"$ref": "#"}]}`, write: "refers to itself", read: "refers to itself"},
		{name: "not JSON Schema", rules: []map[string]any{rule(nil, "PII")}, schema: `{"type": "nonsense"}`, write: "can't be read as JSON Schema", read: "can't be read as JSON Schema"},
		{name: "a reference", rules: []map[string]any{rule(nil, "PII")}, schema: `{"$ref": "elsewhere.json"}`, write: "elsewhere.json: the registry has no reference", read: "elsewhere.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			usual := exampleOf(t, "default")
			sealed, err := newCipher(t, s).Encrypt(t.Context(), usual.record(t, usual.declare(t, s), false))
			if err != nil {
				t.Fatal(err)
			}
			e := *usual
			if e.rules = test.rules; test.schema != "" {
				e.schema = test.schema
			}
			id := e.declare(t, s)
			plain := e.record(t, id, false)
			got, err := newCipher(t, s).Encrypt(t.Context(), plain)
			verify(t, "writing", test.write, err, bytes.Equal(got.Value, plain.Value))
			sealed.Value = append(wire.AppendConfluentID(nil, id), sealed.Value[5:]...)
			got, err = newCipher(t, s).Decrypt(t.Context(), &sealed)
			verify(t, "reading", test.read, err, bytes.Equal(got.Value, sealed.Value))
			if test.read == "" {
				if diff := cmp.Diff(parsed(t, e.event), e.json(t, &got)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func verify(t *testing.T, what, want string, err error, same bool) {
	t.Helper()
	switch want {
	case "":
		if err != nil || same {
			t.Errorf("%s: it stays as it is: %t: %v", what, same, err)
		}
	case "clear":
		if err != nil || !same {
			t.Errorf("%s: it stays as it is: %t: %v", what, same, err)
		}
	default:
		if err == nil || !strings.Contains(err.Error(), want) || !same {
			t.Errorf("%s: %v, expected is %q", what, err, want)
		}
	}
}

// TestLenient leaves encrypted what can't be decrypted, where the rule says so, and writes nothing in clear though the rule would.
func TestLenient(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "default")
	e.rules[0]["onFailure"] = "NONE,NONE"
	id := e.declare(t, s)
	sealed, err := newCipher(t, s).Encrypt(t.Context(), e.record(t, id, false))
	if err != nil {
		t.Fatal(err)
	}
	client, err := registry.New(s.url)
	if err != nil {
		t.Fatal(err)
	}
	denied, err := confluent.New(client, map[string]encrypt.KEK{"local-kms": deniedKMS{encrypt.ErrDenied}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := denied.Decrypt(t.Context(), &sealed); err != nil || !bytes.Equal(got.Value, sealed.Value) {
		t.Errorf("%q: %v", got.Value, err)
	}
	if got, err := denied.Encrypt(t.Context(), e.record(t, id, false)); err == nil {
		t.Errorf("it was written as %q", got.Value)
	}
}

// TestSchemaOfRecord tries how a record names its schema, or does not.
func TestSchemaOfRecord(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := exampleOf(t, "default")
	id := e.declare(t, s)
	bare := &event.Record{Topic: e.name, Value: []byte(e.event), Headers: []event.Header{{Key: "mine", Value: []byte("1")}}}
	c := newCipher(t, s)
	sealed, err := c.Encrypt(t.Context(), bare)
	if err != nil {
		t.Fatal(err)
	}
	e.checkSealed(t, &sealed)
	want := append(slices.Clone(bare.Headers), event.Header{Key: wire.HeaderConfluentID, Value: wire.AppendConfluentID(nil, id)})
	if diff := cmp.Diff(want, sealed.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got, err := c.Decrypt(t.Context(), &sealed); err != nil || !cmp.Equal(parsed(t, e.event), e.json(t, &got)) {
		t.Errorf("%q: %v", got.Value, err)
	}
	if got, err := c.Decrypt(t.Context(), bare); err != nil || !bytes.Equal(got.Value, bare.Value) {
		t.Errorf("a record without a schema is read as %q: %v", got.Value, err)
	}
	unregistered := &event.Record{Topic: "unheard-of", Value: bare.Value}
	if _, err := c.Encrypt(t.Context(), unregistered); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a subject that is not registered: %v", err)
	}
	unknown := e.record(t, 99, false)
	if _, err := c.Decrypt(t.Context(), unknown); !errors.Is(err, registry.ErrNotFound) || !strings.Contains(err.Error(), "schema 99") {
		t.Errorf("a schema that is not registered: %v", err)
	}
	asked := len(s.asked)
	elsewhere := newCipher(t, s, confluent.WithTopics("orders"))
	if got, err := elsewhere.Encrypt(t.Context(), bare); err != nil || !bytes.Equal(got.Value, bare.Value) || len(s.asked) != asked {
		t.Errorf("a topic that is not named: %q, %v, asked %v", got.Value, err, s.asked[asked:])
	}
	for _, none := range []*event.Record{{Topic: e.name}, {Topic: e.name, Value: []byte{}}} {
		if got, err := c.Encrypt(t.Context(), none); err != nil || !cmp.Equal(got, *none) {
			t.Errorf("no value: %v, %v", got, err)
		}
	}
	zero := &event.Record{Topic: e.name, Value: bare.Value, Headers: []event.Header{{Key: wire.HeaderConfluentID, Value: make([]byte, 5)}}}
	if _, err := c.Decrypt(t.Context(), zero); err == nil || !strings.Contains(err.Error(), "id 0") {
		t.Errorf("a schema's id of 0: %v", err)
	}
	named := newCipher(t, s, confluent.WithSubject(func(rec *event.Record) string { return strings.TrimPrefix(rec.Topic, "staging.") + "-value" }))
	if got, err := named.Encrypt(t.Context(), &event.Record{Topic: "staging." + e.name, Value: bare.Value}); err != nil || bytes.Equal(got.Value, bare.Value) {
		t.Errorf("another subject: %q, %v", got.Value, err)
	}
}

// TestBrokenValues refuses values that are none of their schema, without what stands in them.
func TestBrokenValues(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	note, person := exampleOf(t, "note"), exampleOf(t, "default")
	noteID, personID := note.declare(t, s), person.declare(t, s)
	c := newCipher(t, s)
	for name, test := range map[string]struct {
		topic, value string
		want         string
	}{
		"JSON cut off":     {"default", string(wire.AppendConfluentID(nil, personID)) + `{"email":"ada@exam`, "not JSON"},
		"no such message":  {"note", string(wire.AppendConfluent(nil, noteID, []int{7})), "lead to none"},
		"JSON of protobuf": {"note", string(wire.AppendConfluentID(nil, noteID)) + `{}`, "its schema is protobuf"},
		"protobuf cut off": {"note", string(wire.AppendConfluent(nil, noteID, []int{1})) + "\x0a\x05ab", "EOF"},
		"id zero":          {"note", "\x00\x00\x00\x00\x00\x00", "id is 0"},
	} {
		for what, do := range map[string]func(context.Context, *event.Record) (event.Record, error){"decrypt": c.Decrypt, "encrypt": c.Encrypt} {
			_, err := do(t.Context(), &event.Record{Topic: test.topic, Value: []byte(test.value)})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "ada@") {
				t.Errorf("%s of %s: %v", what, name, err)
			}
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	client, err := registry.New("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no client":  second(confluent.New(nil, nil)),
		"nil option": second(confluent.New(client, nil, nil)),
		"no subject": second(confluent.New(client, nil, confluent.WithSubject(nil))),
		"no secret":  second(confluent.LocalKMS("")),
	} {
		if err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzDecrypt reads values of any kind by all schemas of the vectors: it must not fail but by an error, and decrypts nothing that the client has not encrypted.
func FuzzDecrypt(f *testing.F) {
	s, v := recordedVectors(f)
	c := newCipher(f, s)
	for _, r := range v.Records {
		f.Add(r.Example, r.Value, r.Headers[wire.HeaderConfluentID])
	}
	f.Fuzz(func(t *testing.T, topic string, value, id []byte) {
		rec := &event.Record{Topic: topic, Value: value}
		if id != nil {
			rec.Headers = []event.Header{{Key: wire.HeaderConfluentID, Value: id}}
		}
		before := fmt.Sprintf("%x", value)
		_, err := c.Decrypt(t.Context(), rec)
		if fmt.Sprintf("%x", value) != before {
			t.Errorf("the value was changed: %v", err)
		}
		sealed, err := c.Encrypt(t.Context(), rec)
		if err != nil {
			return
		}
		if _, err := c.Decrypt(t.Context(), &sealed); err != nil {
			if _, invalid := errors.AsType[*event.ValidationError](err); invalid && !bytes.Equal(sealed.Value, value) {
				t.Errorf("what was encrypted can't be decrypted: %v\n%x\n%x", err, value, sealed.Value)
			}
		}
	})
}
