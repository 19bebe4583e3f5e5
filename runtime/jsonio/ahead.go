package jsonio

// TextAhead returns a string member of the object that comes next, which is not read by that: "" when there is no such
// member, when it is no string, and when the next value is no object.
func (r *Reader) TextAhead(name string) string {
	if r.peek() != '{' || r.err != nil {
		return ""
	}
	var room [4]frame
	ahead := Reader{data: r.data, pos: r.pos, stack: room[:0]}
	ahead.BeginObject()
	for ahead.More() {
		if ahead.Name() != name {
			ahead.Skip()
			continue
		}
		if ahead.Kind() != '"' {
			return ""
		}
		return ahead.String()
	}
	return ""
}
