package ecma

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxRE2Count is how often RE2 repeats anything, repetitions inside of repetitions multiplied.
const maxRE2Count = 1000

// RE2 is an expression of RE2 that matches the same strings; ok is false where there is none. It is the source itself where
// that means the same.
func (t *Tree) RE2() (expr string, ok bool) {
	if !t.Root.inRE2(1) {
		return "", false
	}
	if t.plain {
		return t.Expr, true
	}
	var b strings.Builder
	t.Root.re2(&b)
	return b.String(), true
}

// inRE2 says whether RE2 has all that a node needs, which stands in so many repetitions.
func (n *Node) inRE2(times int) bool {
	switch n.Op {
	case OpBackref, OpLook:
		return false
	case OpWord:
		return slices.Equal(n.Class, wordRune)
	case OpRepeat:
		count := max(n.Min, n.Max)
		if times *= max(count, 1); count > maxRE2Count || times > maxRE2Count {
			return false
		}
	}
	for _, sub := range n.Sub {
		if !sub.inRE2(times) {
			return false
		}
	}
	return true
}

func (n *Node) re2(b *strings.Builder) {
	switch n.Op {
	case OpClass:
		n.classRE2(b)
	case OpConcat:
		if len(n.Sub) == 0 {
			b.WriteString("(?:)")
		}
		for _, sub := range n.Sub {
			if sub.Op == OpAlternate {
				sub.grouped(b)
			} else {
				sub.re2(b)
			}
		}
	case OpAlternate:
		for i, sub := range n.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			sub.re2(b)
		}
	case OpGroup:
		n.Sub[0].grouped(b)
	case OpRepeat:
		if sub := n.Sub[0]; sub.Op == OpClass || sub.Op == OpGroup {
			sub.re2(b)
		} else {
			sub.grouped(b)
		}
		b.WriteString(n.quantifier())
	case OpBegin:
		b.WriteByte('^')
	case OpEnd:
		b.WriteByte('$')
	case OpWord:
		if n.Negate {
			b.WriteString(`\B`)
		} else {
			b.WriteString(`\b`)
		}
	}
}

func (n *Node) grouped(b *strings.Builder) {
	b.WriteString("(?:")
	n.re2(b)
	b.WriteByte(')')
}

func (n *Node) quantifier() string {
	switch {
	case n.Min == 0 && n.Max == 1:
		return "?"
	case n.Min == 0 && n.Max < 0:
		return "*"
	case n.Min == 1 && n.Max < 0:
		return "+"
	case n.Max < 0:
		return "{" + strconv.Itoa(n.Min) + ",}"
	case n.Min == n.Max:
		return "{" + strconv.Itoa(n.Min) + "}"
	}
	return "{" + strconv.Itoa(n.Min) + "," + strconv.Itoa(n.Max) + "}"
}

func (n *Node) classRE2(b *strings.Builder) {
	class := n.Class
	switch {
	case n.text != "":
		b.WriteString(n.text)
		return
	case slices.Equal(class, digitRune):
		b.WriteString(`\d`)
		return
	case slices.Equal(class, anyRune):
		b.WriteString("(?s:.)")
		return
	case len(class) == 0:
		b.WriteString(`[^\x00-\x{10FFFF}]`)
		return
	case len(class) == 2 && class[0] == class[1]:
		if class[0] > unicode.MaxASCII || class[0] < ' ' {
			b.WriteString(escaped(class[0]))
		} else {
			b.WriteString(regexp.QuoteMeta(string(class[0])))
		}
		return
	}
	b.WriteByte('[')
	if other := inverse(class); len(other) < len(class) {
		b.WriteByte('^')
		class = other
	}
	for i := 0; i+1 < len(class); i += 2 {
		b.WriteString(escaped(class[i]))
		switch class[i+1] - class[i] {
		case 0:
		default:
			b.WriteByte('-')
			fallthrough
		case 1:
			b.WriteString(escaped(class[i+1]))
		}
	}
	b.WriteByte(']')
}

// escaped is a character as it stands in a class.
func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < ' ' || r > '~' && !unicode.IsLetter(r):
		return `\x{` + strings.ToUpper(strconv.FormatInt(int64(r), 16)) + `}`
	case strings.ContainsRune(`\[]^-`, r):
		return `\` + string(r)
	}
	return string(r)
}
