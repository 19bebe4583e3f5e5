package encrypt

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
)

// What the documentation of Keys says of memory, with room for another release of Go.
const (
	personBytes = 240
	openedBytes = 1200
)

// TestMemoryOfPersons is not parallel: it looks at the heap.
func TestMemoryOfPersons(t *testing.T) {
	var store Memory
	secret := newSecret()
	parent := &Entry{ID: uuid.New(), Class: "pii", Created: time.Now(), KEK: "none", Wrapped: secret}
	for _, n := range []int{10_000, 100_000} {
		before := heap()
		k, err := NewKeys(&store, map[string]Class{"pii": {KEK: noKEK{}}})
		if err != nil {
			t.Fatal(err)
		}
		k.apply(parent)
		s, err := k.open(t.Context(), k.known[parent.ID])
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			id, tag := uuid.New(), s.personTag(name(i))
			err := k.apply(&Entry{ID: id, Class: "pii", Created: time.Now(), Parent: parent.ID, Person: tag[:], Wrapped: s.wrapPerson("pii", id, secret)})
			if err != nil {
				t.Fatal(err)
			}
		}
		wrapped := float64(heap()-before) / float64(n)
		k.synced = true
		before = heap()
		kept := min(n, 2*opened)
		for i := range kept {
			if _, err := k.Current(t.Context(), "pii", name(i)); err != nil {
				t.Fatal(err)
			}
		}
		unwrapped := float64(heap()-before) / float64(kept)
		t.Logf("of %d persons: %.0f bytes each, and %.0f of each that was used last", n, wrapped, unwrapped)
		if wrapped > 1.3*personBytes || unwrapped > 1.3*openedBytes {
			t.Errorf("of %d persons: %.0f bytes each, %d are said, and %.0f of each that was used last, %d are said", n, wrapped, personBytes, unwrapped, openedBytes)
		}
		k.Close()
	}
}

func name(i int) string {
	return uuid.NewSHA1(uuid.Nil, []byte{byte(i), byte(i >> 8), byte(i >> 16)}).String()
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools have
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// noKEK wraps nothing.
type noKEK struct{}

func (noKEK) Name() string { return "none" }
func (noKEK) Wrap(_ context.Context, secret, _ []byte) (string, []byte, error) {
	return "none", secret, nil
}
func (noKEK) Unwrap(_ context.Context, _ string, wrapped, _ []byte) ([]byte, error) {
	return wrapped, nil
}
