package values

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/omninode/trestle/runtime/genapi/ecma"
)

// pattern is a regular expression that is run as a deterministic automaton, made as far as it is used. Look-around is part
// of its states: what a look ahead still asks of the rest of the text, and what looks behind have read.
type pattern struct {
	expr    string
	matches func(string) bool
	insts   []instruction
	behinds []int // where the looks behind begin, inner ones before outer ones
	bound   bool  // to the beginning of the text: a match does not begin later
	states  map[string]int
	sets    []stateSet
	next    []map[rune]int
}

// instruction is a step of the automaton's program.
type instruction struct {
	op     instructionOp
	class  []rune // pairs, sorted
	out    int
	arg    int // the other way of an alternative; where a look ahead begins; the number of a look behind
	negate bool
}

type instructionOp uint8

const (
	readClass instructionOp = iota
	alternative
	atBegin
	atEnd
	lookAhead
	lookBehind
	accepted
)

// stateSet is a state: what may come next, by what was read.
type stateSet struct {
	threads []thread
	behinds [][]int // what each look behind may read next, and whether it holds here
	holds   []bool
	begin   bool // nothing has been read
	matched bool // whatever follows, it matches
	accepts bool // when nothing follows
}

// thread is an instruction that the automaton has come to, and what is still asked of the rest of the text for that.
type thread struct {
	pc   int
	asks []ask
}

// ask is a look ahead under way: one of the threads must come to its end, or, if it is not wanted, none may.
type ask struct {
	want    bool
	threads []thread
	key     string
}

const (
	maxStates       = 20_000
	maxInstructions = 20_000
	maxThreads      = 4_000
)

var (
	errRefersBack = errors.New("it refers back to what it has matched")
	errTooLarge   = errors.New("its repetitions are too many for an automaton")
	errLooksBoth  = errors.New("it looks ahead, or at the end, while it looks behind")
)

// newPattern makes the automaton of an expression; matches runs it otherwise. It fails where no automaton stands for it.
func newPattern(expr string, root *ecma.Node, matches func(string) bool) (*pattern, error) {
	p := &pattern{expr: expr, matches: matches, states: map[string]int{}}
	end := p.emit(instruction{op: accepted})
	start, err := p.compile(root, end, false)
	if err == nil && len(p.insts) > maxInstructions {
		err = errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", expr, err)
	}
	p.insts = append(p.insts, instruction{op: alternative, out: start, arg: start}) // the last is the first
	p.add(p.begin())
	p.bound = len(p.behinds) == 0 && len(p.closure(&stateSet{}, []thread{{pc: p.start()}}, true)) == 0
	return p, nil
}

// dead says that nothing that follows leads from a state to a match.
func (p *pattern) dead(state int) bool {
	s := &p.sets[state]
	return p.bound && !s.matched && len(s.threads) == 0
}

func (p *pattern) emit(in instruction) int {
	p.insts = append(p.insts, in)
	return len(p.insts) - 1
}

func (p *pattern) start() int { return len(p.insts) - 1 }

// compile writes a node that goes on at an instruction, and returns where it begins. Instructions are written from the end
// to the beginning.
func (p *pattern) compile(n *ecma.Node, then int, behind bool) (int, error) {
	if len(p.insts) > maxInstructions {
		return 0, errTooLarge
	}
	switch n.Op {
	case ecma.OpClass:
		return p.emit(instruction{op: readClass, class: n.Class, out: then}), nil
	case ecma.OpConcat:
		var err error
		for _, sub := range slices.Backward(n.Sub) {
			if then, err = p.compile(sub, then, behind); err != nil {
				return 0, err
			}
		}
		return then, nil
	case ecma.OpAlternate:
		at := -1
		for _, sub := range slices.Backward(n.Sub) {
			one, err := p.compile(sub, then, behind)
			if err != nil {
				return 0, err
			}
			if at < 0 {
				at = one
			} else {
				at = p.emit(instruction{op: alternative, out: one, arg: at})
			}
		}
		return at, nil
	case ecma.OpRepeat:
		return p.repeat(n, then, behind)
	case ecma.OpGroup:
		return p.compile(n.Sub[0], then, behind)
	case ecma.OpBegin:
		return p.emit(instruction{op: atBegin, out: then}), nil
	case ecma.OpEnd:
		if behind {
			return 0, errLooksBoth
		}
		return p.emit(instruction{op: atEnd, out: then}), nil
	case ecma.OpWord:
		return p.compile(edge(n), then, behind)
	case ecma.OpLook:
		return p.look(n, then, behind)
	}
	return 0, errRefersBack
}

func (p *pattern) repeat(n *ecma.Node, then int, behind bool) (int, error) {
	var err error
	if n.Max < 0 {
		loop := p.emit(instruction{op: alternative, arg: then})
		if p.insts[loop].out, err = p.compile(n.Sub[0], loop, behind); err != nil {
			return 0, err
		}
		then = loop
	} else {
		end := then
		for range n.Max - n.Min {
			if then, err = p.compile(n.Sub[0], then, behind); err != nil {
				return 0, err
			}
			then = p.emit(instruction{op: alternative, out: then, arg: end})
		}
	}
	for range n.Min {
		before := then
		if then, err = p.compile(n.Sub[0], then, behind); err != nil {
			return 0, err
		}
		if then == before { // nothing, however often
			break
		}
	}
	return then, nil
}

func (p *pattern) look(n *ecma.Node, then int, behind bool) (int, error) {
	if behind && !n.Behind {
		return 0, errLooksBoth
	}
	end := p.emit(instruction{op: accepted})
	start, err := p.compile(n.Sub[0], end, n.Behind)
	if err != nil {
		return 0, err
	}
	if !n.Behind {
		return p.emit(instruction{op: lookAhead, arg: start, out: then, negate: n.Negate}), nil
	}
	p.behinds = append(p.behinds, start)
	return p.emit(instruction{op: lookBehind, arg: len(p.behinds) - 1, out: then, negate: n.Negate}), nil
}

// edge writes the edge of a word as looks to both sides.
func edge(n *ecma.Node) *ecma.Node {
	word := []*ecma.Node{{Op: ecma.OpClass, Class: n.Class}}
	sides := func(before, after bool) *ecma.Node {
		return &ecma.Node{Op: ecma.OpConcat, Sub: []*ecma.Node{
			{Op: ecma.OpLook, Sub: word, Behind: true, Negate: !before}, {Op: ecma.OpLook, Sub: word, Negate: !after},
		}}
	}
	return &ecma.Node{Op: ecma.OpAlternate, Sub: []*ecma.Node{sides(true, n.Negate), sides(false, !n.Negate)}}
}

// begin is the state before anything is read.
func (p *pattern) begin() stateSet {
	s := stateSet{begin: true}
	p.lookBack(&s, nil, 0)
	s.threads = p.closure(&s, []thread{{pc: p.start()}}, false)
	return s
}

// lookBack moves the looks behind of one state on to the next, which are asked before all else there.
func (p *pattern) lookBack(s *stateSet, from *stateSet, r rune) {
	s.behinds, s.holds = make([][]int, len(p.behinds)), make([]bool, len(p.behinds))
	for i, start := range p.behinds {
		seeds := []thread{{pc: start}}
		if from != nil {
			for _, pc := range from.behinds[i] {
				if in := &p.insts[pc]; in.op == readClass && contains(in.class, r) {
					seeds = append(seeds, thread{pc: in.out})
				}
			}
		}
		for _, t := range p.closure(s, seeds, false) {
			s.behinds[i] = append(s.behinds[i], t.pc)
			s.holds[i] = s.holds[i] || p.insts[t.pc].op == accepted
		}
		slices.Sort(s.behinds[i])
	}
}

// closure follows what reads nothing from threads in a state; ends of the text are passed only with end, and then what a
// look ahead asks is answered at once.
func (p *pattern) closure(s *stateSet, from []thread, end bool) []thread {
	var out []thread
	seen := map[string]bool{}
	plain := map[int]bool{}
	todo := slices.Clone(from)
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if plain[t.pc] {
			continue // asks at least as much as one that asks nothing
		}
		if len(t.asks) == 0 {
			plain[t.pc] = true
		} else if key := t.key(); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		in := &p.insts[t.pc]
		switch in.op {
		case alternative:
			todo = append(todo, thread{in.out, t.asks}, thread{in.arg, t.asks})
		case atBegin:
			if s.begin {
				todo = append(todo, thread{in.out, t.asks})
			}
		case atEnd:
			if end {
				todo = append(todo, thread{in.out, t.asks})
			} else {
				out = append(out, t)
			}
		case lookBehind:
			if s.holds[in.arg] != in.negate {
				todo = append(todo, thread{in.out, t.asks})
			}
		case lookAhead:
			body := p.closure(s, []thread{{pc: in.arg}}, end)
			if asks, ok := p.asking(t.asks, ask{want: !in.negate, threads: body}, end); ok {
				todo = append(todo, thread{in.out, asks})
			}
		default:
			out = append(out, t)
		}
	}
	return p.sorted(out, plain)
}

// asking adds to what is asked; ok is false where it can not be had. With end, nothing more is read.
func (p *pattern) asking(asks []ask, a ask, end bool) (out []ask, ok bool) {
	held := slices.ContainsFunc(a.threads, func(t thread) bool { return p.insts[t.pc].op == accepted && len(t.asks) == 0 })
	if held || len(a.threads) == 0 || end {
		return asks, held == a.want
	}
	var key strings.Builder
	fmt.Fprintf(&key, "%t(", a.want)
	for _, t := range a.threads {
		key.WriteString(t.key() + ";")
	}
	key.WriteByte(')')
	a.key = key.String()
	at, there := slices.BinarySearchFunc(asks, a.key, func(b ask, key string) int { return strings.Compare(b.key, key) })
	if there {
		return asks, true
	}
	return slices.Insert(slices.Clone(asks), at, a), true
}

func (t thread) key() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(t.pc))
	for _, a := range t.asks {
		b.WriteString(a.key)
	}
	return b.String()
}

// sorted puts threads in order, without those beside which one asks nothing.
func (p *pattern) sorted(all []thread, plain map[int]bool) []thread {
	all = slices.DeleteFunc(all, func(t thread) bool { return len(t.asks) > 0 && plain[t.pc] })
	slices.SortFunc(all, func(a, b thread) int {
		if a.pc != b.pc || len(a.asks)+len(b.asks) == 0 {
			return a.pc - b.pc
		}
		return strings.Compare(a.key(), b.key())
	})
	return all
}

// acceptsAtEnd says whether one of the threads of a state comes to the end of the expression where the text ends.
func (p *pattern) acceptsAtEnd(s *stateSet, threads []thread) bool {
	var passed []thread
	for _, t := range threads {
		if !slices.ContainsFunc(t.asks, func(a ask) bool { return p.acceptsAtEnd(s, a.threads) != a.want }) {
			passed = append(passed, thread{pc: t.pc})
		}
	}
	return slices.ContainsFunc(p.closure(s, passed, true), func(t thread) bool { return p.insts[t.pc].op == accepted })
}

// read moves threads over a character, into a state whose looks behind are known.
func (p *pattern) read(s *stateSet, from []thread, r rune) (out []thread) {
	for _, t := range from {
		in := &p.insts[t.pc]
		to := t.pc
		switch {
		case in.op == readClass && contains(in.class, r):
			to = in.out
		case in.op != accepted: // which waits for what is asked
			continue
		}
		var asks []ask
		ok := true
		for _, a := range t.asks {
			if asks, ok = p.asking(asks, ask{want: a.want, threads: p.closure(s, p.read(s, a.threads, r), false)}, false); !ok {
				break
			}
		}
		if ok {
			out = append(out, thread{to, asks})
		}
	}
	return out
}

func (p *pattern) add(s stateSet) int {
	if slices.ContainsFunc(s.threads, func(t thread) bool { return p.insts[t.pc].op == accepted && len(t.asks) == 0 }) {
		s = stateSet{matched: true, accepts: true}
	} else {
		s.accepts = p.acceptsAtEnd(&s, s.threads)
	}
	var key strings.Builder
	fmt.Fprint(&key, s.matched, s.begin && !s.matched, s.behinds)
	for _, t := range s.threads {
		key.WriteString(" " + t.key())
	}
	if i, ok := p.states[key.String()]; ok {
		return i
	}
	p.states[key.String()] = len(p.sets)
	p.sets = append(p.sets, s)
	p.next = append(p.next, map[rune]int{})
	return len(p.sets) - 1
}

// step returns the state after a character; ok is false when there are too many states.
func (p *pattern) step(state int, r rune) (int, bool) {
	from := &p.sets[state]
	if from.matched {
		return state, true
	}
	if to, ok := p.next[state][r]; ok {
		return to, true
	}
	if len(p.sets) > maxStates || len(from.threads) > maxThreads {
		return 0, false
	}
	var s stateSet
	p.lookBack(&s, from, r)
	seeds := append(p.read(&s, from.threads, r), thread{pc: p.start()}) // a match may begin anywhere
	s.threads = p.closure(&s, seeds, false)
	to := p.add(s)
	p.next[state][r] = to
	return to, true
}

// cuts adds the characters at which what the pattern reads begins to differ.
func (p *pattern) cuts(add func(rune)) {
	for i := range p.insts {
		for j, class := 0, p.insts[i].class; j+1 < len(class); j += 2 {
			add(class[j])
			add(class[j+1] + 1)
		}
	}
}

func contains(class []rune, r rune) bool {
	low, high := 0, len(class)/2
	for low < high {
		switch middle := (low + high) / 2; {
		case r < class[2*middle]:
			high = middle
		case r > class[2*middle+1]:
			low = middle + 1
		default:
			return true
		}
	}
	return false
}

// byBytes are the characters of one, two, three and four bytes in UTF-8.
var byBytes = [][]rune{{0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xFFFF}, {0x10000, unicode.MaxRune}}

// letters returns one character for each class that some patterns tell apart, or, where they count, the bytes of which there
// are more; readable ones first.
func letters(patterns []*pattern, bytesCount bool) []rune {
	cuts := map[rune]bool{0: true, 0xD800: true, 0xE000: true}
	classes := map[string][]rune{}
	for i := 0; bytesCount && i < len(byBytes); i++ {
		cuts[byBytes[i][0]] = true
		classes[string(byBytes[i])] = byBytes[i]
	}
	for _, p := range patterns {
		p.cuts(func(r rune) { cuts[r] = true })
		for _, in := range p.insts {
			if in.op == readClass {
				classes[string(in.class)] = in.class
			}
		}
	}
	var starts []rune
	for r := range cuts {
		if r <= unicode.MaxRune {
			starts = append(starts, r)
		}
	}
	slices.Sort(starts)
	names := slices.Sorted(maps.Keys(classes))
	best := map[string]rune{} // by the classes that a character is in
	for i, low := range starts {
		high := rune(unicode.MaxRune)
		if i+1 < len(starts) {
			high = starts[i+1] - 1
		}
		if low >= 0xD800 && high < 0xE000 {
			continue
		}
		signature := make([]byte, len(names))
		for j, name := range names {
			if contains(classes[name], low) {
				signature[j] = 1
			}
		}
		r := readable(low, high)
		if other, ok := best[string(signature)]; !ok || rank(r) < rank(other) {
			best[string(signature)] = r
		}
	}
	out := slices.Sorted(maps.Values(best))
	slices.SortStableFunc(out, func(a, b rune) int { return rank(a) - rank(b) })
	return out
}
