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

// modelled are keywords that the model holds and generated code cannot check exactly.
var modelled = []string{"multipleOf", "uniqueItems"}

// InModel says that the model holds all of it, and that only code for it is missing.
func (r *Remainder) InModel() bool {
	return len(r.Keywords) > 0 && !slices.ContainsFunc(r.Keywords, func(k string) bool { return !slices.Contains(modelled, k) })
}

// tree is a JSON Schema file's text as a tree, parsed once: many remainders may stand in one file.
func (f *File) tree() *jsontree.Value {
	if known := f.parsed.Load(); known != nil {
		return known
	}
	root, err := jsontree.Parse(f.Source)
	if err != nil {
		return nil
	}
	f.parsed.Store(root)
	return root
}

// Texts are the keywords of the schema that the model does not hold, in source order; those of a remainder that is all
// of a schema without what describes it. The schema false is one keyword "not" with the value {}.
func (r *Remainder) Texts() []KeywordText {
	root := r.File.tree()
	if root == nil {
		return nil
	}
	v := root.Find(r.Pointer)
	if v.IsFalse() {
		return []KeywordText{{"not", "{}"}}
	}
	var out []KeywordText
	for _, m := range v.Members {
		if len(r.Keywords) > 0 && (!slices.Contains(r.Keywords, m.Name) || slices.Contains(modelled, m.Name)) || slices.Contains(keywordsOfAnnotation, m.Name) ||
			slices.Contains(keywordsOfRoot, m.Name) {
			continue
		}
		out = append(out, KeywordText{m.Name, m.Value.JSON()})
	}
	return out
}
