package trestletest

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/google/uuid"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
)

// Keys returns keys for what schemas have encrypted, of every class and person, the same for the whole process. Publishers, callers and consumers of this package have
// them, unless an option says otherwise; consumers on a [Cluster] that tests make themselves need them by trestle.WithKeys.
func Keys() trestle.Keys { return testKeys }

var testKeys = &memoryKeys{current: map[string]*encrypt.Key{}, byID: map[encrypt.KeyID]*encrypt.Key{}}

// memoryKeys makes keys as they are asked for.
type memoryKeys struct {
	mu      sync.Mutex
	current map[string]*encrypt.Key // by class and person
	byID    map[encrypt.KeyID]*encrypt.Key
}

// Current implements [trestle.Keys].
func (k *memoryKeys) Current(_ context.Context, class, subject string) (*encrypt.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	whose := class + "\x00" + subject
	if key := k.current[whose]; key != nil {
		return key, nil
	}
	secret := make([]byte, encrypt.SecretSize)
	_, _ = rand.Read(secret)
	key, err := encrypt.NewKey(uuid.New(), secret)
	if err != nil {
		return nil, err
	}
	k.current[whose], k.byID[key.ID()] = key, key
	return key, nil
}

// ByID implements [trestle.Keys].
func (k *memoryKeys) ByID(_ context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.byID[id]; key != nil {
		return key, nil
	}
	return nil, &encrypt.UnavailableError{ID: id, Reason: encrypt.UnknownKey}
}
