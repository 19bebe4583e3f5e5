package ops

import (
	"os"
	"path/filepath"
)

// replaceFile writes a file as a whole: who reads it sees the old one or the new one. What is no file, such as a pipe, is written to.
func replaceFile(path string, content []byte) error { return replaceFileAs(path, content, 0o644) }

// replaceSecretFile is replaceFile for the eyes of its owner only.
func replaceSecretFile(path string, content []byte) error { return replaceFileAs(path, content, 0o600) }

func replaceFileAs(path string, content []byte, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, content, mode)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".trestle-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(content); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(mode); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
