package jsonio

import "strconv"

// Unmarshal reads the whole of text into v: it is what UnmarshalJSON of a generated type does. As with encoding/json null
// changes nothing, and fields that the text lacks keep their values. The error is an [*Error], also for what is JSON and
// not what the schema wants: the first of it.
func Unmarshal(text []byte, v interface{ DecodeJSON(r *Reader) }) error {
	r := NewReader(text)
	if !r.Null() {
		v.DecodeJSON(r)
	}
	r.End()
	if err := r.Err(); err != nil || len(r.faults) == 0 {
		return err
	}
	first := r.faults[0]
	message := first.Message
	if n := len(r.faults) - 1; n > 0 {
		message += ", and " + strconv.Itoa(n) + " more"
	}
	return &Error{Offset: first.Offset, Path: first.Path, Message: message}
}
