// Package protobin holds what generated protobuf codecs share: lengths, timestamps, and messages that have no generated
// codec. Applications do not call it.
package protobin

import (
	"encoding"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// MaxDepth is how many messages may be inside each other.
const MaxDepth = 1000

// ErrDepth says that a message is deeper than [MaxDepth].
var ErrDepth = fmt.Errorf("protobuf: messages are more than %d deep", MaxDepth)

// Unmarshal reads a message in protobuf's binary form, by its generated codec if it has one. Required fields are looked for
// in all of it: proto.Unmarshal passes over the messages of oneofs.
func Unmarshal(data []byte, m proto.Message) error {
	if generated, ok := m.(encoding.BinaryUnmarshaler); ok {
		return generated.UnmarshalBinary(data)
	}
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, m); err != nil {
		return err
	}
	return proto.CheckInitialized(m)
}

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

// AppendText appends a message whose only field is a string of number 1, with its length before it.
func AppendText(b []byte, text string) []byte {
	if text == "" {
		return append(b, 0)
	}
	b = protowire.AppendVarint(b, uint64(1+protowire.SizeBytes(len(text))))
	return protowire.AppendString(append(b, 0x0a), text)
}

// AppendMessage appends a message that has no generated codec, with its length before it.
func AppendMessage(b []byte, m proto.Message) ([]byte, error) {
	options := proto.MarshalOptions{Deterministic: true}
	b = protowire.AppendVarint(b, uint64(options.Size(m)))
	options.UseCachedSize = true
	return options.MarshalAppend(b, m)
}
