package ecma

import (
	"fmt"
	"slices"
	"unicode"
)

// SyntaxError says what is wrong in an expression.
type SyntaxError struct {
	Expr   string
	Offset int // in characters
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not a regular expression of ECMA-262, at character %d: %s", e.Offset+1, e.Reason)
}

// Parse reads an expression. The error is a [*SyntaxError].
func Parse(expr string) (tree *Tree, err error) {
	p := &parser{expr: expr, src: []rune(expr), plain: true, names: map[string][]int{}}
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case *SyntaxError:
			tree, err = nil, fault
		default:
			panic(fault)
		}
	}()
	root, _ := p.disjunction()
	if p.more() { // what ends a disjunction but the end is a parenthesis
		p.fail(p.at, "a ) without its (")
	}
	p.resolve()
	if p.looseAt > 0 && p.unicode {
		p.fail(p.looseAt-1, "%c stands for itself only without the flag u, which \\p{} and \\u{} need: put a \\ before it", p.src[p.looseAt-1])
	}
	return &Tree{Expr: expr, Root: root, Groups: p.groups, plain: p.plain}, nil
}

// maxDepth bounds how deep groups are nested, so that what walks through trees needs no stack of its own.
const maxDepth = 500

type parser struct {
	expr   string
	src    []rune
	at     int
	depth  int
	groups int
	names  map[string][]int
	// plain becomes false with what RE2 reads otherwise, or not at all.
	plain bool
	// looseAt is the first place, from 1, of what is syntax without the flag u only, and unicode says that there is what means
	// something else without it.
	looseAt int
	unicode bool
	// The flags that modifiers of a group set: i, m, s.
	fold, lines, dotAll bool
	backrefs            []backref
}

// backref is a back-reference that is resolved once all groups are known.
type backref struct {
	node *Node
	at   int
	name string // empty for a number, which is in Groups then
}

func (p *parser) fail(at int, format string, args ...any) {
	panic(&SyntaxError{p.expr, at, fmt.Sprintf(format, args...)})
}

func (p *parser) more() bool { return p.at < len(p.src) }

// peek is the next character, -1 at the end.
func (p *parser) peek() rune {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return -1
}

// take reads a text that may come next.
func (p *parser) take(text string) bool {
	next := []rune(text)
	if len(p.src)-p.at < len(next) || !slices.Equal(p.src[p.at:p.at+len(next)], next) {
		return false
	}
	p.at += len(next)
	return true
}

// disjunction reads alternatives up to a closing parenthesis or the end. It returns the names of the groups in them, of
// which two may be alike in different alternatives only.
func (p *parser) disjunction() (*Node, []string) {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.at, "groups are nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	var all []*Node
	var names []string
	for {
		one, inside := p.alternative()
		all, names = append(all, one), append(names, inside...)
		if !p.take("|") {
			break
		}
	}
	if len(all) == 1 {
		return all[0], names
	}
	return &Node{Op: OpAlternate, Sub: all}, names
}

func (p *parser) alternative() (*Node, []string) {
	out := &Node{Op: OpConcat}
	var names []string
	for p.more() && p.peek() != '|' && p.peek() != ')' {
		at := p.at
		n, inside, quantifiable := p.term()
		for _, name := range inside {
			if slices.Contains(names, name) {
				p.fail(at, "two groups are called %s", name)
			}
		}
		names = append(names, inside...)
		out.Sub = append(out.Sub, p.quantified(n, quantifiable))
	}
	if len(out.Sub) == 1 {
		return out.Sub[0], names
	}
	return out, names
}

// term reads an assertion or an atom.
func (p *parser) term() (n *Node, names []string, quantifiable bool) {
	at := p.at
	switch c := p.src[p.at]; c {
	case '^':
		p.at++
		return p.lineBegin(), nil, false
	case '$':
		p.at++
		return p.lineEnd(), nil, false
	case '(':
		p.at++
		return p.group(at)
	case '[':
		p.at++
		return p.class(at), nil, true
	case '.':
		p.at++
		p.plain = false
		if p.dotAll {
			return &Node{Op: OpClass, Class: anyRune}, nil, true
		}
		return &Node{Op: OpClass, Class: inverse(lineEndRune)}, nil, true
	case '\\':
		p.at++
		n, quantifiable = p.escape(at)
		return n, nil, quantifiable
	case '*', '+', '?':
		p.fail(at, "nothing to repeat before %c", c)
	case '{', '}', ']':
		if c == '{' && p.counted(at) {
			p.fail(at, "nothing to repeat before {")
		}
		p.at = at
		p.loose(at)
	}
	p.at++
	return p.literal(p.src[at]), nil, true
}

// loose notes what is syntax without the flag u only.
func (p *parser) loose(at int) {
	if p.plain = false; p.looseAt == 0 {
		p.looseAt = at + 1
	}
}

func (p *parser) lineBegin() *Node {
	if !p.lines {
		return &Node{Op: OpBegin}
	}
	return &Node{Op: OpAlternate, Sub: []*Node{{Op: OpBegin}, {Op: OpLook, Behind: true, Sub: []*Node{{Op: OpClass, Class: lineEndRune}}}}}
}

func (p *parser) lineEnd() *Node {
	if !p.lines {
		return &Node{Op: OpEnd}
	}
	return &Node{Op: OpAlternate, Sub: []*Node{{Op: OpEnd}, {Op: OpLook, Sub: []*Node{{Op: OpClass, Class: lineEndRune}}}}}
}

// literal is a character that stands for itself.
func (p *parser) literal(r rune) *Node { return p.one([]rune{r, r}) }

// one is a class, by the flags.
func (p *parser) one(class []rune) *Node {
	if p.fold {
		class = folded(class)
	}
	return &Node{Op: OpClass, Class: class}
}

// group reads what follows an opening parenthesis at a place.
func (p *parser) group(at int) (n *Node, names []string, quantifiable bool) {
	switch {
	case p.take("?:"):
		n, names = p.disjunction()
		p.close(at)
		return n, names, true
	case p.take("?="), p.take("?!"), p.take("?<="), p.take("?<!"):
		n = &Node{Op: OpLook, Behind: p.src[at+2] == '<', Negate: p.src[p.at-1] == '!'}
		var inner *Node
		inner, names = p.disjunction()
		n.Sub = []*Node{inner}
		p.close(at)
		return n, names, false
	case p.take("?<"):
		p.plain = false
		name := p.groupName(at)
		n, inside := p.remembered(at, name)
		if slices.Contains(inside, name) {
			p.fail(at, "two groups are called %s", name)
		}
		return n, append(inside, name), true
	case p.peek() == '?':
		p.plain = false
		fold, lines, dotAll := p.fold, p.lines, p.dotAll
		p.modifiers(at)
		n, names = p.disjunction()
		p.close(at)
		p.fold, p.lines, p.dotAll = fold, lines, dotAll
		return n, names, true
	}
	n, names = p.remembered(at, "")
	return n, names, true
}

func (p *parser) remembered(at int, name string) (*Node, []string) {
	p.groups++
	n := &Node{Op: OpGroup, Group: p.groups}
	if name != "" {
		p.names[name] = append(p.names[name], n.Group)
	}
	inner, names := p.disjunction()
	n.Sub = []*Node{inner}
	p.close(at)
	return n, names
}

func (p *parser) close(at int) {
	if !p.take(")") {
		p.fail(at, "a ( without its )")
	}
}

// groupName reads a name up to the closing bracket.
func (p *parser) groupName(at int) string {
	var name []rune
	for p.more() && p.peek() != '>' {
		r := p.src[p.at]
		p.at++
		if r == '\\' {
			if !p.take("u") {
				p.fail(at, "not the name of a group")
			}
			r = p.unicodeEscape(p.at)
		}
		first := r == '$' || r == '_' || has("ID_Start", r)
		if !first && (len(name) == 0 || !has("ID_Continue", r) && r != 0x200C && r != 0x200D) {
			p.fail(at, "not the name of a group")
		}
		name = append(name, r)
	}
	if len(name) == 0 || !p.take(">") {
		p.fail(at, "not the name of a group")
	}
	return string(name)
}

// modifiers reads (?i-m: and sets the flags.
func (p *parser) modifiers(at int) {
	p.at++
	on := true
	seen := map[rune]bool{}
	for ; p.peek() != ':'; p.at++ {
		r := p.peek()
		if r == '-' && on {
			on = false
			continue
		}
		flag := map[rune]*bool{'i': &p.fold, 'm': &p.lines, 's': &p.dotAll}[r]
		if flag == nil || seen[r] {
			p.fail(at, "a group begins with (?:, (?=, (?!, (?<=, (?<!, (?<name> or with flags as (?i:")
		}
		seen[r] = true
		*flag = on
	}
	if p.at++; len(seen) == 0 {
		p.fail(at, "flags without any")
	}
}

// quantified reads a quantifier where one follows.
func (p *parser) quantified(n *Node, quantifiable bool) *Node {
	at := p.at
	low, high := 0, -1
	switch {
	case p.take("*"):
	case p.take("+"):
		low = 1
	case p.take("?"):
		high = 1
	case p.peek() == '{' && p.counted(at):
		low, high = p.counts(at)
	default:
		p.at = at
		return n
	}
	if !quantifiable {
		p.fail(at, "nothing to repeat: an assertion matches no text")
	}
	return &Node{Op: OpRepeat, Min: low, Max: high, Lazy: p.take("?"), Sub: []*Node{n}}
}

// counted says whether {n}, {n,} or {n,m} stands at a place, and reads it.
func (p *parser) counted(at int) bool {
	p.at = at + 1
	if !p.digits() {
		return false
	}
	if p.take(",") {
		p.digits()
	}
	return p.take("}")
}

func (p *parser) digits() bool {
	from := p.at
	if p.peek() == '0' && from+1 < len(p.src) && p.src[from+1] != '}' && p.src[from+1] != ',' {
		p.plain = false // to RE2 no number
	}
	for '0' <= p.peek() && p.peek() <= '9' {
		p.at++
	}
	return p.at > from
}

// maxCount stands for all larger counts.
const maxCount = 1 << 30

// counts are those of the quantifier that was read from a place on.
func (p *parser) counts(at int) (low, high int) {
	high = -1
	n, digits, comma := 0, 0, false
	for _, r := range p.src[at+1 : p.at] {
		switch {
		case r == ',':
			low, n, digits, comma = n, 0, 0, true
		case r == '}' && !comma:
			low, high = n, n
		case r == '}' && digits > 0:
			high = n
		default:
			n, digits = min(n*10+int(r-'0'), maxCount), digits+1
		}
	}
	if high >= 0 && low > high {
		p.fail(at, "the numbers of {%d,%d} are out of order", low, high)
	}
	return low, high
}

// resolve finds the groups of back-references.
func (p *parser) resolve() {
	for _, b := range p.backrefs {
		switch {
		case b.name != "":
			if b.node.Groups = p.names[b.name]; b.node.Groups == nil {
				p.fail(b.at, "no group is called %s", b.name)
			}
		case b.node.Groups[0] > p.groups:
			p.fail(b.at, "there is no group %d to refer to", b.node.Groups[0])
		}
	}
}

// has says whether a character has a property.
func has(property string, r rune) bool {
	if r < unicode.MaxASCII {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || property == "ID_Continue" && ('0' <= r && r <= '9' || r == '_')
	}
	class, _ := binaryProperty(property)
	return within(class, r)
}
