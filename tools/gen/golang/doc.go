// Package golang generates Go from a schema model.
//
// A protobuf package becomes what protoc-gen-go makes of it and, beside each x.pb.go, an x.trestle.go with static
// validation, the JSON encoding and defaults of every message. A JSON Schema package becomes structs with the same
// methods. Each package with events also gets an events.trestle.go: the events' descriptions, topics and keys.
//
// What the generated code can't do, the generator refuses with the place in the schema: a rule that is a CEL
// expression, or a schema keyword without a counterpart in Go.
package golang
