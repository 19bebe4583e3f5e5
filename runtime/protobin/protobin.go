// Package protobin holds what generated protobuf codecs share: lengths, timestamps, and messages that have no generated
// codec. Applications do not call it.
package protobin

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// MaxDepth is how many messages may be inside each other.
const MaxDepth = 1000

// ErrDepth says that a message is deeper than [MaxDepth].
var ErrDepth = fmt.Errorf("protobuf: messages are more than %d deep", MaxDepth)

// NotUTF8 is the error of a string field whose text is not UTF-8.
func NotUTF8(field string) error {
	return fmt.Errorf("protobuf: string field %s contains invalid UTF-8", field)
}

// Close puts the length of what was appended since the byte at index at into that byte, making room when it needs more.
func Close(b []byte, at int) []byte {
	n := len(b) - at - 1
	if n < 0x80 {
		b[at] = byte(n)
		return b
	}
	size := protowire.SizeVarint(uint64(n))
	for range size - 1 {
		b = append(b, 0)
	}
	copy(b[at+size:], b[at+1:at+1+n])
	protowire.AppendVarint(b[:at], uint64(n))
	return b
}

// AppendTimestamp appends a timestamp with its length before it.
func AppendTimestamp(b []byte, t *timestamppb.Timestamp) []byte {
	at := len(b)
	b = append(b, 0)
	if s := t.GetSeconds(); s != 0 {
		b = protowire.AppendVarint(append(b, 0x08), uint64(s))
	}
	if n := t.GetNanos(); n != 0 {
		b = protowire.AppendVarint(append(b, 0x10), uint64(n))
	}
	b[at] = byte(len(b) - at - 1) // at most 22
	return b
}

// Timestamp reads a timestamp into t, over what it has.
func Timestamp(data []byte, t *timestamppb.Timestamp) error {
	for b := data; len(b) > 0; {
		tag := b[0]
		if tag != 0x08 && tag != 0x10 {
			return Merge(data, t)
		}
		v, n := protowire.ConsumeVarint(b[1:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[1+n:]
		if tag == 0x08 {
			t.Seconds = int64(v)
		} else {
			t.Nanos = int32(v)
		}
	}
	return nil
}

// AppendText appends a message whose only field is a string of number 1, with its length before it.
func AppendText(b []byte, text string) []byte {
	if text == "" {
		return append(b, 0)
	}
	b = protowire.AppendVarint(b, uint64(1+protowire.SizeBytes(len(text))))
	return protowire.AppendString(append(b, 0x0a), text)
}

// Text reads a message as [AppendText] writes it, cutting it from all, which is data as a string. It is false for any
// other message, which goes through [Merge].
func Text(data []byte, all string) (text string, ok bool) {
	if len(data) == 0 {
		return "", true
	}
	if data[0] != 0x0a {
		return "", false
	}
	v, n := protowire.ConsumeBytes(data[1:])
	if n != len(data)-1 || !utf8.Valid(v) {
		return "", false
	}
	return all[len(all)-len(v):], true
}

// AppendMessage appends a message that has no generated codec, with its length before it.
func AppendMessage(b []byte, m proto.Message) ([]byte, error) {
	options := proto.MarshalOptions{Deterministic: true}
	b = protowire.AppendVarint(b, uint64(options.Size(m)))
	options.UseCachedSize = true
	return options.MarshalAppend(b, m)
}

// Merge reads a message that has no generated codec into m, over what it has.
func Merge(data []byte, m proto.Message) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(data, m)
}
