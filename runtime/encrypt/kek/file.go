package kek

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
)

// File is a KEK whose keys stand in a file, a key a line: its name, a blank, and 32 bytes in base64. The last one wraps, all unwrap; lines that begin with #
// are comments. A secret is wrapped with AES-256-GCM, a random nonce in front. It may be used from many goroutines.
//
// Whoever can read the file can read what is encrypted, so that others than its owner and its group may not, and nobody but its owner may write it, or it is
// refused: its rights are 0600, or 0640 where it is mounted for a group. On Windows rights are not looked at.
type File struct{ path string }

// NewFile returns the KEK of a file, which is read whenever it is used, so that it may change at any time.
func NewFile(path string) *File { return &File{path} }

// maxFile bounds a file: one that is larger is another.
const maxFile = 1 << 20

func (f *File) read() (*keys, error) {
	text, _, err := read(f.path)
	if err != nil {
		return nil, err
	}
	return f.parse(text)
}

func (f *File) parse(text string) (*keys, error) {
	return parse(text, func(line int) string {
		if line == 0 {
			return f.path
		}
		return fmt.Sprintf("%s:%d", f.path, line)
	})
}

// read returns a file's text and its rights.
func read(path string) (text string, mode fs.FileMode, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("read a KEK's keys: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return "", 0, fmt.Errorf("read a KEK's keys: %w", err)
	}
	if bad := info.Mode().Perm() & 0o027; bad != 0 && runtime.GOOS != "windows" {
		return "", 0, fmt.Errorf("%s: its rights are %#o, by which others than its owner can read or change keys: chmod 600", path, info.Mode().Perm())
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", 0, fmt.Errorf("read a KEK's keys: %w", err)
	}
	if len(raw) > maxFile {
		return "", 0, fmt.Errorf("%s: it is larger than 1 MiB: is it another file?", path)
	}
	return string(raw), info.Mode().Perm(), nil
}

// String names the file.
func (f *File) String() string { return "file " + f.path }

// Name implements [encrypt.KEK].
func (f *File) Name() string { return nameOf(f.read()) }

// Wrap implements [encrypt.KEK].
func (f *File) Wrap(_ context.Context, secret, context []byte) (name string, wrapped []byte, err error) {
	k, err := f.read()
	if err != nil {
		return "", nil, err
	}
	name, wrapped = k.wrap(secret, context)
	return name, wrapped, nil
}

// Unwrap implements [encrypt.KEK].
func (f *File) Unwrap(_ context.Context, name string, wrapped, context []byte) ([]byte, error) {
	k, err := f.read()
	if err != nil {
		return nil, err
	}
	secret, err := k.unwrap(name, wrapped, context)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", f, err)
	}
	return secret, nil
}

// Create makes a file with one new key, which only its owner may read. It fails where there is a file, of whatever kind.
func Create(path, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	temporary, err := write(path, newLine(name), 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }()
	if err := os.Link(temporary, path); err != nil { // unlike renaming it fails where there is something
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: there is such a file, and a key that was used before must not be lost: add a key to it, or take another name", path)
		}
		return fmt.Errorf("make %s: %w", path, err)
	}
	return syncFolder(path)
}

// Add adds a new key to a file, with which data keys are wrapped from then on. The others stay: they unwrap what they wrapped.
func Add(path, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("add a key: %w", err)
	}
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	defer func() { _ = lock.Unlock() }()
	text, mode, err := read(path)
	if err != nil {
		return err
	}
	k, err := NewFile(path).parse(text)
	if err != nil {
		return err
	}
	if k.by[name] != nil {
		return fmt.Errorf("%s: there is a key %s: give the new one another name", path, name)
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	temporary, err := write(path, text+newLine(name), mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncFolder(path)
}

// write writes a new file beside a path, durably.
func write(path, text string, mode fs.FileMode) (temporary string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".kek-*") // with the rights 0600
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if err == nil && mode != 0o600 {
		err = file.Chmod(mode)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(file.Name())
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return file.Name(), nil
}

// syncFolder makes a name durable.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // keeps its folders itself, and has no such call
		return nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
