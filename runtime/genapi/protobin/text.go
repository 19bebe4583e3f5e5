package protobin

import (
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Valid is utf8.ValidString, in less time for the short texts in ASCII that most fields hold.
func Valid(s string) bool {
	const short, beyondASCII = 64, 0x8080808080808080
	b, bits := view(s), uint64(0)
	switch n := len(b); { // the last word overlaps with the one before
	case n < 4 || n > short:
		return utf8.ValidString(s)
	case n < 8:
		bits = uint64(binary.LittleEndian.Uint32(b) | binary.LittleEndian.Uint32(b[n-4:]))
	default:
		for bits = binary.LittleEndian.Uint64(b[n-8:]); len(b) >= 8; b = b[8:] {
			bits |= binary.LittleEndian.Uint64(b)
		}
	}
	return bits&beyondASCII == 0 || utf8.ValidString(s)
}

// AppendString appends text with its length before it.
func AppendString(b []byte, s string) []byte {
	if len(s) < 0x80 {
		return append(append(b, byte(len(s))), s...)
	}
	return protowire.AppendString(b, s)
}

// AppendVarint appends a number of variable length.
func AppendVarint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return protowire.AppendVarint(b, v)
}
