package format

import "regexp"

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

// Regexp reports whether s is a regular expression that Go takes, which has neither look-ahead nor back-references.
func Regexp(s string) bool {
	_, err := regexp.Compile(s)
	return err == nil
}
