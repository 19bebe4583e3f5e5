// Package trestletest helps to test code that publishes, handles and requests events. Only tests import it.
//
// example_service_test.go beside this file is a small service with its tests, all by this package.
//
// Without any broker:
//
//   - [Recorder] is what code publishes to: its [Recorder.Publisher] validates and encodes events as any does, and keeps them.
//     It can be told to fail ([Recorder.Fail]).
//   - [Handle] has a handler handle one event the way a consumer does (decoding, validation, middleware, retries, dead letter),
//     and says what became of it. [Handlers] does that with all handlers of a service, for events one after the other, and
//     responds to requests.
//   - [RequirePublished], [RequireNotPublished], [RequireHandled] and [RequireDeadLettered] fail a test with what was there
//     instead. What schemas mark sensitive is *** in all that they say.
//
// With brokers inside the test process:
//
//   - [Cluster] is a Kafka cluster with the topics that a generated package declares. It can be broken by name: [Cluster.Cut],
//     [Cluster.RefuseWrites], [Cluster.LoseAcknowledgements] and others.
//   - [Run] runs a consumer until the test ends, and [Await] and [AwaitDeadLetter] wait for what it writes.
//
// Inside of synctest.Test of package testing/synctest, where time passes at once whenever everybody waits, take a cluster with
// [InMemory] and give its [Cluster.Option] to every client: backoffs, timeouts, breakers and deadlines then pass at once. Clients
// that have nothing to do look around all the same, so that an hour of it takes a second or so of the processor.
package trestletest
