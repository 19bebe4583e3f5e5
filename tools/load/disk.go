package load

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Dir is a folder with all that is below it.
//
// Import paths and positions count from the folder; when its protobuf files say, by their packages, that the folder is
// part of a bigger tree (`schemas/orders/v1` holding package orders.v1), they count from that tree's root, and what
// other parts of it declare may be referred to. Where there are JSON Schemas alone, that root is the lowest folder that
// holds all files which they refer to by relative paths.
func Dir(name string) Source { return diskSource{name: name} }

// FileAt is one .proto or .json file, with what it imports or refers to. Its root is found as for [Dir].
func FileAt(name string) Source { return diskSource{name: name} }

// In is a folder or file below root, whose import paths and positions count from root. Where name is not below root,
// it is the same as [Dir] or [FileAt].
func In(root, name string) Source { return diskSource{name: name, root: root} }

type diskSource struct{ name, root string }

func (s diskSource) open(context.Context) (*tree, error) {
	info, err := os.Stat(s.name)
	if err != nil {
		return nil, noSuchFile(s.name, err)
	}
	if !info.IsDir() && !isSchemaFile(filepath.ToSlash(s.name)) {
		return nil, fmt.Errorf("%s: not a .proto or .json file", s.name)
	}
	abs, err := filepath.Abs(s.name)
	if err != nil {
		return nil, err
	}
	root, rel, err := s.split(abs, info.IsDir())
	if err != nil {
		return nil, err
	}
	st := fsStore{os.DirFS(root)}
	t := &tree{root: displayRoot(s.name, abs, root), store: st}
	if !info.IsDir() {
		t.targets, t.partial, t.named, t.folder = []string{rel}, true, true, path.Dir(rel)
		t.beside = func() ([]string, error) { return s.beside(st, abs, rel) }
		return t, nil
	}
	if t.targets, err = st.list(rel); err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	if len(t.targets) == 0 {
		return nil, fmt.Errorf("%s: %w", s.name, ErrNoSchemas)
	}
	t.partial, t.folder = rel != ".", rel
	return t, nil
}

// beside lists the files that a file may refer to: all below the root that was given, else those of its folder.
func (s diskSource) beside(st fsStore, abs, rel string) ([]string, error) {
	if s.root != "" {
		return st.list(".")
	}
	entries, err := os.ReadDir(filepath.Dir(abs))
	var out []string
	for _, e := range entries {
		if !e.IsDir() && isSchemaFile(e.Name()) {
			out = append(out, path.Join(path.Dir(rel), e.Name()))
		}
	}
	return out, err
}

// split finds the root that a folder's or file's paths count from.
func (s diskSource) split(abs string, isDir bool) (root, rel string, err error) {
	if s.root != "" {
		absRoot, err := filepath.Abs(s.root)
		if err != nil {
			return "", "", err
		}
		if rel, err := filepath.Rel(absRoot, abs); err == nil && filepath.IsLocal(rel) {
			return absRoot, filepath.ToSlash(rel), nil
		}
	}
	dir := abs
	if !isDir {
		dir = filepath.Dir(abs)
	}
	up, err := aboveDisk(dir, abs, isDir)
	if err != nil {
		return "", "", err
	}
	root = dir
	for range up {
		root = filepath.Dir(root)
	}
	rel, err = filepath.Rel(root, abs)
	return root, filepath.ToSlash(rel), err
}

// aboveDisk says how many folders above dir the root is.
func aboveDisk(dir, abs string, isDir bool) (int, error) {
	d := folder{path: filepath.ToSlash(dir), names: []string{filepath.Base(abs)}}
	if isDir {
		var err error
		if d.names, err = (fsStore{os.DirFS(dir)}).list("."); err != nil {
			return 0, fmt.Errorf("list schemas: %w", err)
		}
	}
	d.read = func(name string) ([]byte, error) {
		at := filepath.Join(dir, filepath.FromSlash(name))
		return fsStore{os.DirFS(filepath.Dir(at))}.read(filepath.Base(at))
	}
	return d.above()
}

// displayRoot names the root in the user's words: as much of the name that was given as it covers.
func displayRoot(given, abs, root string) string {
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return filepath.ToSlash(root)
	}
	clean := filepath.Clean(given)
	if rel == "." {
		return filepath.ToSlash(clean)
	}
	if before, ok := strings.CutSuffix(clean, string(filepath.Separator)+rel); ok {
		return filepath.ToSlash(before)
	}
	if clean == rel {
		return "."
	}
	wd, err := os.Getwd()
	if err != nil {
		return filepath.ToSlash(root)
	}
	if rel, err = filepath.Rel(wd, root); err != nil {
		return filepath.ToSlash(root)
	}
	return filepath.ToSlash(rel)
}

func noSuchFile(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no such file or folder", name)
	}
	return err
}
