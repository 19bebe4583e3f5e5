// Package jsonedit holds JSON texts as trees whose parts stay as they were written: the order of members, and numbers and strings to the
// byte. What is done to a text by it changes nothing else of it: a merge patch ([Merge]), and a place that a path leads to ([Value.At]).
package jsonedit
