// Package chaos publishes and consumes while what that depends on fails, and accounts for every event. It has tests alone: TestChaos and
// TestChaosOfStores on the embedded cluster, and TestChaosOnKafka, which `make chaos` runs, on three brokers of Apache Kafka and a
// PostgreSQL server, with all actors as processes of their own.
//
// There are three streams. Steps are published to the cluster and handled one by one, while their topic gets partitions and is made anew.
// Orders are written into an outbox, in transactions some of which are rolled back, and relayed; one group handles them in batches, with
// retry topics, and one in transactions of the database, once; operators replay the dead letters of both. Notes are published through
// spools, that are bounded and torn, and handled once, too.
//
// Each actor writes down what it does, a line at a time, before anything that follows from it can happen: what was accepted and
// acknowledged, which handler began, what is done. From that, from the logs of the topics and the tables of the database the tests judge in
// the end:
//
//   - what was accepted, by the cluster, an outbox or a spool, is in the log, in the order of its key; what went through the outbox once, and
//     nothing of it that was rolled back
//   - each group handled all of it, or wrote a dead letter, and not both; in the order of each key, but for what waits in retry topics; never
//     with more attempts than it may have
//   - the effects of handlers in the database are there once
//   - each dead letter can be replayed; those of orders were, once, for the group that failed alone
//   - no position was committed before all in front of it was done
//   - no actor took more memory than it may
package chaos
