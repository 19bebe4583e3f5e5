package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

var seedFlag = flag.Uint64("seed", 0, "of the order of faults and of what they hit; 0: a fresh one")

func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64()
}

// fault is something that goes wrong, and right again before it returns.
type fault struct {
	name string
	do   func()
}

// suffer has faults happen in turns of random order, each at least once, for so long or until all is published. Then the rest is
// published without them.
func (w *world) suffer(long, pause time.Duration, faults []fault) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		w.lookEvery(ctx, pause)
	}()
	defer func() {
		cancel()
		<-looked
	}()
	over := func(start time.Time) bool { return w.arePublished() || time.Since(start) > long }
	for start, turn := time.Now(), 0; turn == 0 || !over(start); turn++ {
		for _, i := range w.random.Perm(len(faults)) {
			if turn > 0 && over(start) {
				break
			}
			begun := time.Now()
			faults[i].do()
			w.t.Logf("%-40s %v", faults[i].name, time.Since(begun).Round(time.Millisecond))
			if w.t.Failed() {
				w.t.FailNow()
			}
			w.pass(pause)
		}
	}
	begun := time.Now()
	for _, a := range w.all() {
		fmt.Fprintln(a.in, "hurry")
	}
	w.eventually("all is published", func(context.Context) error {
		if !w.arePublished() {
			return errors.New("publishers have not finished")
		}
		return nil
	})
	w.settle()
	w.t.Logf("%-40s %v", "the rest, without faults", time.Since(begun).Round(time.Millisecond))
}

// pass lets time pass in which actors go on.
func (w *world) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.t.Context().Done():
	}
}

// killOne kills one of several actors of each kind and starts others in their places.
func (w *world) killOne(after time.Duration, kinds ...string) {
	w.t.Helper()
	if w.settles {
		for kind, group := range map[string]string{batches: batchGroup, effects: effectGroup} {
			if slices.Contains(kinds, kind) {
				w.awaitSettled(group, len(w.crew[kind]))
			}
		}
	}
	hit := map[string]int{}
	for _, kind := range kinds {
		hit[kind] = w.random.IntN(len(w.crew[kind]))
		w.crew[kind][hit[kind]].kill()
	}
	w.pass(after)
	for _, kind := range kinds {
		w.again(kind, hit[kind], 0)
	}
}

// awaitSettled waits until a group has these members and no others, and none of them is joining.
func (w *world) awaitSettled(group string, members int) {
	w.t.Helper()
	w.eventually("group "+group+" is settled", func(ctx context.Context) error {
		described, err := w.admin.DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		if g := described[group]; g.State != "Stable" || len(g.Members) != members {
			return fmt.Errorf("it is %s with %d members", g.State, len(g.Members))
		}
		return nil
	})
}

// dieAtSteps has actors of a kind die, which are at work, at some of their next writes to brokers and the database, and those in their places as
// they begin.
func (w *world) dieAtSteps(kind string, times int) {
	w.t.Helper()
	for range times {
		i := w.random.IntN(len(w.crew[kind]))
		a := w.crew[kind][i]
		fmt.Fprintf(a.in, "die %d\n", 1+w.random.IntN(30))
		w.diesOrIsKilled(a)
		w.again(kind, i, int64(1+w.random.IntN(60)))
		w.diesOrIsKilled(w.crew[kind][i])
		w.again(kind, i, 0)
	}
}

// diesOrIsKilled waits for the end of an actor, which may have nothing to do by which it would die.
func (w *world) diesOrIsKilled(a *actor) {
	w.t.Helper()
	a.measure()
	select {
	case <-a.proc.Done():
	case <-time.After(2 * time.Second):
		a.proc.Kill()
	}
	a.killed()
}

// fillSpools has brokers be away until a spool has no room, or there is nothing left to be published with it.
func (w *world) fillSpools(cut, heal func()) {
	w.t.Helper()
	before := w.full.Load()
	cut()
	defer heal()
	w.eventually("a spool is full", func(context.Context) error {
		if w.full.Load() == before && slices.ContainsFunc(w.crew[spools], func(a *actor) bool { return !a.accepted.isSaid() }) {
			return errors.New("there is room")
		}
		return nil
	})
}

// killSpooling kills a publisher that has events in its spool while brokers are away, and has another begin with what is there, behind
// which stands a piece of what was being written.
func (w *world) killSpooling(cut, heal func()) {
	w.t.Helper()
	cut()
	defer heal()
	i := w.random.IntN(len(w.crew[spools]))
	a := w.crew[spools][i]
	w.eventually("events are in the spool", func(context.Context) error {
		if len(a.segments()) > 1 || a.accepted.isSaid() {
			return nil
		}
		return errors.New("there are few")
	})
	a.kill()
	w.tear(a)
	w.again(spools, i, 0)
}

// segments are the files of an actor's spool, in order.
func (a *actor) segments() []string {
	files, err := filepath.Glob(filepath.Join(a.role.Spool, "*.spool"))
	if err != nil {
		a.w.t.Fatal(err)
	}
	return files
}

// spoolHeader is how many bytes a segment begins with.
const spoolHeader = 8

// tear adds the first part of a group to the end of a spool that is not open.
func (w *world) tear(a *actor) {
	w.t.Helper()
	files := a.segments()
	if len(files) == 0 {
		return
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		w.t.Fatal(err)
	}
	if last, err := os.Stat(files[len(files)-1]); err != nil || last.Size() < spoolHeader { // it was being made
		if err != nil {
			w.t.Fatal(err)
		}
		return
	}
	file, err := os.OpenFile(files[len(files)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(content) > spoolHeader+textSize {
		_, err = file.Write(content[spoolHeader : spoolHeader+1+w.random.IntN(textSize-1)])
	}
	if err := errors.Join(err, file.Close()); err != nil {
		w.t.Fatal(err)
	}
}
