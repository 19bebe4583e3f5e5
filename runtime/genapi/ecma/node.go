package ecma

import (
	"slices"
	"unicode"
)

// Op is what a node of a [Tree] matches.
type Op uint8

// The operations.
const (
	OpClass     Op = iota // one character of Class
	OpConcat              // all of Sub, one after another; without any the empty string
	OpAlternate           // one of Sub
	OpRepeat              // Sub[0], from Min to Max times
	OpGroup               // Sub[0], remembered as Group
	OpBackref             // what one of Groups has matched, the empty string where none has
	OpLook                // nothing, where Sub[0] matches from here on, or, with Behind, up to here; Negate: where it does not
	OpBegin               // nothing, at the beginning of the text
	OpEnd                 // nothing, at the end of the text
	OpWord                // nothing, where one of two neighbours is of Class and the other is not; Negate: anywhere else
)

// Node is a part of an expression. Which flags hold for it is worked into it.
type Node struct {
	Op       Op
	Class    []rune // pairs of first and last characters, sorted
	Sub      []*Node
	Min, Max int  // Max is -1 for no limit
	Lazy     bool // a repetition that tries fewer first
	Group    int  // from 1
	Groups   []int
	Behind   bool
	Negate   bool
	Fold     bool   // a back-reference that ignores case
	text     string // a class in the syntax of RE2, where the source is that too
}

// Tree is an expression that was read.
type Tree struct {
	Expr   string
	Root   *Node
	Groups int // how many are remembered
	// plain says that the source means the same to RE2.
	plain bool
}

// Backrefs says whether the expression refers back to what a group has matched: no automaton stands for such a one.
func (t *Tree) Backrefs() bool { return t.Root.has(OpBackref) }

func (n *Node) has(op Op) bool {
	return n.Op == op || slices.ContainsFunc(n.Sub, func(sub *Node) bool { return sub.has(op) })
}

// Classes that the syntax has names for, or that its meaning rests on.
var (
	anyRune   = []rune{0, unicode.MaxRune}
	digitRune = []rune{'0', '9'}
	wordRune  = []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
	// spaceRune is WhiteSpace and LineTerminator.
	spaceRune = []rune{
		'\t', '\r', ' ', ' ', 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F,
		0x3000, 0x3000, 0xFEFF, 0xFEFF,
	}
	lineEndRune = []rune{'\n', '\n', '\r', '\r', 0x2028, 0x2029}
	// wordFolded are the characters of words where case is ignored: two of them fold to letters of ASCII.
	wordFolded = []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z', 0x17F, 0x17F, 0x212A, 0x212A}
)

// normal sorts pairs and joins those that meet.
func normal(pairs []rune) []rune {
	if len(pairs) <= 2 {
		return pairs
	}
	type span struct{ low, high rune }
	spans := make([]span, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		spans = append(spans, span{pairs[i], pairs[i+1]})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.low - b.low) })
	out := make([]rune, 0, len(pairs))
	for _, s := range spans {
		if n := len(out); n > 0 && s.low <= out[n-1]+1 {
			out[n-1] = max(out[n-1], s.high)
			continue
		}
		out = append(out, s.low, s.high)
	}
	return out
}

// inverse are all characters that are not in a normal class.
func inverse(pairs []rune) []rune {
	var out []rune
	next := rune(0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] > next {
			out = append(out, next, pairs[i]-1)
		}
		next = pairs[i+1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, next, unicode.MaxRune)
	}
	return out
}

// lastFolding is the last character that has another case.
const lastFolding = 0x1E943

// folded adds to a class the characters that are the same but for case.
func folded(pairs []rune) []rune {
	out := slices.Clone(pairs)
	for i := 0; i+1 < len(pairs); i += 2 {
		for r := pairs[i]; r <= min(pairs[i+1], lastFolding); r++ {
			for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
				out = append(out, other, other)
			}
		}
	}
	return normal(out)
}

func within(pairs []rune, r rune) bool {
	low, high := 0, len(pairs)/2
	for low < high {
		switch middle := (low + high) / 2; {
		case r < pairs[2*middle]:
			high = middle
		case r > pairs[2*middle+1]:
			low = middle + 1
		default:
			return true
		}
	}
	return false
}
