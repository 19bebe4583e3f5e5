package format

import "strings"

// Mailbox reports whether s is a mailbox of RFC 5321, which JSON Schema means by email: a local part of words with dots
// between them, or in quotes, and a host name or an address in brackets.
func Mailbox(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || !localPart(s[:at]) {
		return false
	}
	domain := s[at+1:]
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		if v6, isV6 := strings.CutPrefix(literal, "IPv6:"); isV6 {
			return ok && IPv6Bare(v6)
		}
		return ok && IPv4(literal)
	}
	return len(domain) <= 253 && labels(domain)
}

func localPart(s string) bool {
	if s[0] == '"' {
		return quoted(s)
	}
	word := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && word:
			word = false
		case isAlphanum(c) || strings.IndexByte("!#$%&'*+/=?^_`{|}~-", c) >= 0:
			word = true
		default:
			return false
		}
	}
	return word
}

// quoted reports whether s is a string in quotes, with a backslash before quotes and backslashes in it.
func quoted(s string) bool {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i == len(s)-1
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' {
				return false
			}
		case c < ' ' || c > '~':
			return false
		}
	}
	return false
}
