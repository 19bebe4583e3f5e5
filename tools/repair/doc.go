// Package repair changes events so that today's schemas take them: by a JSON Merge Patch (RFC 7386) of their payload, or by an expression in CEL
// that is their new payload.
//
//	r, err := repair.Parse(`payload.merge({"status": payload.status.lowerAscii()})`)
//	after, err := r.Apply(types, record)
//
// Payloads are JSON as consumers see it, that of protobuf, too. What a repair leaves as it is stays so to the byte; the envelope, the key and the
// identity of the event it can't change.
package repair
