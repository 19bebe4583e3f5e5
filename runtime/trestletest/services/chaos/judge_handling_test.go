package chaos

// judgeHandling: the group is done with all that is in the log, has tried nothing more often than it may, and an event was handled only
// once it was done with the one before it.
func (e *evidence) judgeHandling(f *faults, r *reader) {
	none := &handling{}
	e.eachEvent(func(id stepID) {
		h := e.histories[id]
		if h == nil || h.inLog == 0 {
			return // see judgeLog
		}
		of := h.byGroup[r.group]
		if of == nil || of.done == 0 {
			f.add("lost", "%v is in the log, and %s neither handled nor dead-lettered it", id, r.group)
			of = none
		}
		if of.attempts > r.attempts {
			f.add("attempts", "%s was called for %v a %d. time, want at most %d", r.group, id, of.attempts, r.attempts)
		}
		if r.exhausts != nil && r.exhausts(id) && of.done != 0 && of.attempts != r.attempts {
			f.add("attempts", "%s gave %v up after %d, want %d", r.group, id, of.attempts, r.attempts)
		}
		before, ok := e.before(id.n)
		if !ok || len(of.begins) == 0 {
			return
		}
		prior := none
		if h := e.histories[stepID{key: id.key, n: before}]; h != nil && h.byGroup[r.group] != nil {
			prior = h.byGroup[r.group]
		}
		if !of.beganBehind(prior) {
			f.add("order", "%v began in %s before it was done with %s#%d", id, r.group, id.key, before)
		}
		if !of.countedBehind(prior) {
			f.add("order", "%v counts in %s by a call in which %s#%d failed, or came before that", id, r.group, id.key, before)
		}
	})
}

// beganBehind says whether it was begun first after the one before it was done, or behind that in the same batch.
func (h *handling) beganBehind(before *handling) bool {
	first := h.begins[0]
	return before.done != 0 && before.done <= first.at || before.beganIn(first)
}

// countedBehind says whether the call by which it was done came after the one before it was done, or had that before it and did not
// fail with it.
func (h *handling) countedBehind(before *handling) bool {
	last := h.begins[0]
	for _, b := range h.begins {
		if h.done == 0 || b.at <= h.done {
			last = b
		}
	}
	return before.done != 0 && before.done <= last.at || before.beganIn(last) && !before.failedIn[last.call]
}

// beganIn says whether it was begun in the call of a batch that another one began in, in front of that.
func (h *handling) beganIn(other beginning) bool {
	for _, b := range h.begins {
		if b.call != 0 && b.call == other.call && b.at <= other.at {
			return true
		}
	}
	return false
}
