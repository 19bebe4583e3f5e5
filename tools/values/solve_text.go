package values

import (
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
)

// strings looks for a string, the shortest there is.
func (s *solver) strings(atoms []literal) outcome {
	hidden, plain, samples := opaques(String, atoms)
	for _, l := range plain {
		if a, ok := l.shape.atom.(scalars); ok && l.want {
			return s.judge(atoms, listOf(a))
		}
	}
	if len(hidden) == 0 {
		return s.shortest(plain)
	}
	if best := s.judge(atoms, append(samples, "a", "", "1")); best.state == found {
		return best
	}
	return s.tried(atoms, plain, whyUnclear(hidden[0].shape.atom))
}

// mostTried limits the strings that are held against conditions which cannot be looked into.
const mostTried = 40

// tried holds the shortest strings that keep the plain atoms against all, which decides where these are few.
func (s *solver) tried(atoms, plain []literal, why string) outcome {
	best := nowhere()
	var refused []string
	for range mostTried {
		o := s.shortest(append(plain[:len(plain):len(plain)], literal{s.space.Strings(refused...), false}))
		if o.state == nothing {
			return best
		}
		if o.state == found {
			text, _ := o.value.(string)
			if o = check(atoms, text); o.state == nothing {
				refused = append(refused, text)
				continue
			}
		}
		if best = better(best, o); best.state == found {
			return best
		}
		break
	}
	if best.state == nothing {
		return unknown(why)
	}
	best.why = why
	return best
}

// textSearch looks for the shortest string in some languages and not in others, of lengths in characters and in bytes.
type textSearch struct {
	parts        []textPart
	all          []*pattern
	chars, bytes limits
	at           countRange // of bytes, that which is looked at
}

// textPart is a language that a string must be in, or must not be in: one of its automata accepts.
type textPart struct {
	automata []*pattern
	want     bool
}

func newTextSearch(atoms []literal) *textSearch {
	t := &textSearch{}
	chars, bytes := []Interval{{Low: new(big.Rat)}}, []Interval{{Low: new(big.Rat)}}
	limit := func(set []Interval, by Interval, want bool) []Interval {
		if want {
			return intersectAll(set, by)
		}
		return subtractAll(set, by)
	}
	for _, l := range atoms {
		switch a := l.shape.atom.(type) {
		case length:
			chars = limit(chars, a.interval(), l.want)
		case byteLength:
			bytes = limit(bytes, a.interval(), l.want)
		case textAtom:
			t.add(a.Language, l.want != a.Language.not)
		case scalars: // not to be: the others are tried one by one
			t.add((&Language{exact: map[string]bool{}}).with(a.values), l.want)
		}
	}
	t.chars, t.bytes = newLimits(chars), newLimits(bytes)
	return t
}

func (t *textSearch) add(l *Language, want bool) {
	automata := l.automata()
	t.parts = append(t.parts, textPart{automata, want})
	t.all = append(t.all, automata...)
}

// textNode is a way into the product of the automata: its states, and what was read to come there.
type textNode struct {
	states       []int
	chars, bytes int
	from         *textNode
	by           rune
}

func (n *textNode) text() string {
	var out []rune
	for ; n.from != nil; n = n.from {
		out = append(out, n.by)
	}
	slices.Reverse(out)
	return string(out)
}

// shortest searches the product of automata in breadth.
func (s *solver) shortest(atoms []literal) outcome {
	t := newTextSearch(atoms)
	switch {
	case t.chars.none() || t.bytes.none():
		return nowhere()
	case len(t.all) == 0:
		return t.anyText()
	}
	best := nowhere()
	for _, t.at = range t.bytes {
		if best = better(best, s.search(t)); best.state == found {
			break
		}
	}
	return best
}

// search is shortest for one range of bytes.
func (s *solver) search(t *textSearch) outcome {
	alphabet := letters(t.all, t.at.limits())
	level := []*textNode{{states: make([]int, len(t.all))}}
	seen := map[string]*textNode{}
	for len(level) > 0 {
		for _, n := range level {
			if t.accepts(n) {
				return member(n.text())
			}
		}
		next := map[string]*textNode{}
		var order []string
		for _, n := range level {
			if t.chars.over(n.chars + 1) {
				continue
			}
			for _, r := range alphabet {
				if s.spent() {
					return unknown(tooMuch)
				}
				to, ok := t.read(n, r)
				if !ok {
					return unknown("a pattern has too many states to decide it")
				}
				if to == nil {
					continue
				}
				key := t.key(to)
				if other := seen[key]; other != nil && !t.at.improves(to.bytes, other.bytes) {
					continue
				}
				other := next[key]
				if other == nil {
					order = append(order, key)
				}
				if other == nil || t.at.improves(to.bytes, other.bytes) {
					next[key] = to
				}
			}
		}
		level = level[:0:0]
		for _, key := range order {
			seen[key] = next[key]
			level = append(level, next[key])
		}
	}
	return nowhere()
}

func (t *textSearch) accepts(n *textNode) bool {
	if !t.chars.allow(n.chars) || !t.at.allows(n.bytes) {
		return false
	}
	at := 0
	for _, p := range t.parts {
		matched := false
		for _, a := range p.automata {
			matched = matched || a.sets[n.states[at]].accepts
			at++
		}
		if matched != p.want {
			return false
		}
	}
	return true
}

// read moves on over a character, to nil where nothing that follows leads anywhere; ok is false where an automaton has too
// many states.
func (t *textSearch) read(n *textNode, r rune) (to *textNode, ok bool) {
	to = &textNode{states: make([]int, len(t.all)), chars: n.chars + 1, bytes: n.bytes, from: n, by: r}
	if t.at.limits() {
		if to.bytes += len(string(r)); t.at.over(to.bytes) {
			return nil, true
		}
	}
	at := 0
	for _, p := range t.parts {
		alive, surely := false, false
		for _, a := range p.automata {
			if to.states[at], ok = a.step(n.states[at], r); !ok {
				return nil, false
			}
			alive, surely = alive || !a.dead(to.states[at]), surely || a.sets[to.states[at]].matched
			at++
		}
		if p.want && !alive || !p.want && surely {
			return nil, true
		}
	}
	return to, true
}

// key is what two ways have in common where one is as good as the other: as the search is in breadth, the first is the
// shorter.
func (t *textSearch) key(n *textNode) string {
	key := make([]byte, 0, 2*len(n.states)+8)
	for _, state := range n.states {
		key = binary.AppendUvarint(key, uint64(state))
	}
	key = binary.AppendUvarint(key, uint64(t.chars.distinct(n.chars)))
	return string(binary.AppendUvarint(key, uint64(t.at.key(n.bytes))))
}

// mostLetters bounds the length of a text that is made of lengths alone.
const mostLetters = 100_000

// anyText is a string of the lengths that are allowed, which nothing else limits.
func (t *textSearch) anyText() outcome {
	for _, c := range t.chars {
		for _, b := range t.bytes {
			chars := max(c.low, (b.low+3)/4) // of at most four bytes each
			if c.high >= 0 && chars > c.high || b.high >= 0 && chars > b.high {
				continue
			}
			if chars > mostLetters {
				return unknown("a text that tells the difference is too long to be shown")
			}
			return member(sizedText(chars, max(b.low, chars)))
		}
	}
	return nowhere()
}

// sizedText is a string of as many characters and bytes.
func sizedText(chars, bytes int) string {
	var b strings.Builder
	for ; chars > 0; chars-- {
		switch more := bytes - b.Len() - chars; { // than one byte for each character
		case more >= 3:
			b.WriteString("\U0001F600")
		case more == 2:
			b.WriteString("€")
		case more == 1:
			b.WriteString("é")
		default:
			b.WriteString("a")
		}
	}
	return b.String()
}

// limits are what a count may be: ranges, in order, without an end where high is negative.
type limits []countRange

type countRange struct{ low, high int }

func newLimits(set []Interval) limits {
	var out limits
	for _, i := range set {
		if i = i.closed(); i.empty() {
			continue
		}
		r := countRange{int(i.Low.Num().Int64()), -1}
		if i.High != nil {
			r.high = int(i.High.Num().Int64())
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b countRange) int { return a.low - b.low })
	return out
}

func (l limits) none() bool { return len(l) == 0 }

func (l limits) allow(n int) bool {
	return slices.ContainsFunc(l, func(r countRange) bool { return r.allows(n) })
}

// over says that a count is more than is allowed at all.
func (l limits) over(n int) bool { return l[len(l)-1].over(n) }

// distinct is the same for counts between which nothing differs for a way that goes on, where less is better.
func (l limits) distinct(n int) int {
	if len(l) == 1 || l[len(l)-1].high < 0 {
		return min(n, l[len(l)-1].low)
	}
	return n
}

func (r countRange) allows(n int) bool { return n >= r.low && !r.over(n) }

func (r countRange) over(n int) bool { return r.high >= 0 && n > r.high }

// limits says that not all counts are allowed.
func (r countRange) limits() bool { return r.low > 0 || r.high >= 0 }

// key is the same for counts that are alike, or of which one is better than the other.
func (r countRange) key(n int) int {
	if r.low == 0 || r.high < 0 {
		return 0
	}
	return n
}

// improves says whether a count is better than another for a way that goes on: more where a least is to be come to, less
// where a most is not to be exceeded.
func (r countRange) improves(n, than int) bool {
	switch {
	case r.high < 0:
		return n > than && than < r.low
	case r.low == 0:
		return n < than
	}
	return false
}

func (a length) interval() Interval { return countInterval(a.low, a.high) }

func (a byteLength) interval() Interval { return countInterval(a.low, a.high) }

// countInterval is the interval of a count; a high of -1 is none.
func countInterval(low, high int) Interval {
	i := Interval{Low: big.NewRat(int64(low), 1)}
	if high >= 0 {
		i.High = big.NewRat(int64(high), 1)
	}
	return i
}

func (l *Language) with(values []string) *Language {
	for _, v := range values {
		l.exact[v] = true
	}
	return l
}

// nameIn looks for a name that is in some languages and not in others; used are names that are taken.
func (s *solver) nameIn(in, out []*Language, used map[string]bool) outcome {
	var atoms []literal
	for _, l := range in {
		atoms = append(atoms, literal{s.space.InText(l), true})
	}
	for _, l := range out {
		atoms = append(atoms, literal{s.space.InText(l), false})
	}
	taken := make([]string, 0, len(used))
	for n := range used {
		taken = append(taken, n)
	}
	if len(taken) > 0 {
		atoms = append(atoms, literal{s.space.Strings(taken...), false})
	}
	// A name that is not empty reads better, where there is one.
	if o := s.shortest(append(atoms[:len(atoms):len(atoms)], literal{s.space.Length(String, 1, -1), true})); o.state == found {
		return o
	}
	return s.shortest(atoms)
}
