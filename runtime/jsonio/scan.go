package jsonio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// The scanners check one token and return where it ends. They take the position of its first byte, which the caller
// has looked at already.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns a word whose lowest set bit is in the first of eight bytes that cannot stand for itself inside a
// string: a control character, a quote, a backslash, or a byte beyond ASCII. It is zero when all eight can. Bytes behind
// the first may be taken for special, as what is subtracted there borrows from the next.
func special(x uint64) uint64 {
	return (x | (x - ones*0x20) | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)) & highs
}

// plainWords returns a position from i on before which no byte is special: it looks at 32 at a time, for long strings.
func plainWords(d []byte, i int) int {
	for ; i+32 <= len(d); i += 32 {
		part := d[i : i+32 : i+32]
		if special(binary.LittleEndian.Uint64(part))|special(binary.LittleEndian.Uint64(part[8:]))|
			special(binary.LittleEndian.Uint64(part[16:]))|special(binary.LittleEndian.Uint64(part[24:])) != 0 {
			break
		}
	}
	return i
}

// plainEnd returns the first position from i on whose byte is special, or len(d).
func plainEnd(d []byte, i int) int {
	for i+8 <= len(d) {
		if m := special(binary.LittleEndian.Uint64(d[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(d) {
		if c := d[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isDigit(c byte) bool { return c-'0' <= 9 }

func skipSpace(d []byte, i int) int {
	for i < len(d) && d[i] <= ' ' && isSpace(d[i]) {
		i++
	}
	return i
}

// scanString checks the string whose opening quote is at i, and says whether it has escapes.
func scanString(d []byte, i int) (end int, escaped bool, err *Error) {
	for i++; ; {
		i = plainEnd(d, i)
		if i >= len(d) {
			return i, escaped, &Error{Offset: i, Message: "the text ends inside a string"}
		}
		switch c := d[i]; {
		case c == '"':
			return i + 1, escaped, nil
		case c == '\\':
			escaped = true
			if i, err = scanEscape(d, i); err != nil {
				return i, escaped, err
			}
		case c < 0x20:
			return i, escaped, &Error{Offset: i, Message: fmt.Sprintf("control character 0x%02x in a string is not escaped", c)}
		default:
			for i < len(d) && d[i] >= utf8.RuneSelf {
				r, n := utf8.DecodeRune(d[i:])
				if r == utf8.RuneError && n == 1 {
					return i, escaped, &Error{Offset: i, Message: fmt.Sprintf("byte 0x%02x in a string is not UTF-8", d[i])}
				}
				i += n
			}
		}
	}
}

// scanEscape checks the escape whose backslash is at i; the two halves of a surrogate pair are one escape.
func scanEscape(d []byte, i int) (int, *Error) {
	if i+1 >= len(d) {
		return i, &Error{Offset: len(d), Message: "the text ends inside a string"}
	}
	switch d[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
	default:
		return i, &Error{Offset: i, Message: fmt.Sprintf("%q is no escape", d[i:i+2])}
	}
	r, ok := hex4(d, i+2)
	if !ok {
		return i, &Error{Offset: i, Message: `\u needs four hexadecimal digits`}
	}
	if r < 0xD800 || r > 0xDFFF {
		return i + 6, nil
	}
	if r < 0xDC00 && i+7 < len(d) && d[i+6] == '\\' && d[i+7] == 'u' {
		if low, ok := hex4(d, i+8); ok && low >= 0xDC00 && low <= 0xDFFF {
			return i + 12, nil
		}
	}
	return i, &Error{Offset: i, Message: fmt.Sprintf(`%s is half of a surrogate pair, which has no UTF-8`, d[i:i+6])}
}

// hex4 reads four hexadecimal digits at i.
func hex4(d []byte, i int) (rune, bool) {
	if i+4 > len(d) {
		return 0, false
	}
	var r rune
	for _, c := range d[i : i+4] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendUnescaped appends what the inside of a checked string stands for.
func appendUnescaped(b, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			n := bytes.IndexByte(s[i:], '\\')
			if n < 0 {
				return append(b, s[i:]...)
			}
			b = append(b, s[i:i+n]...)
			i += n
		}
		switch c := s[i+1]; c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, _ := hex4(s, i+2)
			if r >= 0xD800 && r <= 0xDFFF {
				low, _ := hex4(s, i+8)
				r = (r-0xD800)<<10 | (low - 0xDC00) + 0x10000
				i += 6
			}
			b = utf8.AppendRune(b, r)
			i += 4
		default:
			b = append(b, c)
		}
		i += 2
	}
	return b
}

// scanNumber checks the number at i, and says whether it is written as an integer.
func scanNumber(d []byte, i int) (end int, integer bool, err *Error) {
	start := i
	if d[i] == '-' {
		i++
		if i < len(d) && d[i] == 'I' {
			return i, false, notJSON(d, start)
		}
	}
	zero := i
	i = digitsEnd(d, i)
	switch {
	case i == zero:
		return i, false, missingDigit(d, i, "in a number")
	case d[zero] == '0' && i > zero+1:
		return i, false, &Error{Offset: zero, Message: "a number has a leading zero"}
	}
	integer = true
	if i < len(d) && d[i] == '.' {
		integer = false
		point := i + 1
		if i = digitsEnd(d, point); i == point {
			return i, false, missingDigit(d, i, "after the decimal point")
		}
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		integer = false
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		exponent := i
		if i = digitsEnd(d, i); i == exponent {
			return i, false, missingDigit(d, i, "in an exponent")
		}
	}
	return i, integer, nil
}

func digitsEnd(d []byte, i int) int {
	for i < len(d) && isDigit(d[i]) {
		i++
	}
	return i
}

func missingDigit(d []byte, i int, where string) *Error {
	if i >= len(d) {
		return &Error{Offset: len(d), Message: "the text ends inside a number"}
	}
	return &Error{Offset: i, Message: fmt.Sprintf("%s instead of a digit %s", describe(d, i), where)}
}

// scanLiteral checks true, false or null at i.
func scanLiteral(d []byte, i int) (end int, err *Error) {
	word := ""
	switch d[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	}
	if word == "" || len(d)-i < len(word) || string(d[i:i+len(word)]) != word {
		return i, notJSON(d, i)
	}
	return i + len(word), nil
}

// notJSON says what stands at i in place of a value.
func notJSON(d []byte, i int) *Error {
	for _, word := range [...]string{"NaN", "-Infinity", "Infinity"} {
		if len(d)-i >= len(word) && string(d[i:i+len(word)]) == word {
			return &Error{Offset: i, Message: word + " is not JSON (Python's json.dumps writes it unless told allow_nan=False)"}
		}
	}
	if i >= len(d) {
		return &Error{Offset: len(d), Message: "the text ends where a value should be"}
	}
	return &Error{Offset: i, Message: describe(d, i) + " instead of a value"}
}

// unexpected says what stands at i in place of what was wanted.
func unexpected(d []byte, i int, wanted string) *Error {
	if i >= len(d) {
		return &Error{Offset: len(d), Message: "the text ends where " + wanted + " should be"}
	}
	return &Error{Offset: i, Message: describe(d, i) + " instead of " + wanted}
}

func describe(d []byte, i int) string {
	r, n := utf8.DecodeRune(d[i:])
	switch {
	case r == utf8.RuneError && n == 1:
		return fmt.Sprintf("byte 0x%02x", d[i])
	case r == '\uFEFF':
		return "a byte order mark"
	default:
		return fmt.Sprintf("%q", r)
	}
}

// scanner checks values of which nothing is known yet, and counts the bytes of white space inside of them.
type scanner struct {
	d      []byte
	spaces int
}

func (s *scanner) space(i int) int {
	end := skipSpace(s.d, i)
	s.spaces += end - i
	return end
}

// value checks the value at i; depth says how many levels it may have. The error's path begins at the value.
func (s *scanner) value(i, depth int) (end int, err *Error) {
	d := s.d
	if i >= len(d) {
		return i, notJSON(d, i)
	}
	switch c := d[i]; {
	case c == '"':
		end, _, err = scanString(d, i)
		return end, err
	case c == '-' || isDigit(c):
		end, _, err = scanNumber(d, i)
		return end, err
	case c == '{':
		return s.object(i, depth)
	case c == '[':
		return s.array(i, depth)
	default:
		return scanLiteral(d, i)
	}
}

func (s *scanner) object(i, depth int) (int, *Error) {
	if depth <= 0 {
		return i, tooDeep(i)
	}
	d := s.d
	i = s.space(i + 1)
	if i < len(d) && d[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(d) || d[i] != '"' {
			return i, unexpected(d, i, "a member name in quotes")
		}
		name := i
		nameEnd, escaped, err := scanString(d, i)
		if err != nil {
			return i, err
		}
		if i = s.space(nameEnd); i >= len(d) || d[i] != ':' {
			return i, unexpected(d, i, "the ':' after a member name")
		}
		if i, err = s.value(s.space(i+1), depth-1); err != nil {
			err.Path = JoinPath(string(appendName(nil, memberName(d[name+1:nameEnd-1], escaped))), err.Path)
			return i, err
		}
		i = s.space(i)
		if i < len(d) && d[i] == ',' {
			i = s.space(i + 1)
			continue
		}
		if i < len(d) && d[i] == '}' {
			return i + 1, nil
		}
		return i, unexpected(d, i, "',' or '}'")
	}
}

func (s *scanner) array(i, depth int) (end int, err *Error) {
	if depth <= 0 {
		return i, tooDeep(i)
	}
	d := s.d
	i = s.space(i + 1)
	if i < len(d) && d[i] == ']' {
		return i + 1, nil
	}
	for n := 0; ; n++ {
		if i, err = s.value(i, depth-1); err != nil {
			err.Path = JoinPath(string(appendIndex(nil, n)), err.Path)
			return i, err
		}
		i = s.space(i)
		if i < len(d) && d[i] == ',' {
			i = s.space(i + 1)
			continue
		}
		if i < len(d) && d[i] == ']' {
			return i + 1, nil
		}
		return i, unexpected(d, i, "',' or ']'")
	}
}

func tooDeep(i int) *Error {
	return &Error{Offset: i, Message: "values are nested too deeply"}
}

// memberName returns what the inside of a checked string stands for.
func memberName(raw []byte, escaped bool) string {
	if escaped {
		return string(appendUnescaped(nil, raw))
	}
	return string(raw)
}
