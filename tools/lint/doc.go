// Package lint looks for what is legal in a set of event schemas and still wrong: keys that no record has, dead letters
// that are gone before anybody has looked at them, topics whose names contradict their package, types without a word
// of documentation.
//
// [Run] shows every element of a loaded set to every [Rule] and returns sorted findings. A rule is one value in one
// file; [Rules] lists them. A finding that is meant to be is silenced by rule and element, see [Options].
//
// What makes schemas unusable (a key word that is misspelt, a group that reads a topic which nothing declares) is not
// here: package load refuses it. Nor is what only matters between two versions: that is package compat.
package lint
