package trestle

import "sync"

// recentIDs are the ids of the events of a partition that were handled last. A nil one holds none.
type recentIDs struct {
	mu    sync.Mutex
	room  int
	known map[string]struct{}
	order []string // a ring, once it is full
	next  int      // of order, the one to be forgotten next
}

func newRecentIDs(room int) *recentIDs {
	if room == 0 {
		return nil
	}
	return &recentIDs{room: room, known: map[string]struct{}{}}
}

// has says whether an event was handled not long ago.
func (r *recentIDs) has(id string) bool {
	if r == nil || id == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.known[id]
	return known
}

// add remembers an event, and forgets the one that was handled before all others if there is no room.
func (r *recentIDs) add(id string) {
	if r == nil || id == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.known[id]; known {
		return
	}
	r.known[id] = struct{}{}
	if len(r.order) < r.room {
		r.order = append(r.order, id)
		return
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % r.room
}
