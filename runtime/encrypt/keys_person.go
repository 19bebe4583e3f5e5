package encrypt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
)

// ofPerson returns the key that a person's fields are encrypted with.
func (k *Keys) ofPerson(ctx context.Context, parent *classKey, s *classSecrets, of subject) (*Key, error) {
	if c, ok := k.subjects.get(of); ok {
		k.mu.RLock()
		ok = c.person.parent == parent && k.isLive(c.person) && !c.key.IsSpent()
		k.mu.RUnlock()
		if ok {
			return c.key, nil
		}
		k.subjects.drop(of)
	}
	key, err := k.finding.do(ctx, wanted{of, parent.id}, func(ctx context.Context) (*Key, error) {
		tag := s.personTag(of.name)
		c, err := k.find(ctx, parent, tag)
		if c == nil && err == nil {
			if err = k.sync(ctx); err == nil {
				c, err = k.find(ctx, parent, tag)
			}
		}
		if c == nil && err == nil {
			c, err = k.newPersonKey(ctx, parent, s, tag)
		}
		if err != nil {
			return nil, err
		}
		k.subjects.put(of, c)
		return c.key, nil
	})
	return key, asAway(of.class, uuid.Nil, err)
}

// isLive says that a person's key may be encrypted with. The mutex is held.
func (k *Keys) isLive(p *personKey) bool {
	return p.why == 0 && p.age == k.age && p.parent.destroyed.IsZero()
}

// hashOf is nearly always another for another person: both are random, or say what is.
func hashOf(parent *classKey, tag *[PersonTagSize]byte) uint64 {
	return binary.NativeEndian.Uint64(parent.id[:]) ^ binary.NativeEndian.Uint64(tag[:])
}

// of are the keys of a person under a key of the class. The mutex is held.
func (k *Keys) of(parent *classKey, tag [PersonTagSize]byte) iter.Seq[*personKey] {
	return func(yield func(*personKey) bool) {
		for p := k.tagged[hashOf(parent, &tag)]; p != nil; p = p.older {
			if p.parent == parent && p.tag == tag && !yield(p) {
				return
			}
		}
	}
}

// find returns the newest key of a person under a key of the class; nil: there is none that may be encrypted with.
func (k *Keys) find(ctx context.Context, parent *classKey, tag [PersonTagSize]byte) (*current, error) {
	for {
		k.mu.RLock()
		var newest *personKey
		for p := range k.of(parent, tag) {
			if k.isLive(p) && (newest == nil || p.created > newest.created) {
				newest = p
			}
		}
		k.mu.RUnlock()
		if newest == nil {
			return nil, nil
		}
		key, err := k.openPerson(ctx, newest)
		if err != nil {
			k.mu.RLock()
			again := !k.isLive(newest) // somebody has destroyed it since
			k.mu.RUnlock()
			if again {
				continue
			}
		}
		if err != nil || key.IsSpent() {
			return nil, err
		}
		return &current{newest, key}, nil
	}
}

func (k *Keys) newPersonKey(ctx context.Context, parent *classKey, s *classSecrets, tag [PersonTagSize]byte) (*current, error) {
	e, secret := &Entry{ID: uuid.New(), Class: parent.class, Created: k.now().UTC().Truncate(time.Microsecond), Parent: parent.id, Person: tag[:]}, newSecret()
	key, err := NewKey(e.ID, secret)
	if err != nil {
		return nil, err
	}
	e.Wrapped = s.wrapPerson(e.Class, e.ID, secret)
	if err := k.store.Append(ctx, e); err != nil {
		return nil, &AwayError{Class: e.Class, ID: e.ID, Err: fmt.Errorf("keep a new key: %w", err)}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.apply(e); err != nil {
		return nil, fmt.Errorf("%v: %w", e, err)
	}
	if !parent.destroyed.IsZero() {
		return nil, &UnavailableError{Reason: Destroyed, Class: e.Class, ID: e.ID}
	}
	p := k.persons[e.ID]
	k.keepOpened(p, key)
	return &current{p, key}, nil
}

// keepOpened keeps a person's key, unless it is destroyed. The mutex is held: what destroys it, drops it.
func (k *Keys) keepOpened(p *personKey, key *Key) {
	if p.why == 0 {
		k.opened.put(p.id, key)
	}
}

// openPerson returns a person's key.
func (k *Keys) openPerson(ctx context.Context, p *personKey) (*Key, error) {
	k.mu.RLock()
	err := personGone(p)
	k.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	s, err := k.open(ctx, p.parent)
	if err != nil {
		return nil, under(p, err)
	}
	if key, ok := k.opened.get(p.id); ok {
		return key, nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if err := personGone(p); err != nil {
		return nil, err
	}
	key, err := s.unwrapPerson(p.parent.class, p.id, p.wrapped[:])
	if err != nil {
		return nil, err
	}
	if again, ok := k.opened.get(p.id); ok { // one counts what it seals
		return again, nil
	}
	k.keepOpened(p, key)
	return key, nil
}

// personGone says that a person's key was destroyed. The mutex is held.
func personGone(p *personKey) error {
	switch p.why {
	case destroyed:
		return &UnavailableError{Reason: Destroyed, Class: p.parent.class, ID: p.id}
	case erased:
		return &UnavailableError{Reason: Erased, Class: p.parent.class, ID: p.id}
	}
	return nil
}

// under says of a person's key why it can't be had without the one that wraps it.
func under(p *personKey, err error) error {
	if parent, ok := errors.AsType[*UnavailableError](err); ok {
		return &UnavailableError{Reason: parent.Reason, Class: parent.Class, ID: p.id, Err: fmt.Errorf("it is wrapped with %w", parent)}
	}
	return err
}
