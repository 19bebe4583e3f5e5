package format

import "strings"

// UUID reports whether s is a UUID in its canonical form of 36 characters, in upper or lower case, of any version.
func UUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return hex(s[0:8]) && hex(s[9:13]) && hex(s[14:18]) && hex(s[19:23]) && hex(s[24:36])
}

// TrimmedUUID reports whether s is a UUID without its dashes: 32 hexadecimal digits.
func TrimmedUUID(s string) bool { return len(s) == 32 && hex(s) }

func hex(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

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
