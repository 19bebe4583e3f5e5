// Package spool keeps records in a folder of the local disk until they have been sent: what a publisher accepts while the cluster is away
// (trestle.WithSpool). It knows nothing of Kafka.
//
// A record that [Spool.Append] returned nil for is on the disk: synced, with those that came at the same time. [Spool.Next]
// gives out what is there in the order of acceptance, and goes on where the last process left off; [Spool.Done] has a record forgotten. A
// crash between the sending of a record and the note that it is done, or a disk that has no room for that note when the spool is closed, has it
// given out again, with the id that its headers carry. Nothing else is repeated, and nothing that was accepted is lost while the disk keeps what it was given.
//
// A folder has one spool at a time, here or in any process. The files are segments that are only appended to, and removed once
// all of their records are done. Their format is in docs/formats.md.
package spool
