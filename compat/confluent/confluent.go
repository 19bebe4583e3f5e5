// Package confluent says what a Confluent Schema Registry says of the next version of a schema: whether it accepts it,
// and if not, for which differences, under the names that the registry gives them.
//
// [Compare] looks at a set file by file, as a registry does, and knows what each of the registry's two comparisons looks
// at: of protobuf the names of messages and the numbers and families of fields, of JSON Schema the keywords, one by one.
// It proves nothing about events: a registry refuses some changes that break nobody and accepts some that do. What these
// are is found by package compat, whose profile confluent calls this one.
package confluent

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
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

// Compare returns every refusal between two sets, file by file: files of the same path, or the only ones of both sets.
// A file without a counterpart is another subject, and refused by nobody. The error says that a JSON Schema is none.
func Compare(old, new *schema.Set) ([]Refusal, error) {
	sides := [2]*side{{set: old}, {set: new}}
	var out []Refusal
	for _, pair := range pairFiles(old, new) {
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
	set    *schema.Set
	parsed map[string]*jsontree.Value // by path
}

func (s *side) parse() error {
	if s.parsed != nil {
		return nil
	}
	parsed := map[string]*jsontree.Value{}
	for _, p := range s.set.Packages {
		for _, f := range p.Files {
			if f.Language() != schema.JSONSchema || f.Source == nil {
				continue
			}
			v, err := jsontree.Parse(f.Source)
			if err != nil {
				return fmt.Errorf("%s:%w", f.Path, err)
			}
			parsed[f.Path] = v
		}
	}
	s.parsed = parsed
	return nil
}

// pairFiles pairs files by path, in the order of the new set; where both sets have one file, these.
func pairFiles(old, new *schema.Set) [][2]*schema.File {
	olds, news := files(old), files(new)
	if len(olds) == 1 && len(news) == 1 {
		return [][2]*schema.File{{olds[0], news[0]}}
	}
	byPath := map[string]*schema.File{}
	for _, f := range olds {
		byPath[f.Path] = f
	}
	var out [][2]*schema.File
	for _, f := range news {
		if was := byPath[f.Path]; was != nil {
			out = append(out, [2]*schema.File{was, f})
		}
	}
	return out
}

func files(s *schema.Set) []*schema.File {
	var out []*schema.File
	for _, p := range s.Packages {
		out = append(out, p.Files...)
	}
	return out
}
