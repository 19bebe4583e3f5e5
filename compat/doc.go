// Package compat compares two versions of a set of event schemas and says what the newer one breaks, for whom, and
// what to do about it.
//
// [Compare] pairs the elements of both sets, shows every pair to every [Rule], and returns a [Report] of sorted
// findings. A rule is one value in one file; [Rules] lists them. Where data can show a break, the finding carries a
// [Witness]: an event that one side writes and the other rejects, misreads or drops, found by running both
// (package compat/witness). Where the rules find nothing, package tools/values is asked whether readers take all that is
// written, so that what no rule knows of does not pass; and where a rule finds what no event shows, whether they do after
// all. Package compat/report renders a report. What changed and breaks nothing is a [Note]: findings
// and notes together tell every change once, and package compat/changelog tells them to people.
//
// Two directions are told apart. Backward means a new reader and old data: records in the topic, in dead letters, and
// from producers that have not been deployed yet. Forward means an old reader and new data: consumers that have not
// been deployed yet. A writer writes what its schema declares; a reader ignores what its schema does not forbid.
//
// The package reads models (tools/schema) that the caller has loaded. It does no I/O and knows no broker.
package compat
