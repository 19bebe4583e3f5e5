package chaos

// judgeCommits: what lay before a position that the group committed was done by then, and so was what the commit names beyond it, and no
// position went back where the log did not.
func (e *evidence) judgeCommits(f *faults, r *reader) {
	type partition struct {
		era int
		id  int32
	}
	log := map[partition][]*logged{}
	for i := range e.log {
		p := partition{e.log[i].era, e.log[i].partition}
		log[p] = append(log[p], &e.log[i])
	}
	doneAt := e.doneAt[r.group]
	isDone := func(p place, by int64) bool { return doneAt[p] != 0 && doneAt[p] <= by }
	last := map[partition]int64{}
	for _, s := range e.snapshots {
		if s.group != r.group {
			continue
		}
		p := partition{s.era, s.partition}
		if s.committed < last[p] {
			if !e.rewinds {
				f.add("commit", "partition %d went back from %d to %d in era %d of %s", s.partition, last[p], s.committed, s.era, r.group)
			}
			continue
		}
		rest := log[p]
		for len(rest) > 0 && rest[0].offset < s.committed {
			if !isDone(rest[0].place, s.at) {
				f.add("commit", "%s committed %d, and %v at %v was not done", r.group, s.committed, rest[0].step, rest[0].place)
			}
			rest = rest[1:]
		}
		log[p], last[p] = rest, s.committed
		if s.done == nil {
			continue
		}
		for _, beyond := range rest {
			if s.done(beyond.offset) && !isDone(beyond.place, s.at) {
				f.add("commit", "%s committed %v at %v as done, which was not", r.group, beyond.step, beyond.place)
			}
		}
	}
}
