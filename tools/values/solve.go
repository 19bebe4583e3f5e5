package values

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
)

// maxSteps bounds the work of one question, so that each is answered in a bounded time.
const maxSteps = 120_000

// literal is a shape that a value has to be in, or must not be in.
type literal struct {
	shape *Shape
	want  bool
}

// outcome is what a search for a member found: nothing, which is proved; a member; or that it cannot be told.
type outcome struct {
	state outcomeState
	value any
	why   string // unclear only
	// low is the lowest depth of the searches under way that a nothing took for granted.
	low int
}

type outcomeState uint8

const (
	nothing outcomeState = iota
	unclear              // value is a likely member, or nil with hasValue false
	found
)

func nowhere() outcome { return outcome{low: math.MaxInt} }

func member(v any) outcome { return outcome{state: found, value: v, low: math.MaxInt} }

// absentValue marks an unclear outcome without a likely member.
type absentValue struct{}

func unknown(why string) outcome {
	return outcome{state: unclear, value: absentValue{}, why: why, low: math.MaxInt}
}

// better returns the better of two outcomes of alternatives.
func better(a, b outcome) outcome {
	low := min(a.low, b.low)
	out := a
	if b.state > a.state || b.state == unclear && a.value == (any)(absentValue{}) {
		out = b
	}
	out.low = low
	return out
}

// solver searches for members. What it learns is kept for further questions.
type solver struct {
	space  *Space
	known  map[string]outcome
	active map[string]int
	steps  int
	limit  int
	// implied are the conditions that follow from others.
	implied map[*Shape][]*Shape
	// reductions are what kinds alone tell of shapes.
	reductions map[reduced]truth
	weights    map[*Shape]int
	touched    map[*Shape]touched
	withins    map[[2]literal]bool
}

func newSolver(s *Space) *solver {
	return &solver{space: s, known: map[string]outcome{}, active: map[string]int{}, reductions: map[reduced]truth{}, implied: map[*Shape][]*Shape{}, weights: map[*Shape]int{}, touched: map[*Shape]touched{}, withins: map[[2]literal]bool{}}
}

func (s *solver) spent() bool {
	s.steps++
	return s.steps > s.limit
}

const tooMuch = "there are too many alternatives to decide it"

// solve looks for a value that keeps all literals. A search that is part of itself finds nothing there: the smallest
// member needs no such way.
func (s *solver) solve(all []literal) outcome { return s.solveFor(AnyKind, all) }

// solveFor is solve for values of some kinds.
func (s *solver) solveFor(kinds Kinds, all []literal) outcome {
	slices.SortFunc(all, func(a, b literal) int {
		return cmp.Or(cmp.Compare(a.shape.id, b.shape.id), compareBool(a.want, b.want))
	})
	all = slices.Compact(all)
	key := []byte{byte(kinds)}
	for i, l := range all {
		if i > 0 && l.shape == all[i-1].shape {
			return nowhere()
		}
		if !l.want {
			key = append(key, '-')
		}
		key = append(strconv.AppendInt(key, int64(l.shape.id), 10), ',')
	}
	k := string(key)
	if o, ok := s.known[k]; ok {
		return o
	}
	if depth, ok := s.active[k]; ok {
		return outcome{low: depth}
	}
	if s.spent() {
		return unknown(tooMuch)
	}
	depth := len(s.active)
	if depth > 400 {
		return unknown("it is nested too deep to decide it")
	}
	s.active[k] = depth
	best := nowhere()
	for _, kind := range []Kinds{String, Number, Bool, Object, Array, Null} {
		if kinds&kind == 0 {
			continue
		}
		best = better(best, s.branch(kind, slices.Clone(all), nil, nil))
		if best.state == found {
			break
		}
	}
	delete(s.active, k)
	switch {
	case best.state == nothing && best.low < depth:
		return best // true only while the search below is under way
	case best.state == unclear && best.why == tooMuch:
		return best
	}
	best.low = math.MaxInt
	s.known[k] = best
	return best
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// verdict of a formula for a kind, as far as kinds alone tell.
func (s *solver) reduce(a *Shape, kind Kinds, depth int) truth {
	if a.op == opAtom {
		return s.reduceNew(a, kind, depth)
	}
	key := reduced{a.id, kind}
	if t, ok := s.reductions[key]; ok {
		return t
	}
	t := s.reduceNew(a, kind, depth)
	s.reductions[key] = t
	return t
}

type reduced struct {
	id   int
	kind Kinds
}

func (s *solver) reduceNew(a *Shape, kind Kinds, depth int) truth {
	switch a.op {
	case opAtom:
		if k, ok := a.atom.(kindsAtom); ok {
			return truthOf(Kinds(k)&kind != 0)
		}
		if a.atom.of()&kind == 0 {
			return yes
		}
		return maybe
	case opNot:
		return s.reduce(a.kids[0], kind, depth+1).not()
	case opAnd:
		out := yes
		for _, k := range a.kids {
			out = min(out, s.reduce(k, kind, depth+1))
		}
		return out
	case opOr:
		out := no
		for _, k := range a.kids {
			out = max(out, s.reduce(k, kind, depth+1))
		}
		return out
	}
	return maybe
}

// branch takes formulas apart until only atoms are left, trying each alternative. What was taken apart on the way, done,
// holds by what came of it.
func (s *solver) branch(kind Kinds, todo, atoms []literal, done map[literal]bool) outcome {
	var choices []literal
	atoms = slices.Clip(atoms) // which other branches go on from
	done = maps.Clone(done)
	if done == nil {
		done = map[literal]bool{}
	}
	for len(todo) > 0 {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if done[literal{l.shape, !l.want}] {
			return nowhere()
		}
		t := s.reduce(l.shape, kind, 0)
		if !l.want {
			t = t.not()
		}
		switch {
		case t == yes:
			continue
		case t == no:
			return nowhere()
		}
		a := l.shape
		switch {
		case a.op == opAtom:
			if !done[l] {
				done[l] = true
				atoms = append(atoms, l)
			}
		case a.op == opNot:
			todo = append(todo, literal{a.kids[0], !l.want})
		case a.op == opRef:
			if a.kids[0] == nil {
				return unknown("a schema refers to itself without anything between")
			}
			if !done[l] {
				done[l] = true
				todo = append(todo, literal{a.kids[0], l.want})
			}
		case a.op == opAnd && l.want, a.op == opOr && !l.want:
			done[l] = true
			for _, k := range a.kids {
				todo = append(todo, literal{k, l.want})
			}
		case !done[l]:
			choices = append(choices, l)
		}
	}
	if s.spent() {
		return unknown(tooMuch)
	}
	// An alternative that holds or fails by what is there already needs no choice.
	has := maps.Clone(done)
	for _, l := range atoms {
		has[l] = true
	}
	for _, l := range choices {
		has[l] = true
	}
	var facts *demands
	if len(choices) > 0 {
		facts = s.space.demandsOf(atoms)
	}
	open := choices[:0:0]
	var units []literal
	for _, c := range choices {
		if has[literal{c.shape, !c.want}] {
			return nowhere()
		}
		options, settled := s.options(c, kind, has, facts)
		switch {
		case settled:
			done[c] = true
		case len(options) == 0:
			return nowhere()
		case len(options) == 1:
			done[c] = true
			units = append(units, options[0])
		default:
			open = append(open, s.narrowed(c, options, done))
		}
	}
	if len(units) > 0 {
		return s.branch(kind, append(units, open...), atoms, done)
	}
	if len(open) == 0 {
		return s.theory(kind, atoms)
	}
	first, rest := s.pick(kind, open)
	options, _ := s.options(first, kind, has, facts)
	done[first] = true
	apart := s.separate(kind, atoms, rest)
	best := nowhere()
	for _, o := range options {
		best = better(best, s.alternative(kind, o, rest, atoms, apart, done))
		if best.state == found || s.steps > s.limit {
			break
		}
	}
	return best
}

// narrowed is a choice of which most is out of the question as what is left of it, so that it is not looked at again.
func (s *solver) narrowed(c literal, options []literal, done map[literal]bool) literal {
	if 2*len(options) > len(c.shape.kids) {
		return c
	}
	left := make([]*Shape, len(options))
	for i, o := range options {
		if left[i] = o.shape; !o.want {
			left[i] = s.space.Not(o.shape)
		}
	}
	or := s.space.Or(left...)
	if or.op != opOr || len(or.kids) != len(options) {
		return c // what is left has alternatives in it that were not looked at
	}
	if c.want && s.space.exclusive[c.shape] {
		s.space.exclusive[or] = true
	}
	done[c] = true
	return literal{or, true}
}

// pick takes the choice out of several to begin with. Alternatives of which one holds at most come first: each settles much of
// what is left. Then those that tie members of an object together: what is left may fall apart.
func (s *solver) pick(kind Kinds, open []literal) (first literal, rest []literal) {
	slices.SortStableFunc(open, func(a, b literal) int {
		return cmp.Or(
			compareBool(s.space.exclusive[b.shape] && b.want, s.space.exclusive[a.shape] && a.want),
			compareBool(kind == Object && s.ties(b.shape), kind == Object && s.ties(a.shape)),
			len(a.shape.kids)-len(b.shape.kids),
		)
	})
	return open[0], open[1:]
}

// options are the alternatives of a choice that kinds, known atoms and the members that they demand leave; settled says that one of them holds.
func (s *solver) options(c literal, kind Kinds, has map[literal]bool, facts *demands) (out []literal, settled bool) {
	for _, k := range c.shape.kids {
		l := literal{k, c.want}.bare()
		against := literal{l.shape, !l.want}
		switch {
		case has[against]:
			continue
		case has[l]:
			return nil, true
		}
		t := s.reduce(l.shape, kind, 0)
		if !l.want {
			t = t.not()
		}
		switch {
		case t == yes, s.excludes(facts, against):
			return nil, true
		case t == no, s.excludes(facts, l):
			continue
		}
		out = append(out, l)
	}
	// That a member is not there is in the way of least.
	slices.SortStableFunc(out, func(a, b literal) int { return compareBool(b.leavesOut(s.space), a.leavesOut(s.space)) })
	return out, false
}

// leavesOut says that a literal is that an object has no member of some names.
func (l literal) leavesOut(s *Space) bool {
	m, ok := l.shape.atom.(members)
	return ok && l.want && m.shape == s.none
}
