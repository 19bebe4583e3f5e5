package format

import "strings"

// UUID reports whether s is a UUID in its canonical form of 36 characters, in upper or lower case, of any version.
func UUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return notHex8(s[0:8])|notHex4(s[9:13])|notHex4(s[14:18])|notHex4(s[19:23])|notHex4(s[24:28])|notHex8(s[28:36]) == 0
}

// TrimmedUUID reports whether s is a UUID without its dashes: 32 hexadecimal digits.
func TrimmedUUID(s string) bool { return len(s) == 32 && hex(s) }

func hex(s string) bool {
	var wrong byte
	for i := range len(s) {
		wrong |= notHex[s[i]]
	}
	return wrong == 0
}

// notHex is 1 for every byte that is no hexadecimal digit: so many can be looked at without a branch.
var notHex = func() (table [256]byte) {
	for c := range table {
		if b := byte(c); !isDigit(b) && (b|' ' < 'a' || b|' ' > 'f') {
			table[c] = 1
		}
	}
	return table
}()

func notHex4(s string) byte {
	_ = s[3]
	return notHex[s[0]] | notHex[s[1]] | notHex[s[2]] | notHex[s[3]]
}

func notHex8(s string) byte { return notHex4(s[0:4]) | notHex4(s[4:8]) }

// ULID reports whether s is a ULID: 26 digits of Crockford's base 32, in upper or lower case, the first at most 7.
func ULID(s string) bool {
	if len(s) != 26 || s[0] < '0' || s[0] > '7' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if !isDigit(c) && (c < 'A' || c > 'Z' || c == 'I' || c == 'L' || c == 'O' || c == 'U') {
			return false
		}
	}
	return true
}

// ProtobufName reports whether s is the full name of something in protobuf: identifiers with dots between them.
func ProtobufName(s string) bool {
	start := true
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if start {
				return false
			}
			start = true
		case isLetter(c) || c == '_' || isDigit(c) && !start:
			start = false
		default:
			return false
		}
	}
	return !start
}

// ProtobufDotName is [ProtobufName] with a dot before it, as compilers write names that begin at the root.
func ProtobufDotName(s string) bool {
	rest, ok := strings.CutPrefix(s, ".")
	return ok && ProtobufName(rest)
}
