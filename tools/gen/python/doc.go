// Package python generates a Python package of pydantic v2 models: one module a schema package, with the constraints,
// defaults and documentation of the schemas, beside topics, consumer groups and event types.
//
//	files, err := python.Generate(set)
//
// The package reads and writes records as the Go runtime does. Code that does not depend on the schemas is in template,
// and goes into the package's _support as it is.
//
// A model checks what a generated validator in Go checks. Rules in CEL are left to protovalidate's own library, and what
// of a JSON Schema has no model to python-jsonschema: packages whose schemas have such need them. What is in a
// google.protobuf.Any only Go can read, but for the messages that protobuf itself declares; a model's documentation names the
// rules that it does not check.
package python
