// Package genapi is the roof over what only generated code calls: formats, codecs and validators. Applications call none
// of it, and it changes whenever generators need it to.
//
// A generated package imports [Version]. When what it calls changes so that older generated code would misbehave or not
// compile, that package gets the next number in its name: older code then fails to build at the line of that import and
// nowhere else, with a comment that says to generate it anew.
package genapi

// Version is the import path that stands for this version of what generated code calls.
const Version = "github.com/omninode/trestle/runtime/genapi/version2"
