package encrypt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// State says what a class's key is there for.
type State string

// The states.
const (
	StateCurrent    State = "current"    // the newest of its class
	StateOld        State = "old"        // it decrypts what was encrypted before
	StateDestroyed  State = "destroyed"  // it was
	StateUnreadable State = "unreadable" // this release can't read its entry
)

// KeyInfo is what there is to say of a class's data key.
type KeyInfo struct {
	ID        KeyID
	Class     string // empty: it is not known
	Created   time.Time
	State     State
	Destroyed time.Time // zero: it was not
	KEK       string    // the name of the KEK's key that it is wrapped with; empty: it was destroyed
	Persons   int       // how many keys of persons are wrapped with it
	Erased    int       // how many more were, and are destroyed
	Err       error     // why it is unreadable
}

// List returns the data keys of all classes, by class and age. Those of persons are counted.
func (k *Keys) List(ctx context.Context) ([]KeyInfo, error) {
	if err := k.sync(ctx); err != nil {
		return nil, err
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	var all []KeyInfo
	for _, c := range k.known {
		if c.class == "" {
			if k.strange[c.id] == nil && c.persons > 0 { // else it is about to be made
				all = append(all, KeyInfo{
					ID: c.id, State: StateUnreadable, Persons: c.persons - c.erased, Erased: c.erased,
					Err: errors.New("no such key is kept, and persons' keys are wrapped with it"),
				})
			}
			continue
		}
		info := KeyInfo{
			ID: c.id, Class: c.class, Created: c.created, State: StateOld, Destroyed: c.destroyed, KEK: c.kek, Persons: c.persons - c.erased, Erased: c.erased,
		}
		switch {
		case !c.destroyed.IsZero():
			info.State, info.KEK = StateDestroyed, ""
		case k.newest[c.class] == c:
			info.State = StateCurrent
		}
		all = append(all, info)
	}
	for id, err := range k.strange {
		if c := k.known[id]; (c == nil || c.class == "") && k.persons[id] == nil {
			all = append(all, KeyInfo{ID: id, State: StateUnreadable, Err: err})
		}
	}
	slices.SortFunc(all, func(a, b KeyInfo) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), a.Created.Compare(b.Created), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return all, nil
}

// Rotate makes a new key of a class, with which events are encrypted from then on, and returns its id. Others take it up as they read the store.
func (k *Keys) Rotate(ctx context.Context, class string) (KeyID, error) {
	of, configured := k.classes[class]
	if !configured {
		return KeyID{}, &UnavailableError{Reason: NoKEK, Class: class}
	}
	if err := k.sync(ctx); err != nil {
		return KeyID{}, asAway(class, KeyID{}, err)
	}
	c, err := k.newClassKey(ctx, class, of.KEK)
	if err != nil {
		return KeyID{}, err
	}
	return c.id, nil
}

// Destroy destroys a key, of a class or of a person: nobody can decrypt any more what was encrypted with it, or with the keys of persons that it wraps, of which
// it returns how many there are. A key that was destroyed already stays so. Unless force is set, it refuses the newest of a class with a [*NewestError].
func (k *Keys) Destroy(ctx context.Context, id KeyID, force bool) (persons int, err error) {
	err = k.write(ctx, func() ([]*Entry, error) {
		k.mu.RLock()
		defer k.mu.RUnlock()
		if p := k.persons[id]; p != nil {
			if p.why != 0 {
				return nil, nil
			}
			return []*Entry{k.destroyedPerson(p, ToDestroy)}, nil
		}
		c := k.known[id]
		if c == nil || c.class == "" {
			reason := UnavailableError{Reason: UnknownKey, ID: id}
			if k.strange[id] != nil {
				reason.Reason, reason.Err = Broken, k.strange[id]
			}
			return nil, &reason
		}
		persons = c.persons - c.erased
		switch {
		case !c.destroyed.IsZero():
			return nil, nil
		case k.newest[c.class] == c && !force:
			return nil, &NewestError{ID: id, Class: c.class, Persons: persons}
		}
		return []*Entry{{ID: id, Class: c.class, Created: c.created, Destroyed: k.now(), Why: ToDestroy}}, nil
	})
	return persons, err
}

// destroyedPerson is the entry that is written over a person's. The mutex is held.
func (k *Keys) destroyedPerson(p *personKey, why Why) *Entry {
	return &Entry{
		ID: p.id, Class: p.parent.class, Created: time.UnixMicro(p.created).UTC(), Parent: p.parent.id, Person: p.tag[:], Destroyed: k.now(), Why: why,
	}
}

// write writes over entries what follows from all that is kept.
func (k *Keys) write(ctx context.Context, next func() ([]*Entry, error)) error {
	var written []*Entry
	var wrong error // in what next says, and not in the store
	err := k.store.Replace(ctx, func(ctx context.Context) ([]*Entry, error) {
		written = nil
		if wrong = k.sync(ctx); wrong == nil {
			written, wrong = next()
		}
		return written, wrong
	})
	switch {
	case wrong != nil:
		return wrong
	case err != nil:
		return &AwayError{Err: fmt.Errorf("write to the store of keys: %w", err)}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range written {
		if err := k.apply(e); err != nil {
			return fmt.Errorf("%v: %w", e, err)
		}
	}
	return nil
}

// Erase destroys all keys of a person, and returns their ids: nobody can decrypt any more what was encrypted for that person. It looks under each key of each class
// that persons' keys are wrapped with. Where it can't open one, it erases what it finds under the others, and returns an [*IncompleteError] too.
//
// Events of the person that are published later are encrypted with a new key.
func (k *Keys) Erase(ctx context.Context, dataSubject string) ([]KeyID, error) {
	if dataSubject == "" {
		return nil, errors.New("erase the keys of a person: no person is named")
	}
	looked := map[*classKey]*classSecrets{}
	var all []KeyID
	for {
		failed, news, err := k.openParents(ctx, looked)
		if err != nil {
			return all, err
		}
		if !news {
			if len(failed) > 0 {
				return all, &IncompleteError{Keys: failed}
			}
			return all, nil
		}
		var ids []KeyID
		err = k.write(ctx, func() ([]*Entry, error) {
			ids = nil
			var entries []*Entry
			k.mu.RLock()
			defer k.mu.RUnlock()
			for parent, s := range looked {
				if s == nil {
					continue
				}
				for p := range k.of(parent, s.personTag(dataSubject)) {
					if p.why == 0 {
						ids, entries = append(ids, p.id), append(entries, k.destroyedPerson(p, ToErase))
					}
				}
			}
			return entries, nil
		})
		if err != nil {
			return all, err
		}
		all = append(all, ids...)
	}
}

// openParents opens the keys that persons' keys are wrapped with and were not looked at before, and says whether there were any; failed are those that it could
// not open, this time or before.
func (k *Keys) openParents(ctx context.Context, looked map[*classKey]*classSecrets) (failed []error, news bool, err error) {
	if err := k.sync(ctx); err != nil {
		return nil, false, err
	}
	k.mu.RLock()
	var parents []*classKey
	for _, c := range k.known {
		if c.persons > 0 && c.destroyed.IsZero() {
			parents = append(parents, c)
		}
	}
	k.mu.RUnlock()
	slices.SortFunc(parents, func(a, b *classKey) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, c := range parents {
		s, before := looked[c]
		if s != nil {
			continue
		}
		s, err := k.open(ctx, c)
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
		}
		news = news || !before || s != nil
		looked[c] = s
	}
	return failed, news, nil
}

// Rewrap has the KEK of a class wrap with its current key what it wrapped with older ones, and returns how many keys these were. An error can be of several keys,
// while others were wrapped anew.
func (k *Keys) Rewrap(ctx context.Context, class string) (int, error) {
	of, configured := k.classes[class]
	if !configured {
		return 0, &UnavailableError{Reason: NoKEK, Class: class}
	}
	if err := k.sync(ctx); err != nil {
		return 0, asAway(class, KeyID{}, err)
	}
	k.mu.RLock()
	var entries []*Entry
	for _, c := range k.known {
		if c.class == class && c.destroyed.IsZero() {
			entries = append(entries, &Entry{ID: c.id, Class: c.class, Created: c.created, KEK: c.kek, Wrapped: c.wrapped})
		}
	}
	k.mu.RUnlock()
	slices.SortFunc(entries, func(a, b *Entry) int { return a.Created.Compare(b.Created) })
	var failed []error
	anew := map[KeyID]*Entry{}
	before := map[KeyID][]byte{}
	for _, e := range entries {
		again := *e
		secret, err := unwrap(ctx, of.KEK, class, e.ID, e.KEK, e.Wrapped)
		if err == nil {
			again.KEK, again.Wrapped, err = wrap(ctx, of.KEK, e, secret)
		}
		switch {
		case err != nil:
			failed = append(failed, err)
		case again.KEK != e.KEK:
			anew[e.ID], before[e.ID] = &again, e.Wrapped
		}
	}
	count := 0
	if len(anew) > 0 {
		err := k.write(ctx, func() ([]*Entry, error) {
			k.mu.RLock()
			defer k.mu.RUnlock()
			var still []*Entry
			for id, e := range anew {
				if c := k.known[id]; c.destroyed.IsZero() && bytes.Equal(c.wrapped, before[id]) {
					still = append(still, e)
				}
			}
			count = len(still)
			return still, nil
		})
		if err != nil {
			return 0, errors.Join(append(failed, err)...)
		}
	}
	return count, errors.Join(failed...)
}
