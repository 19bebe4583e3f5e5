package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// The first byte of a frame in the Confluent wire format says what names the schema behind it. No JSON text and no protobuf message begins with Magic.
const (
	Magic     = 0 // the registry's id, 4 bytes
	MagicGUID = 1 // a GUID, 16 bytes; in headers alone
)

// frameLen is the magic byte and the schema id.
const frameLen = 5

// Frame is what a record's value holds, without what its serializer put around it, and what that says of the schema.
type Frame struct {
	// Protobuf says that Body is a protobuf message; otherwise it is JSON.
	Protobuf bool
	// SchemaID is the registry's id of the schema, and GUID the id that is the same in every registry which has such; zero where it is not said.
	SchemaID int
	GUID     uuid.UUID
	// Indexes lead to the message in its schema file; never empty for protobuf.
	Indexes []int
	// Body shares the value's memory.
	Body []byte
}

// Unframe takes the frame off a record's value, by looking at the record, so that a topic may hold all that serializers write: JSON as it stands; JSON or
// protobuf behind a frame; and either with the frame in the header [HeaderConfluentID] instead, as newer ones of Confluent's can. A frame in front of
// the value counts before the header.
func Unframe(value []byte, headers []Header) (Frame, error) {
	if len(value) > frameLen && value[0] == Magic && value[frameLen] == '{' { // as the number of message indexes it would be negative
		return Frame{SchemaID: int(int32(binary.BigEndian.Uint32(value[1:]))), Body: value[frameLen:]}, nil
	}
	if len(value) > 0 && value[0] == Magic {
		return unframeProtobuf(value)
	}
	if id := HeaderBytes(headers, HeaderConfluentID); id != nil {
		return unframedBy(id, value)
	}
	if string(HeaderBytes(headers, HeaderContentType)) == ContentTypeProtobuf {
		return Frame{Protobuf: true}, errors.New("not in the Confluent wire format: it does not begin with the magic byte 0")
	}
	return Frame{Body: value}, nil
}

func unframeProtobuf(value []byte) (Frame, error) {
	f := Frame{Protobuf: true}
	if len(value) < frameLen {
		return f, fmt.Errorf("cut off in the schema id: the value has %d bytes", len(value))
	}
	f.SchemaID = int(int32(binary.BigEndian.Uint32(value[1:])))
	if f.SchemaID < 0 {
		return f, fmt.Errorf("the schema id %d is negative", f.SchemaID)
	}
	var err error
	f.Indexes, f.Body, err = readIndexes(value[frameLen:])
	return f, err
}

// unframedBy reads the frame that stands in a header. JSON has nothing behind the id there, protobuf its message indexes.
func unframedBy(id, value []byte) (Frame, error) {
	f := Frame{Body: value}
	var rest []byte
	switch {
	case len(id) >= frameLen && id[0] == Magic:
		f.SchemaID, rest = int(int32(binary.BigEndian.Uint32(id[1:]))), id[frameLen:]
	case len(id) >= 1+len(f.GUID) && id[0] == MagicGUID:
		rest = id[1+copy(f.GUID[:], id[1:]):]
	default:
		return f, fmt.Errorf("the header %s holds neither an id of a schema nor a GUID: it is %x", HeaderConfluentID, id[:min(len(id), 32)])
	}
	if len(rest) == 0 {
		return f, nil
	}
	f.Protobuf = true
	var err error
	f.Indexes, _, err = readIndexes(rest)
	return f, err
}

// readIndexes reads an index path, and returns what is behind it.
func readIndexes(b []byte) ([]int, []byte, error) {
	count, n := binary.Varint(b)
	if n <= 0 {
		return nil, nil, errors.New("cut off in the number of message indexes")
	}
	rest := b[n:]
	if count < 0 || count > int64(len(rest)) {
		return nil, nil, fmt.Errorf("%d message indexes do not fit into the %d bytes left", count, len(rest))
	}
	if count == 0 { // the short form of the file's first message
		return []int{0}, rest, nil
	}
	indexes := make([]int, 0, min(count, 8))
	for i := range count {
		index, n := binary.Varint(rest)
		if n <= 0 {
			return nil, nil, fmt.Errorf("cut off in message index %d", i)
		}
		if index < 0 || index > 1<<31-1 {
			return nil, nil, fmt.Errorf("message index %d is %d", i, index)
		}
		indexes = append(indexes, int(index))
		rest = rest[n:]
	}
	return indexes, rest, nil
}

// AppendConfluent appends the frame in front of a protobuf message: the magic byte, the id of its schema in the
// registry, and the message's index path in its file, nil standing for the file's first message.
func AppendConfluent(b []byte, schemaID int, indexes []int) []byte {
	b = AppendConfluentID(b, schemaID)
	if len(indexes) == 0 || len(indexes) == 1 && indexes[0] == 0 {
		return append(b, 0)
	}
	b = binary.AppendVarint(b, int64(len(indexes)))
	for _, i := range indexes {
		b = binary.AppendVarint(b, int64(i))
	}
	return b
}

// AppendConfluentID appends the frame of JSON, which is what [HeaderConfluentID] holds beside it.
func AppendConfluentID(b []byte, schemaID int) []byte {
	return binary.BigEndian.AppendUint32(append(b, Magic), uint32(schemaID))
}
