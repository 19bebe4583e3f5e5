// Package compat compares two versions of a set of event schemas and says what the newer one breaks, for whom, and
// what to do about it.
//
// [Compare] returns a [Report] of sorted findings. Where data can show a break, the finding has a [Witness]: an event
// that one side writes and the other rejects, misreads or drops, found by running both. What changed and breaks nothing
// is a [Note]: findings and notes together say every change once. Package compat/report renders a report, and
// compat/changelog writes it for people who read what is new.
//
// Backward means a new reader and old data: records in the topic, in dead letters, and from producers that have not been
// deployed yet. Forward means an old reader and new data: consumers that have not been deployed yet. A writer writes what
// its schema declares; a reader ignores what its schema does not forbid.
//
// The way of an edited constraint, a max_len that became smaller, to its finding:
//
//  1. A comparison takes its steps in order, and each works on what the ones before have left (comparison.go).
//  2. Judging pairs the events, messages and fields of both sides (pairing.go), and whole schemas that are no message
//     (whole_schemas.go), counts them (compared.go), and visits each pair once (judge.go).
//  3. A field that says the same on both sides is passed over (unchanged.go). Of this one's types it is worked out how
//     they read each other's values (type_reading.go) and which constraints are tighter now, or looser (constraints.go).
//  4. Every rule that has a check for types sees both. CONSTRAINT_TIGHTENED reports a [Problem], which becomes a candidate
//     (rule_constraint_tightened.go); that the field's rules differ is kept as a change beside it (aspects.go). What a JSON
//     Schema says beside the model is asked of the algebra by DOCUMENT_NOT_READ, where it stands (unmodelled.go).
//  5. Searching has package compat/witness look for an event that the old side writes and the new one rejects (search.go).
//  6. Pruning asks the algebra of package tools/values about each candidate that no such event shows: whether the events of
//     any root (places.go), as whole ones, may have what shows it (showing.go). Where there are none it is taken out; one that
//     is found is run through both sides; what cannot be told is said to be unknown (pruning.go).
//  7. Proving inclusion asks it about whole messages wherever no candidate is left, so that what no rule knows of does not
//     pass (inclusion.go).
//  8. Noting turns the changes that no candidate covers into notes (notes.go); then rules that judge an event by all that
//     became of it see it.
//  9. Wording makes a [Finding] of the candidate: consequence, audience, order of deployment, repair (wording.go).
//  10. The report keeps the directions that the mode judges, sorts, and says who deploys first (compare.go).
//
// A rule is one value in a file of its own, rule_*.go; [Rules] lists them. Profile confluent asks package
// compat/confluent instead of the rules (profile_confluent.go).
//
// The package reads models (tools/schema) that the caller has loaded. It does no I/O and knows no broker.
package compat
