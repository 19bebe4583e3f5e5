package schema

import (
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Unmodelled is the part of a JSON Schema that the model does not hold: conditions, combinations and the like, and what it
// holds and no code checks exactly. A value of the type must also be valid by it, as a JSON Schema library judges.
type Unmodelled struct {
	File    *File
	Pointer string // JSON pointer of the schema in the file, "" for its root
	// Keywords are those that are not in the model, in source order; empty when all of the schema is to be judged,
	// because one of them depends on the others.
	Keywords []string
	// Held are the keywords of the schema that are in the model, where all of it is to be judged none the less.
	Held []string
	// Parts are what it comes to, each at its own place, where the keywords refer to or combine schemas of which the model
	// holds most; nil where that is it.
	Parts []*Unmodelled
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

// unchecked are keywords that the model holds and generated code cannot check exactly.
var unchecked = []string{"multipleOf", "uniqueItems"}

// Has says whether a keyword is judged by the library: it is named, or all of the schema is, or it stands where the
// keywords lead to. Of nil it is false.
func (u *Unmodelled) Has(keyword string) bool {
	return u != nil && (len(u.Keywords) == 0 || slices.Contains(u.Keywords, keyword) ||
		slices.ContainsFunc(u.Parts, func(part *Unmodelled) bool { return part.Has(keyword) }))
}

// OnlyUnchecked says that the model holds all of it after all, and that only code that checks it exactly is missing.
func (u *Unmodelled) OnlyUnchecked() bool {
	return len(u.Keywords) > 0 && !slices.ContainsFunc(u.Keywords, func(k string) bool { return !slices.Contains(unchecked, k) })
}

// NewJSONFile is a JSON Schema file, of which the text was parsed.
func NewJSONFile(path string, source []byte, tree *jsontree.Value) *File {
	f := &File{Path: path, Source: source}
	f.parsed.Store(tree)
	return f
}

// Tree is a JSON Schema file's text as a tree, nil where it is none. It is parsed once, as much may be asked of one file, and
// is not to be changed: sets that were loaded together share it.
func (f *File) Tree() *jsontree.Value {
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

// Texts are the keywords of the schema that the model does not hold, in source order; those of a schema that is
// unmodelled as a whole without what describes it. The schema false is one keyword "not" with the value {}.
func (u *Unmodelled) Texts() []KeywordText {
	root := u.File.Tree()
	if root == nil {
		return nil
	}
	v := root.Find(u.Pointer)
	if v.IsFalse() {
		return []KeywordText{{"not", "{}"}}
	}
	var out []KeywordText
	for _, m := range v.Members {
		if len(u.Keywords) > 0 && (!slices.Contains(u.Keywords, m.Name) || slices.Contains(unchecked, m.Name)) || IsAnnotation(m.Name) ||
			m.Name == "$schema" || m.Name == "$id" {
			continue
		}
		out = append(out, KeywordText{m.Name, m.Value.JSON()})
	}
	return out
}
