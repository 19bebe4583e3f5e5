package golang

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"unicode"
)

// machine is a deterministic automaton over bytes that matches as a regular expression does. State 0 is the first.
type machine struct{ states []state }

// state is a state of a machine: what each byte of ASCII leads to, and what the text so far amounts to.
type state struct {
	next [unicode.MaxASCII + 1]int // -1 where nothing can match any more, as for all other bytes
	end  bool                      // matches, when it ends here
	done bool                      // matches, whatever follows
}

// newMachine returns the machine of an expression, nil when that has none of reasonable size: not bound to the text's
// beginning, or with characters beyond ASCII or conditions inside.
func newMachine(expression string) *machine {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || prog.StartCond()&syntax.EmptyBeginText == 0 || !plainInstructions(prog) {
		return nil
	}
	m := &machine{}
	start := []uint32{uint32(prog.Start)}
	known := map[string]int{}
	sets := [][]uint32{start}
	for i := 0; i < len(sets); i++ {
		if i > 64 {
			return nil
		}
		at := syntax.EmptyOp(0)
		if i == 0 {
			at = syntax.EmptyBeginText
		}
		runes, done := closure(prog, sets[i], at)
		_, end := closure(prog, sets[i], at|syntax.EmptyEndText)
		st := state{end: end, done: done}
		for c := range st.next {
			var to []uint32
			for _, pc := range runes {
				if inst := &prog.Inst[pc]; inst.MatchRune(rune(c)) && !slices.Contains(to, inst.Out) {
					to = append(to, inst.Out)
				}
			}
			st.next[c] = -1
			if len(to) == 0 {
				continue
			}
			slices.Sort(to)
			key := fmt.Sprint(to)
			if _, ok := known[key]; !ok {
				known[key] = len(sets)
				sets = append(sets, to)
			}
			st.next[c] = known[key]
		}
		m.states = append(m.states, st)
	}
	if m.states[0].done {
		return nil // matches everything
	}
	return m
}

// plainInstructions says that a program looks at ASCII characters and at the ends of the text alone.
func plainInstructions(prog *syntax.Prog) bool {
	for i := range prog.Inst {
		switch inst := &prog.Inst[i]; inst.Op {
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
				return false
			}
		case syntax.InstRune, syntax.InstRune1:
			if slices.Max(inst.Rune) > unicode.MaxASCII || syntax.Flags(inst.Arg)&syntax.FoldCase != 0 {
				return false
			}
		case syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			return false
		}
	}
	return true
}

// closure follows what matches nothing: it returns the instructions that match a character, and whether the end of the
// program is reached.
func closure(prog *syntax.Prog, from []uint32, at syntax.EmptyOp) (runes []uint32, matched bool) {
	seen := map[uint32]bool{}
	var follow func(pc uint32)
	follow = func(pc uint32) {
		if seen[pc] {
			return
		}
		seen[pc] = true
		switch inst := &prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			follow(inst.Out)
			follow(inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			follow(inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^at == 0 {
				follow(inst.Out)
			}
		case syntax.InstMatch:
			matched = true
		case syntax.InstRune, syntax.InstRune1:
			runes = append(runes, pc)
		}
	}
	for _, pc := range from {
		follow(pc)
	}
	return runes, matched
}

// texts returns all texts that match, nil when they are more than most.
func (m *machine) texts(most int) []string {
	var texts []string
	on := make([]bool, len(m.states))
	var walk func(i int, text []byte) bool
	walk = func(i int, text []byte) bool {
		st := &m.states[i]
		if on[i] || st.done {
			return false
		}
		on[i] = true
		defer func() { on[i] = false }()
		if st.end {
			texts = append(texts, string(text))
		}
		for c, to := range st.next {
			if to >= 0 && (len(texts) > most || !walk(to, append(text, byte(c)))) {
				return false
			}
		}
		return true
	}
	if !walk(0, nil) || len(texts) > most {
		return nil
	}
	return texts
}

// targets returns the states that a byte can lead to, in the order of the first byte that does.
func (st *state) targets() []int {
	var targets []int
	for _, to := range st.next {
		if to >= 0 && !slices.Contains(targets, to) {
			targets = append(targets, to)
		}
	}
	return targets
}

// ranges are the conditions on c that lead to a state.
func (st *state) ranges(to int) []string {
	var ranges []string
	for c := 0; c < len(st.next); c++ {
		if st.next[c] != to {
			continue
		}
		first := c
		for c+1 < len(st.next) && st.next[c+1] == to {
			c++
		}
		low, high := strconv.QuoteRune(rune(first)), strconv.QuoteRune(rune(c))
		if first == c {
			ranges = append(ranges, "c == "+low)
		} else {
			ranges = append(ranges, "c >= "+low+" && c <= "+high)
		}
	}
	return ranges
}
