package trestle

// ring is a first-in-first-out queue.
type ring[T any] struct {
	items []T // its length is a power of two
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) push(item T) {
	if r.n == len(r.items) {
		bigger := make([]T, max(64, 2*len(r.items)))
		for i := range r.n {
			bigger[i] = r.items[(r.head+i)&(len(r.items)-1)]
		}
		r.items, r.head = bigger, 0
	}
	r.items[(r.head+r.n)&(len(r.items)-1)] = item
	r.n++
}

func (r *ring[T]) peek() T { return r.items[r.head] }

// advance puts what lies before the first item that is wanted behind all others, and says whether there is such an item.
func (r *ring[T]) advance(wanted func(T) bool) bool {
	for i := range r.n {
		if !wanted(r.items[(r.head+i)&(len(r.items)-1)]) {
			continue
		}
		for range i {
			r.push(r.pop())
		}
		return true
	}
	return false
}

func (r *ring[T]) pop() T {
	var zero T
	item := r.items[r.head]
	r.items[r.head] = zero
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	return item
}
