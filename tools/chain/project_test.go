package chain

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

const (
	root       = "../.."
	modulePath = "github.com/omninode/trestle"
	perFolder  = 20 // schemas of one package
)

// subject is a schema that events are judged by.
type subject struct {
	name     string // its event type
	language schema.Language
	path     string
	text     []byte
	event    *schema.Event
}

// project is some schemas with all that is made of them: a set, a program of their generated Go, a Python package.
type project struct {
	dir      string     // holds the generated code
	rand     *rand.Rand // that all of it is drawn from
	subjects []*subject
	made
	// refused counts the schemas that the loader or a generator did not take, by the reason; broken are those of which the
	// generated code does not compile, which it always should.
	refused map[string]int
	broken  []string
}

// made is what is made of schemas.
type made struct {
	set     *schema.Set
	goFiles []output.File
	pyFiles []output.File
}

// drawProject draws schemas until so many are taken.
func drawProject(t *testing.T, r *rand.Rand, cache *buildCache, first, count int) *project {
	t.Helper()
	dir, err := os.MkdirTemp(mustDir(t, filepath.Join(root, ".cache")), "chain-")
	if err != nil {
		t.Fatal(err)
	}
	p := &project{dir: dir, rand: r, refused: map[string]int{}}
	t.Cleanup(func() { remove(dir) }) // where the test ends early; p is not to be kept until then
	for n := first; n < first+count; n++ {
		p.subjects = append(p.subjects, p.draw(r, n))
	}
	p.load(t)
	p.build(t, cache)
	return p
}

// remove removes a project's generated code, unless it is to be looked at.
func remove(dir string) {
	if os.Getenv("CHAIN_KEEP") == "" {
		_ = os.RemoveAll(dir)
	}
}

func mustDir(t *testing.T, dir string) string {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (p *project) draw(r *rand.Rand, n int) *subject {
	d := &drawer{Rand: r, number: n, name: fmt.Sprintf("S%d", n)}
	if n%2 == 0 {
		return &subject{
			name: d.name, language: schema.JSONSchema,
			path: fmt.Sprintf("chain/j%d/s%d.json", n/perFolder, n), text: d.fillDefaults(write(d.jsonSchema())),
		}
	}
	folder := fmt.Sprintf("p%d", n/perFolder)
	return &subject{
		name: d.name, language: schema.Protobuf,
		path: fmt.Sprintf("chain/%s/s%d.proto", folder, n), text: []byte(d.protoFile("chain." + folder)),
	}
}

const family = `{"$schema":"https://json-schema.org/draft/2020-12/schema","x-trestle":{"family":{"envelope":"none",
"topic_settings":{"partitions":1,"retention_ms":1000,"cleanup_policy":"delete","compression_type":"gzip"}}}}`

const protoFamily = `syntax = "proto3";
package chain.%s;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {
  envelope: ENVELOPE_NONE
  topic_settings: { partitions: 1 retention_ms: 1000 cleanup_policy: "delete" compression_type: "gzip" }
};
`

// drop leaves out a schema.
func (p *project) drop(s *subject, reason string) {
	p.subjects = slices.DeleteFunc(p.subjects, func(other *subject) bool { return other == s })
	p.refused[general(reason)]++
	if os.Getenv("CHAIN_REFUSED") != "" {
		fmt.Printf("REFUSED %s: %s\n%s\n", s.path, reason, s.text)
	}
}

var special = regexp.MustCompile(`"[^"]*"|'[^']*'|\{.*\}|\[.*\]|\b[0-9][0-9.e+-]*\b|\bS[0-9]+\w*|\bf[0-9]+\b`)

// general is a reason without what is special in it.
func general(reason string) string { return special.ReplaceAllString(reason, "…") }

// load reads all schemas, and generates from them, without those that are refused: each is asked for alone before.
func (p *project) load(t *testing.T) {
	t.Helper()
	shared := &load.Shared{}
	for _, s := range slices.Clone(p.subjects) {
		if _, err := p.generate(t, shared, []*subject{s}); err != nil {
			p.drop(s, refusal(t, s, err))
		}
	}
	if len(p.subjects) == 0 {
		t.Fatalf("every schema is refused: %v", p.refused)
	}
	all, err := p.generate(t, shared, p.subjects)
	if err != nil {
		t.Fatal(err)
	}
	p.made = all
	for _, s := range p.subjects {
		s.event = p.set.Event(s.name)
	}
}

// generate makes code of schemas.
func (p *project) generate(t *testing.T, shared *load.Shared, subjects []*subject) (m made, err error) {
	t.Helper()
	texts := map[string][]byte{}
	for _, s := range subjects {
		texts[s.path] = s.text
		if folder := path.Dir(s.path); s.language == schema.JSONSchema {
			texts[folder+"/family.json"] = []byte(family)
		} else {
			texts[folder+"/family.proto"] = fmt.Appendf(nil, protoFamily, path.Base(folder))
		}
	}
	if m.set, err = load.Schemas(t.Context(), load.Files(texts), load.WithGoPrefix(p.importPath()), load.WithShared(shared)); err != nil {
		return m, err
	}
	if m.goFiles, err = golang.Generate(m.set); err != nil {
		return m, err
	}
	m.pyFiles, err = python.Generate(m.set)
	return m, err
}

// refusal is why a schema is not taken. It has to name the schema.
func refusal(t *testing.T, s *subject, err error) string {
	t.Helper()
	if faults, ok := errors.AsType[schema.Errors](err); ok && faults[0].Pos.File == s.path {
		return faults[0].Message
	}
	_, reason, found := strings.Cut(err.Error(), s.path)
	if !found {
		t.Errorf("what is refused is not named: %v\n%s", err, s.text)
	}
	return "generate: " + strings.TrimLeft(reason, ":0123456789 ")
}

func (p *project) importPath() string {
	return modulePath + "/.cache/" + filepath.Base(p.dir) + "/gen"
}

const judgeProgram = `package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/omninode/trestle/tools/chain/judge"
%s)

func main() {
	if err := judge.Serve(slices.Concat(%s), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`

// build compiles the generated Go into one program. What does not compile is left out and noted as broken.
func (p *project) build(t *testing.T, cache *buildCache) {
	t.Helper()
	defer cache.trim(t)
	for {
		if err := os.RemoveAll(filepath.Join(p.dir, "gen")); err != nil {
			t.Fatal(err)
		}
		var imports, events strings.Builder
		folders := map[string]bool{}
		for _, s := range p.subjects {
			folders[path.Dir(s.path)] = true
		}
		for _, folder := range slices.Sorted(maps.Keys(folders)) {
			name := path.Base(folder)
			fmt.Fprintf(&imports, "\t%s %q\n", name, p.importPath()+"/"+folder)
			fmt.Fprintf(&events, "%s.Events(), ", name)
		}
		p.write(t, "judge/main.go", fmt.Appendf(nil, judgeProgram, imports.String(), strings.TrimSuffix(events.String(), ", ")))
		for _, f := range p.goFiles {
			p.write(t, "gen/"+f.Path, f.Content)
		}
		cmd := exec.Command("go", "build", "-gcflags="+p.importPath()+"/...=-e -N -l", "-ldflags=-s -w",
			"-o", filepath.Join(p.dir, "judge.exe"), "./"+filepath.ToSlash(mustRelative(t, p.dir))+"/judge")
		cmd.Env = cache.env()
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if !p.dropBroken(string(out)) {
			t.Fatalf("build: %v\n%s", err, out)
		}
		p.load(t)
	}
	for _, f := range p.pyFiles {
		p.write(t, f.Path, f.Content)
	}
}

func mustRelative(t *testing.T, dir string) string {
	t.Helper()
	here, err := os.Getwd()
	if err == nil {
		dir, err = filepath.Rel(here, dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var compileError = regexp.MustCompile(`(?m)^.*(chain/[jp][0-9]+/s[0-9]+)\.(?:trestle|pb)\.go:[0-9:]+ (.*)$`)

// dropBroken leaves out the schemas whose code does not compile.
func (p *project) dropBroken(out string) bool {
	found := false
	for _, m := range compileError.FindAllStringSubmatch(out, -1) {
		for _, ext := range []string{".json", ".proto"} {
			i := slices.IndexFunc(p.subjects, func(s *subject) bool { return s.path == m[1]+ext })
			if i < 0 {
				continue
			}
			p.broken = append(p.broken, fmt.Sprintf("generated Go does not compile: %s\n%s", m[2], p.subjects[i].text))
			p.subjects = slices.Delete(p.subjects, i, i+1)
			found = true
		}
	}
	return found
}

func (p *project) write(t *testing.T, name string, content []byte) {
	t.Helper()
	file := filepath.Join(p.dir, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, bytes.TrimLeft(content, "\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
