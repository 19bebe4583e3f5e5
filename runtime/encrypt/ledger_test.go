package encrypt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
)

var errLuck = errors.New("bad luck")

// unlucky fails now and then, as a store does whose network breaks: before what is asked for is done, or after.
type unlucky struct {
	encrypt.Store
	well atomic.Bool
}

func (u *unlucky) luck() error {
	if !u.well.Load() && rand.IntN(8) == 0 {
		return errLuck
	}
	return nil
}

func (u *unlucky) Append(ctx context.Context, entries ...*encrypt.Entry) error {
	if err := u.luck(); err != nil {
		return err
	}
	return errors.Join(u.Store.Append(ctx, entries...), u.luck())
}

func (u *unlucky) Replace(ctx context.Context, next func(context.Context) ([]*encrypt.Entry, error)) error {
	if err := u.luck(); err != nil {
		return err
	}
	return errors.Join(u.Store.Replace(ctx, next), u.luck())
}

func (u *unlucky) Follow(f encrypt.Follower) encrypt.Reader {
	return unluckyReader{u.Store.Follow(f), u}
}

type unluckyReader struct {
	encrypt.Reader
	of *unlucky
}

func (r unluckyReader) Sync(ctx context.Context) error {
	return errors.Join(r.Reader.Sync(ctx), r.of.luck())
}

// unluckyKEK fails now and then.
type unluckyKEK struct {
	encrypt.KEK
	of *unlucky
}

func (k unluckyKEK) Wrap(ctx context.Context, secret, context []byte) (string, []byte, error) {
	if err := k.of.luck(); err != nil {
		return "", nil, err
	}
	return k.KEK.Wrap(ctx, secret, context)
}

func (k unluckyKEK) Unwrap(ctx context.Context, name string, wrapped, context []byte) ([]byte, error) {
	if err := k.of.luck(); err != nil {
		return nil, err
	}
	return k.KEK.Unwrap(ctx, name, wrapped, context)
}

// ledger is what was sealed, and what was done to keys.
type ledger struct {
	mu      sync.Mutex
	sealed  []fact
	touched map[encrypt.KeyID]bool // somebody began to destroy it
	gone    map[encrypt.KeyID]bool // it was destroyed, as was said
	erasing map[string]bool        // somebody began to erase the person
	parents map[encrypt.KeyID]encrypt.KeyID
}

type fact struct {
	id     encrypt.KeyID
	person string
	text   []byte
}

func (l *ledger) do(what func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what()
}

// mayBeGone says that nobody can say that a value has to be readable.
func (l *ledger) mayBeGone(f fact) bool {
	return l.touched[f.id] || l.touched[l.parents[f.id]] || l.erasing[f.person]
}

// However many programs make, rotate, wrap anew and destroy keys at once, with a store and a KEK that fail: what was sealed can be read by each, unless its key was
// destroyed; and then by none.
func TestLedger(t *testing.T) {
	t.Parallel()
	const programs, rounds = 3, 400
	var memory encrypt.Memory
	store := &unlucky{Store: &memory}
	kek := &testKEK{name: "0"}
	var now clock
	classes := map[string]encrypt.Class{"pii": {KEK: unluckyKEK{kek, store}, Period: time.Hour}, "pay": {KEK: unluckyKEK{kek, store}, Period: time.Hour}}
	l := &ledger{touched: map[encrypt.KeyID]bool{}, gone: map[encrypt.KeyID]bool{}, erasing: map[string]bool{}, parents: map[encrypt.KeyID]encrypt.KeyID{}}
	defer memory.Follow(parents{l}).Close() // before the programs learn of a key
	person := func() string {
		if rand.IntN(5) == 0 {
			return ""
		}
		return fmt.Sprint("person ", rand.IntN(100))
	}
	class := func() string { return [...]string{"pii", "pay"}[rand.IntN(2)] }
	bad := func(err error) bool { return err != nil && !errors.Is(err, errLuck) }

	check := func(k *encrypt.Keys, f fact) {
		err := opens(t, k, f.text)
		reason := reasonOf(err)
		l.do(func() {
			switch {
			case isAway(err) && errors.Is(err, errLuck):
			case err == nil && l.gone[f.id] && store.well.Load():
				t.Errorf("key %v was destroyed, and opens", f.id)
			case err != nil && !l.mayBeGone(f):
				t.Errorf("sealed for %q, and not destroyed: %v", f.person, err)
			case err != nil && reason != encrypt.Destroyed && reason != encrypt.Erased:
				t.Errorf("destroyed: %v", err)
			}
		})
	}
	var wg sync.WaitGroup
	for range programs {
		k := newKeys(t, store, classes, encrypt.WithClock(now.now))
		for range 4 {
			wg.Go(func() {
				for range rounds {
					who := person()
					key, err := k.Current(t.Context(), class(), who)
					if err != nil {
						if !isAway(err) || bad(err) {
							t.Errorf("to seal: %v", err)
						}
						continue
					}
					l.do(func() { l.sealed = append(l.sealed, fact{key.ID(), who, seal(t, key)}) })
				}
			})
			wg.Go(func() {
				for range rounds {
					var f fact
					l.do(func() {
						if len(l.sealed) > 0 {
							f = l.sealed[rand.IntN(len(l.sealed))]
						}
					})
					if f.text != nil {
						check(k, f)
					}
				}
			})
		}
		wg.Go(func() {
			for round := range rounds / 4 {
				switch rand.IntN(5) {
				case 0:
					now.advance(10 * time.Minute)
				case 1:
					if _, err := k.Rotate(t.Context(), class()); bad(err) {
						t.Errorf("rotate: %v", err)
					}
				case 2:
					kek.set(func(k *testKEK) { k.name = fmt.Sprint(round) })
					if _, err := k.Rewrap(t.Context(), class()); bad(err) {
						t.Errorf("wrap anew: %v", err)
					}
				case 3:
					who := person()
					if who == "" {
						continue
					}
					l.do(func() { l.erasing[who] = true })
					ids, err := k.Erase(t.Context(), who)
					if bad(err) {
						t.Errorf("erase: %v", err)
					}
					l.do(func() {
						for _, id := range ids {
							l.gone[id] = true
						}
					})
				case 4:
					list, err := k.List(t.Context())
					if err != nil || len(list) == 0 || rand.IntN(4) > 0 {
						continue
					}
					id := list[rand.IntN(len(list))].ID
					l.do(func() { l.touched[id] = true })
					_, err = k.Destroy(t.Context(), id, false)
					if _, newest := errors.AsType[*encrypt.NewestError](err); bad(err) && !newest {
						t.Errorf("destroy: %v", err)
					}
					l.do(func() { l.gone[id] = l.gone[id] || err == nil })
				}
			}
		})
	}
	wg.Wait()

	store.well.Store(true)
	for name, at := range map[string]encrypt.Store{"as it was written": &memory, "compacted": compacted(t, &memory)} {
		k := newKeys(t, at, map[string]encrypt.Class{"pii": {KEK: kek}, "pay": {KEK: kek}})
		readable := 0
		for _, f := range l.sealed {
			check(k, f)
			if !l.mayBeGone(f) {
				readable++
			}
		}
		t.Logf("%s: %d values, of which %d were never to be destroyed; %d keys were destroyed", name, len(l.sealed), readable, len(l.gone))
		if readable == 0 || readable == len(l.sealed) || len(l.gone) == 0 {
			t.Errorf("%s: nothing is shown", name)
		}
	}
}

// parents has the ledger learn which keys persons' keys are wrapped with.
type parents struct{ l *ledger }

func (p parents) Take(records []encrypt.Record) {
	for _, r := range records {
		if e, err := encrypt.ParseEntry(r.Value); err == nil && e.IsPerson() {
			p.l.do(func() { p.l.parents[e.ID] = e.Parent })
		}
	}
}

func (parents) Restarted() {}
