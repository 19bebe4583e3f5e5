package replay

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/wire"
)

// A consumer may hold a key whose event has failed: what comes after it, by that key, it writes to the dead-letter topic, too, as
// followers. So the letters of such a key have an order, that of the places where their events stood first, and are replayed in
// it: a letter brings its followers along, and goes nowhere without those before it, behind which its event would be held again.

// heldKey is a key that a group holds, of a partition of a source topic's log.
type heldKey struct {
	group, source, topicID string
	partition              int32
	key                    string
}

// heldKeyOf returns the key that a letter is of, and its event's place in the order of that. It says false where there is none.
func heldKeyOf(l *Letter) (key heldKey, origin int64, ok bool) {
	if l.Dead == nil || l.Dead.ConsumerGroup == "" || l.Source == "" || l.Dead.Original.Key == nil {
		return heldKey{}, 0, false
	}
	place, ok := l.Dead.Original.Origin()
	return heldKey{l.Dead.ConsumerGroup, l.Source, place.TopicID, place.Partition, string(l.Dead.Original.Key)}, place.Offset, ok
}

// chain are the letters of a held key that are not resolved, in the order of their events.
type chain struct {
	links []link
	at    map[Position]int // by letter
	next  int              // the first link that has not been given
	read  map[int]*Letter  // links that were read before it was their turn

	stopped   bool // what stands behind unsent would be held behind it again
	unsent    int64
	unsentAt  Position
	purged    []bool // by link
	following int    // followers that stay, and have one before them that was purged
}

// link is a letter of a chain.
type link struct {
	Position
	origin   int64
	follower bool
	meant    bool // by the filter
	brought  bool // by one before it
}

// chains finds the held keys of a dead-letter topic, of which there are followers.
func (s *Selection) chains(ctx context.Context, topic string, resolved resolutions) (map[heldKey]*chain, error) {
	chains, keys := map[heldKey]*chain{}, map[string]bool{}
	for record, err := range s.records(ctx, []string{topic}, s.whole()) {
		if err != nil {
			return nil, err
		}
		if record.Oversized != nil || wire.HeaderBytes(record.Headers, deadletter.HeaderHeldBehind) == nil || s.resolutionOf(record, resolved) != nil {
			continue
		}
		if key, _, ok := heldKeyOf(s.r.letter(record, s.ids[topic])); ok {
			chains[key] = &chain{at: map[Position]int{}, read: map[int]*Letter{}}
			keys[key.key] = true
		}
	}
	if len(chains) == 0 {
		return nil, nil
	}
	for record, err := range s.records(ctx, []string{topic}, s.whole()) {
		if err != nil {
			return nil, err
		}
		if s.resolutionOf(record, resolved) != nil || !keys[string(record.Key)] {
			continue
		}
		l := s.r.letter(record, s.ids[topic])
		if key, origin, ok := heldKeyOf(l); ok && chains[key] != nil {
			c := chains[key]
			c.links = append(c.links, link{Position: l.Position, origin: origin, follower: l.Follower, meant: s.filter.matches(l)})
		}
	}
	for _, c := range chains {
		c.order()
	}
	return chains, nil
}

// order puts the links in order, and has those that the filter means bring their followers along.
func (c *chain) order() {
	slices.SortStableFunc(c.links, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	going, missing := false, int64(-1)
	for i := range c.links {
		l := &c.links[i]
		c.at[l.Position] = i
		free := missing < 0 || l.origin == missing
		switch {
		case l.meant:
			going = going || free
		case l.follower && going && free:
			l.brought = true
		case missing < 0:
			missing = l.origin
			c.stop(l.Position, l.origin)
		}
	}
	c.purged = make([]bool, len(c.links))
}

// stop notes a letter that is not sent.
func (c *chain) stop(at Position, origin int64) {
	if !c.stopped || origin < c.unsent {
		c.stopped, c.unsent, c.unsentAt = true, origin, at
	}
}

// leftAlone has the letters behind one that was left alone be left alone, too.
func (l *chosen) leftAlone() {
	if l.chain != nil {
		l.chain.stop(l.Position, l.link.origin)
	}
}

// free says why a letter can't go, because of one before it that doesn't.
func (l *chosen) free() error {
	if c := l.chain; c != nil && c.stopped && c.unsent < l.link.origin {
		return leave(Held, "its key is held, and letter %s comes before it, which is not replayed", c.unsentAt)
	}
	return nil
}

// take takes a letter that was read, and gives those whose turn it is.
func (c *chain) take(l *Letter, yield func(*chosen) bool) bool {
	i, ok := c.at[l.Position]
	if !ok || !c.wants(i) {
		return true
	}
	c.read[i] = l
	for ; c.next < len(c.links); c.next++ {
		if c.wants(c.next) {
			if c.read[c.next] == nil {
				return true
			}
			if !c.give(c.next, yield) {
				return false
			}
		}
	}
	return true
}

// rest gives what was read of a chain of which other letters have gone meanwhile.
func (c *chain) rest(yield func(*chosen) bool) bool {
	for ; c.next < len(c.links); c.next++ {
		if c.read[c.next] != nil && !c.give(c.next, yield) {
			return false
		}
	}
	return true
}

// wants says whether a letter of a link is to be given.
func (c *chain) wants(i int) bool { return c.links[i].meant || c.links[i].brought }

func (c *chain) give(i int, yield func(*chosen) bool) bool {
	l := c.read[i]
	delete(c.read, i)
	return yield(&chosen{Letter: l, chain: c, link: &c.links[i]})
}

// chosen is a letter that is to be resolved.
type chosen struct {
	*Letter
	chain *chain // nil: its key is not held
	link  *link  // of the chain
}

// chosen goes through the letters of a topic that the filter means and that are not resolved, and their followers: those of a
// held key in the order of their events.
func (s *Selection) chosen(ctx context.Context, topic string, resolved resolutions) iter.Seq2[*chosen, error] {
	return func(yield func(*chosen, error) bool) {
		chains, err := s.chains(ctx, topic, resolved)
		if err != nil {
			yield(nil, err)
			return
		}
		of := s.around()
		if len(chains) > 0 {
			of = s.whole()
		}
		give := func(l *chosen) bool {
			return resolved.of(l.Letter) != nil || yield(l, nil) // it may have been resolved since it was read
		}
		for l, err := range s.scan(ctx, []string{topic}, of, resolved) {
			if err != nil {
				yield(nil, err)
				return
			}
			if l.Resolution != nil {
				continue
			}
			key, _, _ := heldKeyOf(l)
			switch c := chains[key]; {
			case c != nil:
				if !c.take(l, give) {
					return
				}
			case s.filter.matches(l) && !give(&chosen{Letter: l}):
				return
			}
		}
		for _, c := range chains {
			if !c.rest(give) {
				return
			}
		}
	}
}

// purge notes that a letter is purged, and returns how many more followers are to be handled without one before them than were.
func (l *chosen) purge() int {
	c := l.chain
	if c == nil {
		return 0
	}
	return c.purge(l.Position, true)
}

// unpurge takes that back, as somebody else has resolved the letter, and returns how many fewer they are then, as a negative number.
func (l *chosen) unpurge() int {
	if c := l.chain; c != nil && c.purged[c.at[l.Position]] {
		return c.purge(l.Position, false)
	}
	return 0
}

func (c *chain) purge(at Position, on bool) int {
	c.purged[c.at[at]] = on
	following, before := 0, int64(-1) // the first origin that was purged
	for i, one := range c.links {
		switch {
		case c.purged[i]:
			if before < 0 {
				before = one.origin
			}
		case one.follower && before >= 0 && one.origin > before:
			following++
		}
	}
	more := following - c.following
	c.following = following
	return more
}
