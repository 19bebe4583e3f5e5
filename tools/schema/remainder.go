package schema

import (
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Remainder is the part of a JSON Schema that the model does not hold: conditions, combinations and the like. A value of
// the type must also be valid by it, as a JSON Schema library judges.
type Remainder struct {
	File    *File
	Pointer string // JSON pointer of the schema in the file, "" for its root
	// Keywords are those that are not in the model, in source order; empty when all of the schema is to be judged,
	// because one of them depends on the others.
	Keywords []string
	// Files are the file and those that it refers to.
	Files []*File
	Pos   Position
}

// KeywordText is a keyword of a schema with its value as JSON text.
type KeywordText struct{ Keyword, JSON string }

// annotations are the keywords of [IsAnnotation].
var annotations = []string{
	"$comment", "title", "description", "examples", "deprecated", "readOnly", "writeOnly", "default", "x-trestle",
	"$defs", "contentMediaType", "contentSchema",
}

// IsAnnotation says whether a keyword of JSON Schema says nothing of what is valid, and may be in any schema.
func IsAnnotation(keyword string) bool { return slices.Contains(annotations, keyword) }

// modelled are keywords that the model holds and generated code cannot check exactly.
var modelled = []string{"multipleOf", "uniqueItems"}

// InModel says that the model holds all of it, and that only code for it is missing.
func (r *Remainder) InModel() bool {
	return len(r.Keywords) > 0 && !slices.ContainsFunc(r.Keywords, func(k string) bool { return !slices.Contains(modelled, k) })
}

// Texts are the keywords of the schema that the model does not hold, in source order; those of a remainder that is all
// of a schema without what describes it. The schema false is one keyword "not" with the value {}.
func (r *Remainder) Texts() []KeywordText {
	root, err := jsontree.Parse(r.File.Source)
	if err != nil {
		return nil
	}
	v := root.Find(r.Pointer)
	if v.IsFalse() {
		return []KeywordText{{"not", "{}"}}
	}
	var out []KeywordText
	for _, m := range v.Members {
		if len(r.Keywords) > 0 && (!slices.Contains(r.Keywords, m.Name) || slices.Contains(modelled, m.Name)) || IsAnnotation(m.Name) ||
			m.Name == "$schema" || m.Name == "$id" {
			continue
		}
		out = append(out, KeywordText{m.Name, m.Value.JSON()})
	}
	return out
}
