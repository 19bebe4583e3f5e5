// Package jsoncompile compiles JSON Schemas with a library, one way for all that need one: validators of keywords that no
// static code is generated for, tools that work from schemas alone, and the loader. Formats are asserted, by the same
// checks as in generated code.
package jsoncompile

import (
	"bytes"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/genapi/ecma"
)

// base is where files are for their references to one another.
const base = "trestle:///"

// Files are the texts of JSON Schemas by path. They refer to one another by relative path, or by $id. It is for
// concurrent use.
type Files struct {
	texts map[string][]byte
	mu    sync.Mutex
	docs  map[string]any
	parts map[string][]part // by path
	// What Compile and Part return is compiled by the session of its file, where there is one, else by one for all; they are made anew
	// when there is another part.
	sessions map[string]*Session // by path
	all      *Session
}

// New returns the files of these texts, which must not change.
func New(texts map[string][]byte) *Files {
	return &Files{texts: texts, docs: map[string]any{}, parts: map[string][]part{}, sessions: map[string]*Session{}}
}

// HaveAll says whether there is a file of each path.
func (f *Files) HaveAll(paths iter.Seq[string]) bool {
	for path := range paths {
		if f.texts[path] == nil {
			return false
		}
	}
	return true
}

// Compile returns the schema at a JSON pointer in a file, "" for the file as a whole.
func (f *Files) Compile(path, pointer string) (*jsonschema.Schema, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.sessions[path]; s != nil {
		return s.Compile(path, pointer)
	}
	if f.all == nil {
		f.all = f.newSession()
	}
	return f.all.Compile(path, pointer)
}

// Part returns what compiles some keywords of the schema at a JSON pointer in a file: the rest of it is taken to hold.
// Without keywords it is the whole schema. All parts of a file are compiled from one copy of it.
func (f *Files) Part(path, pointer string, keywords ...string) func() (*jsonschema.Schema, error) {
	if len(keywords) > 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.parts[path] = append(f.parts[path], part{pointer, keywords})
		clear(f.sessions)
		f.all, pointer = nil, "/$defs/"+partName(len(f.parts[path])-1)
	}
	return func() (*jsonschema.Schema, error) { return f.Compile(path, pointer) }
}

// Session compiles schemas that have much in common, and knows which files that took. It is not for concurrent use, nor beside that of
// its files.
type Session struct {
	loader   *loader
	compiler *jsonschema.Compiler
}

// Session returns the session of a file, in which nothing but its schemas is compiled, and what they refer to.
func (f *Files) Session(path string) *Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sessions[path] == nil {
		f.sessions[path] = f.newSession()
	}
	return f.sessions[path]
}

func (f *Files) newSession() *Session {
	l := &loader{files: f, taken: map[string]bool{}}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(l)
	c.AssertFormat()
	c.UseRegexpEngine(compileRegexp)
	for name, check := range checks {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: stringFormat(check)})
	}
	return &Session{l, c}
}

// compileRegexp has the library run patterns as all others do here.
func compileRegexp(expr string) (jsonschema.Regexp, error) {
	re, err := ecma.Compile(expr)
	if err != nil {
		return nil, err // not a nil pointer in an interface
	}
	return re, nil
}

// Compile returns the schema at a JSON pointer in a file, "" for the file as a whole.
func (s *Session) Compile(path, pointer string) (*jsonschema.Schema, error) {
	at := base + path
	if pointer != "" {
		at += "#" + (&url.URL{Path: pointer}).EscapedPath()
	}
	return s.compiler.Compile(at)
}

// Taken are the paths of the files that what was compiled took, sorted.
func (s *Session) Taken() []string { return slices.Sorted(maps.Keys(s.loader.taken)) }

// parsed parses a file once.
func (f *Files) parsed(path string) (any, error) {
	if doc, ok := f.docs[path]; ok {
		return doc, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.texts[path]))
	if err == nil {
		f.docs[path] = doc
	}
	return doc, err
}

// document is a file with its parts.
func (f *Files) document(path string) (any, error) {
	doc, err := f.parsed(path)
	if err != nil {
		return nil, err
	}
	if doc, err = withParts(doc, f.parts[path]); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return doc, nil
}

// loader finds files for the library.
type loader struct {
	files *Files
	taken map[string]bool
}

// Load finds the schema of a URL: by a file's path, by its $id, by that of a schema in one, or, for references relative to an
// $id, by what the URL ends in.
func (l *loader) Load(at string) (any, error) {
	found, ok := l.files.named(at)
	for path := range l.files.texts {
		if ok {
			break
		}
		doc, err := l.files.parsed(path)
		if err != nil {
			return nil, err
		}
		if ownID(doc) == at {
			found = path
			break
		}
		if within := identified(doc, at); within != nil {
			l.taken[path] = true
			return within, nil
		}
		if strings.HasSuffix(at, "/"+path) && len(path) > len(found) {
			found = path
		}
	}
	if found == "" {
		return nil, fmt.Errorf("%s: %w", at, fs.ErrNotExist)
	}
	l.taken[found] = true
	return l.files.document(found)
}

// named returns the path of the file that a URL names itself: most references are relative to paths, and to look for an
// $id means to parse all files. The path may be a URL, too, where a registry's schema refers to another by one.
func (f *Files) named(at string) (path string, ok bool) {
	for _, path := range []string{strings.TrimPrefix(at, base), at} {
		if _, ok := f.texts[path]; ok {
			return path, true
		}
	}
	return "", false
}

// ownID is the $id of a schema, which draft-04 calls id; empty for none.
func ownID(schema any) string {
	object, _ := schema.(map[string]any)
	for _, keyword := range []string{"$id", "id"} {
		if id, _ := object[keyword].(string); id != "" {
			return strings.TrimSuffix(id, "#")
		}
	}
	return ""
}

// identified returns the schema with an $id that stands in a document, as a document of its own; nil where none does.
func identified(doc any, id string) any {
	var find func(v any) map[string]any
	find = func(v any) map[string]any {
		var inner []any
		switch x := v.(type) {
		case map[string]any:
			if ownID(x) == id {
				return x
			}
			for _, name := range slices.Sorted(maps.Keys(x)) {
				inner = append(inner, x[name])
			}
		case []any:
			inner = x
		}
		for _, e := range inner {
			if found := find(e); found != nil {
				return found
			}
		}
		return nil
	}
	found := find(doc)
	if found == nil {
		return nil
	}
	if root, ok := doc.(map[string]any); ok && found["$schema"] == nil && root["$schema"] != nil {
		found = maps.Clone(found)
		found["$schema"] = root["$schema"]
	}
	return found
}
