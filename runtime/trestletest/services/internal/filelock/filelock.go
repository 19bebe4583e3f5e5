// Package filelock locks files between processes. A lock ends with the process
// that holds it, however that process ends.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld reports that somebody else holds the lock.
var ErrHeld = errors.New("lock is held")

// Lock is a held lock.
type Lock struct{ f *os.File }

// Acquire waits for the lock on path, and makes the file if there is none.
func Acquire(path string) (*Lock, error) {
	return open(path, os.O_RDWR|os.O_CREATE, true)
}

// Try takes the lock on path, and makes the file if there is none.
// It fails with ErrHeld if somebody else holds the lock.
func Try(path string) (*Lock, error) {
	return open(path, os.O_RDWR|os.O_CREATE, false)
}

// TryExisting is Try for a file that exists already.
func TryExisting(path string) (*Lock, error) {
	return open(path, os.O_RDWR, false)
}

// Release gives the lock back. The file stays: removing it would let two
// processes lock two different files of one name.
func (l *Lock) Release() error { return l.f.Close() }

// Current reports whether path still names the file that is locked.
func (l *Lock) Current(path string) bool {
	held, err := l.f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named)
}

func open(path string, flag int, wait bool) (*Lock, error) {
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lock(f, wait); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{f}, nil
}
