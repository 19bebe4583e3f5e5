// Package replay sends dead letters back to where their originals came from, once, and keeps the record of it.
//
// A [Selection] is a set of letters that was pinned when it was made. It can be read ([Selection.Letters]), counted
// ([Selection.Stats]), tried ([Selection.Plan]), replayed, as they are or repaired ([Selection.Replay]), and purged ([Selection.Purge]):
//
//	r, err := replay.New(conn, replay.Options{By: "alice"})
//	selection, err := r.Select(ctx, replay.Filter{Topics: []string{"orders_dlq"}, Groups: []string{"billing"}})
//	plan, err := selection.Plan(ctx, replay.ReplayOptions{})
//	counts, err := selection.Replay(ctx, replay.ReplayOptions{Rate: 100})
//
// A [Tally] counts the letters that are not resolved again and again, and reads each once.
//
// What is resolved stands in a compacted topic, [ResolutionsTopic], so that every count of dead letters agrees. An event that is sent and
// its letter's resolution are one transaction, under a transactional id for each dead-letter topic: whoever begins later fences those
// before, reads what they have committed, and goes on from there. So nothing is sent twice to those who read what is committed, as
// all of Trestle does; consumers that read uncommitted records may also see those of a transaction that was aborted, after a crash.
//
// An event is replayed for the group that failed alone: its record names it, and Trestle's consumers of other groups skip it. Those that
// don't know the header see the event again: the plan names them. [ReplayOptions] say otherwise.
package replay
