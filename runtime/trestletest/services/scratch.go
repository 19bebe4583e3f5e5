package services

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/filelock"
)

// scratch is a folder for the files of a service. Its lock tells other test
// binaries that the one that made it still runs.
type scratch struct {
	dir  string
	lock *filelock.Lock
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
		lock, err := filelock.Acquire(filepath.Join(dir, scratchLock))
		if err != nil {
			if os.IsNotExist(err) {
				continue
			}
			return nil, fmt.Errorf("lock the folder of a service: %w", err)
		}
		if lock.Current(filepath.Join(dir, scratchLock)) {
			return &scratch{dir, lock}, nil
		}
		lock.Release() // swept away between our making and locking it
	}
}

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

// remove removes the folder. What it cannot remove, a later sweep may.
func (s *scratch) remove() {
	os.RemoveAll(s.dir)
	s.lock.Release()
}

// sweep removes the folders of test binaries that were killed.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*")) // fails for a bad pattern only
	for _, dir := range dirs {
		lock, err := filelock.TryExisting(filepath.Join(dir, scratchLock))
		if err != nil {
			continue // in use, not ours, or just being made
		}
		os.RemoveAll(dir)
		lock.Release()
	}
}
