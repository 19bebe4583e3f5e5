// Package confluent says what a Confluent Schema Registry says of the next version of a schema: whether it accepts it,
// and if not, for which differences, under the names that the registry gives them.
//
// [Compare] looks at a set file by file, as a registry does, and knows what each of the registry's two comparisons looks
// at: of protobuf the names of messages and the numbers and families of fields, of JSON Schema the keywords, one by one.
// It proves nothing about events: a registry refuses some changes that break nobody and accepts some that do. What these
// are is found by package compat, whose profile confluent calls this one.
package confluent

import (
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Refusal is a difference between two versions of a file for which a registry refuses one after the other.
type Refusal struct {
	Old, New *schema.File
	// Forward says that a registry refuses it whose level asks for forward compatibility: the old schema would have to
	// read what the new one writes. Else its level asks for backward compatibility.
	Forward bool
	// Path is where the difference is: a JSON pointer into the schema, or the full name of what protobuf declares.
	Path string
	// Kind is the registry's name for the difference, such as FIELD_KIND_CHANGED.
	Kind string
}

// Compare returns every refusal between two versions of files, of one set each. A file without a counterpart is another
// subject, and refused by nobody. The error says that a JSON Schema is none.
func Compare(old, new *schema.Set, pairs [][2]*schema.File) ([]Refusal, error) {
	sides := [2]*side{{set: old}, {set: new}}
	var out []Refusal
	for _, pair := range pairs {
		if pair[0] == nil || pair[1] == nil {
			continue
		}
		for _, forward := range []bool{false, true} {
			first, second, a, b := sides[0], sides[1], pair[0], pair[1]
			if forward {
				first, second, a, b = second, first, b, a
			}
			diffs, err := differences(first, second, a, b)
			if err != nil {
				return nil, err
			}
			seen := map[difference]bool{}
			for _, d := range diffs {
				if !seen[d] {
					seen[d] = true
					out = append(out, Refusal{Old: pair[0], New: pair[1], Forward: forward, Path: d.path, Kind: d.kind})
				}
			}
		}
	}
	return out, nil
}

// difference is one thing between two schemas for which a registry refuses the second.
type difference struct{ path, kind string }

func differences(first, second *side, a, b *schema.File) ([]difference, error) {
	switch {
	case a.Language() != b.Language():
		return differs(b.Path, "TYPE_CHANGED"), nil
	case a.Language() == schema.Protobuf:
		return protobufDifferences(a.Proto, b.Proto), nil
	}
	for _, s := range []*side{first, second} {
		if err := s.parse(); err != nil {
			return nil, err
		}
	}
	return jsonDifferences(first, second, a, b)
}

// side is one of the sets, with its JSON Schemas parsed once for all files that refer to them.
type side struct {
	set  *schema.Set
	docs *values.Documents
}

func (s *side) parse() (err error) {
	if s.docs == nil {
		s.docs, err = values.DocumentsOf(s.set)
	}
	return err
}
