package ecma

import (
	"unicode"
	"unicode/utf8"
)

// maxSteps bounds how much one match may cost, so that no text holds up who validates it: what takes more does not
// match. Only back-references come near it with texts of the size of an event.
const maxSteps = 10_000_000

// machine runs a program on a text. Where nothing refers back, it comes to an instruction at a place of the text once.
type machine struct {
	*program
	text  string
	steps int
	slots []int
	stack []pending
	once  bool // where nothing refers back
	seen  seen
	trail []int // what was added to seen
}

// seen is where the machine has been: a bit for each join at each place of the text, or a map where these are too many.
type seen struct {
	bits []uint64
	far  map[int]bool
}

const maxBits = 1 << 27

func (s *seen) has(at int) bool {
	if s.far != nil {
		return s.far[at]
	}
	return s.bits[at/64]&(1<<(at%64)) != 0
}

func (s *seen) set(at int, to bool) {
	switch {
	case s.far != nil && to:
		s.far[at] = true
	case s.far != nil:
		delete(s.far, at)
	case to:
		s.bits[at/64] |= 1 << (at % 64)
	default:
		s.bits[at/64] &^= 1 << (at % 64)
	}
}

// pending is a way that is still to be tried, or a slot to be set back.
type pending struct {
	kind    pendingKind
	pc, pos int
	low     int // of a run: how far it gives back
}

type pendingKind uint8

const (
	tryAt pendingKind = iota
	tryRun
	setBack // the slot pc to pos
)

// match says whether the program matches somewhere in the text.
func (p *program) match(text string) bool {
	m := &machine{program: p, text: text}
	if p.slots > 0 {
		m.slots = make([]int, p.slots)
	} else if m.once = true; p.joins*(len(text)+1) > maxBits {
		m.seen.far = map[int]bool{}
	} else {
		m.seen.bits = make([]uint64, p.joins*(len(text)+1)/64+1)
	}
	for start := 0; ; {
		for i := range m.slots {
			m.slots[i] = -1
		}
		if m.run(0, start) {
			return true
		}
		m.trail = m.trail[:0]
		if p.anchored || start == len(text) || m.steps > maxSteps {
			return false
		}
		_, size := utf8.DecodeRuneInString(text[start:])
		start += size
	}
}

// run says whether the instructions from pc on match from pos on. What was saved on the way stays where they do.
func (m *machine) run(pc, pos int) bool {
	base, trail := len(m.stack), len(m.trail)
	m.stack = append(m.stack, pending{tryAt, pc, pos, 0})
	for len(m.stack) > base {
		top := len(m.stack) - 1
		next := &m.stack[top]
		switch next.kind {
		case setBack:
			m.slots[next.pc] = next.pos
			m.stack = m.stack[:top]
			continue
		case tryRun:
			pc, pos = next.pc+1, next.pos
			if next.pos == next.low {
				m.stack = m.stack[:top]
			} else if m.insts[next.pc].back {
				_, size := utf8.DecodeRuneInString(m.text[next.pos:])
				next.pos += size
			} else {
				_, size := utf8.DecodeLastRuneInString(m.text[:next.pos])
				next.pos -= size
			}
			if m.visited(m.insts[pc-1].join, pos) {
				continue
			}
		default:
			pc, pos = next.pc, next.pos
			m.stack = m.stack[:top]
		}
		if m.thread(pc, pos) {
			m.settle(base, trail)
			return true
		}
		if m.steps > maxSteps {
			m.stack = m.stack[:base]
			return false
		}
	}
	return false
}

// settle drops the ways that were not needed, and keeps the slots that are to be set back. What was seen on the way to a
// match may match again.
func (m *machine) settle(base, trail int) {
	kept := m.stack[:base]
	for _, p := range m.stack[base:] {
		if p.kind == setBack {
			kept = append(kept, p)
		}
	}
	m.stack = kept
	for _, at := range m.trail[trail:] {
		m.seen.set(at, false)
	}
	m.trail = m.trail[:trail]
}

// visited says whether the machine was at a join and a place before, where that cannot have another end.
func (m *machine) visited(join, pos int) bool {
	if !m.once {
		return false
	}
	at := (join-1)*(len(m.text)+1) + pos
	if m.seen.has(at) {
		return true
	}
	m.seen.set(at, true)
	m.trail = append(m.trail, at)
	return false
}

// thread follows one way to a match or to where it fails.
func (m *machine) thread(pc, pos int) bool {
	for {
		if m.steps++; m.steps > maxSteps {
			return false
		}
		in := &m.insts[pc]
		switch in.op {
		case iMatch:
			return true
		case iClass:
			r, size := m.read(pos, in.back)
			if size == 0 || !in.class.has(r) {
				return false
			}
			pos += size
		case iRun:
			var ok bool
			if pos, ok = m.readRun(pc, pos); !ok {
				return false
			}
		case iSplit:
			if m.visited(in.join, pos) {
				return false
			}
			m.stack = append(m.stack, pending{tryAt, in.y, pos, 0})
			pc = in.x
			continue
		case iJump:
			pc = in.x
			continue
		case iLook:
			if m.run(pc+1, pos) == in.negate {
				return false
			}
			pc = in.x
			continue
		case iBegin:
			if pos != 0 {
				return false
			}
		case iEnd:
			if pos != len(m.text) {
				return false
			}
		case iWord:
			if m.atEdge(in.class, pos) == in.negate {
				return false
			}
		case iSave:
			m.set(in.x, pos)
		case iClear:
			for slot := in.x; slot <= in.y; slot++ {
				m.set(slot, -1)
			}
		case iProgress:
			if m.slots[in.x] == pos {
				return false
			}
		case iBackref:
			size, ok := m.repeated(in, pos)
			if !ok {
				return false
			}
			pos += size
		}
		pc++
	}
}

// set changes a slot until another way is tried.
func (m *machine) set(slot, pos int) {
	m.stack = append(m.stack, pending{setBack, slot, m.slots[slot], 0})
	m.slots[slot] = pos
}

// read is the next character, or the one before; how far it leads is 0 where there is none.
func (m *machine) read(pos int, back bool) (rune, int) {
	if back {
		r, size := utf8.DecodeLastRuneInString(m.text[:pos])
		return r, -size
	}
	return utf8.DecodeRuneInString(m.text[pos:])
}

// readRun reads as many characters of a class as it can, and notes that fewer may do.
func (m *machine) readRun(pc, pos int) (int, bool) {
	in := &m.insts[pc]
	n, low := 0, pos
	for n < in.max || in.max < 0 {
		r, size := m.read(pos, in.back)
		if size == 0 || !in.class.has(r) {
			break
		}
		pos += size
		if n++; n == in.min {
			low = pos
		}
	}
	if m.steps += n; n < in.min {
		return pos, false
	}
	if pos == low {
		return pos, !m.visited(in.join, pos)
	}
	m.stack = append(m.stack, pending{tryRun, pc, pos, low})
	return pos, false // the way goes on from there
}

func (m *machine) atEdge(word *charSet, pos int) bool {
	before, sizeBefore := m.read(pos, true)
	after, sizeAfter := m.read(pos, false)
	return (sizeBefore != 0 && word.has(before)) != (sizeAfter != 0 && word.has(after))
}

// repeated says how far it is over what one of the groups has matched, where that stands here again.
func (m *machine) repeated(in *inst, pos int) (size int, ok bool) {
	for _, group := range in.groups {
		low, high := m.slots[2*group], m.slots[2*group+1]
		if low < 0 || high < 0 {
			continue
		}
		m.steps += high - low
		for at := low; at < high; {
			want, width := utf8.DecodeRuneInString(m.text[at:high])
			here := pos + size
			if in.back {
				want, width = utf8.DecodeLastRuneInString(m.text[low : high-(at-low)])
			}
			got, step := m.read(here, in.back)
			if step == 0 || got != want && !(in.fold && sameFold(got, want)) {
				return 0, false
			}
			at, size = at+width, size+step
		}
		return size, true
	}
	return 0, true
}

func sameFold(a, b rune) bool {
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}
