// Command generate writes Go types and validators of the schemas of the JSON-Schema-Test-Suite, for the executor beside
// it: each as it stands, and each that says nothing of types also narrowed to every type that its values have, as
// schemas of events are written. The folder it writes follows from the suite's version, so it is not kept in the
// repository.
//
//	generate -suite DIR -out DIR -prefix GO-IMPORT-PATH
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/jsonschema-conformance/suite"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

const dialect = "https://json-schema.org/draft/2020-12/schema"

func main() {
	dir := flag.String("suite", "", "folder of the suite, which holds tests and remotes")
	out := flag.String("out", "", "folder to write")
	prefix := flag.String("prefix", "", "Go import path of the folder to write")
	flag.Parse()
	if err := run(context.Background(), *dir, *out, *prefix); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, out, prefix string) error {
	groups, err := suite.Load(dir)
	if err != nil {
		return err
	}
	remotes, err := suite.Remotes(dir)
	if err != nil {
		return err
	}
	m := &maker{prefix: prefix, remotes: remotes}
	for _, g := range groups {
		if err := m.add(ctx, g, ""); err != nil {
			return err
		}
		for _, name := range suite.Types {
			if typed, ok := g.Typed(name); ok {
				if err := m.add(ctx, typed, name); err != nil {
					return err
				}
			}
		}
	}
	m.register()
	_, err = gen.Write(out, m.files)
	return err
}

// maker collects the code of all groups.
type maker struct {
	prefix  string
	remotes map[string][]byte
	files   []output.File
	imports bytes.Buffer
	entries bytes.Buffer
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// add generates the code of a group. One that the loader or generator refuses is registered with the reason.
func (m *maker) add(ctx context.Context, g suite.Group, typed string) error {
	name := fmt.Sprintf("%s%d%s", notName.ReplaceAllString(strings.ToLower(g.Keyword), ""), g.Index, typed)
	files, err := m.generate(ctx, g, name)
	if err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintf(&m.entries, "\t{%q, %d, %q, false, %q, nil},\n", g.Keyword, g.Index, typed, reason)
		return nil
	}
	left := false
	for _, f := range files {
		left = left || strings.HasSuffix(f.Path, "/schemas.trestle.go")
	}
	fmt.Fprintf(&m.imports, "\t%s %q\n", name, m.prefix+"/"+name)
	fmt.Fprintf(&m.entries, "\t{%q, %d, %q, %t, \"\", func() validator { return new(%s.Holder) }},\n", g.Keyword, g.Index, typed, left, name)
	m.files = append(m.files, files...)
	return nil
}

// generate makes the types of a group: its schema is that of a property of an object, in a file of its own.
func (m *maker) generate(ctx context.Context, g suite.Group, name string) ([]output.File, error) {
	texts := map[string][]byte{}
	property := json.RawMessage(`{"$ref":"case.json"}`)
	if text := bytes.TrimSpace(g.Schema); text[0] == '{' {
		texts[name+"/case.json"] = withMember(text, "$schema", dialect)
	} else {
		property = text
	}
	texts[name+"/holder.json"] = fmt.Appendf(nil,
		`{"$schema":%q,"title":"Holder","type":"object","properties":{"value":%s},"required":["value"]}`, dialect, property)
	if bytes.Contains(g.Schema, []byte("localhost:1234")) {
		for url, text := range m.remotes {
			path := name + "/remotes/" + strings.TrimPrefix(url, "http://localhost:1234/")
			texts[path] = withMember(withMember(text, "$id", url), "$schema", dialect)
		}
	}
	set, err := loadSet(ctx, texts, m.prefix)
	if err != nil {
		return nil, err
	}
	return golang.Generate(set)
}

// loadSet reads a group, without the remotes that it has no use for and that cannot be read.
func loadSet(ctx context.Context, texts map[string][]byte, prefix string) (*schema.Set, error) {
	for {
		set, err := load.Schemas(ctx, load.Files(texts), load.WithGoPrefix(prefix))
		faults, ok := errors.AsType[schema.Errors](err)
		if !ok {
			return set, err
		}
		before := len(texts)
		for _, f := range faults {
			if strings.Contains(f.Pos.File, "/remotes/") {
				delete(texts, f.Pos.File)
			}
		}
		if len(texts) == before {
			return nil, err
		}
	}
}

// withMember adds a member to an object that lacks it.
func withMember(text []byte, name, value string) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members[name] != nil {
		return text
	}
	member := fmt.Sprintf("{%q:%q", name, value)
	rest := bytes.TrimSpace(bytes.TrimSpace(text)[1:])
	if rest[0] != '}' {
		member += ","
	}
	return append([]byte(member), rest...)
}

// register writes the list of all groups.
func (m *maker) register() {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n\n// Package cases lists the schemas of the suite.\npackage cases\n\nimport (\n%s)\n\n", output.Marker, m.imports.String())
	fmt.Fprintf(&b, "// All are the groups of the suite, with their generated types.\nvar All = []Case{\n%s}\n", m.entries.String())
	b.WriteString(`
// Case is a group of the suite.
type Case struct {
	Keyword string
	Index   int
	Typed   string // the type it was narrowed to, "" for none
	Left    bool   // whether something is left to a library
	Refused string // why no code was generated
	New     func() validator
}

type validator interface {
	DecodeJSON(*jsonio.Reader)
	Validate() error
}
`)
	text := strings.Replace(b.String(), "import (\n", "import (\n\t\"github.com/omninode/trestle/runtime/jsonio\"\n", 1)
	m.files = append(m.files, output.File{Path: "cases.go", Content: []byte(text)})
}
