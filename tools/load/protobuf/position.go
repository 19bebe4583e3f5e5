package protobuf

import (
	"encoding/binary"
	"strings"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Numbers of fields in descriptor.proto, which make up the paths of source locations.
const (
	filePackage, fileMessage, fileEnum, fileOptions, fileSyntax       = 2, 4, 5, 8, 12
	messageField, messageNested, messageEnum                          = 2, 3, 4
	messageOptions, messageOneof, fieldOptions, fieldJSONName         = 7, 8, 8, 10
	oneofOptions, enumValue, enumOptions, enumValueOptions      int32 = 2, 2, 3, 3
)

// protoSources finds elements of one protobuf file in its text.
type protoSources struct {
	file      string
	locations map[string]protoLocation // by appendPathKey
}

type protoLocation struct {
	line, col int32
	exact     bool // not just the first location below it
	doc       string
}

// newProtoSources takes what is needed from a file's source info.
func newProtoSources(fd *descriptorpb.FileDescriptorProto) *protoSources {
	all := fd.GetSourceCodeInfo().GetLocation()
	s := &protoSources{file: fd.GetName(), locations: make(map[string]protoLocation, len(all))}
	var key []byte
	for _, loc := range all {
		if len(loc.GetSpan()) < 3 {
			continue
		}
		at := protoLocation{line: loc.GetSpan()[0] + 1, col: loc.GetSpan()[1] + 1, doc: cleanComment(loc.GetLeadingComments())}
		if at.doc == "" {
			at.doc = cleanComment(loc.GetTrailingComments())
		}
		s.put(&key, loc.GetPath(), at)
	}
	return s
}

// put adds the place of an element. The key is scratch space.
func (s *protoSources) put(key *[]byte, path []int32, at protoLocation) {
	at.exact = true
	*key = appendPathKey((*key)[:0], path)
	if old, ok := s.locations[string(*key)]; !ok || !old.exact {
		s.locations[string(*key)] = at
	}
	// An option that is set member by member has no location of its own: that of its first member stands for it.
	at.exact, at.doc = false, ""
	for n := len(path) - 1; n > 0; n-- {
		*key = appendPathKey((*key)[:0], path[:n])
		if _, ok := s.locations[string(*key)]; ok {
			break
		}
		s.locations[string(*key)] = at
	}
}

func appendPathKey(b []byte, path []int32) []byte {
	for _, n := range path {
		b = binary.AppendUvarint(b, uint64(uint32(n)))
	}
	return b
}

func (s *protoSources) find(path []int32) (protoLocation, bool) {
	if s == nil {
		return protoLocation{}, false
	}
	var buf [64]byte
	loc, ok := s.locations[string(appendPathKey(buf[:0], path))]
	return loc, ok
}

// pos returns the place of an element, or of the nearest one around it that has a place.
func (s *protoSources) pos(path []int32) schema.Position {
	if s == nil {
		return schema.Position{}
	}
	for n := len(path); n > 0; n-- {
		if loc, ok := s.find(path[:n]); ok {
			return schema.Position{File: s.file, Line: int(loc.line), Col: int(loc.col)}
		}
	}
	return schema.Position{File: s.file}
}

// doc returns an element's comment: the one above it, else the one behind it.
func (s *protoSources) doc(path []int32) string {
	loc, _ := s.find(path)
	return loc.doc
}

// has says whether an element is in the text.
func (s *protoSources) has(path []int32) bool {
	loc, ok := s.find(path)
	return ok && loc.exact
}

// locate returns a draft.Places of the members of an option, whose path is given with the type of its value.
func (s *protoSources) locate(path []int32, option protoreflect.MessageDescriptor) draft.Places {
	return func(member string, index int) schema.Position {
		full := append([]int32(nil), path...)
		if fd := option.Fields().ByName(protoreflect.Name(member)); fd != nil {
			full = append(full, int32(fd.Number()))
			if fd.IsList() && index >= 0 {
				full = append(full, int32(index))
			}
		}
		return s.pos(full)
	}
}

// below returns the path of an element of another; the parent's stays as it is.
func below(path []int32, more ...int32) []int32 {
	return append(path[:len(path):len(path)], more...)
}

// cleanComment removes the comment's margin and what it says to linters.
func cleanComment(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(strings.TrimPrefix(line, " "), " \t\r")
		if strings.HasPrefix(line, "buf:lint:") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
