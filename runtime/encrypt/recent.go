package encrypt

import "sync"

// recent keeps what was used last, between limit and twice as many: what was not used while limit others were is dropped.
type recent[K comparable, V any] struct {
	limit      int
	mu         sync.Mutex
	young, old map[K]V
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[key]
	if !ok {
		if v, ok = r.old[key]; ok {
			r.add(key, v)
		}
	}
	return v, ok
}

func (r *recent[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(key, v)
}

func (r *recent[K, V]) add(key K, v V) {
	if r.young == nil || len(r.young) >= r.limit {
		r.young, r.old = map[K]V{}, r.young
	}
	r.young[key] = v
	delete(r.old, key)
}

func (r *recent[K, V]) drop(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}
