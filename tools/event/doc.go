// Package event reads, completes, validates and writes messages by their schemas alone, as the code that is generated from
// the schemas does; only slower. Whoever has schemas and no generated types uses it: the command line in somebody's
// project, the compatibility checker, lint.
//
// A protobuf message is held in a dynamic message and validated by protovalidate. A JSON Schema message is held as a tree
// of its properties and validated, as the JSON it is written as, by its own schema.
package event
