// Package integration holds the tests that run the whole path on real services: Apache Kafka, a schema registry,
// PostgreSQL, and Python services that are written to the system guide.
//
// Each test keeps a ledger: what was published, what was handled, what is in the log. A test passes when the ledger
// accounts for every event.
package integration
