package gen

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
)

// Change is what [Write] would do to one file.
type Change struct {
	Path   string // relative to the output folder, slash-separated
	Action Action
}

// Action says what happens to a file.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Diff compares files with the folder dir and returns what [Write] would change, sorted by path: files that are
// missing or differ, and files that carry the generated marker but are generated no longer. A dir that does not exist
// is empty.
func Diff(dir string, files []File) ([]Change, error) {
	wanted := make(map[string]bool, len(files))
	var changes []Change
	for _, f := range files {
		wanted[f.Path] = true
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			changes = append(changes, Change{f.Path, Create})
		case err != nil:
			return nil, fmt.Errorf("read generated file: %w", err)
		case !bytes.Equal(have, f.Content):
			changes = append(changes, Change{f.Path, Update})
		}
	}
	leftover, err := leftovers(dir, wanted)
	if err != nil {
		return nil, err
	}
	for _, path := range leftover {
		changes = append(changes, Change{path, Delete})
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// Stale returns the paths of what [Write] would change, sorted; empty when dir is up to date. What cannot be read is
// reported as stale.
func Stale(dir string, files []File) []string {
	changes, err := Diff(dir, files)
	if err != nil {
		return []string{err.Error()}
	}
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
	}
	return paths
}

// Write brings dir to the state of files and returns what it changed. Files that are as they should be are not
// touched; the others are replaced by renaming, so that no reader sees half of one. Files that are generated no longer
// are deleted, with the folders that become empty. A file without the generated marker is never overwritten or deleted:
// one that stands where a generated file belongs is an error, reported before anything is written.
func Write(dir string, files []File) ([]Change, error) {
	changes, err := Diff(dir, files)
	if err != nil {
		return nil, err
	}
	contents := make(map[string][]byte, len(files))
	for _, f := range files {
		contents[f.Path] = f.Content
	}
	for _, c := range changes {
		if c.Action != Update {
			continue
		}
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(c.Path)))
		if err != nil {
			return nil, fmt.Errorf("read generated file: %w", err)
		}
		if !output.Generated(have) {
			return nil, fmt.Errorf("%s: not written by the generator, yet a generated file belongs there: move it away",
				filepath.Join(dir, filepath.FromSlash(c.Path)))
		}
	}
	for _, c := range changes {
		path := filepath.Join(dir, filepath.FromSlash(c.Path))
		if c.Action == Delete {
			err = remove(dir, path)
		} else {
			err = replace(path, contents[c.Path])
		}
		if err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// leftovers lists files below dir that carry the marker and are not wanted.
func leftovers(dir string, wanted map[string]bool) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if path == dir && errors.Is(err, fs.ErrNotExist) {
				return filepath.SkipAll
			}
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if !entry.Type().IsRegular() || wanted[rel] {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if output.Generated(content) {
			paths = append(paths, rel)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for files no longer generated: %w", err)
	}
	return paths, nil
}

func replace(path string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write generated file: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".gen-*")
	if err != nil {
		return fmt.Errorf("write generated file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = temp.Close()
			_ = os.Remove(temp.Name())
			err = fmt.Errorf("write generated file %s: %w", path, err)
		}
	}()
	if _, err := temp.Write(content); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// remove deletes the file and the folders below dir that it leaves empty.
func remove(dir, path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("delete file no longer generated: %w", err)
	}
	for parent := filepath.Dir(path); parent != filepath.Clean(dir) && parent != "."; parent = filepath.Dir(parent) {
		if os.Remove(parent) != nil {
			return nil // not empty
		}
	}
	return nil
}
