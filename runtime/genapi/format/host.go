package format

import "strings"

func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isLetter(c byte) bool   { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isAlphanum(c byte) bool { return isLetter(c) || isDigit(c) }

// Hostname reports whether s is a host name: labels of 1 to 63 letters, digits and inner dashes, at most 253 characters
// in all, the last label not of digits alone; a dot may stand at the end.
func Hostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return false
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return labels(s) && strings.Trim(last, "0123456789") != ""
}

// labels reports whether s is labels of a host name with dots between them.
func labels(s string) bool {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if !isAlphanum(s[i]) && s[i] != '-' {
				return false
			}
			continue
		}
		if n := i - start; n == 0 || n > 63 || s[start] == '-' || s[i-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}

// Email reports whether s is an email address as browsers' forms take it: a local part of letters, digits and
// punctuation without quotes or comments, and the labels of a host name.
func Email(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" {
		return false
	}
	for i := range len(local) {
		if c := local[i]; !isAlphanum(c) && strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", c) < 0 {
			return false
		}
	}
	return labels(domain)
}

// Address reports whether s is a host name or an IP address.
func Address(s string) bool { return Hostname(s) || IP(s) }

// HostAndPort reports whether s is a host name, an IPv4 address or an IPv6 address in brackets, then a colon and a port.
func HostAndPort(s string) bool {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 || !port(s[colon+1:]) {
		return false
	}
	host := s[:colon]
	if strings.HasPrefix(host, "[") {
		return strings.HasSuffix(host, "]") && IPv6(host[1:len(host)-1])
	}
	return Hostname(host) || IPv4(host)
}

// port reports whether s is a port number, up to 65535, without leading zeros.
func port(s string) bool {
	if s == "" || len(s) > 5 || len(s) > 1 && s[0] == '0' {
		return false
	}
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

// HeaderName reports whether s is the name of an HTTP header, or of a pseudo header that begins with a colon.
func HeaderName(s string) bool {
	s = strings.TrimPrefix(s, ":")
	for i := range len(s) {
		if c := s[i]; !isAlphanum(c) && strings.IndexByte("!#$%&'*+-.^_|~`", c) < 0 {
			return false
		}
	}
	return s != ""
}

// HeaderValue reports whether s is the value of an HTTP header: no control characters but tabs.
func HeaderValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// LooseHeader reports whether s can be in a header at all: it is without NUL and line breaks. No name is empty.
func LooseHeader(s string) bool { return !strings.ContainsAny(s, "\x00\n\r") }
