package ecma

import (
	"fmt"
	"unicode/utf8"
)

// program is an expression as instructions for a machine.
type program struct {
	insts    []inst
	joins    int  // how many instructions several ways may lead to
	slots    int  // of groups, two each, and of loops, one each; 0 where nothing refers back
	anchored bool // matches from the beginning only
}

type opcode uint8

const (
	iMatch    opcode = iota
	iClass           // one character of the class
	iRun             // from min to max characters of the class, as many as there are
	iSplit           // goes on at x, and at y where that fails
	iJump            // goes on at x
	iBegin           // at the beginning
	iEnd             // at the end
	iWord            // at the edge of a word; negate: elsewhere
	iSave            // remembers the place in slot x
	iClear           // forgets the slots from x to y
	iProgress        // fails where nothing was read since slot x was saved
	iBackref         // what the groups have matched
	iLook            // the instructions from the next on match from here; goes on at x. negate: do not match
)

type inst struct {
	op       opcode
	class    *charSet
	x, y     int
	min, max int
	back     bool // reads backwards
	negate   bool
	fold     bool
	join     int // of what several ways may lead to at one place of the text, a number from 1
	groups   []int
}

// charSet is a class that ASCII is looked up in quickly.
type charSet struct {
	ascii [utf8.RuneSelf]bool
	pairs []rune
}

func newCharSet(pairs []rune) *charSet {
	s := &charSet{pairs: pairs}
	for r := range s.ascii {
		s.ascii[r] = within(pairs, rune(r))
	}
	return s
}

func (s *charSet) has(r rune) bool {
	if r < utf8.RuneSelf {
		return s.ascii[r]
	}
	return within(s.pairs, r)
}

// maxInsts bounds programs: repetitions are written out.
const maxInsts = 200_000

type compiler struct {
	insts []inst
	joins int
	loops int // slots of loops that are given away
	marks int // the first of them; 0 where nothing refers back
}

func (t *Tree) compile() (*program, error) {
	c := &compiler{}
	if t.Backrefs() {
		c.marks = 2 * (t.Groups + 1)
	}
	c.node(t.Root, false)
	c.emit(inst{op: iMatch})
	if len(c.insts) > maxInsts {
		return nil, &SyntaxError{t.Expr, 0, fmt.Sprintf("its repetitions come to more than %d steps", maxInsts)}
	}
	p := &program{insts: c.insts, joins: c.joins, anchored: c.insts[0].op == iBegin}
	if c.marks > 0 {
		p.slots = c.marks + c.loops
	}
	return p, nil
}

func (c *compiler) emit(in inst) int {
	if in.op == iSplit || in.op == iRun { // of a run, what follows it
		c.joins++
		in.join = c.joins
	}
	if len(c.insts) <= maxInsts {
		c.insts = append(c.insts, in)
	}
	return len(c.insts) - 1
}

// node writes a node, to be read backwards inside of a look behind.
func (c *compiler) node(n *Node, back bool) {
	if len(c.insts) > maxInsts {
		return
	}
	switch n.Op {
	case OpClass:
		c.emit(inst{op: iClass, class: newCharSet(n.Class), back: back})
	case OpConcat:
		for i := range n.Sub {
			if back {
				i = len(n.Sub) - 1 - i
			}
			c.node(n.Sub[i], back)
		}
	case OpAlternate:
		c.alternate(n.Sub, back)
	case OpRepeat:
		c.repeat(n, back)
	case OpGroup:
		c.group(n, back)
	case OpBackref:
		c.emit(inst{op: iBackref, groups: n.Groups, fold: n.Fold, back: back})
	case OpLook:
		at := c.emit(inst{op: iLook, negate: n.Negate})
		c.node(n.Sub[0], n.Behind)
		c.emit(inst{op: iMatch})
		c.insts[at].x = len(c.insts)
	case OpBegin:
		c.emit(inst{op: iBegin})
	case OpEnd:
		c.emit(inst{op: iEnd})
	case OpWord:
		c.emit(inst{op: iWord, class: newCharSet(n.Class), negate: n.Negate})
	}
}

func (c *compiler) alternate(all []*Node, back bool) {
	var jumps []int
	for i, sub := range all {
		if i == len(all)-1 {
			c.node(sub, back)
			break
		}
		split := c.emit(inst{op: iSplit})
		c.insts[split].x = len(c.insts)
		c.node(sub, back)
		jumps = append(jumps, c.emit(inst{op: iJump}))
		c.insts[split].y = len(c.insts)
	}
	for _, at := range jumps {
		c.insts[at].x = len(c.insts)
	}
}

func (c *compiler) group(n *Node, back bool) {
	if c.marks == 0 {
		c.node(n.Sub[0], back)
		return
	}
	first, second := 2*n.Group, 2*n.Group+1
	if back {
		first, second = second, first
	}
	c.emit(inst{op: iSave, x: first})
	c.node(n.Sub[0], back)
	c.emit(inst{op: iSave, x: second})
}

// repeat writes the least times out, then a loop, or so many more as may follow.
func (c *compiler) repeat(n *Node, back bool) {
	body := n.Sub[0]
	for c.marks == 0 && body.Op == OpGroup {
		body = body.Sub[0]
	}
	if body.Op == OpClass && !(n.Lazy && c.marks > 0) {
		c.emit(inst{op: iRun, class: newCharSet(body.Class), min: n.Min, max: n.Max, back: back})
		return
	}
	for range n.Min {
		before := len(c.insts)
		c.clear(body)
		c.node(body, back)
		if len(c.insts) > maxInsts || len(c.insts) == before {
			break
		}
	}
	if n.Max < 0 {
		loop := c.split(n.Lazy)
		c.iteration(body, back)
		c.emit(inst{op: iJump, x: loop})
		c.leave(loop, n.Lazy)
		return
	}
	var exits []int
	for range n.Max - n.Min {
		if len(c.insts) > maxInsts {
			return
		}
		exits = append(exits, c.split(n.Lazy))
		c.iteration(body, back)
	}
	for _, at := range exits {
		c.leave(at, n.Lazy)
	}
}

// split begins what may be left out; leave says where it goes on then.
func (c *compiler) split(lazy bool) int {
	at := c.emit(inst{op: iSplit})
	if lazy {
		c.insts[at].y = at + 1
	} else {
		c.insts[at].x = at + 1
	}
	return at
}

func (c *compiler) leave(split int, lazy bool) {
	if lazy {
		c.insts[split].x = len(c.insts)
	} else {
		c.insts[split].y = len(c.insts)
	}
}

// iteration writes a repetition beyond the least: one that reads nothing does not count.
func (c *compiler) iteration(body *Node, back bool) {
	if c.marks == 0 {
		c.node(body, back)
		return
	}
	mark := c.marks + c.loops
	c.loops++
	c.emit(inst{op: iSave, x: mark})
	c.clear(body)
	c.node(body, back)
	c.emit(inst{op: iProgress, x: mark})
}

// clear forgets what the groups in a node have matched.
func (c *compiler) clear(n *Node) {
	if low, high := n.groups(); c.marks > 0 && high > 0 {
		c.emit(inst{op: iClear, x: 2 * low, y: 2*high + 1})
	}
}

// groups are the first and the last group in a node, zero for none: they are numbered in the order of the source.
func (n *Node) groups() (low, high int) {
	if n.Op == OpGroup {
		low, high = n.Group, n.Group
	}
	for _, sub := range n.Sub {
		l, h := sub.groups()
		if l > 0 && (low == 0 || l < low) {
			low = l
		}
		high = max(high, h)
	}
	return low, high
}
