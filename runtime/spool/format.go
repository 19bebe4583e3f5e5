package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/omninode/trestle/runtime/event"
)

// A segment is a header and groups. A group is what was synced at once: whoever finds one knows that all before it had been
// synced, so that a group that can't be read is either the last thing written, and nobody was told that it was accepted, or damage.
//
//	segment  "trspool" version:1 group…
//	group    length:4 crc:4 (of the length) crc:4 (of the body) body, of that length
//	body     sequence number of the first entry:8 entry…
//	entry    length:uvarint time:varint topic key value headers:uvarint (name value)…
//
// Numbers of fixed size are little-endian, checksums CRC-32C, times nanoseconds of Unix. A topic and a name are their length and bytes;
// a key and a value their length and one, and bytes, or 0 where there is none.
const (
	magic       = "trspool"
	version     = 1
	headerSize  = len(magic) + 1
	groupHeader = 12
	// maxGroup bounds the body of a group.
	maxGroup = 256 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// appendEntry writes an entry behind b.
func appendEntry(b []byte, r *event.Record) []byte {
	var e []byte
	e = binary.AppendVarint(e, r.Timestamp.UnixNano())
	e = appendString(e, r.Topic)
	e = appendBytes(e, r.Key)
	e = appendBytes(e, r.Value)
	e = binary.AppendUvarint(e, uint64(len(r.Headers)))
	for _, h := range r.Headers {
		e = appendString(e, h.Key)
		e = appendBytes(e, h.Value)
	}
	b = binary.AppendUvarint(b, uint64(len(e)))
	return append(b, e...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(v))+1), v...)
}

// newGroup begins a group: seal ends it.
func newGroup(first uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, groupHeader, 4096), first)
}

// seal fills in the header of a group.
func seal(group []byte) {
	body := group[groupHeader:]
	binary.LittleEndian.PutUint32(group, uint32(len(body)))
	binary.LittleEndian.PutUint32(group[4:], checksum(group[:4]))
	binary.LittleEndian.PutUint32(group[8:], checksum(body))
}

// errTorn says that no group begins there.
var errTorn = errors.New("no group begins there")

// readGroup reads the group at the beginning of b, and returns its body and its size with the header.
func readGroup(b []byte) (body []byte, size int, err error) {
	if len(b) < groupHeader || binary.LittleEndian.Uint32(b[4:]) != checksum(b[:4]) {
		return nil, 0, errTorn
	}
	length := binary.LittleEndian.Uint32(b)
	if uint64(length) > uint64(len(b)-groupHeader) || length > maxGroup {
		return nil, 0, errTorn
	}
	body = b[groupHeader : groupHeader+int(length)]
	if binary.LittleEndian.Uint32(b[8:]) != checksum(body) {
		return nil, 0, errTorn
	}
	return body, groupHeader + int(length), nil
}

// readBody reads the entries of a group. Records share its memory.
func readBody(body []byte) (entries []Entry, err error) {
	if len(body) < 8 {
		return nil, errors.New("a group without a sequence number")
	}
	seq := binary.LittleEndian.Uint64(body)
	d := decoder{b: body[8:]}
	for len(d.b) > 0 {
		one := decoder{b: d.bytes(d.uvarint())}
		if d.failed {
			return nil, fmt.Errorf("entry %d is cut off", seq)
		}
		entry := Entry{Seq: seq}
		r := &entry.Record
		r.Timestamp = time.Unix(0, one.varint()).UTC()
		r.Topic = string(one.bytes(one.uvarint()))
		r.Key = one.nullable()
		r.Value = one.nullable()
		n := one.uvarint()
		if n > uint64(len(one.b)) { // each takes two bytes at least
			one.failed = true
		}
		for i := uint64(0); i < n && !one.failed; i++ {
			r.Headers = append(r.Headers, event.Header{Key: string(one.bytes(one.uvarint())), Value: one.nullable()})
		}
		if one.failed || len(one.b) > 0 {
			return nil, fmt.Errorf("entry %d is not one of version %d", seq, version)
		}
		entries = append(entries, entry)
		seq++
	}
	return entries, nil
}

// decoder reads from bytes until it fails.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)) || n > math.MaxInt32 {
		d.failed = true
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) nullable() []byte {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	return d.bytes(n - 1)
}

// isBegun says whether a segment was being made when a crash came: a part of the header stands in the file, and zeros where the disk knew no more
// than how long it is.
func isBegun(segment []byte) bool {
	written := bytes.TrimRight(segment, "\x00")
	return len(written) <= len(magic) && string(written) == magic[:len(written)]
}

// scan goes through the groups of a segment, and returns where what can be read ends. The rest is torn where nothing that can be read
// comes behind it, and otherwise damaged: then the error says so.
func scan(segment []byte, each func(at int64, entries []Entry)) (end int64, err error) {
	switch {
	case isBegun(segment):
		return 0, nil
	case len(segment) < headerSize || string(segment[:len(magic)]) != magic:
		return 0, errors.New("it does not begin as a segment does")
	case segment[len(magic)] != version:
		return 0, fmt.Errorf("it is of version %d, this program knows version %d: was it written by a newer one?", segment[len(magic)], version)
	}
	at := headerSize
	for at < len(segment) {
		body, size, err := readGroup(segment[at:])
		if err != nil {
			for behind := at + 1; behind < len(segment); behind++ {
				if _, _, err := readGroup(segment[behind:]); err == nil {
					return 0, fmt.Errorf("it is damaged at byte %d: what was written later, at byte %d, can be read", at, behind)
				}
			}
			return int64(at), nil
		}
		entries, err := readBody(body)
		if err != nil {
			return 0, fmt.Errorf("at byte %d: %w", at, err)
		}
		each(int64(at), entries)
		at += size
	}
	return int64(at), nil
}
