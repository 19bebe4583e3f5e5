package trestle

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTrackerMovesOverTheDonePrefixOnly(t *testing.T) {
	t.Parallel()
	var tr tracker
	if _, ok := tr.position(); ok {
		t.Error("a position before anything was done")
	}
	tr.startAt(kgo.EpochOffset{Epoch: -1, Offset: 5})
	if at, ok := tr.position(); !ok || at.Offset != 5 || at.Epoch != -1 {
		t.Errorf("got %+v, %t, want the start", at, ok)
	}
	a, b, c := tr.add(5, 1), tr.add(9, 1), tr.add(10, 2) // 6 to 8 were compacted away
	tr.done(b)
	tr.done(b)
	if at, _ := tr.position(); at.Offset != 5 {
		t.Errorf("got %+v while the first isn't done", at)
	}
	tr.done(a)
	if at, _ := tr.position(); at.Offset != 10 || at.Epoch != 1 {
		t.Errorf("got %+v, want 10 of epoch 1", at)
	}
	tr.done(c)
	if at, _ := tr.position(); at.Offset != 11 || at.Epoch != 2 || tr.len() != 0 {
		t.Errorf("got %+v with %d left", at, tr.len())
	}
	tr.done(a)
	tr.startAt(kgo.EpochOffset{})
	if at, _ := tr.position(); at.Offset != 11 {
		t.Errorf("moved back to %+v", at)
	}
}

func TestTrackerAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			type entry struct {
				offset int64
				seq    uint64
				done   bool
			}
			var (
				tr      tracker
				all     []*entry
				pending []*entry
				offset  int64
				prefix  int
			)
			for range 5000 {
				if len(pending) == 0 || random.IntN(5) < 2+int(seed%2) {
					offset += 1 + int64(random.IntN(3))
					e := &entry{offset: offset, seq: tr.add(offset, 0)}
					all, pending = append(all, e), append(pending, e)
				} else {
					i := random.IntN(len(pending))
					pending[i].done = true
					tr.done(pending[i].seq)
					pending[i] = pending[len(pending)-1]
					pending = pending[:len(pending)-1]
				}
				for prefix < len(all) && all[prefix].done {
					prefix++
				}
				at, ok := tr.position()
				if ok != (prefix > 0) || ok && at.Offset != all[prefix-1].offset+1 || tr.len() != len(all)-prefix {
					t.Fatalf("got %+v, %t, %d left, want past entry %d of %d", at, ok, tr.len(), prefix, len(all))
				}
			}
		})
	}
}
