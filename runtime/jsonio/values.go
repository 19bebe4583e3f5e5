package jsonio

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
)

// Null passes over a null if one is next, and says whether it was.
func (r *Reader) Null() bool {
	if r.peek() != 'n' {
		return false
	}
	r.start = r.pos
	end, err := scanLiteral(r.data, r.pos)
	if err != nil {
		r.fail(err)
		return false
	}
	r.pos = end
	return true
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	c := r.peek()
	if c != 't' && c != 'f' {
		r.mistyped("must be a boolean")
		return false
	}
	r.start = r.pos
	end, err := scanLiteral(r.data, r.pos)
	if err != nil {
		r.fail(err)
		return false
	}
	r.pos = end
	return c == 't'
}

// String reads a string.
func (r *Reader) String() string { return string(bytesOf(r.StringView())) }

// StringView reads a string without copying it: a view, valid until the next call.
func (r *Reader) StringView() string {
	if r.peek() != '"' {
		r.mistyped("must be a string")
		return ""
	}
	return r.stringView()
}

func (r *Reader) stringView() string {
	start := r.pos
	r.start = start
	end, escaped, err := scanString(r.data, start)
	if err != nil {
		r.fail(err)
		return ""
	}
	r.pos = end
	if !escaped {
		return stringOf(r.data[start+1 : end-1])
	}
	r.scratch = appendUnescaped(r.scratch[:0], r.data[start+1:end-1])
	return stringOf(r.scratch)
}

// Bytes reads a string in base64, in the standard or the URL alphabet, padded or not.
func (r *Reader) Bytes() []byte {
	if r.peek() != '"' {
		r.mistyped("must be a string in base64")
		return nil
	}
	text := r.stringView()
	if r.err != nil {
		return nil
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	v, err := encoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		r.fault("format", "must be base64", text)
		return nil
	}
	return v
}

// Time reads a time in UTC: RFC 3339, also with a blank for the T, and also without a zone, which then is taken as
// UTC and counted (see [Reader.StrictTime]).
func (r *Reader) Time() time.Time {
	if r.peek() != '"' {
		r.mistyped("must be a string with a time")
		return time.Time{}
	}
	text := r.stringView()
	if r.err != nil {
		return time.Time{}
	}
	t, zoned, ok := parseTime(text)
	if !ok {
		r.fault("format", "must be an RFC 3339 time", text)
		return time.Time{}
	}
	if !zoned {
		r.zoneless++
		if r.strict {
			r.fault("format", "must be a time with a zone", text)
			return time.Time{}
		}
	}
	return t
}

// Int64 reads an integer; 5.0 and 5e0 are integers too.
func (r *Reader) Int64() int64 {
	if text, ok := r.plainInteger(); ok {
		negative := text[0] == '-'
		if negative {
			text = text[1:]
		}
		v := int64(0)
		for _, c := range text {
			v = v*10 + int64(c-'0')
		}
		if negative {
			return -v
		}
		return v
	}
	negative, magnitude, ok := r.integer("must be a 64-bit integer")
	switch {
	case !ok:
		return 0
	case negative && magnitude <= 1<<63:
		return -int64(magnitude)
	case !negative && magnitude <= math.MaxInt64:
		return int64(magnitude)
	}
	r.faultNumber("must be a 64-bit integer")
	return 0
}

// Int32 reads an integer of 32 bits.
func (r *Reader) Int32() int32 {
	const message = "must be a 32-bit integer"
	negative, magnitude, ok := r.integer(message)
	switch {
	case !ok:
		return 0
	case negative && magnitude <= 1<<31:
		return int32(-int64(magnitude))
	case !negative && magnitude <= math.MaxInt32:
		return int32(magnitude)
	}
	r.faultNumber(message)
	return 0
}

// Uint64 reads an integer that is not negative.
func (r *Reader) Uint64() uint64 {
	const message = "must be an unsigned 64-bit integer"
	negative, magnitude, ok := r.integer(message)
	if !ok {
		return 0
	}
	if negative && magnitude > 0 {
		r.faultNumber(message)
		return 0
	}
	return magnitude
}

// Uint32 reads an integer of 32 bits that is not negative.
func (r *Reader) Uint32() uint32 {
	const message = "must be an unsigned 32-bit integer"
	negative, magnitude, ok := r.integer(message)
	if !ok {
		return 0
	}
	if negative && magnitude > 0 || magnitude > math.MaxUint32 {
		r.faultNumber(message)
		return 0
	}
	return uint32(magnitude)
}

// Float64 reads a number. One that is too large for a double is a fault.
func (r *Reader) Float64() float64 { return r.float(64, "must be a number in the range of a double") }

// Float32 reads a number. One that is too large for a float is a fault.
func (r *Reader) Float32() float32 {
	return float32(r.float(32, "must be a number in the range of a float"))
}

func (r *Reader) float(bits int, message string) float64 {
	if !r.atNumber() {
		r.mistyped("must be a number")
		return 0
	}
	start := r.pos
	r.start = start
	end, _, err := scanNumber(r.data, start)
	if err != nil {
		r.fail(err)
		return 0
	}
	r.pos = end
	v, rangeErr := strconv.ParseFloat(stringOf(r.data[start:end]), bits)
	if rangeErr != nil {
		r.faultNumber(message)
		return 0
	}
	return v
}

// Raw reads any value as its text, as written; the text is a copy.
func (r *Reader) Raw() Raw {
	if r.peek(); r.err != nil {
		return ""
	}
	r.start = r.pos
	if !r.skip(MaxDepth) {
		return ""
	}
	return Raw(r.data[r.start:r.pos])
}

// Object is [Reader.Raw] for a value that must be an object.
func (r *Reader) Object() Raw {
	if r.peek() != '{' {
		r.mistyped("must be an object")
		return ""
	}
	return r.Raw()
}

func (r *Reader) atNumber() bool {
	c := r.peek()
	return c == '-' || isDigit(c)
}

func (r *Reader) faultNumber(message string) {
	r.fault("type", message, Raw(r.data[r.start:min(r.pos, r.start+maxExcerpt+1)]))
}

// plainInteger takes the next value if it is an integer written in at most 18 digits, which every int64 can hold.
func (r *Reader) plainInteger() ([]byte, bool) {
	if !r.atNumber() {
		return nil, false
	}
	start := r.pos
	first := start
	if r.data[first] == '-' {
		first++
	}
	end := digitsEnd(r.data, first)
	if end == first || end-first > 18 || r.data[first] == '0' && end-first > 1 {
		return nil, false
	}
	if end < len(r.data) && (r.data[end] == '.' || r.data[end]|0x20 == 'e') {
		return nil, false
	}
	r.start, r.pos = start, end
	return r.data[start:end], true
}

// integer reads a number that is integral, exactly.
func (r *Reader) integer(message string) (negative bool, magnitude uint64, ok bool) {
	if !r.atNumber() {
		r.mistyped("must be an integer")
		return false, 0, false
	}
	start := r.pos
	r.start = start
	end, _, err := scanNumber(r.data, start)
	if err != nil {
		r.fail(err)
		return false, 0, false
	}
	r.pos = end
	text := r.data[start:end]
	if text[0] == '-' {
		negative, text = true, text[1:]
	}
	magnitude, integral, fits := parseMagnitude(text)
	switch {
	case !integral:
		r.faultNumber("must be an integer")
	case !fits:
		r.faultNumber(message)
	}
	return negative, magnitude, integral && fits
}

// parseMagnitude reads a checked number without a sign: digits, fraction and exponent, without rounding.
func parseMagnitude(text []byte) (v uint64, integral, fits bool) {
	var (
		zeros    int  // digits 0 since the last that was not
		scale    int  // digits behind the decimal point
		fraction bool // reading those
		overflow bool
	)
	i := 0
	for ; i < len(text) && text[i]|0x20 != 'e'; i++ {
		c := text[i]
		if c == '.' {
			fraction = true
			continue
		}
		if fraction {
			scale++
		}
		if c == '0' {
			zeros++
			continue
		}
		v, overflow = shift(v, zeros+1, overflow)
		zeros = 0
		if next := v + uint64(c-'0'); next >= v {
			v = next
		} else {
			overflow = true
		}
	}
	if v == 0 && !overflow {
		return 0, true, true
	}
	exponent := zeros - scale + parseExponent(text[i:])
	if exponent < 0 {
		return 0, false, false
	}
	v, overflow = shift(v, exponent, overflow)
	return v, true, !overflow
}

// shift multiplies v by ten, n times.
func shift(v uint64, n int, overflow bool) (uint64, bool) {
	for ; n > 0 && v > 0 && !overflow; n-- {
		if v > math.MaxUint64/10 {
			return v, true
		}
		v *= 10
	}
	return v, overflow
}

// parseExponent reads `e+12`, bounded far beyond what any number of digits makes up for.
func parseExponent(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	text = text[1:]
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	n := 0
	for _, c := range text {
		n = min(n*10+int(c-'0'), 1<<27)
	}
	if negative {
		return -n
	}
	return n
}
