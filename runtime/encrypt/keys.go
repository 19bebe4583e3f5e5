package encrypt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// DefaultPeriod is for how long events are encrypted with one data key of a class, where its [Class] does not say it.
const DefaultPeriod = 90 * 24 * time.Hour

// Class says how the data keys of a class are kept.
type Class struct {
	KEK KEK
	// Period is for how long events are encrypted with one data key; 0: [DefaultPeriod].
	Period time.Duration
}

const (
	// refusedFor is for how long what a KEK refused is not asked again.
	refusedFor = time.Minute
	// replaceTimeout bounds the making of a key in place of one that is older than its period, and replaceAgain is when that is tried again: the old one
	// serves until then.
	replaceTimeout = 10 * time.Second
	replaceAgain   = time.Minute
	// opened is how many persons' keys at least are kept unwrapped, of those used last.
	opened = 10_000
)

// Keys has the data keys that a program encrypts and decrypts with: it follows a [Store], and keeps in memory what a [KEK] has unwrapped. It may be used from
// many goroutines. Errors of what can't be had are an [*UnavailableError], or an [*AwayError] where trying again may help.
//
// A person's key takes up to 240 bytes of memory: those of 10,000 persons take 2.4 MB, of 100,000 24 MB. The 10,000 to 20,000 that were used last are kept
// unwrapped, and take 1,200 bytes more each.
type Keys struct {
	store   Store
	reader  Reader
	classes map[string]Class
	now     func() time.Time
	log     *slog.Logger
	close   func()

	unwrapping flights[KeyID, *classSecrets]
	making     flights[string, *classKey]
	finding    flights[wanted, *Key]
	opened     recent[KeyID, *Key]       // of persons
	subjects   recent[subject, *current] // with which key their fields are encrypted

	mu      sync.RWMutex
	age     uint32 // how often the store was made anew
	synced  bool   // it was read to its end since
	read    bool   // it was read to its end, ever
	known   map[KeyID]*classKey
	newest  map[string]*classKey // of those that are not destroyed, by class
	persons map[KeyID]*personKey
	tagged  map[uint64]*personKey // by hashes of parent and tag: the one taken last
	strange map[KeyID]error       // entries that can't be read
	replace map[string]time.Time  // when to try again to make a key in place of an old one, by class
}

// wanted is a person's key under a key of the class.
type wanted struct {
	subject
	parent KeyID
}

// subject is a person as events of one class of keys name them.
type subject struct{ class, name string }

// classKey is a class's data key. What is not said to be atomic is guarded by the ring's mutex.
type classKey struct {
	id        KeyID
	class     string // empty: its entry was not met yet, only those of persons under it
	created   time.Time
	kek       string
	wrapped   []byte
	destroyed time.Time
	why       Why
	age       uint32 // of the store, where its entry was met last
	persons   int    // whose keys are wrapped with it, destroyed ones too
	erased    int    // of these, how many are destroyed
	secrets   atomic.Pointer[classSecrets]
	refused   error     // by the KEK
	until     time.Time // when to ask it again
}

// personKey is a person's. There are many: it is kept small.
type personKey struct {
	id      KeyID
	parent  *classKey
	tag     [PersonTagSize]byte
	wrapped [wrappedPersonSize]byte
	created int64      // in microseconds
	older   *personKey // the one taken before, of the same hash
	age     uint32
	why     uint8 // 0: it is not destroyed
}

const (
	destroyed uint8 = iota + 1
	erased
)

// current is a person's key in use.
type current struct {
	person *personKey
	key    *Key
}

// KeysOption configures [NewKeys].
type KeysOption interface{ applyKeys(*Keys) }

type keysOption func(*Keys)

func (o keysOption) applyKeys(k *Keys) { o(k) }

// WithClock sets what time it is, for tests of what happens after a key's period.
func WithClock(now func() time.Time) KeysOption { return keysOption(func(k *Keys) { k.now = now }) }

// WithLogger sets who gets warnings: of entries that can't be read, of keys that are used beyond their period. By default nobody does.
func WithLogger(log *slog.Logger) KeysOption { return keysOption(func(k *Keys) { k.log = log }) }

// NewKeys begins to follow a store. The classes are those whose keys this program may use; they may be none, for one that only looks at what is there. It fails
// when a class has no KEK or a period below 0.
func NewKeys(store Store, classes map[string]Class, opts ...KeysOption) (*Keys, error) {
	k := &Keys{
		store: store, classes: map[string]Class{}, now: time.Now, log: slog.New(slog.DiscardHandler),
		opened: recent[KeyID, *Key]{limit: opened}, subjects: recent[subject, *current]{limit: opened},
		known: map[KeyID]*classKey{}, newest: map[string]*classKey{}, persons: map[KeyID]*personKey{}, tagged: map[uint64]*personKey{},
		strange: map[KeyID]error{}, replace: map[string]time.Time{},
	}
	for name, class := range classes {
		switch {
		case name == "":
			return nil, errors.New("a class of keys without a name")
		case class.KEK == nil:
			return nil, fmt.Errorf("class of keys %s has no KEK", name)
		case class.Period < 0:
			return nil, fmt.Errorf("class of keys %s: its period is %v, and has to be above 0", name, class.Period)
		case class.Period == 0:
			class.Period = DefaultPeriod
		}
		k.classes[name] = class
	}
	for _, opt := range opts {
		opt.applyKeys(k)
	}
	closing, closeAll := context.WithCancel(context.Background())
	k.close = closeAll
	k.unwrapping.closing, k.making.closing, k.finding.closing = closing, closing, closing
	k.reader = store.Follow(follower{k})
	return k, nil
}

// Close ends what is under way and stops following the store. Keys that were had before can be used on.
func (k *Keys) Close() {
	k.close()
	k.unwrapping.close()
	k.making.close()
	k.finding.close()
	k.reader.Close()
}

// Format writes that there are keys, whatever the verb: not which, nor whose.
func (k *Keys) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("data keys")) }

var errClosed = errors.New("the keys are closed")

// Current returns the key to encrypt with, of a class or, where a data subject is named, of that person; it makes one where there is none. The key of a class
// serves for the class's period, or until it is spent: then it has a successor, and so have those of its persons. A key is kept durably before it is returned.
//
// While the store or the KEK is away, a key is used beyond its period.
func (k *Keys) Current(ctx context.Context, class, dataSubject string) (*Key, error) {
	of, configured := k.classes[class]
	if !configured {
		return nil, &UnavailableError{Reason: NoKEK, Class: class}
	}
	for {
		c, err := k.currentOf(ctx, class, of)
		if err != nil {
			return nil, err
		}
		var key *Key
		s, err := k.open(ctx, c)
		switch {
		case err != nil:
		case dataSubject == "":
			return s.key, nil
		default:
			key, err = k.ofPerson(ctx, c, s, subject{class, dataSubject})
		}
		if err == nil || !k.wasDestroyed(c) {
			return key, err
		}
		// somebody has destroyed it since it was looked for
	}
}

func (k *Keys) wasDestroyed(c *classKey) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return !c.destroyed.IsZero()
}

// currentOf returns the key that a class's fields, or its persons' keys, are encrypted with.
func (k *Keys) currentOf(ctx context.Context, class string, of Class) (*classKey, error) {
	now := k.now()
	k.mu.RLock()
	c := k.usable(class, of, now)
	old := k.newest[class]
	if !k.synced || old != nil && old.isSpent() {
		old = nil
	}
	later := now.Before(k.replace[class])
	k.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	if old == nil {
		c, err := k.makeOnce(ctx, class, of)
		return c, asAway(class, uuid.Nil, err)
	}
	if later {
		return old, nil
	}
	within, cancel := context.WithTimeout(ctx, replaceTimeout)
	defer cancel()
	c, err := k.makeOnce(within, class, of)
	err = asAway(class, uuid.Nil, err)
	if _, away := errors.AsType[*AwayError](err); away && ctx.Err() == nil {
		k.mu.Lock()
		k.replace[class] = now.Add(replaceAgain)
		k.mu.Unlock()
		k.log.Warn("a key is used beyond its period: no new one could be made", "class", class, "key", old.id, "created", old.created, "error", err)
		return old, nil
	}
	return c, err
}

// usable returns the newest key of a class, if it is to be used on; nil: there is none, or not any more, or it is not known. The mutex is held.
func (k *Keys) usable(class string, of Class, now time.Time) *classKey {
	c := k.newest[class]
	if !k.synced || c == nil || now.Sub(c.created) >= of.Period || c.isSpent() {
		return nil
	}
	return c
}

func (c *classKey) isSpent() bool {
	s := c.secrets.Load()
	return s != nil && s.key.IsSpent()
}

func (k *Keys) makeOnce(ctx context.Context, class string, of Class) (*classKey, error) {
	return k.making.do(ctx, class, func(ctx context.Context) (*classKey, error) {
		if err := k.sync(ctx); err != nil {
			return nil, err
		}
		k.mu.RLock()
		c := k.usable(class, of, k.now())
		k.mu.RUnlock()
		if c != nil {
			return c, nil
		}
		return k.newClassKey(ctx, class, of.KEK)
	})
}

// newClassKey makes a key that is its class's newest.
func (k *Keys) newClassKey(ctx context.Context, class string, kek KEK) (*classKey, error) {
	e, secret := &Entry{ID: uuid.New(), Class: class}, newSecret()
	s, err := newClassSecrets(e.ID, secret)
	if err != nil {
		return nil, err
	}
	if e.KEK, e.Wrapped, err = wrap(ctx, kek, e, secret); err != nil {
		return nil, err
	}
	k.mu.RLock()
	e.Created = k.now().UTC().Truncate(time.Microsecond)
	if newest := k.newest[class]; newest != nil && !e.Created.After(newest.created) { // somebody else's clock is ahead
		e.Created = newest.created.Add(time.Microsecond)
	}
	k.mu.RUnlock()
	c := &classKey{id: e.ID}
	c.secrets.Store(s) // before others see it, who would ask the KEK for what is at hand
	k.mu.Lock()
	k.known[e.ID] = c
	k.mu.Unlock()
	err = k.store.Append(ctx, e)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		if c.class == "" {
			delete(k.known, e.ID)
		}
		return nil, &AwayError{Class: class, ID: e.ID, Err: fmt.Errorf("keep a new key: %w", err)}
	}
	return c, k.apply(e)
}

func newSecret() []byte {
	secret := make([]byte, SecretSize)
	_, _ = rand.Read(secret) // it does not fail
	return secret
}

func wrap(ctx context.Context, kek KEK, e *Entry, secret []byte) (name string, wrapped []byte, err error) {
	name, wrapped, err = kek.Wrap(ctx, secret, wrapContext(e.Class, e.ID))
	if err == nil && (name == "" || len(wrapped) == 0) {
		err = errors.New("the KEK answered without a name, or without what it wrapped")
	}
	if err != nil {
		return "", nil, KEKError(e.Class, e.ID, fmt.Errorf("wrap it: %w", err))
	}
	return name, wrapped, nil
}

// open returns the secrets of a class's key.
func (k *Keys) open(ctx context.Context, c *classKey) (*classSecrets, error) {
	k.mu.RLock()
	s, err := c.secrets.Load(), k.gone(c)
	k.mu.RUnlock()
	if s != nil || err != nil {
		return s, err
	}
	s, err = k.unwrapping.do(ctx, c.id, func(ctx context.Context) (*classSecrets, error) { return k.unwrap(ctx, c) })
	return s, asAway(c.class, c.id, err)
}

// gone says why a class's key can't be opened, as far as that is known. The mutex is held.
func (k *Keys) gone(c *classKey) error {
	_, configured := k.classes[c.class]
	switch {
	case c.class == "":
		return &UnavailableError{Reason: UnknownKey, ID: c.id}
	case !c.destroyed.IsZero():
		return &UnavailableError{Reason: Destroyed, Class: c.class, ID: c.id}
	case !configured:
		return &UnavailableError{Reason: NoKEK, Class: c.class, ID: c.id}
	case c.secrets.Load() == nil && k.now().Before(c.until):
		return c.refused
	}
	return nil
}

func (k *Keys) unwrap(ctx context.Context, c *classKey) (*classSecrets, error) {
	k.mu.RLock()
	err := k.gone(c)
	name, wrapped := c.kek, c.wrapped
	k.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	if s := c.secrets.Load(); s != nil {
		return s, nil
	}
	secret, err := unwrap(ctx, k.classes[c.class].KEK, c.class, c.id, name, wrapped)
	var s *classSecrets
	if err == nil {
		s, err = newClassSecrets(c.id, secret)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !c.destroyed.IsZero() {
		return nil, &UnavailableError{Reason: Destroyed, Class: c.class, ID: c.id}
	}
	if err != nil {
		if _, refused := errors.AsType[*UnavailableError](err); refused {
			c.refused, c.until = err, k.now().Add(refusedFor)
		}
		return nil, err
	}
	c.secrets.Store(s)
	return s, nil
}

func unwrap(ctx context.Context, kek KEK, class string, id KeyID, name string, wrapped []byte) ([]byte, error) {
	secret, err := kek.Unwrap(ctx, name, wrapped, wrapContext(class, id))
	if err == nil && len(secret) != SecretSize {
		err = fmt.Errorf("%w: what was wrapped is of %d bytes, not %d", ErrNotWrapped, len(secret), SecretSize)
	}
	if err != nil {
		return nil, KEKError(class, id, fmt.Errorf("unwrap it with the KEK's key %s: %w", name, err))
	}
	return secret, nil
}

// ByID returns the key of an id, to decrypt with, once the store was read to its end. Where the id is not known, the store is read to its present end before that
// is said. What a KEK refuses is asked again after a minute.
func (k *Keys) ByID(ctx context.Context, id KeyID) (*Key, error) {
	c, p := k.look(id)
	k.mu.RLock()
	read := k.read
	k.mu.RUnlock()
	if !read || c == nil && p == nil { // what was destroyed is known at the end alone
		if err := k.sync(ctx); err != nil {
			return nil, asAway("", id, err)
		}
		if c, p = k.look(id); c == nil && p == nil {
			return nil, k.unknown(id)
		}
	}
	if p != nil {
		return k.openPerson(ctx, p)
	}
	s, err := k.open(ctx, c)
	if err != nil {
		return nil, err
	}
	return s.key, nil
}

// look returns what is known of an id: nothing of a person's key before its parent is.
func (k *Keys) look(id KeyID) (*classKey, *personKey) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if c := k.known[id]; c != nil && c.class != "" {
		return c, nil
	}
	if p := k.persons[id]; p != nil && p.parent.class != "" {
		return nil, p
	}
	return nil, nil
}

func (k *Keys) unknown(id KeyID) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if err := k.strange[id]; err != nil {
		return &UnavailableError{Reason: Broken, ID: id, Err: err}
	}
	if p := k.persons[id]; p != nil {
		return &UnavailableError{Reason: UnknownKey, ID: id, Err: fmt.Errorf("it is wrapped with key %s, and no such key is kept", p.parent.id)}
	}
	return &UnavailableError{Reason: UnknownKey, ID: id}
}

// sync reads the store to its present end.
func (k *Keys) sync(ctx context.Context) error {
	k.mu.RLock()
	age := k.age
	k.mu.RUnlock()
	if err := k.reader.Sync(ctx); err != nil {
		return &AwayError{Err: fmt.Errorf("read the store of keys: %w", err)}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.synced = k.synced || k.age == age
	k.read = true
	return nil
}

// asAway is for what is not typed: a context's end, say.
func asAway(class string, id KeyID, err error) error {
	if err == nil {
		return nil
	}
	_, unavailable := errors.AsType[*UnavailableError](err)
	away, isAway := errors.AsType[*AwayError](err)
	switch {
	case unavailable:
		return err
	case isAway && (away.Class != "" || away.ID != uuid.Nil):
		return err
	case isAway:
		err = away.Err
	}
	return &AwayError{Class: class, ID: id, Err: err}
}
