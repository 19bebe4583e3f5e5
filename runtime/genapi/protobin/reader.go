package protobin

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Reader reads the fields of a message in protobuf's binary form. Its first error sticks: from then on Next is 0 and
// every value zero, so that code which reads needs no error branches; ask Err when done.
type Reader struct {
	text  string
	pos   int
	end   int // of the message being read
	depth int
	err   error
}

// NewReader returns a reader of data; the strings that are read are parts of it.
func NewReader(data string) Reader { return Reader{text: data, end: len(data)} }

// Err returns the first error, or nil.
func (r *Reader) Err() error { return r.err }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos, r.end = 0, 0
}

// rest is what remains of the message being read.
func (r *Reader) rest() []byte { return view(r.text[r.pos:r.end]) }

// view looks at the bytes of a string, which must not be written to.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Next reads the number and wire type of the next field, 0 at the end of the message. That a field's number is none is
// left to [Reader.Unknown] to find.
func (r *Reader) Next() (tag uint64) {
	if pos := r.pos; pos < r.end {
		if tag = uint64(r.text[pos]); tag-1 < 0x7f {
			r.pos = pos + 1
			return tag
		}
	}
	return r.next()
}

func (r *Reader) next() (tag uint64) {
	if r.pos == r.end {
		return 0
	}
	if tag = r.varint(); tag == 0 {
		r.fail(protowire.ParseError(-2))
	}
	return tag
}

// More says that a list's packed values go on.
func (r *Reader) More() bool { return r.pos < r.end }

// Varint reads a number of variable length.
func (r *Reader) Varint() (v uint64) {
	if pos := r.pos; pos < r.end {
		if v = uint64(r.text[pos]); v < 0x80 {
			r.pos = pos + 1
			return v
		}
	}
	return r.varint()
}

func (r *Reader) varint() uint64 {
	v, n := protowire.ConsumeVarint(r.rest())
	if n < 0 {
		r.fail(protowire.ParseError(n))
		return 0
	}
	r.pos += n
	return v
}

// Fixed32 reads four bytes.
func (r *Reader) Fixed32() uint32 {
	if r.end-r.pos < 4 {
		r.fail(protowire.ParseError(-1))
		return 0
	}
	v := binary.LittleEndian.Uint32(r.rest())
	r.pos += 4
	return v
}

// Fixed64 reads eight bytes.
func (r *Reader) Fixed64() uint64 {
	if r.end-r.pos < 8 {
		r.fail(protowire.ParseError(-1))
		return 0
	}
	v := binary.LittleEndian.Uint64(r.rest())
	r.pos += 8
	return v
}

// Text reads a length and that many bytes.
func (r *Reader) Text() string {
	n := r.Varint()
	start := r.pos
	if n > uint64(r.end-start) {
		r.fail(protowire.ParseError(-1))
		return ""
	}
	r.pos = start + int(n)
	return r.text[start:r.pos]
}

// String is [Reader.Text] that must be UTF-8; field is its name for the error.
func (r *Reader) String(field string) string {
	s := r.Text()
	if !Valid(s) {
		r.fail(NotUTF8(field))
	}
	return s
}

// Bytes is [Reader.Text] as a copy that is never nil.
func (r *Reader) Bytes() []byte { return append([]byte{}, r.Text()...) }

// Open enters what has a length before it and is no message, until Close is given what Open returns.
func (r *Reader) Open() (outer int) {
	outer = r.end
	n := r.Varint()
	if n > uint64(r.end-r.pos) {
		r.fail(protowire.ParseError(-1))
		return outer
	}
	r.end = r.pos + int(n)
	return outer
}

// Close goes on behind what was entered, all of which must have been read.
func (r *Reader) Close(outer int) {
	if r.err == nil {
		r.end = outer
	}
}

// Enter enters a message, until Leave is given what Enter returns.
func (r *Reader) Enter() (outer int) {
	if r.depth++; r.depth > MaxDepth {
		r.fail(ErrDepth)
	}
	return r.Open()
}

// Leave goes on behind a message.
func (r *Reader) Leave(outer int) {
	r.depth--
	r.Close(outer)
}

// Run counts the fields that have this tag, one behind the other, from the one whose tag was read last: at least 1.
func (r *Reader) Run(tag uint64) int {
	ahead := Reader{text: r.text, pos: r.pos, end: r.end}
	n := 1
	for ahead.Text(); ahead.Next() == tag; ahead.Text() {
		n++
	}
	return n
}

// Unknown appends a field that the schema does not have to those of the message, as it stands.
func (r *Reader) Unknown(fields []byte, tag uint64) []byte {
	rest := r.rest()
	n := r.skip(tag, rest)
	return append(protowire.AppendVarint(fields, tag), rest[:n]...)
}

// Skip passes over a field.
func (r *Reader) Skip(tag uint64) { r.skip(tag, r.rest()) }

func (r *Reader) skip(tag uint64, rest []byte) (size int) {
	number, kind := protowire.DecodeTag(tag)
	size = protowire.ConsumeFieldValue(number, kind, rest)
	if !number.IsValid() || size < 0 {
		r.fail(protowire.ParseError(min(size, -1)))
		return 0
	}
	r.pos += size
	return size
}

// Timestamp reads a timestamp over what t has.
func (r *Reader) Timestamp(t *timestamppb.Timestamp) {
	text := r.Text()
	for b := view(text); len(b) > 0; {
		tag := b[0]
		if tag != 0x08 && tag != 0x10 {
			r.merge(text, t)
			return
		}
		v, n := protowire.ConsumeVarint(b[1:])
		if n < 0 {
			r.fail(protowire.ParseError(n))
			return
		}
		b = b[1+n:]
		if tag == 0x08 {
			t.Seconds = int64(v)
		} else {
			t.Nanos = int32(v)
		}
	}
}

// JSON reads a message whose only field is a string of number 1. It reads nothing, and is false, for any other message,
// which goes through [Reader.Merge].
func (r *Reader) JSON() (text string, ok bool) {
	ahead := *r
	outer := ahead.Open()
	if ahead.Next() != 0x0a {
		return "", false
	}
	if text = ahead.Text(); ahead.err != nil || ahead.More() || !utf8.ValidString(text) {
		return "", false
	}
	ahead.Close(outer)
	*r = ahead
	return text, true
}

// Merge reads a message that has no generated codec over what m has. Whether it lacks required fields is known when all
// is read: it may come a second time.
func (r *Reader) Merge(m proto.Message) {
	if text := r.Text(); r.err == nil {
		r.merge(text, m)
	}
}

func (r *Reader) merge(text string, m proto.Message) {
	if err := (proto.UnmarshalOptions{Merge: true, AllowPartial: true}).Unmarshal(view(text), m); err != nil {
		r.fail(err)
	}
}
