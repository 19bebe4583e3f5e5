package ops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
)

// ListedKey is a data key of a class.
type ListedKey struct {
	ID      string `json:"id"`
	Class   string `json:"class"`
	Created string `json:"created"` // RFC 3339
	// State is current, old (it decrypts what was encrypted before), destroyed, or unreadable.
	State string `json:"state"`
	// KEK is the name of the key that it is wrapped with.
	KEK string `json:"kek,omitempty"`
	// Persons is how many keys of persons are wrapped with it, and Erased how many more were.
	Persons int `json:"persons"`
	Erased  int `json:"erased"`
	// Destroyed is when it was, RFC 3339.
	Destroyed string `json:"destroyed,omitempty"`
	// Problem says why it is unreadable.
	Problem string `json:"problem,omitempty"`
}

// keyRing is the environment's data keys, for who manages them, until ctx ends.
func (e Environment) keyRing(ctx context.Context, set *schema.Set) (*encrypt.Keys, kafka.Connection, error) {
	conn, err := e.connect(ctx)
	if err != nil {
		return nil, conn, err
	}
	keys, err := e.openKeys(ctx, conn, keyClasses(set))
	return keys, conn, err
}

// ListKeys returns the data keys of the environment, by class and age. Those of persons are counted.
func ListKeys(ctx context.Context, p *Project, env Environment) ([]ListedKey, error) {
	set, err := p.loadIfAny(ctx, env)
	if err != nil {
		return nil, err
	}
	keys, _, err := env.keyRing(ctx, set)
	if err != nil {
		return nil, err
	}
	found, err := keys.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]ListedKey, len(found))
	for i, k := range found {
		out[i] = ListedKey{
			ID: k.ID.String(), Class: k.Class, Created: k.Created.UTC().Format(time.RFC3339), State: string(k.State), KEK: k.KEK, Persons: k.Persons, Erased: k.Erased,
		}
		if !k.Destroyed.IsZero() {
			out[i].Destroyed = k.Destroyed.UTC().Format(time.RFC3339)
		}
		if k.Err != nil {
			out[i].Problem = k.Err.Error()
		}
	}
	return out, nil
}

// ChangedKey is a data key that was made or destroyed.
type ChangedKey struct {
	Key   string `json:"key"`
	Class string `json:"class,omitempty"`
	// Persons is how many keys of persons were wrapped with it.
	Persons int `json:"persons,omitempty"`
}

// RotateKeys makes a new data key of a class, with which events are encrypted from then on.
func RotateKeys(ctx context.Context, p *Project, env Environment, class string) (ChangedKey, error) {
	keys, err := env.changeKeys(ctx, p)
	if err != nil {
		return ChangedKey{}, err
	}
	id, err := keys.Rotate(ctx, class)
	if err != nil {
		return ChangedKey{}, err
	}
	done := ChangedKey{Key: id.String(), Class: class}
	return done, env.audit.add(ctx, change{what: "keys rotate", target: "keys of class " + class, after: done})
}

// changeKeys is keyRing for a command that changes keys, once that can be written down.
func (e Environment) changeKeys(ctx context.Context, p *Project) (*encrypt.Keys, error) {
	set, err := p.loadIfAny(ctx, e)
	if err != nil {
		return nil, err
	}
	if err := e.audit.begin(ctx); err != nil {
		return nil, err
	}
	keys, _, err := e.keyRing(ctx, set)
	return keys, err
}

// RewrapKeys has the KEK of a class wrap with its current key the data keys that are wrapped with older ones, and returns how many these were.
func RewrapKeys(ctx context.Context, p *Project, env Environment, class string) (int, error) {
	keys, err := env.changeKeys(ctx, p)
	if err != nil {
		return 0, err
	}
	n, err := keys.Rewrap(ctx, class)
	if n > 0 {
		err = errors.Join(err, env.audit.add(ctx, change{what: "keys rewrap", target: "keys of class " + class, after: map[string]int{"keys": n}}))
	}
	return n, err
}

// DestroyKey destroys a data key, so that nobody can decrypt any more what was encrypted with it. Unless force is set it leaves the newest of a class.
func DestroyKey(ctx context.Context, p *Project, env Environment, key string, force bool) (ChangedKey, error) {
	id, err := uuid.Parse(key)
	if err != nil {
		return ChangedKey{}, fmt.Errorf("%q is no id of a key: `trestle keys list` has them", key)
	}
	keys, err := env.changeKeys(ctx, p)
	if err != nil {
		return ChangedKey{}, err
	}
	persons, err := keys.Destroy(ctx, id, force)
	if newest, is := errors.AsType[*encrypt.NewestError](err); is {
		return ChangedKey{}, fmt.Errorf("%w (`trestle keys rotate %s`), or give --force", err, newest.Class)
	}
	if err != nil {
		return ChangedKey{}, err
	}
	done := ChangedKey{Key: id.String(), Persons: persons}
	return done, env.audit.add(ctx, change{what: "keys destroy", target: "key " + done.Key, before: done})
}

// ErasedPerson says which keys of a person were destroyed, and where events are that they encrypted.
type ErasedPerson struct {
	Keys []string `json:"keys"`
	// Places are where such events were found, and what was looked through.
	Places []ErasedPlace `json:"places"`
	// Incomplete says which keys could not be looked under, so that more may be there.
	Incomplete []string `json:"incomplete,omitempty"`
	// NotSearched says what could not be looked through, and why.
	NotSearched []string `json:"not_searched,omitempty"`
}

// ErasedPlace is a place that was looked through.
type ErasedPlace struct {
	Kind   string `json:"kind"`           // topic, dead letters, trace store, parked dead letters, or outbox
	Name   string `json:"name,omitempty"` // the topic's
	Events int64  `json:"events"`         // of the person; they can't be read any more
	Read   int64  `json:"read"`           // that were looked at; 0: it is not known
}

// ErasePerson destroys all data keys of a person, so that nobody can decrypt any more what was encrypted for that person, and counts where such events are. The person
// is named nowhere.
func ErasePerson(ctx context.Context, p *Project, env Environment, person string, progress func(read int64)) (ErasedPerson, error) {
	set, err := p.loadIfAny(ctx, env)
	if err != nil {
		return ErasedPerson{}, err
	}
	if err := env.audit.begin(ctx); err != nil {
		return ErasedPerson{}, err
	}
	keys, conn, err := env.keyRing(ctx, set)
	if err != nil {
		return ErasedPerson{}, err
	}
	ids, err := keys.Erase(ctx, person)
	out := ErasedPerson{Keys: []string{}, Places: []ErasedPlace{}}
	for _, id := range ids {
		out.Keys = append(out.Keys, id.String())
	}
	if incomplete, is := errors.AsType[*encrypt.IncompleteError](err); is {
		for _, one := range incomplete.Keys {
			out.Incomplete = append(out.Incomplete, one.Error())
		}
		err = nil
	}
	if len(ids) > 0 {
		err = errors.Join(err, env.audit.add(ctx, change{what: "keys erase", target: "keys of a person", before: map[string][]string{"keys": out.Keys}}))
	}
	if err != nil || len(ids) == 0 {
		return out, err
	}
	var marks [][]byte
	for _, id := range ids {
		marks = append(marks, encrypt.Marks(id)...)
	}
	if err := out.searchTopics(ctx, conn, env, set, marks, progress); err != nil {
		return out, err
	}
	return out, out.searchStore(ctx, env, marks)
}

// searchTopics counts the events of topics that hold one of the marks.
func (e *ErasedPerson) searchTopics(ctx context.Context, conn kafka.Connection, env Environment, set *schema.Set, marks [][]byte, progress func(int64)) error {
	cl, err := conn.Client()
	if err != nil {
		return err
	}
	defer cl.Close()
	found, err := topics.List(ctx, cl)
	if err != nil {
		return err
	}
	keyTopic, err := env.Names().Topic(keytopic.Topic)
	if err != nil {
		return err
	}
	counts := map[string]*ErasedPlace{}
	var names []string
	for _, t := range found {
		if _, ours := env.Names().TopicOf(t.Name); !ours || t.Name == keyTopic {
			continue
		}
		place := &ErasedPlace{Kind: "topic", Name: t.Name}
		if declared := set.Topic(t.Name); declared != nil && len(declared.DeadLetterOf) > 0 {
			place.Kind = "dead letters"
		}
		counts[t.Name], names = place, append(names, t.Name)
	}
	var read int64
	for r, err := range kafka.Scan(ctx, conn, names, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			return err
		}
		if read++; progress != nil && read%1000 == 0 {
			progress(read)
		}
		place := counts[r.Topic]
		place.Read++
		if holdsAny(r, marks) {
			place.Events++
		}
	}
	for _, place := range counts {
		if place.Read > 0 {
			e.Places = append(e.Places, *place)
		}
	}
	slices.SortFunc(e.Places, func(a, b ErasedPlace) int { return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Name, b.Name)) })
	return nil
}

// holdsAny says whether a record, or the event in it if it is a dead letter, has one of the marks.
func holdsAny(r *kafka.Record, marks [][]byte) bool {
	has := func(b []byte) bool {
		return slices.ContainsFunc(marks, func(mark []byte) bool { return bytes.Contains(b, mark) })
	}
	if has(r.Value) {
		return true
	}
	letter, err := deadletter.Parse(r)
	return err == nil && has(letter.Original.Value)
}

// searchStore counts what of the trace store, the parked letters and the outbox of the environment's database holds one of the marks.
func (e *ErasedPerson) searchStore(ctx context.Context, env Environment, marks [][]byte) error {
	if env.Store == "" {
		e.NotSearched = append(e.NotSearched, "a trace store and an outbox: the environment names no database under store")
		return nil
	}
	db, err := env.openStoreToRead(ctx)
	if err != nil {
		e.NotSearched = append(e.NotSearched, fmt.Sprintf("the trace store and the outbox: %v", err))
		return nil
	}
	defer db.Close()
	held, err := store.Holding(ctx, db, marks)
	for _, what := range slices.Sorted(maps.Keys(held)) {
		e.Places = append(e.Places, ErasedPlace{Kind: what, Events: held[what]})
	}
	return err
}

// MakeKEK makes a file with a key encryption key of that name or, with add, adds one to a file: data keys are wrapped with it from then on.
func MakeKEK(path, name string, add bool) error {
	if add {
		return kek.Add(path, name)
	}
	return kek.Create(path, name)
}
