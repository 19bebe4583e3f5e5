// Package chain holds everything that judges an event against one another: on the same bytes, generated Go, tools/event,
// generated Python and libraries that others wrote (python-jsonschema, protovalidate in Go and in Python) give one
// verdict. Its test draws schemas of both languages that nobody wrote, generates and compiles code from them, draws values
// and bytes for each, and compares what all judges say. `make chain` runs it at any size, `make test` a small fresh sample.
// A disagreement is shown with its schema, S1234: with the seed that the run printed, -first 1234 begins there.
package chain
