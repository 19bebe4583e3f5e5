package encrypt_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
)

// lagging is a store whose records come to who follows it no sooner than they have to: at Sync. What of them is there before, first says.
type lagging struct {
	*encrypt.Memory
	first int
	broke error // of Append
}

func (l *lagging) Append(ctx context.Context, entries ...*encrypt.Entry) error {
	if l.broke != nil {
		return l.broke
	}
	return l.Memory.Append(ctx, entries...)
}

func (l *lagging) Follow(f encrypt.Follower) encrypt.Reader {
	r := &laggingReader{of: l, to: f}
	r.give(l.first)
	return r
}

type laggingReader struct {
	of    *lagging
	to    encrypt.Follower
	mu    sync.Mutex
	given int
}

func (r *laggingReader) give(most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []encrypt.Record
	r.of.Memory.Follow(collector{&all}).Close()
	all = all[r.given:min(len(all), most)]
	r.given += len(all)
	r.to.Take(all)
}

func (r *laggingReader) Sync(ctx context.Context) error {
	r.give(1 << 30)
	return ctx.Err()
}

func (*laggingReader) Close() {}

// What is not there yet is read before anything is said or made.
func TestReadsToTheEndFirst(t *testing.T) {
	t.Parallel()
	store := &lagging{Memory: new(encrypt.Memory)}
	classes := map[string]encrypt.Class{"pii": {KEK: &testKEK{name: "one"}}}
	a, b := newKeys(t, store, classes), newKeys(t, store, classes)
	for _, person := range []string{"", "ann", "bob"} {
		mine := current(t, a, "pii", person)
		if theirs := current(t, b, "pii", person); theirs.ID() != mine.ID() {
			t.Errorf("of %q there are %v and %v", person, mine, theirs)
		}
		if err := opens(t, newKeys(t, store, classes), seal(t, mine)); err != nil {
			t.Errorf("of %q: %v", person, err)
		}
	}
	anew, err := a.Rotate(t.Context(), "pii")
	if err != nil {
		t.Fatal(err)
	}
	if id, err := b.Rotate(t.Context(), "pii"); err != nil || id == anew {
		t.Errorf("rotated to %v, %v", id, err)
	}
	cid := current(t, a, "pii", "cid") // under the key of a, or that of b
	if ids, err := b.Erase(t.Context(), "cid"); err != nil || len(ids) != 1 || ids[0] != cid.ID() {
		t.Errorf("erased %v, %v", ids, err)
	}
	if list, err := newKeys(t, store, nil).List(t.Context()); err != nil || len(list) != 3 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A person's key whose parent's entry comes behind it, since that was wrapped anew, is had once it has come.
func TestParentBehind(t *testing.T) {
	t.Parallel()
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}}
	var before encrypt.Memory
	a := newKeys(t, &before, classes)
	sealed := seal(t, current(t, a, "pii", "ann"))
	kek.set(func(k *testKEK) { k.name = "two" })
	if _, err := a.Rewrap(t.Context(), "pii"); err != nil {
		t.Fatal(err)
	}
	store := &lagging{Memory: compacted(t, &before), first: 1}
	if err := opens(t, newKeys(t, store, classes), sealed); err != nil {
		t.Error(err)
	}
	if got := seal(t, current(t, newKeys(t, store, classes), "pii", "ann")); string(got[:20]) != string(sealed[:20]) {
		t.Errorf("another key is used: %s, not %s", got, sealed)
	}
	// Without it, that is said.
	orphan := new(encrypt.Memory)
	var all []encrypt.Record
	store.Memory.Follow(collector{&all}).Close()
	e, err := encrypt.ParseEntry(all[0].Value)
	if err == nil {
		err = orphan.Append(t.Context(), e)
	}
	if err != nil {
		t.Fatal(err)
	}
	k := newKeys(t, orphan, classes)
	if err := opens(t, k, sealed); reasonOf(err) != encrypt.UnknownKey {
		t.Errorf("without its parent: %v", err)
	}
	if list, err := k.List(t.Context()); err != nil || len(list) != 1 || list[0].State != encrypt.StateUnreadable || list[0].Persons != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := k.Erase(t.Context(), "ann"); reasonOf(err) != encrypt.UnknownKey {
		t.Errorf("erased without the parent: %v", err)
	}
}

// A key that could not be kept is not used.
func TestNotKept(t *testing.T) {
	t.Parallel()
	store := &lagging{Memory: new(encrypt.Memory)}
	k := newKeys(t, store, map[string]encrypt.Class{"pii": {KEK: &testKEK{name: "one"}}})
	for _, person := range []string{"", "ann"} {
		store.broke = errors.New("no space is left")
		if _, err := k.Current(t.Context(), "pii", person); !isAway(err) || !errors.Is(err, store.broke) {
			t.Errorf("of %q: %v", person, err)
		}
		store.broke = nil
		if err := opens(t, newKeys(t, store, map[string]encrypt.Class{"pii": {KEK: &testKEK{}}}), seal(t, current(t, k, "pii", person))); err != nil {
			t.Errorf("of %q: %v", person, err)
		}
	}
}

// What was destroyed stays destroyed, whatever is written later, and is asked of no KEK.
func TestDestroyedForGood(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}}
	a := newKeys(t, &store, classes)
	of, ann := current(t, a, "pii", ""), current(t, a, "pii", "ann")
	var live []encrypt.Record
	store.Follow(collector{&live}).Close()
	if _, err := a.Destroy(t.Context(), ann.ID(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Destroy(t.Context(), of.ID(), true); err != nil {
		t.Fatal(err)
	}
	for _, r := range live {
		e, err := encrypt.ParseEntry(r.Value)
		if err == nil {
			err = store.Append(t.Context(), e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	kek.set(func(k *testKEK) { k.unwraps = 0 })
	for name, k := range map[string]*encrypt.Keys{"who destroyed it": a, "another": newKeys(t, &store, classes), "one without a KEK": newKeys(t, &store, nil)} {
		for _, key := range []*encrypt.Key{of, ann} {
			if err := opens(t, k, seal(t, key)); reasonOf(err) != encrypt.Destroyed {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if kek.unwraps != 0 {
		t.Errorf("the KEK was asked %d times", kek.unwraps)
	}
	if n, err := a.Destroy(t.Context(), of.ID(), false); err != nil || n != 0 {
		t.Errorf("destroyed again: %d, %v", n, err)
	}
}

// What a KEK refuses is not asked for each event, and asked again after a while; one that is away is asked each time.
func TestRefusalIsKept(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	var now clock
	kek := &testKEK{name: "one"}
	sealed := seal(t, current(t, newKeys(t, &store, map[string]encrypt.Class{"pii": {KEK: kek}}, encrypt.WithClock(now.now)), "pii", "ann"))
	denied := &testKEK{lost: map[string]error{"one": encrypt.ErrDenied}}
	k := newKeys(t, &store, map[string]encrypt.Class{"pii": {KEK: denied}}, encrypt.WithClock(now.now))
	try := func(want encrypt.Reason, asked int) {
		t.Helper()
		for range 5 {
			if err := opens(t, k, sealed); reasonOf(err) != want || want == "" && err != nil {
				t.Errorf("%v, want %q", err, want)
			}
		}
		if denied.unwraps != asked {
			t.Errorf("the KEK was asked %d times, want %d", denied.unwraps, asked)
		}
	}
	try(encrypt.Denied, 1)
	now.advance(59 * time.Second)
	try(encrypt.Denied, 1)
	now.advance(time.Second)
	try(encrypt.Denied, 2)
	denied.set(func(k *testKEK) { k.lost, k.away = nil, errors.New("connection refused") })
	now.advance(time.Minute)
	for range 3 {
		if err := opens(t, k, sealed); !isAway(err) {
			t.Error(err)
		}
	}
	denied.set(func(k *testKEK) { k.away = nil })
	try("", 6)
}

// Of those who replace at once, one looks and writes before the next looks.
func TestMemoryReplacesAlone(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	var within atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				err := store.Replace(t.Context(), func(context.Context) ([]*encrypt.Entry, error) {
					defer within.Add(-1)
					if within.Add(1) > 1 {
						t.Error("two look at once")
					}
					runtime.Gosched()
					return []*encrypt.Entry{{ID: uuid.New(), Class: "pii", Created: created, KEK: "one", Wrapped: []byte("x")}}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	broke := errors.New("no")
	if err := store.Replace(t.Context(), func(context.Context) ([]*encrypt.Entry, error) { return nil, broke }); !errors.Is(err, broke) {
		t.Error(err)
	}
	var all []encrypt.Record
	if store.Follow(collector{&all}).Close(); len(all) != 400 {
		t.Errorf("%d records, want 400", len(all))
	}
}

// Who waits for a KEK is let go when the keys are closed, and nothing is begun after that.
func TestClose(t *testing.T) {
	t.Parallel()
	var store encrypt.Memory
	kek := &testKEK{name: "one"}
	classes := map[string]encrypt.Class{"pii": {KEK: kek}}
	sealed := seal(t, current(t, newKeys(t, &store, classes), "pii", ""))
	asked := make(chan struct{})
	kek.set(func(k *testKEK) { k.gate, k.asked = make(chan struct{}), asked })
	k, err := encrypt.NewKeys(&store, classes)
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error)
	go func() {
		_, err := k.Current(context.WithoutCancel(t.Context()), "pii", "")
		waits <- err
	}()
	<-asked
	k.Close()
	if err := <-waits; !isAway(err) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := opens(t, k, sealed); !isAway(err) {
		t.Error(err)
	}
}
