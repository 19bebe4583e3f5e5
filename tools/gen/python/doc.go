// Package python generates a Python package of pydantic v2 models: one module a schema package, with the constraints,
// defaults and documentation of the schemas, beside topics, consumer groups and event types.
//
//	files, err := python.Generate(set)
//
// The package reads and writes records as the Go runtime does. Code that does not depend on the schemas is in template,
// and goes into the package's _support as it is.
//
// Python has no counterpart of CEL expressions, nor of some well-known formats; a model's documentation names the rules
// that it does not check.
package python
