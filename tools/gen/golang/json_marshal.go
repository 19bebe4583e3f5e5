package golang

// marshalMethods writes what encoding/json asks for. MarshalJSON is of the value, so that a struct that holds one, and not
// a pointer to it, is written by its schema too.
func (g *file) marshalMethods(goName string) {
	g.p("// MarshalJSON returns what AppendJSON writes.")
	g.p("func (x %s) MarshalJSON() ([]byte, error) { return x.AppendJSON(nil) }\n", goName)
	g.p("// UnmarshalJSON reads what DecodeJSON reads. What is wrong with it is an error.")
	g.p("func (x *%s) UnmarshalJSON(text []byte) error { return %s(text, x) }\n", goName, g.jsonio("Unmarshal"))
}
