package format

import (
	"strings"
	"unicode/utf8"
)

// URI reports whether s is a URI of RFC 3986, with a scheme.
func URI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && validScheme(scheme) && afterScheme(rest, true)
}

// URIReference reports whether s is a URI or a relative reference of RFC 3986; the empty string is one.
func URIReference(s string) bool { return URI(s) || afterScheme(s, false) }

// URIRef is URIReference as protovalidate has it.
func URIRef(s string) bool { return URIReference(s) || restIsReference(s) }

// restIsReference reports whether s is a URI but for a query or fragment that is a relative reference itself:
// protovalidate takes a:##b.
func restIsReference(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	end := strings.IndexAny(rest, "?#")
	if !ok || !validScheme(scheme) || end < 0 || !hierarchy(rest[:end], true) {
		return false
	}
	if query, _, _ := strings.Cut(rest[end+1:], "#"); rest[end] == '?' && !characters(query, pchar+"/?") {
		return afterScheme(rest[end+1:], false)
	}
	_, fragment, ok := strings.Cut(rest, "#")
	return ok && afterScheme(fragment, false)
}

func validScheme(s string) bool {
	if s == "" || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlphanum(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// afterScheme reports whether s is what may follow a scheme, or be a relative reference, whose first segment has no
// colon.
func afterScheme(s string, hasScheme bool) bool {
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	return characters(fragment, pchar+"/?") && characters(query, pchar+"/?") && hierarchy(s, hasScheme)
}

// hierarchy reports whether s is an authority and a path, or a path alone.
func hierarchy(s string, hasScheme bool) bool {
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		host, path := rest, ""
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			host, path = rest[:slash], rest[slash:]
		}
		return authority(host) && characters(path, pchar+"/")
	}
	if !hasScheme {
		if segment, _, _ := strings.Cut(s, "/"); strings.IndexByte(segment, ':') >= 0 {
			return false
		}
	}
	return characters(s, pchar+"/")
}

// Characters beside letters and digits, by RFC 3986's names of them.
const (
	unreserved = "-._~"
	subDelims  = "!$&'()*+,;="
	pchar      = unreserved + subDelims + ":@"
)

// characters reports whether s is letters, digits, percent-encoded bytes and those of extra.
func characters(s, extra string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) || !hex(s[i+1:i+3]) {
				return false
			}
			i += 2
			continue
		}
		if !isAlphanum(c) && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

// authority reports whether s is user information, a host and a port.
func authority(s string) bool {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		if !characters(s[:at], unreserved+subDelims+":") {
			return false
		}
		s = s[at+1:]
	}
	if strings.HasPrefix(s, "[") {
		end := strings.LastIndexByte(s, ']')
		if end < 0 {
			return false
		}
		return literal(s[1:end]) && portSuffix(s[end+1:])
	}
	host := s
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		host = s[:colon]
		if !portSuffix(s[colon:]) {
			return false
		}
	}
	return characters(host, unreserved+subDelims) && utf8.ValidString(unescaped(host))
}

// portSuffix reports whether s is empty or a colon and digits.
func portSuffix(s string) bool {
	if s == "" {
		return true
	}
	return s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}

// literal reports whether s is what stands between a host's brackets: an IPv6 address, perhaps with a zone after %25, or
// an address of a later version. As protovalidate, it takes neither an upper-case V nor an IPv4 address at the end.
func literal(s string) bool {
	if s != "" && s[0] == 'v' {
		version, rest, ok := strings.Cut(s[1:], ".")
		return ok && version != "" && hex(version) && rest != "" && strings.IndexByte(rest, '%') < 0 &&
			characters(rest, unreserved+subDelims+":")
	}
	address, zone, zoned := strings.Cut(s, "%25")
	if zoned && (zone == "" || !characters(zone, unreserved) || !utf8.ValidString(unescaped(zone))) {
		return false
	}
	return !strings.ContainsAny(address, "%.") && IPv6(address)
}

// unescaped replaces percent-encoded bytes, which are known to be well-formed.
func unescaped(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			b = append(b, nibble(s[i+1])<<4|nibble(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func nibble(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	default:
		return c - '0'
	}
}
