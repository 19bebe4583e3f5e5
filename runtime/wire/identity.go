package wire

import (
	"strconv"

	"github.com/google/uuid"
)

// recordNamespace is the namespace of the ids below. It must never change: ids are compared over time.
var recordNamespace = uuid.MustParse("8f1ee3d0-5a0b-5b52-9e0c-3a6f1f2c7d41")

// RecordID is the identity of an event whose producer gave it none: a UUIDv5 of where its record stands.
func RecordID(topic string, partition int32, offset int64) string {
	name := make([]byte, 0, len(topic)+32)
	name = append(name, topic...)
	name = append(name, '/')
	name = strconv.AppendInt(name, int64(partition), 10)
	name = append(name, '/')
	name = strconv.AppendInt(name, offset, 10)
	return uuid.NewSHA1(recordNamespace, name).String()
}
