package storetest

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/parking"
)

// Parking tests a store against the contract of [parking.Store]. open returns a new, empty one that is closed when its test
// ends.
func Parking(t *testing.T, open func(t *testing.T) parking.Store) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, store parking.Store)
	}{
		{"what is parked comes back exactly", parkedExactly},
		{"a second try does nothing", parkedTwice},
		{"members at once park a letter once", parkedAtOnce},
		{"letters in order, by group and topic", parkedInOrder},
		{"letters are removed as they are listed", removedWhileListed},
		{"a listing that is broken off", brokenOff},
		{"what is no letter is refused", notParked},
		{"a cancelled call", cancelledParking},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

func letter(offset int64) parking.Letter {
	return parking.Letter{
		Place:      parking.Place{Group: "billing", Topic: "orders", TopicID: firstTopic, Partition: 1, Offset: offset},
		DeadLetter: "orders.dlq", Key: []byte("order"), Value: []byte(`{"original_event":null}`),
		Headers: parking.Headers{{Key: "event-type", Value: []byte("DeadLetterEvent")}},
		Refusal: "UNKNOWN_TOPIC_OR_PARTITION: no such topic", ParkedAt: start,
	}
}

func park(t *testing.T, store parking.Store, letters ...parking.Letter) {
	t.Helper()
	for _, l := range letters {
		if err := store.Park(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
}

func listed(t *testing.T, letters iter.Seq2[parking.Letter, error]) []parking.Letter {
	t.Helper()
	var all []parking.Letter
	for l, err := range letters {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// holds checks which letters of a filter are parked, and that they are counted alike.
func holds(t *testing.T, store parking.Store, f parking.Filter, want ...parking.Letter) {
	t.Helper()
	got := listed(t, store.List(t.Context(), f))
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("letters of %+v differ (-want +got):\n%s", f, diff)
	}
	counts := map[string]int{}
	for _, l := range want {
		counts[l.DeadLetter]++
	}
	counted, err := store.Count(t.Context(), f)
	if err != nil || !maps.Equal(counted, counts) {
		t.Errorf("counts of %+v: %v, error %v; want %v", f, counted, err, counts)
	}
}

func parkedExactly(t *testing.T, store parking.Store) {
	holds(t, store, parking.Filter{})
	var want []parking.Letter
	add := func(change func(l *parking.Letter)) {
		l := letter(int64(len(want)))
		change(&l)
		want = append(want, l)
	}
	add(func(*parking.Letter) {})
	add(func(l *parking.Letter) { l.Key, l.Value, l.Headers = nil, nil, nil })
	add(func(l *parking.Letter) { l.Key, l.Value = []byte{}, []byte{} })
	add(func(l *parking.Letter) { l.Key, l.Value = []byte{0, 0xff, '\\', '\n'}, []byte("\x00\x01\xfe") })
	add(func(l *parking.Letter) { l.Value = bytes.Repeat([]byte("long "), 600_000) })
	add(func(l *parking.Letter) {
		l.Headers = parking.Headers{{Key: "twice", Value: []byte("a")}, {Key: "twice", Value: []byte{0, 0xff}},
			{Key: "é \x00\"", Value: []byte{}}, {Key: "", Value: nil}}
	})
	add(func(l *parking.Letter) { l.Group, l.Refusal = "a group's name: é 漢 🙂 'x' $1", "" })
	add(func(l *parking.Letter) { l.ParkedAt = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) })
	add(func(l *parking.Letter) { l.ParkedAt = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC) })
	last := letter(1<<63 - 1)
	last.Partition = 1<<31 - 1
	want = append(want, last)
	for _, l := range want {
		l.ParkedAt = l.ParkedAt.In(time.FixedZone("", -3600)) // the same time
		park(t, store, l)
	}
	holds(t, store, parking.Filter{}, want...)
}

func parkedTwice(t *testing.T, store parking.Store) {
	first := letter(7)
	park(t, store, first)
	second := first
	second.DeadLetter, second.Value, second.Refusal, second.ParkedAt = "another", nil, "another", start.Add(time.Hour)
	park(t, store, second, first)
	holds(t, store, parking.Filter{}, first)
}

// parkedAtOnce has several members park the same letters, each in another order.
func parkedAtOnce(t *testing.T, store parking.Store) {
	const members, letters = 4, 60
	var want []parking.Letter
	for offset := range int64(letters) {
		want = append(want, letter(offset))
	}
	var group sync.WaitGroup
	var errs [members]error
	for member := range members {
		group.Go(func() {
			for i := range letters {
				if member%2 == 1 {
					i = letters - 1 - i
				}
				if err := store.Park(t.Context(), want[i]); err != nil {
					errs[member] = err
				}
			}
		})
	}
	group.Wait()
	for member, err := range errs {
		if err != nil {
			t.Errorf("member %d: %v", member, err)
		}
	}
	holds(t, store, parking.Filter{}, want...)
}

func parkedInOrder(t *testing.T, store parking.Store) {
	var want []parking.Letter
	for _, topic := range []string{"A", "a", "b"} { // by bytes
		for _, id := range []string{firstTopic, secondTopic} { // made anew
			for _, partition := range []int32{0, 2, 10} {
				for _, offset := range []int64{3, 12} {
					for _, group := range []string{"billing", "shipping"} {
						l := letter(offset)
						l.Topic, l.TopicID, l.Partition, l.Group, l.DeadLetter = topic, id, partition, group, topic+".dlq"
						want = append(want, l)
					}
				}
			}
		}
	}
	for i := range want {
		park(t, store, want[(i*7)%len(want)]) // 7 and their number have no common divisor
	}
	holds(t, store, parking.Filter{}, want...)
	of := func(f parking.Filter) []parking.Letter {
		return slices.DeleteFunc(slices.Clone(want), func(l parking.Letter) bool {
			return f.Group != "" && l.Group != f.Group || f.DeadLetter != "" && l.DeadLetter != f.DeadLetter
		})
	}
	for _, f := range []parking.Filter{{Group: "shipping"}, {DeadLetter: "b.dlq"}, {Group: "billing", DeadLetter: "A.dlq"}, {Group: "nobody"}} {
		holds(t, store, f, of(f)...)
	}
}

func removedWhileListed(t *testing.T, store parking.Store) {
	const letters = 50
	for offset := range int64(letters) {
		park(t, store, letter(offset))
	}
	next := int64(0)
	for l, err := range store.List(t.Context(), parking.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Offset != next {
			t.Errorf("got the letter of offset %d, want %d", l.Offset, next)
		}
		next++
		for range 2 { // the second time there is none
			if err := store.Remove(t.Context(), l.Place); err != nil {
				t.Fatal(err)
			}
		}
	}
	if next != letters {
		t.Errorf("%d letters were listed, want %d", next, letters)
	}
	holds(t, store, parking.Filter{})
	park(t, store, letter(3)) // what was removed may come again
	other := letter(3).Place
	for _, change := range []func(*parking.Place){
		func(p *parking.Place) { p.Group = "shipping" }, func(p *parking.Place) { p.Topic = "other" },
		func(p *parking.Place) { p.TopicID = secondTopic }, func(p *parking.Place) { p.Partition++ }, func(p *parking.Place) { p.Offset++ },
	} {
		at := other
		change(&at)
		if err := store.Remove(t.Context(), at); err != nil {
			t.Error(err)
		}
	}
	holds(t, store, parking.Filter{}, letter(3))
}

// brokenOff stops listings early, more often than a store has connections.
func brokenOff(t *testing.T, store parking.Store) {
	for offset := range int64(3) {
		park(t, store, letter(offset))
	}
	for range 30 {
		for _, err := range store.List(t.Context(), parking.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	holds(t, store, parking.Filter{}, letter(0), letter(1), letter(2))
}

func notParked(t *testing.T, store parking.Store) {
	for what, change := range map[string]func(*parking.Letter){
		"its group is":              func(l *parking.Letter) { l.Group = "" },
		"its topic is":              func(l *parking.Letter) { l.Topic = "nul\x00" },
		"its topic's id is":         func(l *parking.Letter) { l.TopicID = strings.ToUpper("aaaaaaaa-1111-4111-8111-111111111111") },
		"it must be a UUID":         func(l *parking.Letter) { l.TopicID = "00000000-0000-0000-0000-000000000000" },
		"its partition is -1":       func(l *parking.Letter) { l.Partition = -1 },
		"its offset -1":             func(l *parking.Letter) { l.Offset = -1 },
		"its dead-letter topic is":  func(l *parking.Letter) { l.DeadLetter = "" },
		"its refusal is no text":    func(l *parking.Letter) { l.Refusal = "\xff" },
		"the name of its header":    func(l *parking.Letter) { l.Headers = parking.Headers{{Key: "\xff"}} },
		"its time is":               func(l *parking.Letter) { l.ParkedAt = l.ParkedAt.AddDate(9000, 0, 0) },
		"orders[1]@9 of group bill": func(l *parking.Letter) { l.Offset, l.DeadLetter = 9, "" },
	} {
		l := letter(5)
		change(&l)
		if err := store.Park(t.Context(), l); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	holds(t, store, parking.Filter{})
	if err := store.Remove(t.Context(), parking.Place{Group: "billing"}); err == nil {
		t.Error("a place that is none was removed")
	}
}

func cancelledParking(t *testing.T, store parking.Store) {
	park(t, store, letter(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := map[string]error{"park": store.Park(ctx, letter(2)), "remove": store.Remove(ctx, letter(1).Place)}
	_, errs["count"] = store.Count(ctx, parking.Filter{})
	for _, err := range store.List(ctx, parking.Filter{}) {
		errs["list"] = err
	}
	for _, what := range []string{"park", "remove", "count", "list"} {
		if errs[what] == nil {
			t.Errorf("%s: no error", what)
		}
	}
	holds(t, store, parking.Filter{}, letter(1))
}
