// Package naming gives what a schema declares the names that languages allow, each once.
package naming

import (
	"strconv"
	"strings"
	"unicode"
)

// Distinct gives out names, each once.
type Distinct struct {
	taken map[string]bool
	next  map[string]int // what the next of a name is tried with
}

// NewDistinct returns one that gives none of the names that are taken.
func NewDistinct(taken ...string) *Distinct {
	d := &Distinct{taken: map[string]bool{}, next: map[string]int{}}
	d.Take(taken...)
	return d
}

// Take keeps names from being given.
func (d *Distinct) Take(names ...string) {
	for _, name := range names {
		d.taken[name] = true
	}
}

// Taken says whether a name is taken or was given.
func (d *Distinct) Taken(name string) bool { return d.taken[name] }

// Name gives a name, or what comes nearest where it is taken: Name_, then Name_3, Name_4.
func (d *Distinct) Name(want string) string {
	name := want
	for n := d.next[want]; d.taken[name]; n++ {
		name = want + "_"
		if n > 0 {
			name += strconv.Itoa(n + 2)
		}
		d.next[want] = n + 1
	}
	d.taken[name] = true
	return name
}

// signs are what a name is called that has no letters.
var signs = map[rune]string{
	'<': "Less", '>': "Greater", '=': "Equal", '!': "Not", '+': "Plus", '-': "Minus", '*': "Star", '/': "Slash", '%': "Percent", '&': "And",
	'|': "Or", '^': "Caret", '~': "Tilde", '?': "Question", '#': "Hash", '@': "At", '$': "Dollar", '.': "Dot", ':': "Colon", ',': "Comma",
}

// Spelled writes the signs of a name without letters and digits as words, each with a capital, and so a sign before a
// number: "<=" is LessEqual, "-1" Minus1. Any other name it returns as it is.
func Spelled(name string) string {
	if strings.ContainsFunc(name, unicode.IsLetter) {
		return name
	}
	if strings.ContainsFunc(name, unicode.IsDigit) {
		if len(name) > 1 && (name[0] == '+' || name[0] == '-') && unicode.IsDigit(rune(name[1])) {
			return signs[rune(name[0])] + name[1:]
		}
		return name
	}
	var b strings.Builder
	for _, r := range name {
		b.WriteString(signs[r])
	}
	return b.String()
}
