// Package registry is the Schema Registry of the development stack: Confluent's HTTP API for JSON and PROTOBUF
// schemas, in one process, its state in one file.
//
// It enforces compatibility by a [Checker] at the level set for the subject, else globally (default FULL_TRANSITIVE),
// and assigns one id to one schema text whatever the subject, as Confluent's registry does.
package registry
