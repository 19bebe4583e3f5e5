package chaos

// judgeAcceptance: all was accepted by the cluster, an outbox or a spool, and the database kept what it said was committed, and nothing
// that was rolled back.
func (e *evidence) judgeAcceptance(f *faults) {
	accepted, want := 0, 0
	e.eachEvent(func(id stepID) {
		want++
		h := e.histories[id]
		if e.stored[id] || h != nil && (len(h.acked) > 0 || h.spooled) {
			accepted++
		}
		if e.stored != nil && h != nil && h.said && !e.stored[id] {
			f.add("lost by the database", "%v was committed, and is not there", id)
		}
	})
	if accepted != want {
		f.add("unpublished", "%d events were accepted, want %d", accepted, want)
	}
	for id := range e.stored {
		if e.never != nil && e.never(id.n) {
			f.add("not rolled back", "%v is in the database", id)
		}
	}
}

// judgeLog: what was acknowledged stands where the acknowledgement says, what was accepted stands in the log, what was rolled back does
// not, and the first records of a key's steps are in their order.
func (e *evidence) judgeLog(f *faults) {
	seen := map[stepID]bool{}
	for _, r := range e.log {
		id := stepID{key: r.step.key, n: r.step.n}
		if e.never != nil && e.never(id.n) {
			f.add("not rolled back", "%v stands at %v", id, r.place)
			continue
		}
		if r.replay != nil {
			continue
		}
		if seen[id] {
			if e.twice++; e.once {
				f.add("twice in the log", "%v, again at %v", id, r.place)
			}
			continue
		}
		seen[id] = true
		if before, ok := e.before(id.n); ok && !seen[stepID{key: id.key, n: before}] {
			f.add("order in the log", "%v at %v when %s#%d was not there", id, r.place, id.key, before)
		}
	}
	for id, h := range e.histories {
		for _, p := range h.acked {
			if r := e.at[p]; r == nil || r.replay != nil || r.step.key != id.key || r.step.n != id.n {
				f.add("lost by the cluster", "%v was acknowledged at %v, where the log has %v", id, p, r)
			}
		}
		if h.spooled && h.inLog == 0 {
			f.add("lost by the spool", "%v was accepted, and is not in the log", id)
		}
	}
	for id := range e.stored {
		if h := e.histories[id]; (h == nil || h.inLog == 0) && (e.never == nil || !e.never(id.n)) {
			f.add("lost by the outbox", "%v was committed, and is not in the log", id)
		}
	}
}
