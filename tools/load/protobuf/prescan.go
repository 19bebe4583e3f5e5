package protobuf

import (
	"bytes"
	"unicode/utf8"

	"github.com/omninode/trestle/tools/load/internal/draft"
)

// PackageOf returns the package that a .proto text declares, or "".
func PackageOf(text []byte) string {
	s := protoScanner{text: text}
	statement := true
	for s.next() {
		switch {
		case statement && string(s.token) == "package":
			var name []byte
			for s.next() && s.token[0] != ';' {
				name = append(name, s.token...)
			}
			return string(name)
		default:
			statement = s.token[0] == ';' || s.token[0] == '}'
		}
	}
	return ""
}

// tooDeep returns the line and column where braces, brackets and angles of a .proto text nest deeper than draft.MaxDepth; the
// compiler that reads the text afterwards recurses as deep as they do.
func tooDeep(text []byte) (line, col int, found bool) {
	s := protoScanner{text: text}
	depth := 0
	for s.next() {
		switch s.token[0] {
		case '{', '[', '<', '(':
			if depth++; depth > draft.MaxDepth {
				line, col = placeAfter(text[:s.pos-1])
				return line, col, true
			}
		case '}', ']', '>', ')':
			depth = max(0, depth-1)
		}
	}
	return 0, 0, false
}

// notUTF8 returns the line and column of the first byte of a text that is not UTF-8, if there is one.
func notUTF8(text []byte) (line, col int, found bool) {
	if utf8.Valid(text) {
		return 0, 0, false
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			line, col = placeAfter(text[:at])
			return line, col, true
		}
		at += size
	}
}

// placeAfter is the line and column, in bytes, of what follows a text.
func placeAfter(before []byte) (line, col int) {
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// protoScanner splits a .proto text roughly into tokens: words with their dots, and single other characters. Comments
// and strings are passed over.
type protoScanner struct {
	text  []byte
	pos   int
	token []byte
}

func (s *protoScanner) next() bool {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '/' && s.at(1) == '/':
			s.skipTo("\n", 2)
		case c == '/' && s.at(1) == '*':
			s.skipTo("*/", 2)
		case c == '"' || c == '\'':
			s.skipString(c)
		case c <= ' ':
			s.pos++
		case isWordByte(c):
			start := s.pos
			for s.pos < len(s.text) && isWordByte(s.text[s.pos]) {
				s.pos++
			}
			s.token = s.text[start:s.pos]
			return true
		default:
			s.token = s.text[s.pos : s.pos+1]
			s.pos++
			return true
		}
	}
	return false
}

func (s *protoScanner) at(ahead int) byte {
	if s.pos+ahead < len(s.text) {
		return s.text[s.pos+ahead]
	}
	return 0
}

func (s *protoScanner) skipTo(end string, from int) {
	i := bytes.Index(s.text[s.pos+from:], []byte(end))
	if i < 0 {
		s.pos = len(s.text)
		return
	}
	s.pos += from + i + len(end)
}

func (s *protoScanner) skipString(quote byte) {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case '\\':
			s.pos++
		case quote, '\n':
			s.pos++
			return
		}
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
