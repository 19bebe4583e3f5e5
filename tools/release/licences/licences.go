// Package licences says which modules are linked into a program, and which licences these are under.
package licences

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Module is one that is linked.
type Module struct {
	Path    string // Go for the standard library
	Version string // empty for the standard library, whose version is that of the Go that builds
	Texts   []Text // in the order of their names
}

// Text is a file that tells of a licence.
type Text struct {
	Name    string // below the module, with slashes
	Content []byte
}

// Standard is the path of the standard library, which is linked always.
const Standard = "Go"

// Packages are some of one module, with all that they import on a platform.
type Packages struct {
	goroot string
	known  map[string]*listed // by import path
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Deps            []string
	Module          *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// Load finds the packages that patterns such as ./cmd/... match in the module at root, and what these import on a platform such as linux/amd64.
func Load(root, platform string, patterns ...string) (*Packages, error) {
	system, processor, ok := strings.Cut(platform, "/")
	if !ok {
		return nil, fmt.Errorf("platform %q: want SYSTEM/PROCESSOR", platform)
	}
	environment := []string{"GOOS=" + system, "GOARCH=" + processor, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly"}
	goroot, err := run(root, environment, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	listing, err := run(root, environment, append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,Deps,Module"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	out := &Packages{goroot: strings.TrimSpace(string(goroot)), known: map[string]*listed{}}
	for decoder := json.NewDecoder(bytes.NewReader(listing)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("what go list says of %s: %w", root, err)
		}
		out.known[p.ImportPath] = &p
	}
}

// Own lists the packages of the module that was loaded, in order.
func (p *Packages) Own() []string {
	var out []string
	for name, one := range p.known {
		if one.Module != nil && one.Module.Main {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Imports says whether a package imports another one, be it by way of others.
func (p *Packages) Imports(name, other string) bool {
	one := p.known[name]
	return one != nil && slices.Contains(one.Deps, other)
}

// Linked lists the modules of packages and of all that these import, in the order of their paths, the standard library first. The module that was loaded is not among
// them. A module's texts are those of its own folder, and those beside its linked packages.
func (p *Packages) Linked(packages ...string) ([]Module, error) {
	modules := map[string]*Module{Standard: {Path: Standard}}
	dirs := map[string]string{Standard: p.goroot}
	folders := map[string]map[string]bool{Standard: {".": true}}
	for _, name := range packages {
		own, ok := p.known[name]
		if !ok {
			return nil, fmt.Errorf("package %s: it was not loaded", name)
		}
		for _, dep := range append([]string{name}, own.Deps...) {
			one, ok := p.known[dep]
			if !ok || one.Standard || one.Module == nil || one.Module.Main {
				continue // such as unsafe
			}
			m := one.Module
			if modules[m.Path] == nil {
				modules[m.Path], dirs[m.Path], folders[m.Path] = &Module{Path: m.Path, Version: m.Version}, m.Dir, map[string]bool{".": true}
			}
			below, err := filepath.Rel(m.Dir, one.Dir)
			if err != nil {
				return nil, err
			}
			for at := filepath.ToSlash(below); at != "."; at = path.Dir(at) {
				folders[m.Path][at] = true
			}
		}
	}
	var out []Module
	for name, m := range modules {
		for folder := range folders[name] {
			texts, err := textsIn(dirs[name], folder)
			if err != nil {
				return nil, fmt.Errorf("licence of %s: %w", name, err)
			}
			m.Texts = append(m.Texts, texts...)
		}
		slices.SortFunc(m.Texts, func(a, b Text) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, *m)
	}
	slices.SortFunc(out, Compare)
	return out, nil
}

// Compare orders modules by path, the standard library first.
func Compare(a, b Module) int {
	switch {
	case a.Path == b.Path:
		return strings.Compare(a.Version, b.Version)
	case a.Path == Standard:
		return -1
	case b.Path == Standard:
		return 1
	}
	return strings.Compare(a.Path, b.Path)
}

// told matches the names of files whose text a program has to be handed on with.
var told = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents)([-_.][a-z0-9_.-]*)?$`)

func textsIn(dir, folder string) ([]Text, error) {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(folder)))
	if err != nil {
		return nil, err
	}
	var out []Text
	for _, entry := range entries {
		if entry.IsDir() || !told.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
			continue
		}
		name := path.Join(folder, entry.Name())
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		out = append(out, Text{Name: name, Content: content})
	}
	return out, nil
}

func run(dir string, environment []string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// Write writes the texts of modules, each text once, with what is under it.
func Write(w io.Writer, modules []Module) error {
	type shared struct {
		content string
		of      []string
	}
	var texts []*shared
	byContent := map[string]*shared{}
	var page strings.Builder
	page.WriteString("Licences of what is linked into this program. Each text follows once, under the names of the modules that it is of.\n\n")
	for _, m := range modules {
		expression, err := m.Licence()
		if err != nil {
			return err
		}
		name := strings.TrimSpace(m.Path + " " + m.Version)
		fmt.Fprintf(&page, "%s: %s\n", name, expression)
		for _, text := range m.Texts {
			content := strings.TrimSpace(strings.ReplaceAll(string(text.Content), "\r\n", "\n"))
			if byContent[content] == nil {
				byContent[content] = &shared{content: content}
				texts = append(texts, byContent[content])
			}
			byContent[content].of = append(byContent[content].of, name+" ("+text.Name+")")
		}
	}
	for _, text := range texts {
		fmt.Fprintf(&page, "\n%[1]s\n%[2]s\n%[1]s\n\n%[3]s\n", strings.Repeat("=", 80), strings.Join(text.of, "\n"), text.content)
	}
	_, err := io.WriteString(w, page.String())
	return err
}
