package ecma

import (
	"strings"
	"unicode/utf16"
)

// escape reads what follows a backslash at a place, outside of classes.
func (p *parser) escape(at int) (n *Node, quantifiable bool) {
	switch c := p.peek(); {
	case c == 'b' || c == 'B':
		p.at++
		word := wordRune
		if p.fold {
			word = wordFolded
		}
		return &Node{Op: OpWord, Class: word, Negate: c == 'B'}, false
	case '1' <= c && c <= '9':
		from := p.at
		p.digits()
		group := 0
		for _, r := range p.src[from:p.at] {
			group = min(group*10+int(r-'0'), maxCount)
		}
		return p.backreference(backref{at: at, node: &Node{Op: OpBackref, Groups: []int{group}, Fold: p.fold}}), true
	case c == 'k':
		p.at++
		if !p.take("<") {
			p.fail(at, `\k is followed by the name of a group: \k<name>`)
		}
		return p.backreference(backref{at: at, node: &Node{Op: OpBackref, Fold: p.fold}, name: p.groupName(at)}), true
	}
	if class, text, ok := p.classEscape(at); ok {
		n := p.one(class)
		if !p.fold {
			n.text = text
		}
		return n, true
	}
	return p.literal(p.character(at, false)), true
}

func (p *parser) backreference(b backref) *Node {
	p.backrefs = append(p.backrefs, b)
	return b.node
}

// classEscape reads the name of a class; text is what RE2 calls it, empty where that has no name for it.
func (p *parser) classEscape(at int) (class []rune, text string, ok bool) {
	c := p.peek()
	word := wordRune
	if p.fold {
		word = wordFolded
	}
	switch c {
	case 'd', 'D':
		class, text = digitRune, `\d`
	case 'w', 'W':
		class, text = word, `\w`
	case 's', 'S':
		class = spaceRune
	case 'p', 'P':
		p.at++
		p.unicode = true
		class, text = p.property(at)
	default:
		return nil, "", false
	}
	if p.at++; text == "" || p.fold || c == 'p' || c == 'P' {
		p.plain = false
	}
	if strings.ContainsRune("DWSP", c) {
		class = inverse(class)
		switch {
		case c == 'P' && text != "":
			text = `\P` + text[2:]
		case text != "":
			text = strings.ToUpper(text)
		}
	}
	return class, text, true
}

// property reads {Name} or {Name=Value} but for the closing brace.
func (p *parser) property(at int) (class []rune, text string) {
	from := p.at + 1
	if p.peek() != '{' {
		p.fail(at, `\p is followed by the name of a property: \p{L}`)
	}
	for p.more() && p.peek() != '}' {
		p.at++
	}
	if !p.more() {
		p.fail(at, `\p is followed by the name of a property: \p{L}`)
	}
	name := string(p.src[from:p.at])
	class, text, ok := propertyClass(name)
	if !ok {
		p.fail(at, "Unicode has no property %s", name)
	}
	return class, text
}

// character reads an escape that is one character.
func (p *parser) character(at int, inClass bool) rune {
	c := p.peek()
	p.at++
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'v':
		return '\v'
	case 'f':
		return '\f'
	case 'r':
		return '\r'
	case '0':
		if next := p.peek(); '0' <= next && next <= '9' {
			p.fail(at, `\0 is followed by a digit: octal escapes are none`)
		}
		p.plain = false
		return 0
	case 'c':
		letter := p.peek()
		if letter|' ' < 'a' || letter|' ' > 'z' {
			p.fail(at, `\c is followed by a letter`)
		}
		p.at++
		p.plain = false
		return letter % 32
	case 'x':
		return p.hex(at, 2)
	case 'u':
		p.plain = false
		return p.unicodeEscape(at)
	case -1:
		p.fail(at, `a \ at the end`)
	}
	if c > '~' || c < ' ' || c|' ' >= 'a' && c|' ' <= 'z' || '0' <= c && c <= '9' {
		p.fail(at, `no escape \%c`, c)
	}
	if !strings.ContainsRune(`^$\.*+?()[]{}|/`, c) && !(inClass && c == '-') {
		plain := p.plain && c != '_' && c != ' '
		p.loose(p.at - 1)
		p.plain = plain // RE2 takes an escape of any punctuation
	}
	return c
}

func (p *parser) hex(at, n int) rune {
	r := rune(0)
	for range n {
		digit := strings.IndexRune("0123456789abcdef", p.peek()|' ')
		if digit < 0 || p.peek() < '0' {
			p.fail(at, "%d hexadecimal digits are missing", n)
		}
		r, p.at = r*16+rune(digit), p.at+1
	}
	return r
}

// unicodeEscape reads what follows \u: four digits, two such escapes that are one character, or digits in braces.
func (p *parser) unicodeEscape(at int) rune {
	if p.take("{") {
		p.unicode = true
		r := rune(0)
		from := p.at
		for p.peek() != '}' {
			if r = r*16 + p.hex(at, 1); r > 0x10FFFF {
				p.fail(at, "a character beyond U+10FFFF")
			}
		}
		if p.at == from {
			p.fail(at, "hexadecimal digits are missing")
		}
		p.at++
		return r
	}
	r := p.hex(at, 4)
	next := p.at
	if utf16.IsSurrogate(r) && r < 0xDC00 && p.take(`\u`) && p.peek() != '{' {
		if low := p.tryHex(); low >= 0xDC00 && low < 0xE000 {
			p.unicode = true
			return utf16.DecodeRune(r, low)
		}
	}
	if utf16.IsSurrogate(r) {
		p.at = next
	}
	return r
}

// tryHex reads four hexadecimal digits, -1 where there are none.
func (p *parser) tryHex() rune {
	if p.at+4 > len(p.src) || strings.Trim(string(p.src[p.at:p.at+4]), "0123456789abcdefABCDEF") != "" {
		return -1
	}
	return p.hex(p.at, 4)
}

// class reads what follows an opening bracket at a place.
func (p *parser) class(at int) *Node {
	not := p.take("^")
	if p.peek() == ']' {
		p.plain = false // to RE2 a member
	}
	var pairs []rune
	for first := true; !p.take("]"); first = false {
		if !p.more() {
			p.fail(at, "a [ without its ]")
		}
		from := p.at
		low, isClass := p.classAtom()
		hyphen := p.peek() == '-' && p.at+1 < len(p.src) && p.src[p.at+1] != ']'
		if p.src[from] == '-' && !first && p.peek() != ']' {
			p.plain = false
		}
		if !hyphen {
			pairs = append(pairs, low...)
			continue
		}
		p.at++
		to := p.at
		high, alsoClass := p.classAtom()
		switch {
		case isClass || alsoClass: // the hyphen stands for itself
			p.loose(to - 1)
			pairs = append(append(append(pairs, low...), high...), '-', '-')
		case low[0] > high[0]:
			p.fail(from, "the range %s is out of order", string(p.src[from:p.at]))
		default:
			p.plain = p.plain && p.src[from] != '-' && p.src[to] != '-'
			pairs = append(pairs, low[0], high[0])
		}
	}
	pairs = normal(pairs)
	if p.fold {
		pairs = folded(pairs)
	}
	if not {
		pairs = inverse(pairs)
	}
	return &Node{Op: OpClass, Class: pairs}
}

// classAtom reads a character of a class, or a class by name.
func (p *parser) classAtom() (pairs []rune, isClass bool) {
	at := p.at
	r := p.src[p.at]
	p.at++
	if r == '[' {
		p.plain = false // may begin a name of a class to RE2
	}
	if r != '\\' {
		return []rune{r, r}, false
	}
	if class, _, ok := p.classEscape(at); ok {
		return class, true
	}
	if p.take("b") {
		p.plain = false
		return []rune{'\b', '\b'}, false
	}
	r = p.character(at, true)
	return []rune{r, r}, false
}
