// Package jsonio writes and reads the JSON of events: appending into the caller's buffer, and reading straight from
// the record's bytes into the event, with no tree in between.
//
// It exists beside encoding/json because events need what that lacks: numbers of free-form maps kept as they were
// written, a path and an offset in every error, reading on past a wrong value so that all faults are reported at once,
// and no allocation on the way. Generated code is its main user:
//
//	r := jsonio.NewReader(data)
//	for ok := r.BeginObject(); ok && r.More(); {
//		switch r.Name() {
//		case "limit":
//			limit = r.Int64()
//		default:
//			r.Skip()
//		}
//	}
//	r.End()
//	return r.Err()
//
// What is written is compact RFC 8259 JSON in UTF-8, escaping only what must be. What is read is checked in full:
// NaN, a lone surrogate escape, invalid UTF-8 or a trailing comma is an [*Error] with its byte offset, wherever in the
// text it stands. A value that is JSON and not what the schema wants is a [Fault], and reading goes on behind it.
package jsonio
