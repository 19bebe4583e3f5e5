// Package scaffold holds the files that a new project begins with: a request with its response and a fact in protobuf,
// an event in JSON Schema, and what builds and checks them.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed files
var files embed.FS

// Project is what a new project is called and built with.
type Project struct {
	// Name is the first element of its schema packages and begins its topics: lower-case letters, digits and
	// underscores, the first a letter.
	Name string
	// Module is the path of its Go module.
	Module string
	// Version of Trestle that it requires; empty leaves the choice to `go mod tidy`.
	Version string
	// Checkout is the path of a checkout of Trestle to build with in place of a release; empty: none.
	Checkout string
}

// GoName begins the names of its generated Go packages: the name without underscores.
func (p Project) GoName() string { return strings.ReplaceAll(p.Name, "_", "") }

var (
	validName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	validModule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*$`)
)

// Check reports a name or module path that cannot be used.
func (p Project) Check() error {
	if !validName.MatchString(p.Name) || strings.Contains(p.Name, "__") || strings.HasSuffix(p.Name, "_") {
		return fmt.Errorf("name %q: use lower-case letters, digits and single underscores, a letter first, such as shop", p.Name)
	}
	if !validModule.MatchString(p.Module) {
		return fmt.Errorf("module %q is no Go module path: use one such as example.org/shop", p.Module)
	}
	return nil
}

// NameOf makes a name of a folder's: "My-Shop" → "my_shop". It is empty when there is nothing to make one of.
func NameOf(folder string) string {
	words := strings.FieldsFunc(strings.ToLower(folder), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	name := strings.TrimLeft(strings.Join(words, "_"), "0123456789_")
	return strings.TrimRight(name[:min(len(name), 40)], "_")
}

// File is one file of a new project; its path is relative to the project's folder, with slashes.
type File struct {
	Path    string
	Content []byte
}

// Files returns the files of a new project, by path.
func (p Project) Files() ([]File, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var out []File
	err := fs.WalkDir(files, "files", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		t, err := template.New(path).Delims("[[", "]]").Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		out = append(out, File{p.path(path), b.Bytes()})
		return nil
	})
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, err
}

// path is where a template's file goes. Templates have an ending, so that no tool takes them for what they make; go.mod
// would keep its folder from being embedded.
func (p Project) path(template string) string {
	path := strings.TrimSuffix(strings.TrimPrefix(template, "files/"), ".tmpl")
	return strings.NewReplacer("NAME", p.Name, "dot-", ".").Replace(path)
}

// Write writes the files below a folder, which is made if need be. Where one of them is there already it writes
// nothing.
func Write(dir string, files []File) error {
	for _, f := range files {
		switch _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.Path))); {
		case err == nil:
			return fmt.Errorf("%s is there already: nothing was written", filepath.Join(dir, f.Path))
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := create(path, f.Content); err != nil {
			return err
		}
	}
	return nil
}

// create writes a file that must not exist.
func create(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
