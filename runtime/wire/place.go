package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Place is where a record stands in a log: a topic that was made anew is another one.
type Place struct {
	TopicID   string // a UUID; empty: not known
	Partition int32
	Offset    int64
}

// String is topic id/partition/offset.
func (p Place) String() string { return fmt.Sprintf("%s/%d/%d", p.TopicID, p.Partition, p.Offset) }

// ParsePlace reads what [Place.String] writes.
func ParsePlace(s string) (Place, bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return Place{}, false
	}
	partition, errPartition := strconv.ParseInt(parts[1], 10, 32)
	offset, errOffset := strconv.ParseInt(parts[2], 10, 64)
	if errPartition != nil || errOffset != nil || partition < 0 || offset < 0 {
		return Place{}, false
	}
	return Place{parts[0], int32(partition), offset}, true
}

// SameLog says whether two places are in one partition of one log.
func (p Place) SameLog(q Place) bool { return p.TopicID == q.TopicID && p.Partition == q.Partition }

// OriginIn reads where the event of a replay stood first. It says false of what is no replay, or does not say so.
func OriginIn(headers []Header) (Place, bool) {
	origin := HeaderBytes(headers, HeaderReplayOrigin)
	if origin == nil || HeaderBytes(headers, HeaderReplaySource) == nil {
		return Place{}, false
	}
	return ParsePlace(string(origin))
}
