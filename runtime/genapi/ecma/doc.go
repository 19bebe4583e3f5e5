// Package ecma reads and runs the regular expressions of JSON Schema: those of ECMA-262 with the flag u, which see whole
// code points. All that judges a string by a pattern of a JSON Schema asks it: generated validators, validators by
// schema, the loader, and the checker, whose automata are made of the same tree.
//
// Beside the syntax with the flag, what older expressions write without it is taken where it means the same: an escape
// before any punctuation, a brace or a bracket that stands for itself, and a hyphen beside a class as in [\w-.].
//
// What RE2 can express is run by package regexp: [Tree.RE2] translates it. The rest (look-around, back-references,
// repetitions beyond a thousand) is run by a backtracking machine of a bounded number of steps.
package ecma
