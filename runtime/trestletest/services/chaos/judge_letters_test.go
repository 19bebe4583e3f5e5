package chaos

// judgeLetters: each event of the log has ended in one way, as is due to it: it was handled, or it has a dead letter of the group.
func (e *evidence) judgeLetters(f *faults, r *reader) {
	have := map[stepID]bool{}
	for _, l := range e.letters {
		switch {
		case l.group != r.group || l.step == nil:
		case !r.refuses(*l.step):
			f.add("dead letter", "of %v by %s, which is fine: %s", *l.step, r.group, l.reason)
		default:
			have[stepID{key: l.step.key, n: l.step.n}] = true
		}
	}
	e.eachEvent(func(id stepID) {
		h := e.histories[id]
		if h == nil || h.inLog == 0 {
			return
		}
		of := h.of(r.group)
		switch refused := r.refuses(id); {
		case refused && !have[id]:
			f.add("dead letter", "there is none of %v by %s", id, r.group)
		case refused && (of.ended[handled] > 0 || of.ended[duplicate] > 0 && !e.replayed):
			f.add("two ends", "%v has a dead letter by %s, which counts it as handled", id, r.group)
		case !refused && of.done != 0 && of.ended[handled]+of.ended[duplicate] == 0:
			f.add("no end", "%v was not handled by %s: %v", id, r.group, of.ended)
		}
	})
}

// judgeForeignLetters: all letters are of groups that read the topic, and can be replayed or say why not.
func (e *evidence) judgeForeignLetters(f *faults) {
	groups := map[string]bool{}
	for _, r := range e.readers {
		groups[r.group] = true
	}
	for _, l := range e.letters {
		switch {
		case l.step == nil && l.reason == "":
			f.add("dead letter", "that at %s can't be replayed, and does not say why", l.at)
		case !groups[l.group]:
			f.add("dead letter", "that at %s is of group %q", l.at, l.group)
		}
	}
}

// judgeReplays: each dead letter was replayed once, for the group that wrote it, which has handled it, while no other was called for it.
func (e *evidence) judgeReplays(f *faults) {
	replays := map[string][]*logged{}
	for i := range e.log {
		if r := &e.log[i]; r.replay != nil {
			replays[r.replay.letter] = append(replays[r.replay.letter], r)
		}
	}
	for _, l := range e.letters {
		of := replays[l.at]
		delete(replays, l.at)
		if len(of) != 1 {
			f.add("replay", "the letter at %s was replayed %d times", l.at, len(of))
		}
		for _, r := range of {
			if l.step != nil && (r.step.key != l.step.key || r.step.n != l.step.n) {
				f.add("replay", "the letter at %s is of %v, its replay of %v", l.at, *l.step, r.step)
			}
			if r.replay.group != l.group {
				f.add("replay", "of %v is for group %q, its letter by %q", r.step, r.replay.group, l.group)
			}
		}
	}
	for at, of := range replays {
		f.add("replay", "of %v, of a letter at %s, which is none", of[0].step, at)
	}
	ended := map[place]bool{}
	for _, l := range e.lines {
		r := e.at[l.place]
		if r == nil || r.replay == nil || l.group == "" {
			continue
		}
		mine := r.replay.group == "" || r.replay.group == l.group
		switch {
		case mine && (l.what == handled || l.what == duplicate):
			ended[l.place] = true
		case !mine && l.what != skipped:
			f.add("replay", "of %v for %s came to %s: %s", r.step, r.replay.group, l.group, l.what)
		}
	}
	for p, r := range e.at {
		if r.replay != nil && !ended[p] {
			f.add("replay", "of %v at %v was not handled by %s", r.step, p, r.replay.group)
		}
	}
}

// judgeEffects: each event had its effect once, but for those that were given up and not replayed, which had none.
func (e *evidence) judgeEffects(f *faults, r *reader) {
	left := map[stepID]int{}
	for id, n := range e.effects {
		left[id] = n
	}
	e.eachEvent(func(id stepID) {
		want := 1
		if r.refuses(id) && !e.replayed {
			want = 0
		}
		if h := e.histories[id]; h == nil || h.inLog == 0 {
			want = 0
		}
		if left[id] != want {
			f.add("effects", "%v had %d, want %d", id, left[id], want)
		}
		delete(left, id)
	})
	for id, n := range left {
		f.add("effects", "%v had %d, and was never published", id, n)
	}
}
