package encrypt

import (
	"errors"
	"time"
)

// follower takes what a store has into the keys.
type follower struct{ k *Keys }

// Take implements [Follower].
func (f follower) Take(records []Record) {
	k := f.k
	entries := make([]*Entry, len(records))
	errs := make([]error, len(records))
	for i, r := range records {
		entries[i], errs[i] = parseRecord(r)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, err := range errs {
		if err == nil {
			delete(k.strange, entries[i].ID)
			err = k.apply(entries[i])
		} else if id, isID := parseID(string(records[i].Key)); isID {
			k.strange[id] = err
		}
		if err != nil {
			k.log.Warn("an entry of a key that can't be read", "key", string(records[i].Key), "error", err)
		}
	}
}

func parseRecord(r Record) (*Entry, error) {
	if len(r.Value) == 0 {
		return nil, errors.New("its entry is empty: keys that are no longer wanted are destroyed, not deleted")
	}
	e, err := ParseEntry(r.Value)
	if err != nil {
		return nil, err
	}
	if string(r.Key) != e.ID.String() {
		return nil, errors.New("the entry is of another key than the record")
	}
	return e, nil
}

// Restarted implements [Follower]. What was read can be decrypted with on, but not encrypted: nobody else may have it any more.
func (f follower) Restarted() {
	k := f.k
	k.mu.Lock()
	defer k.mu.Unlock()
	k.age++
	k.synced = false
	k.newest, k.tagged = map[string]*classKey{}, map[uint64]*personKey{}
	k.log.Warn("the store of keys was made anew, or has lost records, and is read again")
}

var errOther = errors.New("an entry of that key came before, of another class or parent")

// apply takes an entry in. What was destroyed stays destroyed. The mutex is held.
func (k *Keys) apply(e *Entry) error {
	if e.IsPerson() {
		return k.applyPerson(e)
	}
	if k.persons[e.ID] != nil {
		return errOther
	}
	c := k.known[e.ID]
	switch {
	case c == nil:
		c = &classKey{id: e.ID}
		k.known[e.ID] = c
	case c.class != "" && c.class != e.Class:
		return errOther
	}
	if c.class == "" {
		c.class, c.created = e.Class, e.Created
	}
	c.age = k.age
	switch {
	case !c.destroyed.IsZero():
	case !e.Destroyed.IsZero():
		c.destroyed, c.why, c.wrapped = e.Destroyed, e.Why, nil
		c.secrets.Store(nil)
		if k.newest[c.class] == c {
			delete(k.newest, c.class)
			for _, other := range k.known {
				k.rank(other)
			}
		}
	default:
		c.kek, c.wrapped, c.until = e.KEK, e.Wrapped, time.Time{} // maybe it is wrapped with another key of the KEK now
		k.rank(c)
	}
	return nil
}

// rank has a key be the newest of its class, if it is.
func (k *Keys) rank(c *classKey) {
	if c.class == "" || !c.destroyed.IsZero() || c.age != k.age {
		return
	}
	if n := k.newest[c.class]; n == nil || c.created.After(n.created) || c.created.Equal(n.created) && c.id.String() > n.id.String() {
		k.newest[c.class] = c
	}
}

func (k *Keys) applyPerson(e *Entry) error {
	if e.Parent == e.ID || k.known[e.ID] != nil {
		return errOther
	}
	parent := k.known[e.Parent]
	if parent == nil { // it is wrapped anew, so that its entry stands behind
		if k.persons[e.Parent] != nil {
			return errOther
		}
		parent = &classKey{id: e.Parent}
		k.known[e.Parent] = parent
	}
	p := k.persons[e.ID]
	if p == nil {
		p = &personKey{id: e.ID, parent: parent, tag: [PersonTagSize]byte(e.Person), created: e.Created.UnixMicro(), age: k.age - 1}
		k.persons[e.ID] = p
		parent.persons++
	} else if p.parent != parent || p.tag != [PersonTagSize]byte(e.Person) {
		return errOther
	}
	switch {
	case p.why != 0:
	case e.Destroyed.IsZero():
		p.wrapped = [wrappedPersonSize]byte(e.Wrapped)
	default:
		p.why = destroyed
		if e.Why == ToErase {
			p.why = erased
		}
		parent.erased++
		clear(p.wrapped[:])
		k.opened.drop(p.id)
	}
	if p.age != k.age {
		at := hashOf(parent, &p.tag)
		p.age, p.older = k.age, k.tagged[at]
		k.tagged[at] = p
	}
	return nil
}
