package jsontree

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse parses one JSON text. The error is an *Error.
func Parse(data []byte) (*Value, error) {
	p := parser{text: data, line: 1}
	v, err := p.whole()
	if err != nil {
		return nil, err
	}
	return v, nil
}

type parser struct {
	text      []byte
	pos       int
	line      int
	lineStart int
	depth     int
	// The column of colPos, in characters; columns are asked for from left to right.
	colPos, colChars, colLine int
}

func (p *parser) whole() (*Value, error) {
	if len(p.text) >= 3 && string(p.text[:3]) == "\ufeff" {
		return nil, p.fault("a byte order mark: save the file as UTF-8 without it")
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.text) {
		return nil, p.fault("%s after the JSON value", p.found())
	}
	return v, nil
}

// place returns where the parser stands. It counts characters from the last place on the line, so that the places of
// a long line cost no more than those of many short ones.
func (p *parser) place() Place {
	from, chars := p.lineStart, 0
	if p.colLine == p.line && p.colPos >= p.lineStart && p.colPos <= p.pos {
		from, chars = p.colPos, p.colChars
	}
	chars += utf8.RuneCount(p.text[from:p.pos])
	p.colPos, p.colChars, p.colLine = p.pos, chars, p.line
	return Place{Line: p.line, Col: chars + 1}
}

func (p *parser) fault(format string, args ...any) error {
	return &Error{Place: p.place(), Message: fmt.Sprintf(format, args...)}
}

// found names what stands at the current position.
func (p *parser) found() string {
	if p.pos >= len(p.text) {
		return "end of file"
	}
	r, size := utf8.DecodeRune(p.text[p.pos:])
	if r == utf8.RuneError && size <= 1 {
		return "a byte that is not UTF-8"
	}
	return fmt.Sprintf("%q", r)
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '\n':
			p.pos++
			p.line++
			p.lineStart = p.pos
		case ' ', '\t', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) value() (*Value, error) {
	p.space()
	v := &Value{Place: p.place()}
	switch c := p.peek(); {
	case c == '{':
		v.Kind = Object
		return v, p.nested(func() error { return p.object(v) })
	case c == '[':
		v.Kind = Array
		return v, p.nested(func() error { return p.array(v) })
	case c == '"':
		v.Kind = String
		s, err := p.str()
		v.Text = s
		return v, err
	case c == '-' || '0' <= c && c <= '9':
		v.Kind = Number
		s, err := p.number()
		v.Text = s
		return v, err
	case c == 't':
		v.Kind, v.Text = Bool, "true"
		return v, p.literal("true")
	case c == 'f':
		v.Kind, v.Text = Bool, "false"
		return v, p.literal("false")
	case c == 'n':
		v.Kind = Null
		return v, p.literal("null")
	}
	return nil, p.fault("%s where a JSON value should be", p.found())
}

func (p *parser) nested(read func() error) error {
	if p.depth == MaxDepth {
		return p.fault("nested more than %d deep", MaxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	p.pos++
	return read()
}

func (p *parser) literal(word string) error {
	if !strings.HasPrefix(string(p.text[p.pos:min(len(p.text), p.pos+len(word))]), word) {
		return p.fault("%s where a JSON value should be", p.found())
	}
	p.pos += len(word)
	return nil
}

func (p *parser) object(v *Value) error {
	seen := map[string]Place{}
	for {
		p.space()
		if p.peek() == '}' && len(v.Members) == 0 {
			p.pos++
			return nil
		}
		if p.peek() != '"' {
			return p.fault("%s where a member name should be", p.found())
		}
		m := Member{Place: p.place()}
		name, err := p.str()
		if err != nil {
			return err
		}
		if at, ok := seen[name]; ok {
			return &Error{Place: m.Place, Message: fmt.Sprintf("%q is here twice, first at line %d", name, at.Line)}
		}
		m.Name, seen[name] = name, m.Place
		p.space()
		if p.peek() != ':' {
			return p.fault("%s where a ':' should be", p.found())
		}
		p.pos++
		if m.Value, err = p.value(); err != nil {
			return err
		}
		v.Members = append(v.Members, m)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return nil
		default:
			return p.fault("%s where a ',' or '}' should be", p.found())
		}
	}
}

func (p *parser) array(v *Value) error {
	p.space()
	if p.peek() == ']' {
		p.pos++
		return nil
	}
	for {
		item, err := p.value()
		if err != nil {
			return err
		}
		v.Items = append(v.Items, item)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return nil
		default:
			return p.fault("%s where a ',' or ']' should be", p.found())
		}
	}
}

func (p *parser) number() (string, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if p.digits() == 0 {
		return "", p.fault("%s where a digit should be", p.found())
	}
	if p.peek() == '.' {
		p.pos++
		if p.digits() == 0 {
			return "", p.fault("%s where a digit should be", p.found())
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if p.digits() == 0 {
			return "", p.fault("%s where a digit should be", p.found())
		}
	}
	return string(p.text[start:p.pos]), nil
}

func (p *parser) digits() int {
	start := p.pos
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos - start
}

// str reads a string; the parser stands at its opening quote.
func (p *parser) str() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			s := string(p.text[start:p.pos])
			p.pos++
			return s, nil
		case c == '\\':
			return p.escaped(string(p.text[start:p.pos]))
		case c < 0x20:
			return "", p.fault("a control character in a string: write it as an escape")
		case c < utf8.RuneSelf:
			p.pos++
		default:
			if err := p.character(); err != nil {
				return "", err
			}
		}
	}
	return "", p.fault("end of file in a string")
}

// character passes over one character beyond ASCII.
func (p *parser) character() error {
	r, size := utf8.DecodeRune(p.text[p.pos:])
	if r == utf8.RuneError && size == 1 {
		return p.fault("a byte that is not UTF-8")
	}
	p.pos += size
	return nil
}

// escaped reads the rest of a string that has an escape.
func (p *parser) escaped(begin string) (string, error) {
	b := []byte(begin)
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return string(b), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < 0x20:
			return "", p.fault("a control character in a string: write it as an escape")
		default:
			from := p.pos
			if err := p.character(); err != nil {
				return "", err
			}
			b = append(b, p.text[from:p.pos]...)
		}
	}
	return "", p.fault("end of file in a string")
}

func (p *parser) escape() (rune, error) {
	if p.pos+1 >= len(p.text) {
		return 0, p.fault("end of file in a string")
	}
	c := p.text[p.pos+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		p.pos += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, p.fault("an unknown escape in a string")
	}
	r, ok := p.hex4(p.pos + 2)
	if !ok {
		return 0, p.fault(`\u without four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(r) {
		p.pos += 6
		return r, nil
	}
	low, ok := rune(0), false
	if p.pos+7 < len(p.text) && p.text[p.pos+6] == '\\' && p.text[p.pos+7] == 'u' {
		low, ok = p.hex4(p.pos + 8)
	}
	full := utf16.DecodeRune(r, low)
	if !ok || full == utf8.RuneError {
		return 0, p.fault("half a surrogate pair in a string")
	}
	p.pos += 12
	return full, nil
}

func (p *parser) hex4(at int) (rune, bool) {
	if at+4 > len(p.text) {
		return 0, false
	}
	var r rune
	for _, c := range p.text[at : at+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
