package spool

import (
	"io"
	"os"
	"runtime"
)

// disk is what a spool does with files, in its folder.
type disk interface {
	// Create makes a file that is not there yet, for appending.
	Create(name string) (file, error)
	// Append opens a file for appending.
	Append(name string) (file, error)
	ReadFile(name string) ([]byte, error)
	// ReadAt fills b from a place in a file.
	ReadAt(name string, b []byte, at int64) error
	ReadDir() ([]os.DirEntry, error)
	// Replace has a file hold these bytes, or leaves it as it was.
	Replace(name string, b []byte) error
	Remove(name string) error
	// Sync has the disk know which files there are.
	Sync() error
}

type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// folder is a folder of the operating system.
type folder struct{ *os.Root }

func (f folder) Create(name string) (file, error) {
	return f.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
}

func (f folder) Append(name string) (file, error) {
	return f.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o600)
}

func (f folder) ReadAt(name string, b []byte, at int64) error {
	from, err := f.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = from.ReadAt(b, at)
	return err
}

func (f folder) ReadDir() ([]os.DirEntry, error) { return os.ReadDir(f.Name()) }

func (f folder) Replace(name string, b []byte) error {
	next := name + ".new"
	if err := f.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return f.Rename(next, name)
}

func (f folder) Sync() error {
	if runtime.GOOS == "windows" { // keeps its folders itself, and has no such call
		return nil
	}
	dir, err := f.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
