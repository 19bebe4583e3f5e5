// Package dynamic makes event types of schemas at run time, for programs that were not built with the types generated
// from them: the command line in somebody's project. They read, complete, validate and write what the generated types
// do; only slower.
//
// A protobuf event is held in a dynamic message and validated by protovalidate. A JSON Schema event is held as a tree of
// its properties and validated, as the JSON it is written as, by its own schema.
package event
