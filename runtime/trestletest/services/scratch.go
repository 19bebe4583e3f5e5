package services

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// scratch is a folder for the files of a service. Its lock tells other test
// binaries that the one that made it still runs.
type scratch struct {
	dir  string
	lock *flock.Flock // the file stays when it is given up: removing it would let two lock two files of one name
}

const (
	scratchPrefix = "trestle-services-"
	scratchLock   = ".lock"
)

var sweepOnce sync.Once

func newScratch() (*scratch, error) {
	sweepOnce.Do(sweep)
	for {
		dir, err := os.MkdirTemp("", scratchPrefix)
		if err != nil {
			return nil, err
		}
		// Others may enter, as PostgreSQL does not run as root.
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, err
		}
		lock := flock.New(filepath.Join(dir, scratchLock))
		if err := lock.Lock(); err != nil {
			if os.IsNotExist(err) {
				continue
			}
			return nil, fmt.Errorf("lock the folder of a service: %w", err)
		}
		if current(lock) {
			return &scratch{dir, lock}, nil
		}
		lock.Close() // swept away between our making and locking it
	}
}

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

// remove removes the folder. What it cannot remove, a later sweep may.
func (s *scratch) remove() {
	os.RemoveAll(s.dir)
	s.lock.Close()
}

// current says whether the locked file is still the one of its name.
func current(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(held, named)
}

// sweep removes the folders of test binaries that were killed.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*")) // fails for a bad pattern only
	for _, dir := range dirs {
		lock := flock.New(filepath.Join(dir, scratchLock), flock.SetFlag(os.O_RDONLY)) // not made where there is none
		if free, err := lock.TryLock(); err != nil || !free {
			continue // in use, not ours, or just being made
		}
		os.RemoveAll(dir)
		lock.Close()
	}
}
