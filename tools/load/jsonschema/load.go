// Package jsonschema turns JSON Schemas into the model: it is what package load knows of JSON Schema's syntax.
//
// It opens all files that are asked for or referred to, names every type in them, then fills the types. What the model
// cannot hold is compiled by a JSON Schema library, which finds what is wrong in it, and kept as [schema.Unmodelled].
package jsonschema

import (
	"errors"
	"path"
	"slices"
	"strings"
	"sync"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// draft202012 is the JSON Schema version that schemas are written in.
const draft202012 = "https://json-schema.org/draft/2020-12/schema"

// newestDraft is what some schemas to compare name for the newest version, whichever that is.
const newestDraft = "http://json-schema.org/schema#"

// olderDrafts are taken in schemas of a registry, and in those to compare: what they have in common with 2020-12 is what the
// model holds.
var olderDrafts = []string{
	"https://json-schema.org/draft/2019-09/schema",
	"http://json-schema.org/draft-07/schema", "https://json-schema.org/draft-07/schema",
	"http://json-schema.org/draft-06/schema", "https://json-schema.org/draft-06/schema",
	"http://json-schema.org/draft-04/schema", "https://json-schema.org/draft-04/schema",
}

// jsonFile is a JSON Schema file while it is turned into the model.
type jsonFile struct {
	path string
	id   string // $id, "" for none
	root *jsontree.Value
	file *schema.File
	pkg  *schema.Package
	// schemas are the values that stand where a schema can stand, with their JSON pointers.
	schemas map[*jsontree.Value]string
	// embedded are the schemas that have an $id of their own, and those inside them: only the library resolves their
	// references.
	embedded map[*jsontree.Value]bool
	// dynamic says that a schema in the file has a $dynamicAnchor.
	dynamic bool
	// session compiles what is left of the file to the library, which has refused it or not.
	session *jsoncompile.Session
	refused bool
	older   bool // than 2020-12
	// ignoresBesideRef says that the draft is one in which nothing counts that stands beside a reference.
	ignoresBesideRef bool
}

func (f *jsonFile) pos(at jsontree.Place) schema.Position { return jsonPos(f.path, at) }

// jsonLoader turns JSON Schemas into the model in three passes: open all files, name all types, fill them.
type jsonLoader struct {
	*draft.Draft
	options Options
	// unreadable are the files that are no JSON Schema, not even to keep by its source.
	unreadable map[string]bool
	byPath     map[string]*jsonFile
	byID       map[string]*jsonFile
	// Types of schemas, once they are known. A message is known, by its name, before its fields are.
	messages map[*jsontree.Value]*schema.Message
	enums    map[*jsontree.Value]*schema.Enum
	unions   map[*jsontree.Value]*schema.Union
	types    map[*jsontree.Value]*jsonType
	names    map[*schema.Package]map[string]schema.Position
	// placed are the schemas whose x-trestle.field has been read, or found to be out of place.
	placed map[*jsontree.Value]bool
	// declared are the messages in the order of their sources.
	declared []declaredMessage
	depth    int
	// library judges what the model does not hold; takesNull says by what of it null is valid, filesOf in
	// which file what stands.
	library *jsoncompile.Files
	// beside are the paths of files that are not loaded, by $id, once one was looked for.
	beside    map[string]string
	takesNull map[*schema.Unmodelled]bool
	filesOf   map[*schema.Unmodelled]*jsonFile
	// reaches are how far schemas reach into others.
	reaches map[*jsontree.Value]reach
	refused []refusal
}

type declaredMessage struct {
	file    *jsonFile
	schema  *jsontree.Value // where it is declared
	content *jsontree.Value // where its properties are: another schema for a file that is only a $ref
	from    *jsonFile       // the file of content
	message *schema.Message
}

// Options are what loading JSON Schema files depends on beside their text.
type Options struct {
	// Aliases maps a reference, as written, to the path of the file that is meant.
	Aliases map[string]string
	// Loose says that a schema needs no $schema, and that types may get other names where theirs collide.
	Loose bool
	// Undeclared says that a schema needs no $schema.
	Undeclared bool
	// Beside lists the files that may be referred to by their $id; nil for none but those that are loaded.
	Beside func() ([]string, error)
	// ToCompare says that the schemas are to be compared: older drafts are taken, too.
	ToCompare bool
	// SourceOnly are the files to keep by their source alone, without types, to which those are added that they refer to.
	SourceOnly map[string]bool
	// Shared is what other loads have parsed; nil for nothing.
	Shared *Shared
}

// Shared are the trees of texts that loads have in common, and what package load says of it. The zero value is ready to use.
type Shared struct {
	mu    sync.Mutex
	trees map[string]*jsontree.Value // by their text
}

// parse parses a text, unless another load has.
func (s *Shared) parse(text []byte) (*jsontree.Value, error) {
	if s == nil {
		return jsontree.Parse(text)
	}
	s.mu.Lock()
	known := s.trees[string(text)]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	root, err := jsontree.Parse(text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trees == nil {
		s.trees = map[string]*jsontree.Value{}
	}
	s.trees[string(text)] = root
	return root, nil
}

// Load adds the JSON Schema files among the targets, with those they refer to, to the draft. Unreadable are those among
// them that are no JSON Schema, not even to keep by its source.
func Load(d *draft.Draft, options Options) (unreadable map[string]bool, err error) {
	j := &jsonLoader{
		Draft: d, options: options, byPath: map[string]*jsonFile{}, byID: map[string]*jsonFile{},
		messages: map[*jsontree.Value]*schema.Message{}, enums: map[*jsontree.Value]*schema.Enum{}, unions: map[*jsontree.Value]*schema.Union{},
		types: map[*jsontree.Value]*jsonType{}, names: map[*schema.Package]map[string]schema.Position{},
		placed: map[*jsontree.Value]bool{},
	}
	var files []*jsonFile
	for _, name := range d.Targets {
		if strings.HasSuffix(name, ".proto") {
			continue
		}
		f, err := j.open(name)
		if err != nil {
			if err := j.ReadFault(schema.Position{File: name}, err); err != nil {
				return nil, err
			}
		}
		if f != nil {
			files = append(files, f)
		}
	}
	for i := 0; i < len(files); i++ {
		more, err := j.openReferences(files[i])
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	slices.SortFunc(files, func(a, b *jsonFile) int { return strings.Compare(a.path, b.path) })
	for _, f := range files {
		j.declareFile(f)
	}
	for _, f := range files {
		j.readFamily(f)
	}
	for _, d := range j.declared {
		j.fillMessage(d)
	}
	for _, f := range files {
		j.finishFile(f)
		j.refuseOutOfPlace(f)
	}
	j.tellRefused()
	j.nameFiles()
	return j.unreadable, nil
}

// open parses a file. It returns nil for one that was opened before, or has faults.
func (j *jsonLoader) open(name string) (*jsonFile, error) {
	if _, ok := j.byPath[name]; ok {
		return nil, nil
	}
	text, err := j.Text(name)
	if err != nil {
		return nil, err
	}
	j.byPath[name] = nil
	root, err := j.options.Shared.parse(text)
	if err != nil {
		fault, _ := errors.AsType[*jsontree.Error](err)
		j.Fault(jsonPos(name, fault.Place), "%s", fault.Message)
		j.markUnreadable(name)
		return nil, nil
	}
	if j.options.SourceOnly[name] {
		return nil, j.openSourceOnly(name, text, root)
	}
	f := &jsonFile{path: name, root: root, file: schema.NewJSONFile(name, text, root), schemas: map[*jsontree.Value]string{}}
	if !j.checkHead(f) {
		return nil, nil
	}
	j.byPath[name] = f
	if id := root.Get("$id"); id != nil {
		f.id = strings.TrimSuffix(id.Text, "#")
		if other := j.byID[f.id]; other != nil {
			j.Fault(f.pos(id.Place), "$id %q is that of %s too: give each file its own", f.id, other.path)
		}
		j.byID[f.id] = f
	}
	dir := path.Dir(name)
	f.pkg = j.AddPackage(jsonPackageName(dir), dir, schema.JSONSchema, true, f.pos(root.Place))
	f.pkg.Files = append(f.pkg.Files, f.file)
	if f.pkg.GoImport == "" {
		j.NameGoPackage(f.pkg, "")
	}
	j.collect(f, root, "", false)
	return f, nil
}

// jsonPackageName is the name of the package in a folder.
func jsonPackageName(dir string) string {
	if dir == "." {
		return ""
	}
	return strings.NewReplacer("/", ".", "-", "_").Replace(dir)
}

// checkHead says whether a file is a JSON Schema that can be read.
func (j *jsonLoader) checkHead(f *jsonFile) bool {
	undeclared := j.options.Loose || j.options.Undeclared
	switch {
	case f.root.Kind == jsontree.Object:
	case f.root.Kind == jsontree.Bool && (undeclared || j.options.ToCompare):
		return true // a schema of any draft, and it can't say which
	default:
		j.Fault(f.pos(f.root.Place), "not a JSON Schema: %s where an object should be; move other JSON files out of the folder", f.root.Kind)
		return false
	}
	declared := f.root.Get("$schema")
	switch {
	case declared == nil && undeclared:
	case declared == nil:
		j.Fault(f.pos(f.root.Place), "no $schema: is it a JSON Schema? Then add \"$schema\": %q, else move it out of the folder", draft202012)
		return false
	case declared.Kind == jsontree.String && strings.TrimSuffix(declared.Text, "#") == draft202012:
	case j.options.ToCompare && declared.Text == newestDraft:
	case (j.options.Loose || j.options.ToCompare) && slices.Contains(olderDrafts, strings.TrimSuffix(declared.Text, "#")):
		f.older, f.ignoresBesideRef = true, !strings.Contains(declared.Text, "2019-09")
	default:
		j.Fault(f.pos(declared.Place), "$schema is %s: schemas are written in JSON Schema 2020-12, %q", declared.JSON(), draft202012)
		return false
	}
	return true
}

// collect notes all values of a file that are schemas.
func (j *jsonLoader) collect(f *jsonFile, v *jsontree.Value, pointer string, embedded bool) {
	f.schemas[v] = pointer
	f.dynamic = f.dynamic || v.Get("$dynamicAnchor") != nil
	if embedded = embedded || v != f.root && v.Get("$id") != nil; embedded {
		if f.embedded == nil {
			f.embedded = map[*jsontree.Value]bool{}
		}
		f.embedded[v] = true
	}
	subschema.Each(v, func(s subschema.Subschema) { j.collect(f, s.Schema, pointer+s.Pointer(), embedded) })
}

// openReferences opens the files that a file refers to and that are not open yet.
func (j *jsonLoader) openReferences(f *jsonFile) ([]*jsonFile, error) {
	var out []*jsonFile
	for v := range f.schemas {
		ref := v.Get("$ref")
		if ref == nil || ref.Kind != jsontree.String {
			continue
		}
		for _, name := range j.referencePaths(f, ref.Text) {
			other, err := j.open(name)
			if other != nil {
				out = append(out, other)
			}
			if err != nil {
				// That the file is not there is told when the reference is resolved.
				if fault, ok := errors.AsType[*schema.Error](err); ok {
					j.Errs = append(j.Errs, fault)
				} else if !isNotExist(err) {
					return nil, err
				}
				continue
			}
			break
		}
	}
	return out, nil
}

// readFamily reads the family that a file declares.
func (j *jsonLoader) readFamily(f *jsonFile) {
	v := f.root.Get("x-trestle").Get("family")
	if v == nil {
		return
	}
	option := &trestlev1.Family{}
	at := j.decodeOption(f.path, v, option)
	j.Families = append(j.Families, draft.Family{Package: f.pkg, Option: option, At: at})
	if description := f.root.Get("description"); description != nil && f.pkg.Doc == "" {
		f.pkg.Doc = description.Text
	}
}

// finishFile reads what is left of a file: its root, and definitions that nothing refers to.
func (j *jsonLoader) finishFile(f *jsonFile) {
	if !isDefinitions(f.root) {
		if t := j.typeOf(f, f.root); t != nil {
			f.file.Root, f.file.NullableRoot = t.Type, t.nullable
		}
	} else {
		j.checkKeywords(f, f.root, keywordsOfDefinitions, "a file of definitions", removeIt)
	}
	j.finishSchema(f, f.root)
}

func (j *jsonLoader) finishSchema(f *jsonFile, v *jsontree.Value) {
	subschema.Each(v, func(s subschema.Subschema) {
		if s.Keyword == "$defs" || s.Keyword == "definitions" {
			j.typeOf(f, s.Schema)
		}
		j.finishSchema(f, s.Schema)
	})
}

// isDefinitions says whether a file only holds definitions.
func isDefinitions(root *jsontree.Value) bool {
	if root.Kind != jsontree.Object {
		return false
	}
	for _, m := range root.Members {
		if !slices.Contains(keywordsOfDefinitions, m.Name) {
			return false
		}
	}
	if words := root.Get("x-trestle"); words != nil {
		for _, m := range words.Members {
			if m.Name != "family" {
				return false
			}
		}
	}
	return root.Get("$defs") != nil || root.Get("definitions") != nil || root.Get("x-trestle") != nil
}
