package encrypt

import "encoding/binary"

// Place is where a value stands. What is sealed in one place does not open in another.
type Place struct {
	EventType string // on the wire: "CodegenAnalysisRequest"
	EventID   string // of any case; deterministic values are not bound to it
	// Pointer leads from the event's payload to the value, as a JSON Pointer (RFC 6901): "/lines/2/note". Deterministic values are bound to their place in the
	// schema: what Schema returns of it.
	Pointer string
	// Schema is the pointer with "*" for each index of a list and each key of a map: "/lines/*/note".
	Schema string
}

// placeVersion begins what values are authenticated with.
const placeVersion = "trestle.sealed.v1"

// append appends what a value is authenticated with: how it is sealed, and the place.
func (p *Place) append(b []byte, header *[headerSize]byte, mode mode) []byte {
	b = append(append(b, placeVersion...), header[:]...)
	b = appendCounted(b, p.EventType)
	if mode == deterministic {
		return appendCounted(b, p.Schema)
	}
	b = appendCounted(b, p.Pointer)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.EventID)))
	for i := range len(p.EventID) {
		c := p.EventID[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

func appendCounted(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}
