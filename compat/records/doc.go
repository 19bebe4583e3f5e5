// Package records says which of the records that topics hold a set of schemas refuses, and of which it loses something: the edit of a schema
// seen from the data that is there, dead letters included.
//
// An [Examiner] is shown records one by one, by as many goroutines as there are, and keeps counts alone: its memory does not grow with them.
//
//	x := records.NewExaminer(edited, old, records.Options{})
//	for r := range … {
//		x.Examine(r, records.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset})
//	}
//	x.Conclude(report)
//
// Records are read as consumers do, by package event; what is judged is what a consumer with the edited schemas would do with them.
package records
