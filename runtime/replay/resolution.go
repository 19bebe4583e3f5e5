package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/topics"
)

// ResolutionsTopic is the compacted topic that says which dead letters are resolved, by its logical name.
const ResolutionsTopic = "trestle_resolutions_v1"

// Spec is the topic of resolutions as it is to be declared, under its name in an environment. It has one partition, whose end is
// the end of all that was ever resolved.
func Spec(name string, replicationFactor int16) topics.Spec {
	return topics.Spec{
		Name: name, Partitions: 1, ReplicationFactor: replicationFactor,
		Config: map[string]string{"cleanup.policy": "compact"},
	}
}

// Kind is how a letter was resolved.
type Kind string

// The kinds. Later is what a newer version wrote that this one can't read: such a letter counts as resolved, so that nothing is
// sent twice.
const (
	Replayed Kind = "replayed"
	Repaired Kind = "repaired" // replayed with another value or other headers
	Purged   Kind = "purged"
	Later    Kind = "later"
)

// Position is where a letter stands.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String is topic/partition/offset.
func (p Position) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

// ParsePosition reads what [Position.String] writes.
func ParsePosition(s string) (Position, error) {
	parts := strings.Split(s, "/")
	if len(parts) == 3 {
		partition, errPartition := strconv.ParseInt(parts[1], 10, 32)
		offset, errOffset := strconv.ParseInt(parts[2], 10, 64)
		if parts[0] != "" && errPartition == nil && errOffset == nil && partition >= 0 && offset >= 0 {
			return Position{parts[0], int32(partition), offset}, nil
		}
	}
	return Position{}, fmt.Errorf("position %q: it is topic/partition/offset", s)
}

// Resolution says what became of a letter.
type Resolution struct {
	Kind   Kind
	At     time.Time
	By     string   // who did it; empty: nobody said
	Groups []string // the groups that it was replayed for; empty: all, or none where it was purged
	// To is where its event stands since it was replayed, of a batch the first one; zero where it was purged, or that is not known.
	To Position
	// Note says, of Later, why it can't be read.
	Note string
}

// resolutionVersion is the version that is written.
const resolutionVersion = 1

// appendJSON appends the value of a resolution's record.
func (r *Resolution) appendJSON(b []byte) []byte {
	b = append(b, `{"version":`...)
	b = strconv.AppendInt(b, resolutionVersion, 10)
	b = append(b, `,"resolution":`...)
	b = appendText(b, string(r.Kind))
	b = append(b, `,"at":`...)
	at, err := jsonio.AppendTime(b, r.At)
	if err != nil {
		at = append(b, "null"...)
	}
	b = append(at, `,"by":`...)
	b = appendText(b, r.By)
	b = append(b, `,"groups":[`...)
	for i, group := range r.Groups {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, group)
	}
	b = append(b, ']')
	if r.To != (Position{}) {
		b = append(b, `,"to":`...)
		b = appendText(b, r.To.String())
	}
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	b, err := jsonio.AppendString(b, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		panic("replay: valid UTF-8 refused: " + err.Error())
	}
	return b
}

// parseResolution reads the value of a resolution's record. What it can't read is Later, with a note that says why.
func parseResolution(value []byte) Resolution {
	r := jsonio.NewReader(value)
	var found Resolution
	var version int64
	if r.BeginObject() {
		for r.More() {
			switch r.Name() {
			case "version":
				version = r.Int64()
			case "resolution":
				found.Kind = Kind(r.String())
			case "at":
				if !r.Null() {
					found.At = r.Time()
				}
			case "by":
				found.By = r.String()
			case "groups":
				for ok := r.BeginArray(); ok && r.More(); {
					found.Groups = append(found.Groups, r.String())
				}
			case "to":
				found.To, _ = ParsePosition(r.String())
			default:
				r.Skip()
			}
		}
	}
	r.End()
	switch {
	case r.Err() != nil:
		return Resolution{Kind: Later, Note: "not a resolution: " + r.Err().Error()}
	case version != resolutionVersion:
		return Resolution{Kind: Later, Note: fmt.Sprintf("a resolution of version %d, this program reads %d: it counts as resolved", version, resolutionVersion)}
	case len(r.Faults()) > 0:
		return Resolution{Kind: Later, Note: fmt.Sprintf("not a resolution: %s: %s", r.Faults()[0].Path, r.Faults()[0].Message)}
	case found.Kind != Replayed && found.Kind != Repaired && found.Kind != Purged:
		return Resolution{Kind: Later, Note: fmt.Sprintf("a resolution %q that this program does not know: it counts as resolved", found.Kind)}
	}
	return found
}

// ReadResolution reads a record of the topic of resolutions: which letter it is about, the id of its dead-letter topic, a UUID, and what became
// of the letter; nil where that was taken back. It says false of a record whose key is not of this version.
func ReadResolution(record *kafka.Record) (letter Position, topicID string, resolution *Resolution, ok bool) {
	n, ok := readNote(record)
	if !ok {
		return Position{}, "", nil, false
	}
	if !n.back {
		resolution = new(parseResolution(n.value))
	}
	return Position{n.log.topic, n.log.partition, n.offset}, n.log.id, resolution, true
}

// log is a partition of one dead-letter topic: a topic that was made anew is another one.
type log struct {
	topic, id string
	partition int32
}

// resolutionKey is the key of a letter's resolution.
func resolutionKey(l log, offset int64) []byte {
	return fmt.Appendf(nil, "%s/%s/%d/%d", l.topic, l.id, l.partition, offset)
}

// parseResolutionKey says false for what is no key of this version.
func parseResolutionKey(key []byte) (l log, offset int64, ok bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) != 4 {
		return log{}, 0, false
	}
	partition, errPartition := strconv.ParseInt(parts[2], 10, 32)
	offset, errOffset := strconv.ParseInt(parts[3], 10, 64)
	return log{parts[0], parts[1], int32(partition)}, offset, errPartition == nil && errOffset == nil
}
