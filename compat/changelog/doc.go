// Package changelog says what changed between two sets of event schemas, for people: event by event, what is compatible
// apart from what breaks, and which step the version of each event and package has to take.
//
//	report, err := compat.Compare(old, new, compat.Options{NoWitness: true})
//	log := changelog.New(old, new, report)
//	err = changelog.Write(os.Stdout, log, changelog.Markdown)
//
// A compatible change of what an event holds raises its schema_version in the minor part. Anything else is a new
// package (v2) with a topic of its own (…_v2), beside the old one, which stays. Where an edit takes another step,
// [Changelog.Wrong] says so.
package changelog
