// Package gentest tests what the generators write: the Go code against protovalidate and protojson, the JSON Schemas
// against a JSON Schema library, all of it on what the guide's own classes write (runtime/event/testdata/python-writes) and on the
// guide's examples (runtime/event/testdata/examples).
package gentest
