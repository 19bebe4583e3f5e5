package format

import "github.com/omninode/trestle/runtime/genapi/ecma"

// JSONPointer reports whether s is a JSON pointer of RFC 6901: empty, or tokens that each begin with a slash.
func JSONPointer(s string) bool {
	if s != "" && s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}

// Regexp reports whether s is a regular expression of ECMA-262, as JSON Schema means by regex.
func Regexp(s string) bool {
	_, err := ecma.Parse(s)
	return err == nil
}
