package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Magic is the first byte of a value in the Confluent wire format. No JSON text begins with it.
const Magic = 0

// Format is how a record's value is laid out.
type Format uint8

// The formats. FramedJSON is JSON behind a magic byte and a schema id, which Confluent's own JSON Schema serializers
// write; we read it and do not write it.
const (
	PlainJSON Format = iota
	FramedJSON
	Confluent
)

// Sniff says how the value of a record is laid out, by looking at it, and at its content type where there is no value
// to look at or it is protobuf without a frame, so that a topic may hold all formats.
func Sniff(value []byte, headers []Header) Format {
	switch {
	case len(value) > frameLen && value[0] == Magic && value[frameLen] == '{':
		// As the number of message indexes this byte would be negative.
		return FramedJSON
	case len(value) > 0 && value[0] == Magic:
		return Confluent
	case string(HeaderBytes(headers, HeaderContentType)) == ContentTypeProtobuf:
		return Confluent
	default:
		return PlainJSON
	}
}

// frameLen is the magic byte and the schema id.
const frameLen = 5

// AppendConfluent appends the frame in front of a protobuf message: the magic byte, the id of its schema in the
// registry, and the message's index path in its file, nil standing for the file's first message.
func AppendConfluent(b []byte, schemaID int, indexes []int) []byte {
	b = append(b, Magic)
	b = binary.BigEndian.AppendUint32(b, uint32(schemaID))
	if len(indexes) == 0 || len(indexes) == 1 && indexes[0] == 0 {
		return append(b, 0)
	}
	b = binary.AppendVarint(b, int64(len(indexes)))
	for _, i := range indexes {
		b = binary.AppendVarint(b, int64(i))
	}
	return b
}

// ParseConfluent takes the frame off a value and returns what it says, and the message behind it, which shares the
// value's memory. The index path is never empty.
func ParseConfluent(value []byte) (schemaID int, indexes []int, message []byte, err error) {
	if len(value) == 0 || value[0] != Magic {
		return 0, nil, nil, errors.New("not in the Confluent wire format: it does not begin with the magic byte 0")
	}
	if len(value) < frameLen {
		return 0, nil, nil, fmt.Errorf("cut off in the schema id: the value has %d bytes", len(value))
	}
	schemaID = int(int32(binary.BigEndian.Uint32(value[1:])))
	if schemaID < 0 {
		return 0, nil, nil, fmt.Errorf("the schema id %d is negative", schemaID)
	}
	rest := value[frameLen:]
	count, n := binary.Varint(rest)
	if n <= 0 {
		return 0, nil, nil, errors.New("cut off in the number of message indexes")
	}
	rest = rest[n:]
	if count < 0 || count > int64(len(rest)) {
		return 0, nil, nil, fmt.Errorf("%d message indexes do not fit into the %d bytes left", count, len(rest))
	}
	if count == 0 {
		return schemaID, []int{0}, rest, nil
	}
	indexes = make([]int, 0, min(count, 8))
	for i := range count {
		index, n := binary.Varint(rest)
		if n <= 0 {
			return 0, nil, nil, fmt.Errorf("cut off in message index %d", i)
		}
		if index < 0 || index > 1<<31-1 {
			return 0, nil, nil, fmt.Errorf("message index %d is %d", i, index)
		}
		indexes = append(indexes, int(index))
		rest = rest[n:]
	}
	return schemaID, indexes, rest, nil
}

// ParseFramedJSON takes the frame off a value that [Sniff] calls FramedJSON.
func ParseFramedJSON(value []byte) (schemaID int, text []byte, err error) {
	if len(value) <= frameLen || value[0] != Magic {
		return 0, nil, errors.New("not JSON in the Confluent wire format")
	}
	return int(int32(binary.BigEndian.Uint32(value[1:]))), value[frameLen:], nil
}
