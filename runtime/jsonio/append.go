package jsonio

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. It escapes quotes, backslashes and control characters, and nothing else.
// It fails when s is not UTF-8.
func AppendString(b []byte, s string) ([]byte, error) {
	d := bytesOf(s)
	b = append(b, '"')
	for i := 0; ; {
		start := i
		i = plainEnd(d, plainWords(d, i))
		for i < len(d) && d[i] >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(d[i:])
			if r == utf8.RuneError && n == 1 {
				return b, &Error{Offset: -1, Message: "byte " + strconv.Itoa(i) + " of the string is not UTF-8"}
			}
			if i += n; i == len(d) || d[i] < utf8.RuneSelf {
				i = plainEnd(d, i)
			}
		}
		b = append(b, d[start:i]...)
		if i >= len(d) {
			return append(b, '"'), nil
		}
		b = appendEscape(b, d[i])
		i++
	}
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// appendQuoted is AppendString for messages and paths: what is not UTF-8 becomes U+FFFD.
func appendQuoted(b []byte, s string) []byte {
	start := len(b)
	if out, err := AppendString(b, s); err == nil {
		return out
	}
	b = append(b[:start], '"')
	for _, r := range s {
		if r < 0x20 || r == '"' || r == '\\' {
			b = appendEscape(b, byte(r))
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// AppendFloat64 appends the shortest text that reads back as f, always recognisable as a float: 1.0, 0.93, 1e-07.
// It fails for NaN and infinities, which JSON does not have.
func AppendFloat64(b []byte, f float64) ([]byte, error) {
	abs := math.Abs(f)
	return appendFloat(b, f, 64, abs != 0 && abs < 1e-4 || abs >= 1e16)
}

// AppendFloat32 is [AppendFloat64] for a float32: the text is the shortest that reads back as that float32.
func AppendFloat32(b []byte, f float32) ([]byte, error) {
	abs := max(f, -f)
	return appendFloat(b, float64(f), 32, abs != 0 && abs < 1e-4 || abs >= 1e16)
}

func appendFloat(b []byte, f float64, bits int, exponent bool) ([]byte, error) {
	switch {
	case math.IsNaN(f):
		return b, &Error{Offset: -1, Message: "NaN has no JSON form"}
	case math.IsInf(f, 0):
		return b, &Error{Offset: -1, Message: "infinity has no JSON form"}
	case exponent:
		return strconv.AppendFloat(b, f, 'e', -1, bits), nil
	case math.Abs(f) < 1<<24 && f == math.Trunc(f) && f != 0: // a whole number, exact in every float
		return append(strconv.AppendInt(b, int64(f), 10), '.', '0'), nil
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, bits)
	for _, c := range b[start:] {
		if c == '.' {
			return b, nil
		}
	}
	return append(b, '.', '0'), nil
}

// AppendBytes appends v as a string in standard base64, padded.
func AppendBytes(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}

// AppendRaw appends v without insignificant white space, numbers and strings exactly as they are. Absent text writes
// null. It fails when v is not one JSON value.
func AppendRaw(b []byte, v Raw) ([]byte, error) {
	if v == "" {
		return append(b, "null"...), nil
	}
	return appendText(b, bytesOf(string(v)))
}

// AppendObject is [AppendRaw] for text that must be an object; empty text writes {}.
func AppendObject(b []byte, text string) ([]byte, error) {
	if text == "" {
		return append(b, '{', '}'), nil
	}
	d := bytesOf(text)
	if i := skipSpace(d, 0); i < len(d) && d[i] != '{' {
		if _, err := (&scanner{d: d}).value(i, MaxDepth); err == nil {
			return b, &Error{Offset: -1, Message: "must be a JSON object, got " + Excerpt(Raw(text))}
		}
	}
	return appendText(b, d)
}

func appendText(b, d []byte) ([]byte, error) {
	start := skipSpace(d, 0)
	scan := scanner{d: d}
	end, err := scan.value(start, MaxDepth)
	if err == nil {
		if rest := skipSpace(d, end); rest < len(d) {
			err = unexpected(d, rest, "the end of the text")
		}
	}
	if err != nil {
		return b, &Error{Path: err.Path, Offset: -1, Message: err.Message + " at byte " + strconv.Itoa(err.Offset) + " of its text"}
	}
	if scan.spaces == 0 {
		return append(b, d[start:end]...), nil
	}
	return appendCompact(b, d[start:end]), nil
}

// appendCompact appends checked text without the white space between its tokens.
func appendCompact(b, d []byte) []byte {
	start := 0
	for i := 0; i < len(d); {
		switch c := d[i]; {
		case c == '"':
			i = stringEnd(d, i)
		case c <= ' ':
			b = append(b, d[start:i]...)
			i = skipSpace(d, i)
			start = i
		default:
			i++
		}
	}
	return append(b, d[start:]...)
}

// stringEnd returns the position behind the checked string whose opening quote is at i.
func stringEnd(d []byte, i int) int {
	for i++; ; {
		i = plainEnd(d, i)
		switch d[i] {
		case '"':
			return i + 1
		case '\\':
			i += 2
		default:
			i++
		}
	}
}

// AppendText appends what a JSON string stands for, which is well-formed, and in its quotes.
func AppendText(b, quoted []byte) []byte { return appendUnescaped(b, quoted[1:len(quoted)-1]) }
