package encrypt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
)

// testKEK wraps so that what is wrapped shows where it is from, and fails as it is told to.
type testKEK struct {
	mu      sync.Mutex
	name    string
	lost    map[string]error // of keys
	away    error
	wraps   int
	unwraps int
	gate    chan struct{} // Unwrap waits for it; nil: it does not
	asked   chan struct{} // and sends there before; nil: it does not
}

func (k *testKEK) set(change func(k *testKEK)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

func (k *testKEK) Name() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.name
}

func mask(name string, context, secret []byte) []byte {
	pad := sha256.Sum256(append([]byte(name), context...))
	out := make([]byte, len(secret))
	for i := range out {
		out[i] = secret[i] ^ pad[i]
	}
	return out
}

func (k *testKEK) Wrap(_ context.Context, secret, context []byte) (string, []byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wraps++
	if k.away != nil {
		return "", nil, k.away
	}
	return k.name, mask(k.name, context, secret), k.lost[k.name]
}

func (k *testKEK) Unwrap(ctx context.Context, name string, wrapped, context []byte) ([]byte, error) {
	k.mu.Lock()
	k.unwraps++
	gate, asked, away, lost := k.gate, k.asked, k.away, k.lost[name]
	k.mu.Unlock()
	if asked != nil {
		asked <- struct{}{}
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if away != nil {
		return nil, away
	}
	return mask(name, context, wrapped), lost
}

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_800_000_000, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func newKeys(t testing.TB, store encrypt.Store, classes map[string]encrypt.Class, opts ...encrypt.KeysOption) *encrypt.Keys {
	t.Helper()
	k, err := encrypt.NewKeys(store, classes, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func current(t testing.TB, k *encrypt.Keys, class, person string) *encrypt.Key {
	t.Helper()
	key, err := k.Current(t.Context(), class, person)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func seal(t testing.TB, key *encrypt.Key) []byte {
	t.Helper()
	b, err := key.AppendText(nil, &place, encrypt.Text, []byte("secret"), false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func opens(t testing.TB, k *encrypt.Keys, sealed []byte) error {
	t.Helper()
	s, err := encrypt.ParseText(sealed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.ByID(t.Context(), s.KeyID)
	if err != nil {
		return err
	}
	got, err := key.AppendOpened(nil, &place, &s)
	if err == nil && string(got) != "secret" {
		t.Errorf("opened as %q", got)
	}
	return err
}

func reasonOf(err error) encrypt.Reason {
	if e, ok := errors.AsType[*encrypt.UnavailableError](err); ok {
		return e.Reason
	}
	return ""
}

func isAway(err error) bool {
	_, ok := errors.AsType[*encrypt.AwayError](err)
	return ok
}

// One program's keys are another's, of a class and of persons, and what a third may not unwrap is not available to it.
func TestKeysAreSharedThroughTheStore(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}}
	a, b := newKeys(t, &store, classes), newKeys(t, &store, classes)
	key, ann, bob := current(t, a, "pii", ""), current(t, a, "pii", "ann"), current(t, a, "pii", "bob")
	if key.ID() == ann.ID() || ann.ID() == bob.ID() {
		t.Error("they share a key")
	}
	for person, want := range map[string]*encrypt.Key{"": key, "ann": ann, "bob": bob} {
		for _, k := range []*encrypt.Keys{a, b, newKeys(t, &store, classes)} {
			if got := current(t, k, "pii", person); got.ID() != want.ID() {
				t.Errorf("of %q: %v, want %v", person, got, want)
			}
			if err := opens(t, k, seal(t, want)); err != nil {
				t.Errorf("of %q: %v", person, err)
			}
		}
	}
	for name, test := range map[string]struct {
		classes map[string]encrypt.Class
		reason  encrypt.Reason
	}{
		"without a KEK":       {nil, encrypt.NoKEK},
		"denied":              {map[string]encrypt.Class{"pii": {KEK: &testKEK{lost: map[string]error{"one": encrypt.ErrDenied}}}}, encrypt.Denied},
		"with an unknown KEK": {map[string]encrypt.Class{"pii": {KEK: &testKEK{lost: map[string]error{"one": encrypt.ErrUnknownKEK}}}}, encrypt.UnknownKEK},
		"with a lost KEK":     {map[string]encrypt.Class{"pii": {KEK: &testKEK{lost: map[string]error{"one": encrypt.ErrKEKDestroyed}}}}, encrypt.Destroyed},
		"with another KEK":    {map[string]encrypt.Class{"pii": {KEK: &testKEK{lost: map[string]error{"one": encrypt.ErrNotWrapped}}}}, encrypt.Broken},
	} {
		k := newKeys(t, &store, test.classes)
		for _, key := range []*encrypt.Key{key, ann} {
			if err := opens(t, k, seal(t, key)); reasonOf(err) != test.reason || isAway(err) {
				t.Errorf("%s: %v", name, err)
			} else if !strings.Contains(err.Error(), key.ID().String()) || !strings.Contains(err.Error(), "pii") {
				t.Errorf("%s: %v does not name key and class", name, err)
			}
		}
		if _, err := k.Current(t.Context(), "pii", ""); reasonOf(err) != test.reason {
			t.Errorf("%s, to encrypt: %v", name, err)
		}
	}
	if _, err := a.ByID(t.Context(), uuid.New()); reasonOf(err) != encrypt.UnknownKey {
		t.Errorf("unknown: %v", err)
	}
}

// However many ask at once, one key is made, and one call goes to the KEK, also when whoever asked first gives up.
func TestOneCallForAll(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}}
	a := newKeys(t, &store, classes)
	var wg sync.WaitGroup
	var ids sync.Map
	for i := range 200 {
		wg.Go(func() {
			person := fmt.Sprintf("person %d", i%2)
			key, err := a.Current(t.Context(), "pii", person)
			if err != nil {
				t.Error(err)
				return
			}
			if other, _ := ids.LoadOrStore(person, key.ID()); other != key.ID() {
				t.Errorf("%s has %v and %v", person, key.ID(), other)
			}
		})
	}
	wg.Wait()
	if kek.wraps != 1 || kek.unwraps != 0 {
		t.Errorf("%d wraps, %d unwraps", kek.wraps, kek.unwraps)
	}
	gate := make(chan struct{})
	kek.set(func(k *testKEK) { k.gate = gate })
	b := newKeys(t, &store, classes)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := b.Current(ctx, "pii", "")
		gone <- err
	}()
	for range 50 {
		wg.Go(func() {
			if _, err := b.Current(t.Context(), "pii", "person 0"); err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) || !isAway(err) {
		t.Errorf("whoever gave up got %v", err)
	}
	close(gate)
	wg.Wait()
	if n := kek.unwraps; n != 1 && n != 2 { // 2: whoever gave up was alone
		t.Errorf("%d unwraps", n)
	}
}

// A key serves for its period; then it has a successor, as after a rotation; all are read on.
func TestPeriodAndRotation(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	var now clock
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek, Period: time.Hour}}
	a := newKeys(t, &store, classes, encrypt.WithClock(now.now))
	b := newKeys(t, &store, classes, encrypt.WithClock(now.now))
	first, ann := current(t, a, "pii", ""), current(t, a, "pii", "ann")
	now.advance(59 * time.Minute)
	if current(t, a, "pii", "") != first || current(t, a, "pii", "ann") != ann {
		t.Error("a key was replaced within its period")
	}
	now.advance(time.Minute)
	kek.set(func(k *testKEK) { k.away = errors.New("connection refused") })
	if current(t, a, "pii", "") != first {
		t.Error("while the KEK is away, it is another key")
	}
	kek.set(func(k *testKEK) { k.away = nil })
	now.advance(time.Minute)
	second := current(t, a, "pii", "")
	if second.ID() == first.ID() || current(t, a, "pii", "ann").ID() == ann.ID() {
		t.Error("a key was not replaced after its period")
	}
	if current(t, b, "pii", "").ID() != second.ID() {
		t.Error("another program makes a third")
	}
	now.advance(-30 * time.Minute) // the clock of whoever rotates is behind
	third, err := b.Rotate(t.Context(), "pii")
	if err != nil {
		t.Fatal(err)
	}
	if got := current(t, a, "pii", "").ID(); got != third {
		t.Errorf("after a rotation the key is %v, want %v", got, third)
	}
	for _, key := range []*encrypt.Key{first, second, ann} {
		if err := opens(t, newKeys(t, &store, classes), seal(t, key)); err != nil {
			t.Error(err)
		}
	}
	list, err := a.List(t.Context())
	if err != nil || len(list) != 3 || list[0].State != encrypt.StateOld || list[0].Persons != 1 || list[2].State != encrypt.StateCurrent || list[2].ID != third {
		t.Errorf("%+v, %v", list, err)
	}
}

// What was destroyed is used no more, by nobody, and said to be so; what is left can be read on.
func TestDestroyAndErase(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}, "pay": {KEK: kek}}
	a, b := newKeys(t, &store, classes), newKeys(t, &store, classes)
	var of [2]map[string][]byte // values of one and of two keys of the class
	var ids [2]encrypt.KeyID
	for i := range of {
		of[i] = map[string][]byte{}
		for _, class := range []string{"pii", "pay"} {
			for _, person := range []string{"", "ann", "bob"} {
				of[i][class+person] = seal(t, current(t, a, class, person))
			}
		}
		ids[i] = current(t, a, "pii", "").ID()
		if i == 0 {
			if _, err := b.Rotate(t.Context(), "pii"); err != nil {
				t.Fatal(err)
			}
		}
	}
	erased, err := b.Erase(t.Context(), "ann")
	if err != nil || len(erased) != 3 {
		t.Errorf("erased %v, %v", erased, err)
	}
	expect := func(what string, reasons map[string]encrypt.Reason) {
		t.Helper()
		for _, k := range []*encrypt.Keys{a, b, newKeys(t, &store, classes)} {
			for i := range of {
				for name, sealed := range of[i] {
					want := reasons[fmt.Sprintf("%s %d", name, i)]
					if err := opens(t, k, sealed); reasonOf(err) != want || err != nil && want == "" {
						t.Errorf("%s: %s %d: %v, want %q", what, name, i, err, want)
					}
				}
			}
		}
	}
	reasons := map[string]encrypt.Reason{"piiann 0": encrypt.Erased, "piiann 1": encrypt.Erased, "payann 0": encrypt.Erased, "payann 1": encrypt.Erased}
	expect("after Erase", reasons)
	anew := current(t, a, "pii", "ann")
	if err := opens(t, b, seal(t, anew)); err != nil {
		t.Errorf("events after Erase: %v", err)
	}
	if erased, err := a.Erase(t.Context(), "ann"); err != nil || len(erased) != 1 || erased[0] != anew.ID() {
		t.Errorf("erased again: %v, %v", erased, err)
	}
	if _, err := a.Destroy(t.Context(), ids[1], false); err == nil {
		t.Error("the newest key was destroyed")
	} else if newest, ok := errors.AsType[*encrypt.NewestError](err); !ok || newest.Persons != 1 {
		t.Errorf("%+v", err)
	}
	if n, err := a.Destroy(t.Context(), ids[0], false); err != nil || n != 1 {
		t.Errorf("destroyed with %d persons' keys, %v", n, err)
	}
	reasons["pii 0"], reasons["piibob 0"], reasons["piiann 0"] = encrypt.Destroyed, encrypt.Destroyed, encrypt.Erased
	expect("after Destroy", reasons)
	if _, err := a.Destroy(t.Context(), ids[1], true); err != nil {
		t.Error(err)
	}
	if current(t, b, "pii", "").ID() == ids[1] {
		t.Error("a destroyed key is used on")
	}
	if _, err := a.Destroy(t.Context(), uuid.New(), true); reasonOf(err) != encrypt.UnknownKey {
		t.Errorf("destroyed an unknown key: %v", err)
	}
}

// Erasing says under which keys it could not look, and erases what it finds under the others.
func TestEraseSaysWhatItCouldNotSee(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	a := newKeys(t, &store, map[string]encrypt.Class{"pii": {KEK: kek}, "pay": {KEK: kek}})
	kept, lost := seal(t, current(t, a, "pay", "ann")), seal(t, current(t, a, "pii", "ann"))
	hidden := current(t, a, "pay", "").ID()
	erased, err := newKeys(t, &store, map[string]encrypt.Class{"pii": {KEK: kek}}).Erase(t.Context(), "ann")
	incomplete, ok := errors.AsType[*encrypt.IncompleteError](err)
	if !ok || len(incomplete.Keys) != 1 || !strings.Contains(err.Error(), hidden.String()) || reasonOf(err) != encrypt.NoKEK || len(erased) != 1 {
		t.Errorf("erased %v, %v", erased, err)
	}
	if err := opens(t, a, kept); err != nil {
		t.Error(err)
	}
	if err := opens(t, a, lost); reasonOf(err) != encrypt.Erased {
		t.Error(err)
	}
}

// Rewrapped keys need the KEK's older key no more, and a person's key whose parent's entry stands behind it is found.
func TestRewrap(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}}
	a := newKeys(t, &store, classes)
	sealed := [][]byte{seal(t, current(t, a, "pii", "")), seal(t, current(t, a, "pii", "ann"))}
	kek.set(func(k *testKEK) { k.name = "two" })
	if n, err := a.Rewrap(t.Context(), "pii"); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := a.Rewrap(t.Context(), "pii"); err != nil || n != 0 {
		t.Errorf("again %d, %v", n, err)
	}
	kek.set(func(k *testKEK) { k.lost = map[string]error{"one": encrypt.ErrUnknownKEK} })
	for _, s := range sealed {
		if err := opens(t, newKeys(t, compacted(t, &store), classes), s); err != nil {
			t.Error(err)
		}
	}
}

// compacted is a store with the last entry of each key alone.
func compacted(t testing.TB, store encrypt.Store) *encrypt.Memory {
	t.Helper()
	var all []encrypt.Record
	store.Follow(collector{&all}).Close()
	out := &encrypt.Memory{}
	for i, r := range all {
		last := true
		for _, later := range all[i+1:] {
			last = last && !bytes.Equal(later.Key, r.Key)
		}
		if !last {
			continue
		}
		e, err := encrypt.ParseEntry(r.Value)
		if err == nil {
			err = out.Append(t.Context(), e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

type collector struct{ records *[]encrypt.Record }

func (c collector) Take(records []encrypt.Record) { *c.records = append(*c.records, records...) }
func (c collector) Restarted()                    { *c.records = nil }

// What is printed of keys, whatever the verb, is no secret and no person.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	k := newKeys(t, &store, map[string]encrypt.Class{"pii": {KEK: &testKEK{name: "one"}}})
	key := current(t, k, "pii", "ann@example.com")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got, want := fmt.Sprintf(verb, key), "key "+key.ID().String(); got != want {
			t.Errorf("%s of a key: %s", verb, got)
		}
		if got := fmt.Sprintf(verb, k); got != "data keys" {
			t.Errorf("%s of keys: %s", verb, got)
		}
	}
}

// lateStore gives a follower what was written first, and the rest when it is asked to go to the end.
type lateStore struct {
	encrypt.Memory
	first int
}

type lateFollower struct {
	encrypt.Follower
	kept []encrypt.Record
	left int
}

func (f *lateFollower) Take(records []encrypt.Record) {
	n := min(f.left, len(records))
	f.Follower.Take(records[:n])
	f.left, f.kept = f.left-n, append(f.kept, records[n:]...)
}

type lateReader struct {
	encrypt.Reader
	f *lateFollower
}

func (s *lateStore) Follow(f encrypt.Follower) encrypt.Reader {
	late := &lateFollower{Follower: f, left: s.first}
	return &lateReader{s.Memory.Follow(late), late}
}

func (r *lateReader) Sync(context.Context) error {
	kept := r.f.kept
	r.f.kept, r.f.left = nil, 1<<30
	r.f.Follower.Take(kept)
	return nil
}

// A program that has just begun to read the store decrypts nothing with a key that was destroyed since.
func TestDestroyedKeysAreKnownAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kek")
	if err := kek.Create(file, "test"); err != nil {
		t.Fatal(err)
	}
	classes := map[string]encrypt.Class{"pii": {KEK: kek.NewFile(file)}}
	store := &lateStore{first: 1}
	open := func() *encrypt.Keys {
		keys, err := encrypt.NewKeys(store, classes)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(keys.Close)
		return keys
	}
	keys := open()
	key, err := keys.Current(t.Context(), "pii", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Destroy(t.Context(), key.ID(), true); err != nil {
		t.Fatal(err)
	}
	var gone *encrypt.UnavailableError
	if _, err := open().ByID(t.Context(), key.ID()); !errors.As(err, &gone) || gone.Reason != encrypt.Destroyed {
		t.Errorf("it is had: %v", err)
	}
}

// A person whom a UUID names is the same in capitals.
func TestPersonsAreKnownByUUIDsOfAnyCase(t *testing.T) {
	t.Parallel()
	keys, err := encrypt.NewKeys(new(encrypt.Memory), map[string]encrypt.Class{"pii": {KEK: &testKEK{name: "one"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	const who = "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b"
	lower, err := keys.Current(t.Context(), "pii", who)
	if err != nil {
		t.Fatal(err)
	}
	upper, err := keys.Current(t.Context(), "pii", strings.ToUpper(who))
	if err != nil || upper.ID() != lower.ID() {
		t.Errorf("another key: %v", err)
	}
	if ids, err := keys.Erase(t.Context(), strings.ToUpper(who)); err != nil || len(ids) != 1 {
		t.Errorf("erased: %v, %v", ids, err)
	}
}
