// Package jsoncompile compiles JSON Schemas with a library, one way for all that need one: validators of keywords that no
// static code is generated for, tools that work from schemas alone, and the loader. Formats are asserted, by the same
// checks as in generated code.
package jsoncompile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/format"
)

// base is where files are for their references to one another.
const base = "trestle:///"

// Files are the texts of JSON Schemas by path. They refer to one another by relative path, or by $id. It is for
// concurrent use.
type Files struct {
	texts map[string][]byte
	mu    sync.Mutex
	docs  map[string]any
}

// New returns the files of these texts, which must not change.
func New(texts map[string][]byte) *Files { return &Files{texts: texts, docs: map[string]any{}} }

// Compile returns the schema at a JSON pointer in a file, "" for the file as a whole. With keywords, only those of the
// schema there count, and the rest of it is taken to hold.
func (f *Files) Compile(path, pointer string, keywords ...string) (*jsonschema.Schema, error) {
	compiled, _, err := f.CompileFrom(path, pointer, keywords...)
	return compiled, err
}

// CompileFrom is [Files.Compile] that also returns the paths of the files that it took, sorted.
func (f *Files) CompileFrom(path, pointer string, keywords ...string) (compiled *jsonschema.Schema, from []string, err error) {
	l := &loader{files: f, taken: map[string]bool{}}
	at := base + path
	if len(keywords) > 0 {
		doc, err := f.document(path)
		if err != nil {
			return nil, nil, err
		}
		part, err := only(doc, pointer, keywords)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		l.path, l.document, pointer = path, part, "/$defs/"+partName
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(l)
	c.AssertFormat()
	for name, check := range checks {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: stringFormat(check)})
	}
	if pointer != "" {
		at += "#" + (&url.URL{Path: pointer}).EscapedPath()
	}
	compiled, err = c.Compile(at)
	return compiled, slices.Sorted(maps.Keys(l.taken)), err
}

// document parses a file once.
func (f *Files) document(path string) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if doc, ok := f.docs[path]; ok {
		return doc, nil
	}
	text, ok := f.texts[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		f.docs[path] = doc
	}
	return doc, err
}

// loader finds files for the library.
type loader struct {
	files *Files
	// document stands for the file at path.
	path     string
	document any
	taken    map[string]bool
}

// Load finds the file of a URL: by its path, by its $id, or, for references relative to an $id, by what the URL ends in.
func (l *loader) Load(at string) (any, error) {
	found := ""
	for path := range l.files.texts {
		doc, err := l.get(path)
		if err != nil {
			return nil, err
		}
		if at == base+path || identified(doc, at) {
			found = path
			break
		}
		if strings.HasSuffix(at, "/"+path) && len(path) > len(found) {
			found = path
		}
	}
	if found == "" {
		return nil, fmt.Errorf("%s: %w", at, fs.ErrNotExist)
	}
	l.taken[found] = true
	return l.get(found)
}

func (l *loader) get(path string) (any, error) {
	if path == l.path {
		return l.document, nil
	}
	return l.files.document(path)
}

func identified(doc any, id string) bool {
	object, _ := doc.(map[string]any)
	own, _ := object["$id"].(string)
	return own != "" && strings.TrimSuffix(own, "#") == id
}

// checks are the formats of strings that generated code checks.
var checks = map[string]func(string) bool{
	"date": format.Date, "time": format.TimeOfDay, "duration": format.Period, "email": format.Mailbox,
	"hostname": format.Hostname, "ipv4": format.IPv4, "ipv6": format.IPv6Bare, "uri": format.URI,
	"uri-reference": format.URIRef, "uuid": format.UUID, "json-pointer": format.JSONPointer, "regex": format.Regexp,
}

func stringFormat(check func(string) bool) func(any) error {
	return func(v any) error {
		if s, ok := v.(string); ok && !check(s) {
			return errors.New("not of the format")
		}
		return nil
	}
}
