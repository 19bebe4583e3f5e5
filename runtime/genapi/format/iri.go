package format

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// IRI reports whether s is an IRI of RFC 3987, with a scheme: a URI in which letters of all scripts may stand.
func IRI(s string) bool {
	ascii, ok := inASCII(s)
	return ok && URI(ascii)
}

// IRIReference reports whether s is an IRI or a relative reference of RFC 3987; the empty string is one.
func IRIReference(s string) bool {
	ascii, ok := inASCII(s)
	return ok && URIReference(ascii)
}

// inASCII puts a tilde, which may stand wherever they may, for the characters that IRIs have beyond those of URIs; ok is
// false where one stands that no IRI has there.
func inASCII(s string) (ascii string, ok bool) {
	if strings.IndexFunc(s, beyondASCII) < 0 {
		return s, true
	}
	var b strings.Builder
	query, literal := false, false // literals are addresses in brackets
	for _, c := range s {
		switch {
		case c == '?':
			query = true
		case c == '#':
			query = false
		case c == '[' || c == ']':
			literal = c == '['
		case !beyondASCII(c):
		case !literal && inIRI(c), query && privateUse(c):
			c = '~'
		default:
			return "", false
		}
		b.WriteRune(c)
	}
	return b.String(), true
}

func beyondASCII(c rune) bool { return c >= utf8.RuneSelf }

// inIRI reports whether a character is of RFC 3987's ucschar.
func inIRI(c rune) bool {
	switch {
	case c < 0x10000:
		return c >= 0xA0 && c < 0xD800 || c >= 0xF900 && c < 0xFDD0 || c >= 0xFDF0 && c < 0xFFF0
	case c < 0xE0000:
		return c&0xFFFF < 0xFFFE
	}
	return c >= 0xE1000 && c < 0xEFFFE
}

// privateUse reports whether a character is of RFC 3987's iprivate, which stand in queries alone.
func privateUse(c rune) bool {
	return c >= 0xE000 && c < 0xF900 || c >= 0xF0000 && c&0xFFFF < 0xFFFE
}

// templates is the grammar of RFC 6570, in which the characters of IRIs are tildes. Of its literals it takes the apostrophe
// too, as URIs do.
var templates = sync.OnceValue(func() *regexp.Regexp {
	const (
		escape   = `%[0-9A-Fa-f]{2}`
		literal  = `[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]`
		name     = `(?:[A-Za-z0-9_]|` + escape + `)`
		variable = name + `(?:\.?` + name + `)*(?::[1-9][0-9]{0,3}|\*)?`
	)
	return regexp.MustCompile(`^(?:` + literal + `|` + escape + `|\{[+#./;?&=,!@|]?` + variable + `(?:,` + variable + `)*\})*$`)
})

// URITemplate reports whether s is a URI template of RFC 6570: /orders/{id}{?fields*}.
func URITemplate(s string) bool {
	ascii := strings.Map(func(c rune) rune {
		if beyondASCII(c) && (inIRI(c) || privateUse(c)) {
			return '~'
		}
		return c
	}, s)
	return templates().MatchString(ascii)
}

// RelativeJSONPointer reports whether s is how many levels to go up, and then a JSON pointer or the sign for the name there.
func RelativeJSONPointer(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	up := s[:len(s)-len(rest)]
	return up != "" && (up == "0" || up[0] != '0') && (rest == "#" || JSONPointer(rest))
}
