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
	b = appendCounted(b, p.EventID)
	lower(b[len(b)-len(p.EventID):])
	return b
}

// lower has capital letters of ASCII be small ones. Nearly always there are none: what text has all bytes with the bit 0x20, has no capitals.
func lower(b []byte) {
	const small = 0x2020202020202020
	all, rest := uint64(small), b
	for ; len(rest) >= 8; rest = rest[8:] {
		all &= binary.NativeEndian.Uint64(rest)
	}
	for _, c := range rest {
		all &= uint64(c) | small&^0xff
	}
	if all == small {
		return
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

func appendCounted(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}
